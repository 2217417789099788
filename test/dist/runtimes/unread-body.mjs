// What the runtime's own `node:http` does with a long body that nobody reads: whether the next request of that
// connection is answered.

import { once } from "node:events";
import { createServer } from "node:http";
import { connect } from "node:net";

const LENGTH = 1_000_000;

const server = createServer((request, response) => response.end(`${request.url}\n`));
// Until then the connection stays open, whatever happens on it.
server.keepAliveTimeout = 100;
server.listen(0, "127.0.0.1");
await once(server, "listening");

const socket = connect(server.address().port, "127.0.0.1").setEncoding("utf8");
socket.on("error", () => undefined);
const head = `POST /unread HTTP/1.1\r\nHost: shop.test\r\nContent-Length: ${LENGTH}\r\n\r\n`;
socket.write(head + "x".repeat(LENGTH));
let heard = "";
socket.on("data", (text) => {
  const isNew = !heard.includes("/unread\n");
  heard += text;
  if (isNew && heard.includes("/unread\n")) {
    socket.write("GET /next HTTP/1.1\r\nHost: shop.test\r\nConnection: close\r\n\r\n");
  }
});
await new Promise((closed) => socket.on("close", closed));
console.log(heard.includes("/next\n") ? "answered" : "not answered");
server.close();
