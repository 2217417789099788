/**
 * A network between a client and a Redis server: counts the commands that pass, and makes trouble.
 *
 * @module
 */

import { once } from "node:events";
import type { AddressInfo, Socket } from "node:net";
import { connect, createServer } from "node:net";

/** What happens to what comes from the server. */
export type Weather =
  /** Passes. */
  | "fair"
  /** Is thrown away, and so is what goes there: a partition. */
  | "gone"
  /** What goes to the server passes; what comes back is thrown away. */
  | "deaf"
  /** Waits, and comes later in its order. */
  | { readonly lateBy: number };

export interface RedisProxy {
  readonly port: number;
  readonly url: string;
  /** The names of the commands that went to the server, in order. */
  readonly commands: string[];
  weather: Weather;
  /** Cuts the next reply of so many bytes or more in its middle, and every connection with it. */
  cutReply(leastBytes?: number): Promise<void>;
  /** Cuts every connection. */
  cut(): void;
  stop(): Promise<void>;
}

export async function startRedisProxy(host: string, upstream: number): Promise<RedisProxy> {
  const sockets = new Set<Socket>();
  let cutting: { readonly leastBytes: number; readonly done: () => void } | undefined;

  const server = createServer((near) => {
    const far = connect(upstream, host);
    const names = commandNames((name) => proxy.commands.push(name));
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
      if (proxy.weather === "gone") return;
      names(bytes);
      far.write(bytes);
    });
    far.on("data", (bytes) => {
      const { weather } = proxy;
      if (weather === "gone" || weather === "deaf") return;
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
  const { port } = server.address() as AddressInfo;

  const proxy: RedisProxy = {
    port,
    url: `redis://127.0.0.1:${port}`,
    commands: [],
    weather: "fair",
    cutReply: (leastBytes = 1) =>
      new Promise((done) => {
        cutting = { leastBytes, done };
      }),
    cut() {
      for (const socket of sockets) socket.destroy();
    },
    async stop() {
      proxy.cut();
      server.close();
      await once(server, "close");
    },
  };
  return proxy;
}

/** Reads arrays of bulk strings, as clients send them, and tells the first string of each. */
function commandNames(tell: (name: string) => void): (bytes: Buffer) => void {
  let rest = Buffer.alloc(0);
  return (bytes) => {
    rest = Buffer.concat([rest, bytes]);
    for (;;) {
      const command = readCommand(rest);
      if (command === undefined) return;
      tell(command.name.toUpperCase());
      rest = rest.subarray(command.end);
    }
  };
}

function readCommand(bytes: Buffer): { readonly name: string; readonly end: number } | undefined {
  const head = readNumber(bytes, 0, "*");
  if (head === undefined) return undefined;
  let at = head.end;
  let name = "";
  for (let index = 0; index < head.number; index += 1) {
    const length = readNumber(bytes, at, "$");
    if (length === undefined || bytes.length < length.end + length.number + 2) return undefined;
    if (index === 0) name = bytes.toString("utf8", length.end, length.end + length.number);
    at = length.end + length.number + 2;
  }
  return { name, end: at };
}

function readNumber(
  bytes: Buffer,
  at: number,
  mark: string,
): { readonly number: number; readonly end: number } | undefined {
  const end = bytes.indexOf("\r\n", at);
  if (end === -1) return undefined;
  const line = bytes.toString("latin1", at, end);
  if (!line.startsWith(mark)) throw new Error(`a client sent ${JSON.stringify(line)}`);
  return { number: Number(line.slice(1)), end: end + 2 };
}
