// @ts-check
/**
 * A TCP proxy in front of a database that counts round trips.
 *
 * @module
 */

import { once } from "node:events";
import { connect, createServer } from "node:net";

/**
 * @typedef {object} CountingProxy
 * @property {number} port
 * @property {() => number} roundTrips how often a connection has sent something after it had heard the server
 * @property {() => Promise<void>} close
 *
 * @returns {Promise<CountingProxy>}
 */
export async function startCountingProxy(/** @type {number} */ upstream) {
  /** @type {Set<import("node:net").Socket>} */
  const sockets = new Set();
  let roundTrips = 0;
  const server = createServer((near) => {
    const far = connect(upstream, "127.0.0.1");
    let hasHeard = true;
    for (const socket of [near, far]) {
      sockets.add(socket);
      socket.setNoDelay(true);
      socket.on("error", () => {});
      socket.on("close", () => {
        sockets.delete(socket);
        near.destroy();
        far.destroy();
      });
    }
    near.on("data", (bytes) => {
      if (hasHeard) roundTrips += 1;
      hasHeard = false;
      far.write(bytes);
    });
    far.on("data", (bytes) => {
      hasHeard = true;
      near.write(bytes);
    });
  }).listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = /** @type {import("node:net").AddressInfo} */ (server.address());
  return {
    port,
    roundTrips: () => roundTrips,
    async close() {
      for (const socket of sockets) socket.destroy();
      server.close();
      await once(server, "close");
    },
  };
}
