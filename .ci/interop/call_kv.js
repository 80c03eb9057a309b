// Node's grpc-js as client of kv_server, in all four shapes of a call.

const assert = require("node:assert/strict");
const { once } = require("node:events");
const { promisify } = require("node:util");
const grpc = require("@grpc/grpc-js");
const { loadSync } = require("@grpc/proto-loader");

const [address, contract] = process.argv.slice(2);
const { Kv } = grpc.loadPackageDefinition(loadSync(contract, { longs: Number })).kv;
const within = (seconds) => ({ deadline: Date.now() + seconds * 1000 });

/** Makes a call with one answer. */
function call(kv, method, request, metadata = new grpc.Metadata()) {
  return promisify(kv[method]).call(kv, request, metadata, within(20));
}

/** Whether the call fails with `code`; the text of its status. */
async function fails(code, call) {
  const error = await call.then(() => assert.fail(`${grpc.status[code]} was expected`), (error) => error);
  assert.equal(error.code, code, error);
  return error.details;
}

async function unary(kv) {
  await call(kv, "Put", { key: "greeting", value: "hello" });
  const metadata = new grpc.Metadata();
  metadata.set("tenant", "blue");
  metadata.set("trace-bin", Buffer.from([0, 1, 255]));
  assert.equal((await call(kv, "Get", { key: "greeting" }, metadata)).value, "hello");
  const large = "x".repeat(3_000_000);
  await call(kv, "Put", { key: "large", value: large });
  assert.equal((await call(kv, "Get", { key: "large" })).value, large);
}

async function counted(kv) {
  await call(kv, "Delete", { key: "clicks" });
  const counts = Array.from({ length: 1000 }, (_, index) => index + 1);
  const replies = await Promise.all(counts.map(() => call(kv, "Increment", { key: "clicks", by: 1 })));
  assert.deepEqual(replies.map((reply) => reply.value).sort((a, b) => a - b), counts, "each is counted once");
}

async function errors(kv) {
  const missing = await fails(grpc.status.NOT_FOUND, call(kv, "Get", { key: "nöthing ☺" }));
  assert.match(missing, /nöthing ☺/);
  await fails(grpc.status.INVALID_ARGUMENT, call(kv, "Put", { key: "", value: "x" }));
  const tooLarge = { key: "k", value: "y".repeat(5_000_000) };
  await fails(grpc.status.RESOURCE_EXHAUSTED, call(kv, "Put", tooLarge));
  for (const path of ["/kv.Kv/Fly", "/zoo.Zoo/Get"]) {
    const asIs = (bytes) => bytes;
    const unknown = promisify(kv.makeUnaryRequest).call(kv, path, asIs, asIs, Buffer.alloc(0));
    await fails(grpc.status.UNIMPLEMENTED, unknown);
  }
}

async function streams(kv) {
  const loaded = promisify((answer) => {
    const load = kv.Load(within(20), answer);
    for (let n = 0; n < 1000; n++) load.write({ key: `${n}`, value: "v" });
    load.end();
  });
  assert.equal((await loaded()).count, 1000);

  const watch = kv.Watch({ key: "7" }, within(20));
  const changesOfSeven = watch[Symbol.asyncIterator]();
  assert.equal((await changesOfSeven.next()).value.value, "v");
  await call(kv, "Put", { key: "7", value: "new" });
  assert.equal((await changesOfSeven.next()).value.value, "new");
  watch.cancel();
  await fails(grpc.status.CANCELLED, changesOfSeven.next());
  await fails(grpc.status.DEADLINE_EXCEEDED, kv.Watch({ key: "7" }, within(0.5)).toArray());

  const sync = kv.Sync(within(20));
  await once(sync, "metadata");
  sync.end({ key: "synced", value: "both ways" });
  const changes = await sync.toArray();
  assert.deepEqual(changes.map(({ key, value }) => [key, value]), [["synced", "both ways"]]);
}

async function main() {
  for (const compression of Object.values(grpc.compressionAlgorithms).filter(Number.isInteger)) {
    const options = { "grpc.default_compression_algorithm": compression };
    const kv = new Kv(address, grpc.credentials.createInsecure(), options);
    await unary(kv);
    await counted(kv);
    await errors(kv);
    await streams(kv);
    kv.close();
  }
}

process.exitCode = 1; // Also when nothing is left to wait for before all was seen.
main().then(() => (process.exitCode = 0));
