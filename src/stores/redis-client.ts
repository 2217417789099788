/**
 * How each client of Redis or Valkey is called. They are told apart by what they have, not by their name,
 * so that no client package has to be imported.
 *
 * @module
 */

import { ConfigError } from "../errors.ts";

/** ioredis and iovalkey: `new Redis()`, also with Sentinels. */
export interface IoredisClient {
  call(command: string, ...args: string[]): Promise<unknown>;
}

/** ioredis and iovalkey: `new Cluster()`. */
export interface IoredisCluster extends IoredisClient {
  readonly isCluster: boolean;
  nodes(role: "master"): readonly IoredisClient[];
  pipeline(commands: string[][]): { exec(): Promise<unknown> };
}

/** node-redis (`redis`, `@redis/client`): `createClient()`. */
export interface NodeRedisClient {
  sendCommand(args: string[]): Promise<unknown>;
}

/** node-redis: `createSentinel()`. */
export interface NodeRedisSentinel {
  sendCommand(isReadonly: boolean, args: string[]): Promise<unknown>;
  getMasterNode(): unknown;
}

/** node-redis: `createCluster()`. */
export interface NodeRedisCluster {
  sendCommand(firstKey: string, isReadonly: boolean, args: string[]): Promise<unknown>;
  readonly masters: readonly { readonly address: string }[];
  nodeClient(node: never): NodeRedisClient | Promise<NodeRedisClient>;
  /** Since 6.1. */
  getNodeClientForKey?(key: string): Promise<NodeRedisClient>;
}

/** `@valkey/valkey-glide`: `GlideClient` and `GlideClusterClient`. */
export interface GlideClient {
  customCommand(args: string[], options?: object): Promise<unknown>;
}

/** A connected client of any of the packages. */
export type RedisClient =
  | IoredisClient
  | IoredisCluster
  | NodeRedisClient
  | NodeRedisSentinel
  | NodeRedisCluster
  | GlideClient;

/** A primary of the deployment. */
export interface RedisNode {
  /** Where it is; "" where there is only one. */
  readonly address: string;
  send(command: string[]): Promise<unknown>;
}

/** What the store needs of a client. */
export interface RedisLink {
  /** Sends a command about a key to the primary that has it. */
  send(key: string, command: string[]): Promise<unknown>;
  /** Sends a command that has no key, such as `WAIT`, on the connection on which those about a key go. */
  sendAlong(key: string, command: string[]): Promise<unknown>;
  /** Every primary. */
  nodes(): Promise<readonly RedisNode[]>;
  /** Whether a command may only have keys of one slot. */
  readonly isCluster: boolean;
}

/**
 * Finds out what a client is.
 *
 * @throws {ConfigError} when it is none of those that are known, or changes keys or answers in a way of its own.
 */
export function redisLink(client: RedisClient): RedisLink {
  if (typeof client !== "object" || client === null) throw unknownClient();
  refuseKeyPrefix(client);
  refuseLegacyMode("client", client);
  // ioredis first: it has a `sendCommand` as well, which takes something else.
  if (has(client, "call") && has(client, "nodes")) return ioredisCluster(client as IoredisCluster);
  if (has(client, "call")) return ioredis(client as IoredisClient);
  if (has(client, "customCommand") && has(client, "ssubscribe")) {
    return glideCluster(client as GlideClient);
  }
  if (has(client, "customCommand")) return glide(client as GlideClient);
  if (has(client, "sendCommand") && has(client, "nodeClient")) {
    return nodeRedisCluster(client as NodeRedisCluster);
  }
  if (has(client, "sendCommand") && has(client, "getMasterNode")) {
    const { sendCommand } = client as NodeRedisSentinel;
    return single((command) => sendCommand.call(client, false, command));
  }
  if (has(client, "sendCommand")) {
    const { sendCommand } = client as NodeRedisClient;
    return single((command) => sendCommand.call(client, command));
  }
  throw unknownClient();
}

/** Whether a client has several connections to one server, and takes any of them for a command. */
export function isPool(client: RedisClient): boolean {
  return has(client, "execute") && "totalClients" in client;
}

function unknownClient(): ConfigError {
  return new ConfigError(
    "client",
    "must be a connected client of redis, ioredis, iovalkey or @valkey/valkey-glide",
  );
}

function has(client: object, method: string): boolean {
  return typeof (client as Record<string, unknown>)[method] === "function";
}

