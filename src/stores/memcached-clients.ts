/**
 * The clients of Memcached that offer `gets`, `cas`, `add` and `append`, as one.
 *
 * @module
 */

import { ConfigError } from "../errors.ts";

/** What is used of a client of the package `memcache-client`. */
export interface MemcacheClientLike {
  gets(keys: string[]): Promise<unknown>;
  add(key: string, value: string, options: { lifetime: number }): Promise<unknown>;
  append(key: string, value: string): Promise<unknown>;
  cas(key: string, value: string, options: { lifetime: number; casUniq: string }): Promise<unknown>;
}

/** What is used of a client of the package `memcached`. */
export interface MemcachedLike {
  gets(key: string, done: (error: unknown, data: Found3) => void): void;
  getMulti(keys: string[], done: (error: unknown, data: { [key: string]: unknown }) => void): void;
  add(
    key: string,
    value: unknown,
    lifetime: number,
    done: (error: unknown, result: boolean) => void,
  ): void;
  append(key: string, value: unknown, done: (error: unknown, result: boolean) => void): void;
  cas(
    key: string,
    value: unknown,
    cas: string,
    lifetime: number,
    done: (error: unknown, result: boolean) => void,
  ): void;
}

interface Found3 {
  [key: string]: unknown;
  cas: string;
}

/** A text, and what `cas` wants to see again. */
export interface Found {
  readonly text: string;
  /** Absent where the client tells it only to who asks for one key, and was asked for several. */
  readonly token: string | undefined;
}

/** The commands of a client. `false` is the server's "not stored"; everything else is thrown. */
export interface MemcachedCommands {
  /** The keys are read one after another in this order. The first comes with its token. */
  read(keys: readonly string[]): Promise<ReadonlyMap<string, Found>>;
  /** With its token. */
  gets(key: string): Promise<Found | undefined>;
  add(key: string, text: string, seconds: number): Promise<boolean>;
  append(key: string, text: string): Promise<boolean>;
  cas(key: string, text: string, token: string, seconds: number): Promise<boolean>;
}

/** @throws {ConfigError} when it is none of these clients, or one that would lose what was ended. */
export function memcachedCommands(client: MemcacheClientLike | MemcachedLike): MemcachedCommands {
  const methods = ["gets", "add", "append", "cas"] as const;
  const candidate: unknown = client;
  const has = (method: string): boolean =>
    typeof (candidate as Record<string, unknown> | null | undefined)?.[method] === "function";
  if (!methods.every(has)) {
    throw new ConfigError(
      "client",
      "must be a client of `memcache-client` or `memcached`: others offer no gets and cas",
    );
  }
  if (has("getMulti")) return ofMemcached(client as MemcachedLike);
  if (has("xsend")) return ofMemcacheClient(client as MemcacheClientLike);
  throw new ConfigError("client", "must be a client of `memcache-client` or `memcached`");
}

function ofMemcacheClient(client: MemcacheClientLike): MemcachedCommands {
  const { server } = (client as { options?: { server?: { servers?: unknown } } }).options ?? {};
  if (Array.isArray(server?.servers) && server.servers.length > 1) {
    // It takes them for copies of each other, and writes to any of them.
    throw new ConfigError("client", "must have one server: memcache-client would write to any");
  }

  async function read(keys: readonly string[]): Promise<ReadonlyMap<string, Found>> {
    const reply = (await client.gets([...keys])) as Record<
      string,
      { value: unknown; casUniq: unknown }
    >;
    const found = Object.entries(reply).map(([key, { value, casUniq }]): [string, Found] => {
      requireReply(keys.includes(key) && typeof value === "string");
      return [key, { text: value as string, token: String(casUniq) }];
    });
    return new Map(found);
  }

  return {
    read,
    gets: async (key) => (await read([key])).get(key),
    add: (key, text, lifetime) => isStored(() => client.add(key, text, { lifetime })),
    append: (key, text) => isStored(() => client.append(key, text)),
    cas: (key, text, casUniq, lifetime) =>
      isStored(() => client.cas(key, text, { casUniq, lifetime })),
  };
}

