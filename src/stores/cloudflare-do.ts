/**
 * Keeps sessions in Cloudflare Durable Objects: a user's sessions together in one object, and each verb
 * one request to it.
 *
 * @module
 */

import { ConfigError, section } from "../errors.ts";
import { encodeBase64url } from "../lib/base64url.ts";
import { utf8 } from "../lib/bytes.ts";
import { dateNow } from "../lib/clock.ts";
import { randomBytes } from "../lib/random.ts";
import { hmac, hmacKey } from "../lib/sha256.ts";
import type { SqlBatch, SqlRow, SqlStatement } from "./cloudflare-sql.ts";
import { requirePrefix, sqlSchema, storeOfTables } from "./cloudflare-sql.ts";
import type { Revocations, SessionStore } from "./contract.ts";

/** What is used of a namespace of Durable Objects, the binding `env.SESSIONS`. */
export interface DurableObjectNamespaceLike {
  idFromName(name: string): unknown;
  get(id: never): DurableObjectStubLike;
}

export interface DurableObjectStubLike {
  fetch(
    url: string,
    init: { method: string; body: string },
  ): Promise<{ readonly ok: boolean; json(): Promise<unknown>; text(): Promise<string> }>;
}

/** What is used of the state of an object with SQLite storage. */
export interface DurableObjectStateLike {
  readonly storage: {
    readonly sql: { exec(sql: string, ...values: unknown[]): { toArray(): unknown[] } };
    transactionSync<Result>(work: () => Result): Result;
  };
}

export interface DurableObjectStoreOptions {
  /** The namespace: `env.SESSIONS`, bound to the class {@link SessionsObject}. */
  readonly client: DurableObjectNamespaceLike;
  /**
   * Over how many objects the sessions are spread, 1 to 1024. It can't be changed later: sessions
   * would be looked for in other objects.
   *
   * @default 32
   */
  readonly objects?: number | undefined;
  /** Begins the names of objects and tables. Change it when two apps share a namespace. @default "coatcheck_" */
  readonly prefix?: string | undefined;
  /** Tells which revocations are over, in milliseconds since the epoch. @default Date.now */
  readonly clock?: (() => number) | undefined;
}

const KNOWN = ["client", "objects", "prefix", "clock"] as const;
const HOME_BYTES = 6;
const HOME_LETTERS = 8;
const KEY_BYTES = 32;

/**
 * Creates a store on Durable Objects with SQLite storage.
 *
 * @throws {ConfigError} when an option cannot work.
 * @example
 * ```ts
 * export { SessionsObject } from "coatcheck/stores/cloudflare-do";
 * const store = durableObjectStore({ client: env.SESSIONS });
 * ```
 */
