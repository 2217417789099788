// @ts-check
/**
 * One library on one framework, served over loopback in a process of its own; beside it, on another
 * port, the same framework without the library.
 *
 * @module
 */

import { createServer } from "node:http";
import { handlersOf } from "../handlers.mjs";
import { framework, library } from "../libraries/index.mjs";

const order = /** @type {{ library: string, framework: string, at?: number | string }} */ (
  JSON.parse(process.argv[2] ?? "{}")
);
const listener = await framework(order.framework);

process.send?.({
  bare: await serve("bare"),
  library: await serve(order.library),
});

process.on("message", (question) => {
  if (question === "cpu") {
    const { user, system } = process.cpuUsage();
    process.send?.(user + system);
  }
  if (question === "bytes") {
    /** @type {any} */ (globalThis).gc();
    const { heapUsed, external } = process.memoryUsage();
    process.send?.(heapUsed + external);
  }
});
process.on("disconnect", () => process.exit());

async function serve(/** @type {string} */ id) {
  const installed = await (await library(id)).install(order.framework, order.at);
  const server = createServer(await listener(installed, handlersOf(installed)));
  server.keepAliveTimeout = 60_000;
  await new Promise((resolve) => server.listen(0, "127.0.0.1", () => resolve(undefined)));
  return /** @type {import("node:net").AddressInfo} */ (server.address()).port;
}
