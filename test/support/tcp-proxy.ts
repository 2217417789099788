/**
 * A network between a client and a server of this machine: counts round trips, and makes trouble.
 *
 * @module
 */

import { once } from "node:events";
import type { AddressInfo, Socket } from "node:net";
import { connect, createServer } from "node:net";

/** What happens to what is sent. */
export type Weather =
  /** Passes. */
  | "fair"
  /** Is thrown away, in both directions: a partition. */
  | "gone"
  /** What goes to the server passes; what comes back is thrown away. */
  | "deaf"
  /** What comes back waits, and comes later in its order. */
  | { readonly lateBy: number };

export interface TcpProxy {
  readonly port: number;
  /** The server's port, for connections that are made from now on. */
  upstream: number;
  /** How often a client has sent something after it had heard the server: requests, one by one. */
  readonly roundTrips: number;
  weather: Weather;
  /** Cuts the next reply of so many bytes or more in its middle, and every connection with it. */
  cutReply(leastBytes?: number): Promise<void>;
  /** Cuts every connection. */
  cut(): void;
  /** Throws away whatever the connections of now still send, and tells neither side: they are half-open. */
  silence(): void;
  close(): Promise<void>;
}

/** @param reader - makes, for each connection, what is told the bytes that go to the server */
export async function startTcpProxy(
  upstream: number,
  reader?: () => (bytes: Buffer) => void,
): Promise<TcpProxy> {
  const sockets = new Set<Socket>();
  const silent = new WeakSet<Socket>();
  let cutting: { readonly leastBytes: number; readonly done: () => void } | undefined;
  let roundTrips = 0;

  const server = createServer((near) => {
    const far = connect(proxy.upstream, "127.0.0.1");
    const read = reader?.();
    let hasHeard = true;
    for (const socket of [near, far]) {
      sockets.add(socket);
      socket.setNoDelay(true);
      socket.on("error", () => undefined);
      socket.on("close", () => {
        sockets.delete(socket);
        near.destroy();
        far.destroy();
      });
    }
    near.on("data", (bytes) => {
      if (proxy.weather === "gone" || silent.has(near)) return;
      if (hasHeard) roundTrips += 1;
      hasHeard = false;
      read?.(bytes);
      far.write(bytes);
    });
    far.on("data", (bytes) => {
      const { weather } = proxy;
      hasHeard = true;
      if (weather === "gone" || weather === "deaf" || silent.has(far)) return;
      if (cutting !== undefined && bytes.length >= cutting.leastBytes) {
        const { done } = cutting;
        cutting = undefined;
        near.write(bytes.subarray(0, bytes.length >> 1), () => {
          proxy.cut();
          done();
        });
        return;
      }
      if (weather === "fair") near.write(bytes);
      else setTimeout(() => near.write(bytes), weather.lateBy);
    });
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");

  const proxy: TcpProxy = {
    port: (server.address() as AddressInfo).port,
    upstream,
    get roundTrips() {
      return roundTrips;
    },
    weather: "fair",
    cutReply: (leastBytes = 1) =>
      new Promise((done) => {
        cutting = { leastBytes, done };
      }),
    cut() {
      for (const socket of sockets) socket.destroy();
    },
    silence() {
      for (const socket of sockets) silent.add(socket);
    },
    async close() {
      proxy.cut();
      server.close();
      await once(server, "close");
    },
  };
  return proxy;
}
