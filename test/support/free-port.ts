/**
 * Ports for servers that have to be told one.
 *
 * @module
 */

import { once } from "node:events";
import type { AddressInfo } from "node:net";
import { createServer } from "node:net";

// The system may name a port again as soon as it is closed, before the first server listens on it.
const given = new Set<number>();

/** A port of 127.0.0.1 that nobody listens on, and that was not given before. */
export async function freePort(): Promise<number> {
  for (;;) {
    const server = createServer().listen(0, "127.0.0.1");
    await once(server, "listening");
    const { port } = server.address() as AddressInfo;
    server.close();
    await once(server, "close");
    if (given.has(port)) continue;
    given.add(port);
    return port;
  }
}