const REFUSALS = ["NOT_STORED", "EXISTS", "NOT_FOUND"];

async function isStored(send: () => Promise<unknown>): Promise<boolean> {
  try {
    await send();
    return true;
  } catch (error) {
    if (error instanceof Error && REFUSALS.includes(error.message)) return false;
    throw error;
  }
}

function ofMemcached(client: MemcachedLike): MemcachedCommands {
  const { servers, remove, failOverServers, redundancy } = client as {
    servers?: unknown;
    remove?: unknown;
    failOverServers?: unknown;
    redundancy?: unknown;
  };
  if (remove === true || Array.isArray(failOverServers) || redundancy) {
    // A server that comes back still has what was ended while another stood in for it.
    throw new ConfigError(
      "client",
      "must not have `remove`, `failOverServers` or `redundancy`: sessions that were ended would come back",
    );
  }
  // Of several servers nobody knows which answers first.
  const isOne = Array.isArray(servers) && servers.length === 1;

  function readTogether(keys: readonly string[]): Promise<ReadonlyMap<string, Found>> {
    return new Promise((resolve, reject) => {
      client.getMulti([...keys], (error, data) => {
        if (error) return reject(firstOf(error));
        try {
          const found = Object.entries(data).map(([key, text]): [string, Found] => {
            requireReply(keys.includes(key) && typeof text === "string");
            return [key, { text: text as string, token: undefined }];
          });
          resolve(new Map(found));
        } catch (cause) {
          reject(cause);
        }
      });
    });
  }

  function gets(key: string): Promise<Found | undefined> {
    return new Promise((resolve, reject) => {
      client.gets(key, (error, data) => {
        if (error) return reject(firstOf(error));
        if (data === undefined) return resolve(undefined);
        const { cas, ...rest } = data;
        const [[name = "", text] = []] = Object.entries(rest);
        // The client's own namespace stands before our key.
        if (name.endsWith(key) && typeof text === "string") resolve({ text, token: cas });
        else reject(wrongReply());
      });
    });
  }

  async function readInTurn(keys: readonly string[]): Promise<ReadonlyMap<string, Found>> {
    const found = new Map<string, Found>();
    for (const key of keys) {
      const one = await gets(key);
      if (one !== undefined) found.set(key, one);
    }
    return found;
  }

  /** Together they come without tokens: the first is asked for by itself as well, at the same time. */
  async function readWithToken(keys: readonly string[]): Promise<ReadonlyMap<string, Found>> {
    const [first = ""] = keys;
    const [together, alone] = await Promise.all([readTogether(keys), gets(first)]);
    // A token is good for its own text only, whichever was read before the other.
    if (alone === undefined || together.get(first)?.text !== alone.text) return together;
    return new Map(together).set(first, alone);
  }

  return {
    read: (keys) => (isOne && keys.length > 1 ? readWithToken(keys) : readInTurn(keys)),
    gets,
    add: (key, text, seconds) => isDone((done) => client.add(key, text, seconds, done)),
    append: (key, text) => isDone((done) => client.append(key, text, done)),
    cas: (key, text, token, seconds) =>
      isDone((done) => client.cas(key, text, token, seconds, done)),
  };
}

function isDone(send: (done: (error: unknown, result: boolean) => void) => void): Promise<boolean> {
  return new Promise((resolve, reject) => {
    send((error, result) => {
      const first = firstOf(error);
      if ((first as { notStored?: unknown } | undefined)?.notStored === true) resolve(false);
      else if (first) reject(first);
      else resolve(result === true);
    });
  });
}

function firstOf(error: unknown): unknown {
  return Array.isArray(error) ? error[0] : error;
}

function requireReply(isRight: boolean): void {
  if (!isRight) throw wrongReply();
}

function wrongReply(): Error {
  return new Error("the client gave the reply to another command");
}
