// One request and its response, with all that a page can know of their bytes.

/** Sends a request, and keeps what passed. The time is that until the whole body is here, in milliseconds. */
export async function exchange({ method, path, headers, body }) {
  const start = performance.now();
  const response = await reach(path, { method, headers, body });
  const received = new Uint8Array(await response.arrayBuffer());
  const time = performance.now() - start;
  return {
    method, path, headers, response, time, received,
    sent: body ?? new Uint8Array(),
    sentHead: await requestHead({ method, path, headers, body }),
    receivedHead: responseHead(response),
  };
}

/** fetch, with nothing that others have left here, and in words that nobody answers. */
export async function reach(path, request) {
  try {
    return await fetch(path, { credentials: "omit", ...request });
  } catch (error) {
    if (error.name === "AbortError") throw error;
    throw new Error("the server cannot be reached; is kv_server still running?");
  }
}

/**
 * The head of a request as the server reads it. What the browser adds is hidden from a page, so the same request goes
 * to the server once more, to where it is answered with its head.
 */
async function requestHead({ method, path, headers, body }) {
  // As gRPC-Web it would be taken for a call.
  const type = headers["content-type"];
  const sent = type ? { ...headers, "content-type": "text/plain" } : headers;
  const response = await reach(`/lens/request${path}`, { method, headers: sent, body });
  const head = await response.text();
  return bytesOf(type ? head.replace(/^content-type: .*$/m, `content-type: ${type}`) : head);
}

/** The head of a response, as HTTP/1.1 writes it. */
function responseHead({ status, statusText, headers }) {
  const lines = [...headers].map(([name, value]) => `${name}: ${value}\r\n`);
  return bytesOf(`HTTP/1.1 ${status} ${statusText}\r\n${lines.join("")}\r\n`);
}

const bytesOf = (text) => new TextEncoder().encode(text);
