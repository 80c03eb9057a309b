// A page that runs call_web.mjs in a browser. Serves it at PORT until the page says what it has seen, and prints that.

import { createServer } from "node:http";
import { readFileSync } from "node:fs";

const [port, kv, test, descriptors, bundle] = process.argv.slice(2);
const page = `<!doctype html><meta charset="utf-8"><script type="module">
  import { main } from "./call_web.js";
  const descriptors = new Uint8Array(await (await fetch("./descriptors")).arrayBuffer());
  const seen = await main(${JSON.stringify({ kv, test })}, descriptors)
    .then((lines) => ({ lines }), (error) => ({ error: error.stack ?? error.message ?? JSON.stringify(error) }));
  await fetch("./seen", { method: "POST", body: JSON.stringify(seen) });
</script>`;
const files = {
  "/": ["text/html", page],
  "/call_web.js": ["text/javascript", readFileSync(bundle)],
  "/descriptors": ["application/octet-stream", readFileSync(descriptors)],
};

createServer(async (request, response) => {
  if (request.url === "/seen") {
    let body = "";
    for await (const piece of request) body += piece;
    response.end();
    const { lines, error } = JSON.parse(body);
    if (error) console.error(error);
    else console.log(lines.join("\n"));
    process.exit(error ? 1 : 0);
  }
  const [type, content] = files[request.url] ?? [];
  response.writeHead(content ? 200 : 404, { "content-type": type ?? "text/plain" });
  response.end(content);
}).listen(port, "127.0.0.1");
