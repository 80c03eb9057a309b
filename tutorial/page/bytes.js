// Draws bytes with their names, which come from the lens on the server.

/** How many bytes are drawn, and how many of text. */
const MOST = 512;
const MOST_TEXT = 4096;
/** How many rows a table has. */
const MOST_ROWS = 400;

/** A title, the bytes, a line that says what some of them are, and all of them as a table. */
export async function figure(title, bytes, lens, { open = true } = {}) {
  const it = element("details", { class: "bytes", open });
  it.append(element("summary", {}, title, element("span", { class: "size" }, count(bytes.length))));
  if (bytes.length === 0) {
    it.append(element("p", { class: "quiet" }, "There is none."));
    return it;
  }
  const spans = await named(bytes, lens);
  const isText = lens === "head";
  const most = isText ? MOST_TEXT : MOST;
  const leaves = [...rows(spans)].filter(({ span }) => span.parts.length === 0 && span.from < most);
  const about = element("p", { class: "about", "aria-hidden": "true" });
  it.append(legend(leaves), cells(title, bytes.subarray(0, most), leaves, about, isText), about);
  if (bytes.length > most) it.append(element("p", { class: "quiet" }, `… and ${count(bytes.length - most)} more`));
  it.append(table(title, bytes, spans));
  return it;
}

/** An element with attributes and what is in it. Text stays text, whatever is in it. */
export function element(name, attributes, ...content) {
  const it = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) {
    if (value === true) it.setAttribute(key, "");
    else if (value !== false) it.setAttribute(key, value);
  }
  it.append(...content);
  return it;
}

export const count = (number) => `${number.toLocaleString("en")} byte${number === 1 ? "" : "s"}`;

/** The spans of bytes. */
async function named(bytes, lens) {
  try {
    const response = await fetch(`/lens/${lens}`, { method: "POST", body: bytes });
    const answer = await response.json();
    return response.ok ? answer : unnamed(bytes, answer.detail);
  } catch {
    return unnamed(bytes, "the lens does not answer");
  }
}

/** Bytes are worth being seen without names too. */
function unnamed(bytes, why) {
  return [{ name: "bytes", value: why, layer: "data", section: "", from: 0, to: bytes.length, parts: [] }];
}

/** All spans, each in front of its parts; what a part says nothing of is said by what it is a part of. */
function* rows(spans, depth = 0, outer = "") {
  for (const span of spans) {
    const section = span.section || outer;
    yield { span, depth, section, outer };
    yield* rows(span.parts, depth + 1, section);
  }
}

/** The layers that are there. */
function legend(leaves) {
  const layers = [...new Set(leaves.map(({ span }) => span.layer))];
  return element("p", { class: "legend" }, ...layers.map((layer) => element("span", { class: kind(layer) }, layer)));
}

/** The bytes, each with the letter that it would be; or lines of text. */
function cells(title, bytes, leaves, about, isText) {
  const box = element("div", {
    class: isText ? "cells text" : "cells", role: "listbox", "aria-label": `${title}: the bytes, piece by piece`,
  });
  const items = leaves.map((row) => {
    const { span, section } = row;
    const says = [`${span.name}: ${span.value}`, span.layer, section, place(span)].filter(Boolean);
    const item = element("span", { class: kind(span.layer), role: "option", tabindex: "-1", "aria-label": says.join(", ") });
    const part = bytes.subarray(span.from, span.to);
    if (isText) item.append(visible(part));
    else for (const byte of part) item.append(cell(byte));
    const tell = () => {
      about.replaceChildren(element("strong", {}, span.name), ` ${span.value} `, element("small", {}, says.slice(1).join(" · ")));
      for (const other of items) other.setAttribute("aria-selected", String(other === item));
    };
    item.addEventListener("pointerenter", tell);
    item.addEventListener("focus", tell);
    return item;
  });
  items[0].tabIndex = 0;
  box.append(...items);
  box.addEventListener("keydown", (event) => step(event, items));
  about.append(element("span", { class: "quiet" }, "Point at a byte."));
  return box;
}

/** The arrow keys go from one piece to the next. */
function step(event, items) {
  const at = items.indexOf(document.activeElement);
  const last = items.length - 1;
  const to = { ArrowRight: at + 1, ArrowDown: at + 1, ArrowLeft: at - 1, ArrowUp: at - 1, Home: 0, End: last }[event.key];
  if (to === undefined || at < 0) return;
  event.preventDefault();
  const next = items[Math.min(Math.max(to, 0), last)];
  items[at].tabIndex = -1;
  next.tabIndex = 0;
  next.focus();
}

function cell(byte) {
  const letter = byte > 0x20 && byte < 0x7f ? String.fromCharCode(byte) : "·";
  return element("span", { class: "cell" }, hex(byte), element("i", {}, letter));
}

/** All spans, with those that have parts, for who wants to read on. */
function table(title, bytes, spans) {
  const all = [...rows(spans)];
  const body = element("tbody", {}, ...all.slice(0, MOST_ROWS).map(({ span, depth, section, outer }) => element(
    "tr", { class: span.parts.length > 0 ? "whole" : "" },
    element("th", { scope: "row", class: `depth-${Math.min(depth, 5)}` }, span.name),
    element("td", {}, span.value),
    element("td", { class: "hex" }, span.parts.length > 0 ? count(span.to - span.from) : dump(bytes.subarray(span.from, span.to))),
    element("td", {}, element("span", { class: kind(span.layer) }, span.layer)),
    element("td", { class: "quiet" }, beyond(section, outer)),
  )));
  const head = element("thead", {}, element("tr", {}, ...["Name", "Value", "Bytes", "Layer", "By"].map(
    (name) => element("th", { scope: "col" }, name),
  )));
  return element("details", { class: "names" }, element("summary", {}, "As a table"), element(
    "div", { class: "scrolled", tabindex: "0", role: "group", "aria-label": `${title}, as a table` },
    element("table", {}, head, body),
    all.length > MOST_ROWS ? element("p", { class: "quiet" }, `… and ${all.length - MOST_ROWS} rows more`) : "",
  ));
}

/** What a section says that the one around does not: within a specification that is its number. */
function beyond(section, outer) {
  if (section === outer) return "";
  const specification = `${outer.split(" §")[0]} §`;
  return section.startsWith(specification) ? section.slice(specification.length - 1) : section;
}

const hex = (byte) => byte.toString(16).padStart(2, "0");

function dump(bytes) {
  const beginning = [...bytes.subarray(0, 16)].map(hex).join(" ");
  return bytes.length > 16 ? `${beginning} …` : beginning;
}

/** Text with what ends its lines. */
const visible = (bytes) => new TextDecoder().decode(bytes).replace(/\r\n$/, "↵\n");

const place = ({ from, to }) => (to - from === 1 ? `byte ${from}` : `bytes ${from} to ${to - 1}`);

/** Layers that look alike: the same groups as in the pictures of the book. */
function kind(layer) {
  const kinds = {
    "hello": "control", "control": "control", "frame header": "header", "prefix": "header", "head block": "fields",
    "field block": "fields", "status": "status", "message": "message", "data": "message", "wrong": "wrong",
  };
  return `layer ${kinds[layer] ?? "message"}`;
}
