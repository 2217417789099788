/**
 * A TCP proxy in front of a server: counts round trips, and cuts or swallows what it is told to.
 *
 * @module
 */

import { once } from "node:events";
import type { AddressInfo, Socket } from "node:net";
import { connect, createServer } from "node:net";

/** What happens to the server's next replies. */
export type ReplyPolicy = "pass" | "cut" | "swallow";

export interface TcpProxy {
  readonly port: number;
  /** How often a client has sent something after it had heard the server: requests, one by one. */
  readonly roundTrips: number;
  /** `"cut"` passes half of the next reply and ends the connection; `"swallow"` passes none on. */
  replies: ReplyPolicy;
  /** Connections under way. */
  readonly connections: number;
  close(): Promise<void>;
}

export async function startTcpProxy(upstream: number): Promise<TcpProxy> {
  const sockets = new Set<Socket>();
  let roundTrips = 0;
  let replies: ReplyPolicy = "pass";

  const server = createServer((client) => {
    const behind = connect(upstream, "127.0.0.1");
    let hasHeard = true;
    for (const socket of [client, behind]) {
      socket.setNoDelay(true);
      sockets.add(socket);
      socket.on("error", () => undefined);
      socket.on("close", () => {
        sockets.delete(socket);
        client.destroy();
        behind.destroy();
      });
    }
    client.on("data", (chunk) => {
      if (hasHeard) roundTrips += 1;
      hasHeard = false;
      behind.write(chunk);
    });
    behind.on("data", (chunk) => {
      hasHeard = true;
      if (replies === "swallow") return;
      if (replies === "pass") return client.write(chunk);
      client.write(chunk.subarray(0, chunk.length >> 1), () => client.destroy());
    });
  }).listen(0, "127.0.0.1");
  await once(server, "listening");

  return {
    port: (server.address() as AddressInfo).port,
    get roundTrips() {
      return roundTrips;
    },
    get replies() {
      return replies;
    },
    set replies(policy) {
      replies = policy;
    },
    get connections() {
      return sockets.size / 2;
    },
    async close() {
      for (const socket of sockets) socket.destroy();
      server.close();
      await once(server, "close");
    },
  };
}
