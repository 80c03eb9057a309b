// The changes of a key, live: by gRPC-Web, whose body is read as it comes, and by server-sent events.

import { count, element, figure } from "/bytes.js";
import { reach } from "/exchange.js";
import { Reader, frame } from "/grpc_web.js";
import { change, watchRequest } from "/kv.js";
import { place } from "/json_api.js";

/** How many changes are shown. */
const MOST = 20;
/** What stands around the data of an event: `data: ` and two ends of lines. */
const AROUND = 8;

/** Watches a key in both ways, until what is returned is called. */
export function watch(key) {
  const ends = [byGrpcWeb(key, side("grpc")), byEvents(key, side("json"))];
  return () => ends.forEach((end) => end());
}

function byGrpcWeb(key, { show, tell }) {
  const abort = new AbortController();
  const { method, path, headers, body } = watchRequest(key);
  const follow = async () => {
    const response = await reach(path, { method, headers, body, signal: abort.signal });
    const reader = new Reader(response);
    tell(true);
    // Each piece is what has come since the last one: a message, several, or a part of one.
    for (const stream = response.body.getReader(); ;) {
      const { done, value } = await stream.read();
      if (done) break;
      for (const message of reader.put(value)) show(change(message), frame(message), "grpc-web/kv.Change");
    }
    const { name, message } = reader.status();
    tell(false, `${name}${message && `: ${message}`}. gRPC-Web leaves it to the program to call again.`);
  };
  follow().catch((error) => {
    const isOurs = error.name === "AbortError";
    tell(false, isOurs ? "Given up: the request was aborted." : `The stream broke off: ${error.message}`);
  });
  return () => abort.abort();
}

function byEvents(key, { show, tell }) {
  const events = new EventSource(`${place(key)}/changes`);
  events.onopen = () => tell(true);
  events.onmessage = ({ data }) => {
    // EventSource hands out the data, and keeps to itself what stands around it.
    show(JSON.parse(data).value ?? undefined, new TextEncoder().encode(data), "json", AROUND);
  };
  events.onerror = () => {
    const again = events.readyState === EventSource.CONNECTING;
    tell(false, again ? "The stream broke off. The browser tries again by itself." : "Refused: HTTP says no more here.");
  };
  return () => {
    events.close();
    tell(false, "Given up: the connection or the stream was closed.");
  };
}

/** Where the changes of one side are shown, and what is said of it. */
function side(name) {
  const state = document.getElementById(`${name}-state`);
  const list = document.getElementById(`${name}-changes`);
  let number = 0;
  let bytes = 0;
  list.replaceChildren();
  const tell = (isOn, text = "") => {
    state.classList.toggle("on", isOn);
    state.textContent = isOn ? `Watching: ${number} change${number === 1 ? "" : "s"}, ${count(bytes)}.` : text;
  };
  const show = (value, shown, lens, around = 0) => {
    number += 1;
    bytes += shown.length + around;
    tell(true);
    const time = new Date().toLocaleTimeString("en-GB");
    const says = value === undefined ? element("em", {}, "removed") : element("code", {}, JSON.stringify(value));
    const item = element("li", { value: number }, element("p", {}, says, " ", element("small", { class: "quiet" }, time)));
    list.prepend(item);
    while (list.children.length > MOST) list.lastChild.remove();
    const title = around > 0 ? `Data, in ${around} bytes more` : "Frame";
    figure(title, shown, lens, { open: number === 1 }).then((bytes) => item.append(bytes));
  };
  state.classList.remove("on");
  state.textContent = "Calling…";
  return { show, tell };
}