/** Keys that the client changes are not those that a `SCAN` finds. */
function refuseKeyPrefix(client: object): void {
  const { options } = client as { readonly options?: { readonly keyPrefix?: unknown } };
  if (options?.keyPrefix === undefined || options.keyPrefix === "") return;
  throw new ConfigError(
    "client",
    "has the option `keyPrefix`: take it away and name a `namespace` of the store instead",
  );
}

/** So a client of node-redis 4 calls back and gives nothing, which is also what there is of an absent session. */
export function refuseLegacyMode(option: string, client: object): void {
  const { options } = client as { readonly options?: { readonly legacyMode?: unknown } };
  if (options?.legacyMode !== true) return;
  throw new ConfigError(
    option,
    "has the option `legacyMode`: connect its `duplicate({ legacyMode: false })`, and give that",
  );
}

/** A client that sends everything to one primary, over one connection. */
function single(send: (command: string[]) => Promise<unknown>): RedisLink {
  return {
    send: (_key, command) => send(command),
    sendAlong: (_key, command) => send(command),
    nodes: async () => [{ address: "", send }],
    isCluster: false,
  };
}

function ioredis(client: IoredisClient): RedisLink {
  return single(([name = "", ...args]) => client.call(name, ...args));
}

// In a cluster its name tells which parts of a command are keys, and they which node it goes to: up to ioredis 5, and in
// iovalkey, only where it is in small letters.
function ioredisSender(client: IoredisClient): (command: string[]) => Promise<unknown> {
  return ([name = "", ...args]) => client.call(name.toLowerCase(), ...args);
}

function ioredisCluster(client: IoredisCluster): RedisLink {
  const { options } = client as { readonly options?: { readonly enableAutoPipelining?: unknown } };
  // Up to ioredis 5, and in iovalkey, it puts commands together by what comes first, and here that is a script's name.
  const isAuto = options?.enableAutoPipelining === true;
  const send = ioredisSender(client);
  return {
    send: (_key, command) => (isAuto ? piped(client, command) : send(command)),
    // It has no key that says where it goes: another command takes it along, one that is not taken for a read, which
    // may go to a replica.
    sendAlong: (key, command) => piped(client, ["EVAL", "return 1", "1", key], command),
    nodes: async () =>
      client.nodes("master").map((node) => {
        const { options } = node as { options?: { host?: string; port?: number } };
        return { address: `${options?.host}:${options?.port}`, send: ioredisSender(node) };
      }),
    isCluster: true,
  };
}

/** Sends commands to where the first key of them is. @returns the reply to the last one. */
async function piped(client: IoredisCluster, ...commands: string[][]): Promise<unknown> {
  const calls = commands.map(([name = "", ...args]) => ["call", name.toLowerCase(), ...args]);
  const replies = (await client.pipeline(calls).exec()) as unknown[][];
  const [error, reply] = replies.at(-1) ?? [];
  if (error instanceof Error) throw error;
  return reply;
}

function nodeRedisCluster(client: NodeRedisCluster): RedisLink {
  return {
    send: (key, command) => client.sendCommand(key, false, command),
    async sendAlong(key, command) {
      const node = await client.getNodeClientForKey?.(key);
      // Up to 6.1 a command goes by the key that is named. Since 6.2 `WAIT` goes to every primary.
      if (node === undefined) return client.sendCommand(key, false, command);
      // The other command fails where the key is on its way to another primary.
      const both = [["EXISTS", key], command].map((each) => node.sendCommand(each));
      return (await Promise.all(both))[1];
    },
    nodes: () =>
      Promise.all(
        client.masters.map(async (node) => {
          const own = await client.nodeClient(node as never);
          return { address: node.address, send: (command) => own.sendCommand(command) };
        }),
      ),
    isCluster: true,
  };
}

function glide(client: GlideClient): RedisLink {
  return single((command) => client.customCommand(command));
}

function glideCluster(client: GlideClient): RedisLink {
  return {
    send: (_key, command) => client.customCommand(command),
    sendAlong: (key, command) =>
      client.customCommand(command, { route: { type: "primarySlotKey", key } }),
    async nodes() {
      const route = "randomNode";
      const slots = await client.customCommand(["CLUSTER", "SLOTS"], { route });
      const addresses = new Set<string>();
      for (const [, , [host, port]] of slots as [number, number, [string, number]][]) {
        addresses.add(`${host}:${port}`);
      }
      return [...addresses].map((address) => ({
        address,
        send: (command) =>
          client.customCommand(command, { route: { type: "routeByAddress", host: address } }),
      }));
    },
    isCluster: true,
  };
}
