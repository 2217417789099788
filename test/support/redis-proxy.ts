/**
 * A network between a client and a Redis server that writes down the commands that pass.
 *
 * @module
 */

import type { TcpProxy } from "./tcp-proxy.ts";
import { startTcpProxy } from "./tcp-proxy.ts";

export interface RedisProxy extends TcpProxy {
  readonly url: string;
  /** The names of the commands that went to the server, in order. */
  readonly commands: string[];
}

export async function startRedisProxy(upstream: number): Promise<RedisProxy> {
  const commands: string[] = [];
  const proxy = await startTcpProxy(upstream, () => commandNames((name) => commands.push(name)));
  return Object.assign(proxy, { url: `redis://127.0.0.1:${proxy.port}`, commands });
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
