// The page of kv_server in a real browser: both APIs say the same, the bytes have their names, changes come live.

const assert = require("node:assert/strict");
const { execFileSync } = require("node:child_process");
const { chromium } = require("playwright-core");

const [executablePath, address, protocol, ...kv] = process.argv.slice(2);
/** Another client of the same server, of gRPC. */
const elsewhere = (...call) => execFileSync(kv[0], [...kv.slice(1), ...call]).toString().trim();

/** What both sides of a row of the table say. */
function row(page, name) {
  return page.locator(`#compared [data-row=${name}] td`).allInnerTexts();
}

/** Presses what makes a call, and waits until its answer is shown; both outcomes. */
async function answered(page, button) {
  await page.locator("#compared").evaluate((table) => table.removeAttribute("aria-busy"));
  await page.locator(button).click();
  await page.locator("#compared[aria-busy=false]").waitFor();
  return row(page, "outcome");
}

async function call(page, method, given) {
  await page.locator(`[name=method][value=${method}]`).check();
  for (const [name, value] of Object.entries(given)) await page.locator(`#call [name=${name}]`).fill(value);
  return answered(page, "#call button");
}

async function theValuesAgree(page) {
  assert.deepEqual(await call(page, "put", { key: "greeting", value: "hello" }), ["OK", "OK"]);
  assert.equal(elsewhere("get", "greeting"), "hello");
  assert.deepEqual(await call(page, "get", { key: "greeting" }), ['OK\n"hello"', 'OK\n"hello"']);
  assert.deepEqual(await call(page, "increment", { key: "hits", by: "-3" }), ["OK\n-3", "OK\n-6"]);
  assert.deepEqual(await call(page, "delete", { key: "hits" }), ["OK\nit was there", "OK\nit was not there"]);
  const odd = { key: "a/b ?ü", value: "✓ \"%41\"" };
  assert.deepEqual(await call(page, "put", odd), ["OK", "OK"]);
  assert.equal(elsewhere("get", odd.key), odd.value);
  const long = { key: "long", value: "x".repeat(200_000) };
  assert.deepEqual(await call(page, "put", long), ["OK", "OK"]);
  assert.equal(elsewhere("get", long.key), long.value);
  assert.match((await pieces(page, "grpc", "Request, content")).says[0], /the lens takes 65536 bytes at most/);
}

/** What the pieces of a content are said to be, and how many bytes they are. */
async function pieces(page, side, title) {
  const figure = page.locator(`#${side} .bytes`, { has: page.locator("summary", { hasText: title }) }).first();
  const options = figure.locator("[role=option]");
  const says = await options.evaluateAll((all) => all.map((one) => one.getAttribute("aria-label")));
  return { options, figure, says, cells: await figure.locator(".cell").count() };
}

async function everyByteHasItsName(page) {
  await call(page, "get", { key: "greeting" });
  const grpc = await pieces(page, "grpc", "Response, content");
  assert.equal(`${grpc.cells} bytes`, (await row(page, "received"))[0]);
  assert.ok(grpc.says.some((says) => says.startsWith('value: "hello", message, protobuf encoding')), grpc.says);
  assert.ok(grpc.says.some((says) => says.startsWith("grpc-status: 0, OK, status")), grpc.says);
  const json = await pieces(page, "json", "Response, content");
  assert.equal(`${json.cells} bytes`, (await row(page, "received"))[1]);
  assert.ok(json.says.some((says) => says.startsWith('value: "hello", message, RFC 8259 §7')), json.says);
  const head = await pieces(page, "grpc", "Request, head");
  assert.ok(head.says.some((says) => says.startsWith("content-type: application/grpc-web+proto")), head.says);
  assert.ok(head.says.some((says) => says.startsWith("user-agent: ")), head.says);

  await grpc.options.first().focus();
  await page.keyboard.press("End");
  assert.match(await grpc.figure.locator(".about").innerText(), /^grpc-status 0, OK/);
  await page.keyboard.press("Home");
  await page.keyboard.press("ArrowRight");
  assert.match(await grpc.figure.locator(".about").innerText(), /^message length 7/);
}

async function textIsTheSameInBase64(page) {
  await page.locator("#call [name=text]").check();
  assert.deepEqual(await call(page, "get", { key: "greeting" }), ['OK\n"hello"', 'OK\n"hello"']);
  const letters = await pieces(page, "grpc", "Response, content");
  assert.ok(letters.says.every((says) => says.startsWith("four letters: ")), letters.says);
  const { says } = await pieces(page, "grpc", "Response, content, without base64");
  assert.ok(says.some((says) => says.startsWith('value: "hello"')), says);
  await page.locator("#call [name=text]").uncheck();
}

