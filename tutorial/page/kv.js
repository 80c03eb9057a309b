// The calls of the example service, each as a request of both APIs, and what can go wrong with them. What is read
// from an answer is a text for the page.

import * as grpcWeb from "/grpc_web.js";
import * as jsonApi from "/json_api.js";
import { decode, encode, int64, text } from "/protobuf.js";

const quoted = (value) => JSON.stringify(value);

/** By name: requests made of what was typed, and what their answers say. */
export const METHODS = {
  put: {
    arguments: ["key", "value"],
    note: "There is nothing to answer: in gRPC-Web that is a message of no bytes, and the trailers; in JSON it is a 204.",
    grpc: {
      types: ["kv.PutRequest", "kv.PutReply"],
      request: ({ key, value }) => grpcWeb.request("/kv.Kv/Put", encode([[1, "string", key], [2, "string", value]])),
      says: () => "",
    },
    json: {
      request: ({ key, value }) => jsonApi.request("PUT", jsonApi.place(key), JSON.stringify({ value })),
      says: () => "",
    },
  },
  get: {
    arguments: ["key"],
    note: "In protobuf the path and the type say what is asked and answered; with JSON the URL and the names of members do.",
    grpc: {
      types: ["kv.GetRequest", "kv.GetReply"],
      request: ({ key }) => grpcWeb.request("/kv.Kv/Get", encode([[1, "string", key]])),
      says: (message) => quoted(text(decode(message).get(1))),
    },
    json: {
      request: ({ key }) => jsonApi.request("GET", jsonApi.place(key)),
      says: ({ value }) => quoted(value),
    },
  },
  delete: {
    arguments: ["key"],
    note: "Both reach the same store, gRPC-Web first: what it has deleted, JSON does not find.",
    grpc: {
      types: ["kv.DeleteRequest", "kv.DeleteReply"],
      request: ({ key }) => grpcWeb.request("/kv.Kv/Delete", encode([[1, "string", key]])),
      says: (message) => (decode(message).get(1) ? "it was there" : "it was not there"),
    },
    json: {
      request: ({ key }) => jsonApi.request("DELETE", jsonApi.place(key)),
      says: ({ existed }) => (existed ? "it was there" : "it was not there"),
    },
  },
  increment: {
    arguments: ["key", "by"],
    note: "Both reach the same store, gRPC-Web first, so the number grew twice.",
    grpc: {
      types: ["kv.IncrementRequest", "kv.IncrementReply"],
      request: ({ key, by }) => grpcWeb.request("/kv.Kv/Increment", encode([[1, "string", key], [2, "int64", by]])),
      says: (message) => String(int64(decode(message).get(1))),
    },
    json: {
      // A number that is typed is a Number, as in most programs.
      request: ({ key, by }) => (
        jsonApi.request("POST", `${jsonApi.place(key)}/increment`, JSON.stringify({ by: Number(by) }))
      ),
      says: ({ value }) => String(value),
    },
  },
};

/** The request that watches a key. */
export const watchRequest = (key) => grpcWeb.request("/kv.Kv/Watch", encode([[1, "string", key]]));

/** A change: its value, undefined when the key was removed. */
export function change(message) {
  const field = decode(message).get(2);
  return field === undefined ? undefined : text(field);
}

/**
 * What can go wrong, by name: a method with arguments, perhaps with other requests than those that it makes, what is
 * called before, and what there is to be seen.
 */
export const MISTAKES = {
  missing: {
    method: "get", key: "nothing",
    note: "HTTP knows of this only with JSON. To it the call by gRPC-Web went well: its status is among the fields of the "
      + "head, since there is no message for it to stand behind.",
  },
  empty: {
    method: "put", key: "", value: "hello",
    note: "In protobuf an empty text is not sent at all. In a URL it makes another path, which the API has to foresee.",
  },
  text: {
    method: "increment", key: "greeting", by: 1n, before: { method: "put", key: "greeting", value: "hello" },
    note: "FAILED_PRECONDITION has no HTTP status of its own: 400 stands for three codes, and the content says which.",
  },
  large: {
    method: "increment", key: "large", by: 1n, before: { method: "put", key: "large", value: "9007199254740991" },
    note: "The number grew twice, and this page shows the same twice: beyond 2⁵³ JavaScript rounds the numbers of JSON. "
      + "Look at the content of the response.",
  },
  type: {
    method: "increment", key: "hits", by: 1n,
    grpc: ({ key }) => grpcWeb.request("/kv.Kv/Increment", encode([[1, "string", key], [2, "string", "one"]])),
    json: ({ key }) => jsonApi.request("POST", `${jsonApi.place(key)}/increment`, '{"by":"one"}'),
    note: "Both refuse it before the method is called. With generated stubs neither could have been sent.",
  },
  field: {
    method: "put", key: "greeting", value: "hello",
    grpc: ({ key, value }) => (
      grpcWeb.request("/kv.Kv/Put", encode([[1, "string", key], [2, "string", value], [9, "string", "?"]]))
    ),
    json: ({ key, value }) => jsonApi.request("PUT", jsonApi.place(key), JSON.stringify({ value, vaule: "?" })),
    note: "Both pass over it, so that a newer client can talk to an older server; and so that nobody notices a typing error.",
  },
  method: {
    method: "get", key: "greeting",
    grpc: ({ key }) => grpcWeb.request("/kv.Kv/Fly", encode([[1, "string", key]])),
    json: ({ key }) => jsonApi.request("GET", `/v1/fly/${encodeURIComponent(key)}`),
    note: "UNIMPLEMENTED says that there is no such method; 404 may be said of a path, of a key, or by a proxy.",
  },
  stream: {
    method: "put", key: "greeting", value: "hello",
    grpc: ({ key, value }) => {
      const entry = encode([[1, "string", key], [2, "string", value]]);
      return grpcWeb.request("/kv.Kv/Load", entry, entry);
    },
    json: ({ key, value }) => jsonApi.request("POST", "/v1/values", JSON.stringify([{ key, value }, { key, value }])),
    note: "A browser sends a request whole, so gRPC-Web has no calls with many messages there. With JSON it is one list.",
  },
};