export function durableObjectStore(options: DurableObjectStoreOptions): SessionStore & Revocations {
  const {
    client,
    objects = 32,
    prefix = "coatcheck_",
    clock = dateNow,
  } = section("options", options, KNOWN);
  const candidate = client as Partial<DurableObjectNamespaceLike> | null | undefined;
  if (typeof candidate?.idFromName !== "function" || typeof candidate.get !== "function") {
    throw new ConfigError("client", "must be a namespace of Durable Objects");
  }
  requirePrefix(prefix);
  if (!Number.isInteger(objects) || objects < 1 || objects > 1024) {
    throw new ConfigError("objects", "must be a whole number from 1 to 1024");
  }
  if (typeof clock !== "function") throw new ConfigError("clock", "must be a function");

  const batchOf =
    (name: string): SqlBatch =>
    async (statements) => {
      const object = client.get(client.idFromName(name) as never);
      const body = JSON.stringify({ prefix, statements });
      const reply = await object.fetch("https://sessions.invalid/", { method: "POST", body });
      if (!reply.ok) throw new Error(`the object answered: ${await reply.text()}`);
      return (await reply.json()) as SqlRow[][];
    };
  const parts = Array.from({ length: objects }, (_, part) =>
    storeOfTables("durable-object", prefix, batchOf(`${prefix}${part}`), clock),
  );
  // One of its own: everyone looks into the feed, and nobody's session should wait for that.
  const common = batchOf(`${prefix}common`);
  const feed = storeOfTables("durable-object", prefix, common, clock);
  const partOf = (home: string): SessionStore => {
    let sum = 0;
    for (const letter of home) sum = (sum * 31 + letter.charCodeAt(0)) >>> 0;
    return parts[sum % objects] as SessionStore;
  };
  const partOfId = (id: string): SessionStore => partOf(id.slice(0, HOME_LETTERS));

  let secret: Promise<ReturnType<typeof hmacKey>> | undefined;
  async function readSecret(): Promise<ReturnType<typeof hmacKey>> {
    // A user id in an id of a session would tell who it is: so homes are made with a key of the store.
    const [, , [row] = []] = await common([
      [`CREATE TABLE IF NOT EXISTS ${prefix}secret (name TEXT PRIMARY KEY, value TEXT NOT NULL)`],
      [
        `INSERT INTO ${prefix}secret VALUES ('home', ?) ON CONFLICT DO NOTHING`,
        encodeBase64url(randomBytes(KEY_BYTES)),
      ],
      [`SELECT value FROM ${prefix}secret WHERE name = 'home'`],
    ]);
    return hmacKey(utf8(String(row?.["value"])));
  }

  async function home(userId: string): Promise<string> {
    secret ??= readSecret().catch((error: unknown) => {
      secret = undefined;
      throw error;
    });
    return encodeBase64url(hmac(await secret, utf8(userId)).subarray(0, HOME_BYTES));
  }

  return {
    name: "durable-object",
    traits: feed.traits,
    home,
    load: (id) => partOfId(id).load(id),
    create: (record, startedAgo, now) => partOfId(record.id).create(record, startedAgo, now),
    update: (id, revision, next, now) => partOfId(id).update(id, revision, next, now),
    touch: (id, lastSeenAt, expiresAt, now) => partOfId(id).touch(id, lastSeenAt, expiresAt, now),

    async cutOff(userId, given, now) {
      return partOf(await home(userId)).cutOff(userId, given, now);
    },

    async list(query, now) {
      const { userId, cursor = "", limit } = query;
      if (userId !== undefined) return partOf(await home(userId)).list(query, now);
      // Object by object; a cursor is the number of one and where its page ended.
      const [part = "0", after] = cursor.split(":");
      for (let at = Number(part), from = after; at < objects; at += 1, from = undefined) {
        const page = await (parts[at] as SessionStore).list({ cursor: from, limit }, now);
        if (page.cursor !== undefined) return { ...page, cursor: `${at}:${page.cursor}` };
        if (page.records.length === 0) continue;
        return at + 1 < objects ? { ...page, cursor: `${at + 1}` } : page;
      }
      return { records: [] };
    },

    async sweep(limit, now) {
      let removed = 0;
      for (const part of [...parts, feed]) {
        if (removed === limit) break;
        removed += await part.sweep(limit - removed, now);
      }
      return removed;
    },

    async close() {
      for (const part of [...parts, feed]) await part.close();
    },

    add: (revocation) => feed.add(revocation),
    since: (cursor) => feed.since(cursor),
  };
}

/**
 * The Durable Object that keeps the sessions: export it from your Worker, and bind it with SQLite
 * storage (`new_sqlite_classes`). It is a class because Workers ask for one.
 */
export class SessionsObject {
  readonly #state: DurableObjectStateLike;
  readonly #prepared = new Set<string>();

  constructor(state: DurableObjectStateLike) {
    this.#state = state;
  }

  /** Runs a batch in one transaction. Only the store of the same Worker can reach it. */
  async fetch(request: { json(): Promise<unknown> }): Promise<Response> {
    const { prefix, statements } = (await request.json()) as {
      prefix: string;
      statements: readonly SqlStatement[];
    };
    const { sql, transactionSync } = this.#state.storage;
    const rows = transactionSync.call(this.#state.storage, () => {
      if (!this.#prepared.has(prefix)) for (const one of sqlSchema(prefix)) sql.exec(one);
      return statements.map(([text, ...values]) => sql.exec(text, ...values).toArray());
    });
    // Not before: what fails takes the tables back with it.
    this.#prepared.add(prefix);
    return Response.json(rows);
  }
}