async function mistakesAreSaid(page) {
  const expected = {
    missing: ['NOT_FOUND\nno value for "nothing"', 'NOT_FOUND\nno value for "nothing"', /^200/, /^404/],
    empty: [/^INVALID_ARGUMENT/, /^INVALID_ARGUMENT/, /^200/, /^400/],
    text: [/^FAILED_PRECONDITION/, /^FAILED_PRECONDITION/, /^200/, /^400/],
    large: ["OK\n9007199254740992", "OK\n9007199254740992", /^200/, /^200/],
    type: [/^INTERNAL/, /^INVALID_ARGUMENT/, /^200/, /^422/],
    field: ["OK", "OK", /^200/, /^204/],
    method: [/^UNIMPLEMENTED/, /^UNIMPLEMENTED/, /^200/, /^404/],
    stream: [/^UNIMPLEMENTED/, "OK", /^200/, /^200/],
  };
  for (const [name, due] of Object.entries(expected)) {
    const found = [...await answered(page, `[data-mistake=${name}]`), ...await row(page, "http")];
    due.forEach((due, index) => (due instanceof RegExp ? assert.match(found[index], due) : assert.equal(found[index], due)));
    assert.notEqual(await page.locator("#note").innerText(), "", name);
  }
  assert.equal(await page.locator("[data-mistake]").count(), Object.keys(expected).length);
  await page.locator("[name=method][value=increment]").check();
  await page.locator("#call [name=by]").fill("many");
  await page.locator("#call button").click();
  assert.match(await page.locator("#note").innerText(), /^"many" is not a whole number/);
}

async function changesComeLive(page) {
  elsewhere("put", "watched", "before");
  await page.locator("#watch [name=key]").fill("watched");
  await page.locator("#watch button").click();
  const seen = async (...values) => {
    for (const side of ["grpc", "json"]) {
      const newest = page.locator(`#${side}-changes li`).first();
      await newest.locator("p > :first-child", { hasText: values[0] }).waitFor();
      const all = await page.locator(`#${side}-changes li > p > :first-child`).allInnerTexts();
      assert.deepEqual(all, values, side);
      await newest.locator("[role=option]").first().waitFor({ state: "attached" });
    }
  };
  await seen('"before"');
  elsewhere("put", "watched", "made elsewhere");
  await seen('"made elsewhere"', '"before"');
  elsewhere("del", "watched");
  await seen("removed", '"made elsewhere"', '"before"');
  assert.match(await page.locator("#grpc-state").innerText(), /^Watching: 3 changes/);
  await page.locator("#watch button").click();
  assert.match(await page.locator("#json-state").innerText(), /^Given up/);
}

/** For the README: PICTURE=tutorial/page/seen.png .ci/interop/browser */
async function takePicture(page, path) {
  await page.setViewportSize({ width: 1000, height: 800 });
  await call(page, "increment", { key: "visitors", by: "3" });
  const { options } = await pieces(page, "grpc", "Request, content");
  await options.last().hover();
  const [top, bottom] = await page.evaluate(() => ["answer-title", "watch-title"].map(
    (id) => document.getElementById(id).getBoundingClientRect().top + scrollY,
  ));
  await page.screenshot({ path, fullPage: true, clip: { x: 0, y: top - 16, width: 1000, height: bottom - top - 16 } });
}

async function nothingLeavesThePage(page) {
  for (const width of [390, 1440]) {
    await page.setViewportSize({ width, height: 900 });
    const beyond = await page.evaluate(() => document.documentElement.scrollWidth - innerWidth);
    assert.equal(beyond, 0, `at a width of ${width}`);
  }
}

async function main() {
  const args = ["--no-sandbox", "--disable-gpu", "--disable-quic"];
  const browser = await chromium.launch({ executablePath, args });
  // The certificate is one that nobody has signed.
  const page = await browser.newPage({ ignoreHTTPSErrors: true });
  page.setDefaultTimeout(20_000);
  const said = [];
  // That an answer has a status of 400 or more, a browser says itself.
  const isItsOwn = (text) => /^Failed to load resource: the server responded with a status of 4/.test(text);
  page.on("console", (message) => isItsOwn(message.text()) || said.push(message.text()));
  page.on("pageerror", (error) => said.push(error.stack));
  await page.goto(address);
  if (process.env.PICTURE && protocol === "http/1.1") await takePicture(page, process.env.PICTURE);
  await theValuesAgree(page);
  await everyByteHasItsName(page);
  await textIsTheSameInBase64(page);
  await mistakesAreSaid(page);
  await changesComeLive(page);
  await nothingLeavesThePage(page);
  const protocols = await page.evaluate(() => ["navigation", "resource"].flatMap(
    (type) => performance.getEntriesByType(type).map((entry) => entry.nextHopProtocol),
  ));
  assert.deepEqual([...new Set(protocols)], [protocol]);
  assert.deepEqual(said, []);
  // The server is asked to end next: a page that is gone must not keep a call open.
  await page.locator("#watch button").click();
  await page.locator("#json-state.on").waitFor();
  await browser.close();
  console.log(`    the page at ${new URL(address).protocol}//, ${protocols.length} requests by ${protocol}`);
}

process.exitCode = 1; // Also when nothing is left to wait for before all was seen.
main().then(() => (process.exitCode = 0)).catch((error) => {
  console.error(error);
  process.exit(1);
});
