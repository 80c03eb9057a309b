// What the page does: makes each call twice, and shows both.

import { count, element, figure } from "/bytes.js";
import { exchange } from "/exchange.js";
import * as grpcWeb from "/grpc_web.js";
import * as jsonApi from "/json_api.js";
import { METHODS, MISTAKES } from "/kv.js";
import { watch } from "/watch.js";

const form = document.getElementById("call");
const fields = form.elements;
const note = document.getElementById("note");

/** How the page itself came; all calls go the same way. */
function sayConnection() {
  const [{ nextHopProtocol: protocol }] = performance.getEntriesByType("navigation");
  const names = { "h2": "HTTP/2", "http/1.1": "HTTP/1.1" };
  const how = location.protocol === "https:" ? "inside TLS" : "in plaintext";
  const line = document.getElementById("connection");
  line.textContent = `This page came by ${names[protocol] ?? (protocol || "HTTP")}, ${how}, and so do its calls.`;
  document.getElementById("about-heads").textContent = protocol === "h2"
    ? "Heads are shown and counted as text of HTTP/1.1. HTTP/2 sends them as fields in HPACK, where most take a byte or two "
      + "from the second call on."
    : "Heads are those of HTTP/1.1, with all that the browser adds. A response in chunks has some bytes more, around each.";
}

/** Only what the method takes can be typed. */
function takeArguments() {
  const { arguments: taken } = METHODS[fields.method.value];
  for (const name of ["key", "value", "by"]) fields[name].disabled = !taken.includes(name);
}

/** What was typed; `undefined` when that is no call, which is said. */
function typed() {
  const by = fields.by.value.trim();
  if (fields.method.value === "increment" && !isInt64(by)) {
    note.textContent = `${JSON.stringify(by)} is not a whole number of 64 bits, by which to count.`;
    fields.by.focus();
    return undefined;
  }
  return { key: fields.key.value, value: fields.value.value, by: isInt64(by) ? BigInt(by) : 0n };
}

const isInt64 = (text) => /^-?\d{1,19}$/.test(text) && BigInt(text) === BigInt.asIntN(64, BigInt(text));

/** Makes a mistake: what is in the form then can be changed, and called. */
async function err({ method, before, note, grpc, json, ...given }) {
  fields.method.value = method;
  for (const [name, value] of Object.entries(given)) fields[name].value = value;
  takeArguments();
  if (before) await exchange(METHODS[before.method].grpc.request(before));
  await callBoth(method, { ...typed(), ...given }, { note, grpc, json });
}

/** Calls a method through both APIs, one after the other, and shows what passed. */
async function callBoth(name, given, { note: seen, ...requests } = {}) {
  const { grpc, json, note: known = "" } = METHODS[name];
  const request = (requests.grpc ?? grpc.request)(given);
  const byGrpc = await exchange(fields.text.checked ? grpcWeb.asText(request) : request);
  const byJson = await exchange((requests.json ?? json.request)(given));
  const types = grpc.types.map((type) => `grpc-web/${type}`);
  const figures = await Promise.all([figuresOf(byGrpc, ...types), figuresOf(byJson, "json", "json")]);
  compare([byGrpc, grpcOutcome(byGrpc, grpc.says)], [byJson, jsonOutcome(byJson, json.says)]);
  ["grpc", "json"].forEach((side, index) => {
    const article = document.getElementById(side);
    article.replaceChildren(article.firstElementChild, ...figures[index]);
  });
  note.textContent = seen ?? known;
}

/** What a call by gRPC-Web came to: its status, and what `says` reads from the message. */
function grpcOutcome({ response, received }, says) {
  const { messages: [message], status } = grpcWeb.read(response, received);
  if (status.code !== 0) return status;
  if (message === undefined) return { name: "INTERNAL", message: "the answer has no message" };
  return { ...status, message: says(message) };
}

/** The same, by the API with JSON. */
function jsonOutcome({ response, received }, says) {
  const { value, status } = jsonApi.read(response, received);
  return status.name === "OK" ? { ...status, message: says(value) } : status;
}

/** Both calls, row by row. */
function compare(...calls) {
  const rows = {
    outcome: (_, { name, message }) => [element("strong", {}, name), message],
    http: ({ response }) => [`${response.status} ${response.statusText}`],
    sent: ({ sent }) => [count(sent.length)],
    sentHead: ({ sentHead }) => [count(sentHead.length)],
    received: ({ received }) => [count(received.length)],
    receivedHead: ({ receivedHead }) => [count(receivedHead.length)],
    time: ({ time }) => [`${time.toFixed(1)} ms`],
  };
  for (const [name, cells] of Object.entries(rows)) {
    const row = document.querySelector(`#compared [data-row=${name}]`);
    calls.forEach(([call, outcome], index) => {
      row.cells[index + 1].replaceChildren(...cells(call, outcome));
      if (name === "outcome") row.cells[index + 1].classList.toggle("failure", outcome.name !== "OK");
    });
  }
}

/** The bytes of a call, contents first: heads are long, and mostly the same. */
async function figuresOf({ method, path, headers, response, sent, received, sentHead, receivedHead }, ...lenses) {
  const figures = await Promise.all([
    contents("Request, content", sent, headers, lenses[0]),
    contents("Response, content", received, response.headers, lenses[1]),
    figure("Request, head", sentHead, "head", { open: false }),
    // Without content it is all there is.
    figure("Response, head", receivedHead, "head", { open: received.length === 0 }),
  ]);
  return [element("p", { class: "target" }, element("code", {}, `${method} ${path}`)), ...figures.flat()];
}

/** A content; of text also what it stands for. */
function contents(title, bytes, headers, lens) {
  if (!grpcWeb.isText(headers)) return figure(title, bytes, lens);
  return Promise.all([
    figure(title, bytes, "grpc-web-text"),
    figure(`${title}, without base64`, grpcWeb.bytesOf(bytes), lens),
  ]);
}

/** One call after the other; what goes wrong is said. */
let isBusy = false;
async function run(call) {
  if (isBusy) return;
  isBusy = true;
  const table = document.getElementById("compared");
  table.setAttribute("aria-busy", "true");
  try {
    note.classList.remove("failure");
    await call();
  } catch (error) {
    note.classList.add("failure");
    note.textContent = `That did not work: ${error.message}`;
  } finally {
    table.setAttribute("aria-busy", "false");
    isBusy = false;
  }
}

form.addEventListener("change", takeArguments);
form.addEventListener("submit", (event) => {
  event.preventDefault();
  const given = typed();
  if (given) run(() => callBoth(fields.method.value, given));
});
for (const button of document.querySelectorAll("[data-mistake]")) {
  button.addEventListener("click", () => run(() => err(MISTAKES[button.dataset.mistake])));
}

const watched = document.getElementById("watch");
let stop;
watched.addEventListener("submit", (event) => {
  event.preventDefault();
  const { key, button } = watched.elements;
  stop?.();
  stop = stop ? undefined : watch(key.value);
  key.disabled = stop !== undefined;
  button.textContent = stop ? "Stop" : "Watch";
});

sayConnection();
takeArguments();
