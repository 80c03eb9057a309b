// The API with JSON, by fetch alone. Its description is at /openapi.json.

/** A request, as fetch takes it. */
export function request(method, path, body) {
  if (body === undefined) return { method, path, headers: {} };
  const headers = { "content-type": "application/json" };
  return { method, path, headers, body: new TextEncoder().encode(body) };
}

/** Where the value of a key is. A key is one segment of the path, whatever is in it. */
export const place = (key) => `/v1/values/${encodeURIComponent(key)}`;

/** What a whole body says, and how the call ended: a problem (RFC 9457) where it went wrong. */
export function read(response, body) {
  const text = new TextDecoder().decode(body);
  const type = response.headers.get("content-type") ?? "";
  if (response.ok) return { value: text === "" ? undefined : JSON.parse(text), status: { name: "OK", message: "" } };
  if (!type.startsWith("application/problem+json")) {
    return { status: { name: `HTTP ${response.status}`, message: "the answer says no more" } };
  }
  const { code, detail } = JSON.parse(text);
  return { status: { name: code, message: detail } };
}
