// gRPC-Web, by fetch alone: https://github.com/grpc/grpc/blob/master/doc/PROTOCOL-WEB.md

import { joined } from "/protobuf.js";

const BINARY = "application/grpc-web+proto";
const TEXT = "application/grpc-web-text+proto";

/** The names of gRPC's status codes, by their numbers. */
const CODES = [
  "OK", "CANCELLED", "UNKNOWN", "INVALID_ARGUMENT", "DEADLINE_EXCEEDED", "NOT_FOUND", "ALREADY_EXISTS",
  "PERMISSION_DENIED", "RESOURCE_EXHAUSTED", "FAILED_PRECONDITION", "ABORTED", "OUT_OF_RANGE", "UNIMPLEMENTED",
  "INTERNAL", "UNAVAILABLE", "DATA_LOSS", "UNAUTHENTICATED",
];

/** A request, as fetch takes it. A call of gRPC-Web has one message there. */
export function request(path, ...messages) {
  return { method: "POST", path, headers: { "content-type": BINARY }, body: joined(messages.map(frame)) };
}

/** The same in base64, for what lets nothing but text pass; the answer is text then too. */
export function asText({ body, headers, ...request }) {
  return { ...request, headers: { ...headers, "content-type": TEXT }, body: letters(body) };
}

/** A message behind its five bytes: the flags, and its length, the highest byte first. */
export function frame(message) {
  const bytes = new Uint8Array(5 + message.length);
  new DataView(bytes.buffer).setUint32(1, message.length);
  bytes.set(message, 5);
  return bytes;
}

/** What a whole body says: its messages, and the status that stands behind them. */
export function read(response, body) {
  const reader = new Reader(response);
  const messages = reader.put(isText(response.headers) ? bytesOf(body) : body);
  return { messages, status: reader.status() };
}

/** Whether a body is base64. */
export const isText = (headers) => new Headers(headers).get("content-type")?.startsWith("application/grpc-web-text") ?? false;

/** The bytes that base64 stands for. Each piece that was encoded by itself has padding of its own. */
export function bytesOf(letters) {
  const pieces = new TextDecoder().decode(letters).match(/[^=]+=*/g) ?? [];
  return joined(pieces.map((piece) => Uint8Array.from(atob(piece), (letter) => letter.charCodeAt(0))));
}

/** Reads a body piece by piece, however it was cut. */
export class Reader {
  #response;
  #rest = new Uint8Array();
  #trailers;

  constructor(response) {
    this.#response = response;
  }

  /** The messages that are complete now. */
  put(piece) {
    const bytes = joined([this.#rest, piece]);
    const messages = [];
    let at = 0;
    while (isGrpcWeb(this.#response) && bytes.length - at >= 5) {
      const length = new DataView(bytes.buffer).getUint32(at + 1);
      if (bytes.length - at - 5 < length) break;
      const content = bytes.subarray(at + 5, at + 5 + length);
      if (bytes[at] === 0) messages.push(content);
      else if (bytes[at] === 0x80) this.#trailers = fields(content);
      else throw new Error(`gRPC-Web: a frame with the flags ${bytes[at]}, and nobody asked for compression`);
      at += 5 + length;
    }
    this.#rest = bytes.subarray(at);
    return messages;
  }

  /** How the call ended. A body without trailers is a call without a status, and never went well. */
  status() {
    const { status, headers } = this.#response;
    // A response without any message may have its status among the headers.
    const trailers = this.#trailers ?? new Map(headers.has("grpc-status") ? headers : []);
    if (trailers.has("grpc-status")) {
      const code = Number(trailers.get("grpc-status"));
      return { code, name: CODES[code] ?? "UNKNOWN", message: decoded(trailers.get("grpc-message") ?? "") };
    }
    if (!isGrpcWeb(this.#response)) {
      const code = codeOf(status);
      return { code, name: CODES[code], message: `the answer is HTTP status ${status}, and is not gRPC-Web` };
    }
    return { code: 13, name: "INTERNAL", message: "the answer ends without a status" };
  }
}

function isGrpcWeb({ headers }) {
  return (headers.get("content-type") ?? "").startsWith("application/grpc-web");
}

const letters = (bytes) => new TextEncoder().encode(btoa(Array.from(bytes, (byte) => String.fromCharCode(byte)).join("")));

/** Lines with a name, a colon and a value. */
function fields(bytes) {
  const lines = new TextDecoder().decode(bytes).split("\r\n").filter((line) => line !== "");
  return new Map(lines.map((line) => {
    const colon = line.indexOf(":");
    return [line.slice(0, colon).trim().toLowerCase(), line.slice(colon + 1).trim()];
  }));
}

/** What was percent-encoded; what is encoded badly is taken as it stands. */
function decoded(message) {
  try {
    return decodeURIComponent(message);
  } catch {
    return message;
  }
}

/** What an HTTP status means where there is no other. */
function codeOf(status) {
  const known = { 400: 13, 401: 16, 403: 7, 404: 12, 429: 14, 502: 14, 503: 14, 504: 14 };
  return known[status] ?? 2;
}
