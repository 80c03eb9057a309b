// connect-web and grpc-web, in Node or in a browser, as clients of Kv; and of the test service of gRPC, for the metadata of
// an error.

import { create, createFileRegistry, fromBinary, toBinary } from "@bufbuild/protobuf";
import { FileDescriptorSetSchema } from "@bufbuild/protobuf/wkt";
import { Code, ConnectError, createClient, encodeBinaryHeader } from "@connectrpc/connect";
import { createGrpcWebTransport } from "@connectrpc/connect-web";
import { GrpcWebClientBase, MethodDescriptor } from "grpc-web";

const MESSAGE = "\t\ntest with whitespace\r\nand Unicode BMP ☺ and non-BMP 😈\t\n";
const TRAILING = "x-grpc-test-echo-trailing-bin";
const BYTES = encodeBinaryHeader(new Uint8Array([0xab, 0xab, 0xab])).replace(/=*$/, "");

/** What was checked, a line each. `kv` and `test` are the URLs of the servers, `descriptors` is a FileDescriptorSet. */
export async function main({ kv, test }, descriptors) {
  const registry = createFileRegistry(fromBinary(FileDescriptorSetSchema, descriptors));
  const clients = [connectWeb(registry, kv, test)];
  for (const format of ["text", "binary"]) clients.push(grpcWeb(registry, kv, test, format));
  const checked = [];
  for (const { name, ...calls } of clients) {
    await unary(calls);
    await errors(calls);
    if (calls.watch) await streams(calls);
    checked.push(`${name}: unary, errors with their metadata${calls.watch ? ", server streaming, deadlines" : ""}`);
  }
  return checked;
}

async function unary({ call }) {
  await call("put", { key: "web", value: "hello ☺" });
  equal((await call("get", { key: "web" })).value, "hello ☺");
  const large = "x".repeat(1_000_000);
  await call("put", { key: "large", value: large });
  equal((await call("get", { key: "large" })).value, large);
  await call("delete", { key: "clicks" });
  const counts = Array.from({ length: 100 }, (_, index) => index + 1);
  const replies = await Promise.all(counts.map(() => call("increment", { key: "clicks", by: 1n })));
  equal(replies.map(({ value }) => Number(value)).sort((a, b) => a - b), counts);
}

async function errors({ call, fail }) {
  const missing = await fails(5, call("get", { key: "nöthing ☺" }));
  equal(missing.message, 'no value for "nöthing ☺"');
  equal((await fails(3, call("put", { key: "", value: "x" }))).message, "a key has at least one character");
  const failed = await fails(2, fail({ responseStatus: { code: 2, message: MESSAGE } }, { [TRAILING]: BYTES }));
  equal([failed.message, failed.metadata(TRAILING)?.replace(/=*$/, "")], [MESSAGE, BYTES]);
}

async function streams({ call, watch, isLive }) {
  await call("put", { key: "watched", value: "1" });
  const seen = [];
  // The second message comes only because the first has been seen.
  const ended = watch({ key: "watched" }, 1500, async ({ value }) => {
    seen.push(value);
    if (value === "1" && isLive) await call("put", { key: "watched", value: "2" });
  });
  await fails(4, ended);
  equal(seen, isLive ? ["1", "2"] : ["1"]);
}

function connectWeb(registry, kv, test) {
  const client = (service, baseUrl) =>
    createClient(registry.getService(service), createGrpcWebTransport({ baseUrl, useBinaryFormat: true }));
  const [store, service] = [client("kv.Kv", kv), client("grpc.testing.TestService", test)];
  const failure = (error) => {
    const { code, rawMessage, metadata } = ConnectError.from(error);
    throw { code, message: rawMessage, metadata: (name) => metadata.get(name) };
  };
  return {
    name: "connect-web",
    isLive: true,
    call: (method, request) => store[method](request, { timeoutMs: 20_000 }).catch(failure),
    fail: (request, headers) => service.unaryCall(request, { headers }).catch(failure),
    async watch(request, timeoutMs, each) {
      try {
        for await (const change of store.watch(request, { timeoutMs })) await each(change);
      } catch (error) {
        failure(error);
      }
    },
  };
}

function grpcWeb(registry, kv, test, format) {
  const client = new GrpcWebClientBase({ format });
  const failure = ({ code, message, metadata = {} }) => {
    throw { code, message, metadata: (name) => metadata[name] };
  };
  const method = (url, service, name) => {
    const { input, output, name: path } = registry.getService(service).method[name];
    const encode = (request) => toBinary(input, create(input, request));
    const decode = (bytes) => fromBinary(output, bytes);
    const full = `/${service}/${path}`;
    return [url + full, new MethodDescriptor(full, "", Object, Object, encode, decode)];
  };
  const call = (url, service, name, request, metadata) => {
    const [at, descriptor] = method(url, service, name);
    return client.unaryCall(at, request, metadata, descriptor).catch(failure);
  };
  const within = (milliseconds) => ({ deadline: `${Date.now() + milliseconds}` });
  return {
    name: `grpc-web, ${format}`,
    // What stands in for XMLHttpRequest in Node has a response only when it is whole.
    isLive: !isNode,
    call: (name, request) => call(kv, "kv.Kv", name, request, within(20_000)),
    fail: (request, metadata) => call(test, "grpc.testing.TestService", "unaryCall", request, metadata),
    // Its binary form has no streams.
    watch: format === "text" && ((request, milliseconds, each) =>
      new Promise((resolve, reject) => {
        const [at, descriptor] = method(kv, "kv.Kv", "watch");
        const stream = client.serverStreaming(at, request, within(milliseconds), descriptor);
        stream.on("data", (change) => each(change).catch(reject));
        stream.on("error", reject);
        stream.on("end", resolve);
      }).catch(failure)),
  };
}

/** The error with which `promise` ends, which has this code. */
async function fails(code, promise) {
  const error = await promise.then(() => ({ message: "it ended OK" }), (error) => error);
  if (error.code !== code) throw new Error(`${Code[code]} was expected: ${error.code} ${error.message}`);
  return error;
}

function equal(found, expected) {
  [found, expected] = [found, expected].map((it) => JSON.stringify(it));
  if (found !== expected) throw new Error(`expected ${expected}, found ${found}`);
}

const isNode = globalThis.process?.versions?.node !== undefined;
if (isNode) {
  const { readFileSync } = await import("node:fs");
  globalThis.XMLHttpRequest = (await import("xhr2")).default;
  const [kv, test, file] = process.argv.slice(2);
  for (const line of await main({ kv, test }, readFileSync(file))) console.log(line);
  process.exit(0);
}
