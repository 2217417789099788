/**
 * Where libraries of the express-session kind keep their records: through their own store object, or
 * straight in the backend, laid out as that store lays it out.
 *
 * @module
 */

import { ConfigError } from "../../errors.ts";
import { utf8Text } from "../../lib/bytes.ts";
import { methodsOption } from "../options.ts";
import type { ForeignRecord, ForeignRecords, Refused } from "../source.ts";
import { isRefused } from "../source.ts";
import type { JsonObject, Parsed } from "./json.ts";
import { checkedObject, MAX_RECORD_CHARACTERS, readJsonObject, writeJson } from "./json.ts";
import { own } from "./own.ts";
import { refuse } from "./refuse.ts";

/**
 * The part of express-session's store contract that is used. What `new RedisStore(…)` of connect-redis
 * gives is one, and so are the stores of @fastify/session.
 *
 * @see https://github.com/expressjs/session/blob/v1.19.0/README.md#session-store-implementation
 */
export interface ExpressStore {
  get(sid: string, callback: (error: unknown, session?: unknown) => void): unknown;
  set(sid: string, session: object, callback: (error?: unknown) => void): unknown;
  destroy(sid: string, callback: (error?: unknown) => void): unknown;
  /** Puts off the end of a session that was only read. Most stores have it. */
  touch?(sid: string, session: object, callback: (error?: unknown) => void): unknown;
}

/** A record as it was found. */
export interface FoundRecord {
  readonly content: JsonObject;
  /** When the backend ends it, where that can be told. */
  readonly expiresAt?: number;
  readonly key: string;
}

/** Records by session id, wherever they lie. */
export interface RecordAccess {
  /** Milliseconds that a session without an age of its own is kept after its last request. */
  readonly ttl: number | undefined;
  read(sid: string, now: number): Promise<FoundRecord | Refused>;
  /** @returns the key under which it lies. */
  write(
    sid: string,
    content: JsonObject,
    expiresAt: number | undefined,
    now: number,
  ): Promise<string>;
  remove(key: string): Promise<void>;
  /** Puts off the end of what was read, where the store can do that. */
  touch?(key: string, content: JsonObject, now: number): Promise<void>;
}

/** How one store library lays its records out: pure functions. */
export interface RecordLayout {
  readonly ttl: number;
  /** `undefined` for an id that the library cannot have made a key of. */
  key(sid: string): string | undefined;
  read(record: ForeignRecord, now: number): Omit<FoundRecord, "key"> | Refused;
  write(content: JsonObject, expiresAt: number | undefined, now: number): ForeignRecord;
}

/** Records that are read and written through the foreign library's own store object. */
function throughStore(store: ExpressStore): RecordAccess {
  return {
    ttl: undefined,
    async read(sid) {
      if (isOutside(sid)) return refuse("malformed", "the id names no record");
      const found = await getFrom(store, sid).catch(unlessUnread);
      if (found === UNREAD) return refuse("malformed", "the store cannot read the record");
      if (found === undefined || found === null) return refuse("absent", "there is no such record");
      // Stores may hand out objects of their own classes, with dates in them.
      const content = plainCopy(found);
      if (content === undefined) return refuse("malformed", "the record is not JSON");
      const checked = checkedObject(content);
      return isRefused(checked) ? checked : { content: checked.object, key: sid };
    },
    async write(sid, content, _expiresAt, now) {
      const record = forStore(content, now);
      await called((done) => store.set(sid, record, done));
      return sid;
    },
    remove: (key) => called((done) => store.destroy(key, done)),
    ...(typeof store.touch === "function" && {
      touch: (key: string, content: JsonObject, now: number) =>
        called((done) => store.touch?.(key, forStore(content, now), done)),
    }),
  };
}

function called(call: (done: (error?: unknown) => void) => unknown): Promise<void> {
  return new Promise((resolve, reject) => {
    const done = (error?: unknown): void => (error ? reject(error) : resolve());
    settle(call(done), reject);
  });
}

/** Records in the backend itself, for when the foreign library is no longer there. */
export function throughLayout(layout: RecordLayout, records: ForeignRecords): RecordAccess {
  methodsOption("layout", layout, ["key", "read", "write"]);
  methodsOption("records", records, ["read", "write", "remove"]);
  return {
    ttl: layout.ttl,
    async read(sid, now) {
      const key = layout.key(sid);
      if (key === undefined) return refuse("malformed", "the id names no record");
      const record = await records.read(key);
      if (record === undefined) return refuse("absent", "there is no such record");
      if (record.expiresAt !== undefined && record.expiresAt <= now) {
        return refuse("expired", "the record's time is over");
      }
      const found = layout.read(record, now);
      return isRefused(found) ? found : { ...found, key };
    },
    async write(sid, content, expiresAt, now) {
      const key = layout.key(sid);
      if (key === undefined) throw new ConfigError("store", "cannot name a record by this id");
      await records.write(key, layout.write(content, expiresAt, now));
      return key;
    },
    remove: (key) => records.remove(key),
  };
}

/** The content of a record whose value is JSON. */
export function readJsonRecord(record: ForeignRecord): Parsed | Refused {
  const { value } = record;
  if (value.length > MAX_RECORD_CHARACTERS) return refuse("too-large", "the record is too long");
  const text = typeof value === "string" ? value : utf8Text(value);
  if (text === undefined) return refuse("malformed", "the record is not UTF-8");
  return readJsonObject(text);
}

/** A record whose value is JSON. @throws {ValueError} for what JSON lacks. */
export function writeJsonRecord(content: JsonObject, expiresAt: number | undefined): ForeignRecord {
  const value = writeJson(content);
  return expiresAt === undefined ? { value } : { value, expiresAt };
}

/** An object of the store contract. @throws {ConfigError} */
export function checkedAccess(store: ExpressStore | RecordAccess, option: string): RecordAccess {
  const given = store as Partial<ExpressStore & RecordAccess> | undefined;
  const has = (...verbs: (keyof (ExpressStore & RecordAccess))[]): boolean =>
    verbs.every((verb) => typeof given?.[verb] === "function");
  if (has("read", "write", "remove")) return store as RecordAccess;
  if (has("get", "set", "destroy")) return throughStore(store as ExpressStore);
  throw new ConfigError(option, "must be a store of express-session, or what `inBackend` gives");
}

function getFrom(store: ExpressStore, sid: string): Promise<unknown> {
  return new Promise((resolve, reject) => {
    const done = (error: unknown, session?: unknown): void => {
      // File stores say "not there" in this way; express-session takes it so too.
      if ((error as { code?: unknown } | null)?.code === "ENOENT") resolve(undefined);
      else if (error) reject(error);
      else resolve(session);
    };
    settle(store.get(sid, done), reject);
  });
}

/** What no `genid` makes: who knows the old secret could name another folder's file, or what a database refuses. */
function isOutside(sid: string): boolean {
  return sid.includes("\0") || /\.\.[/\\]/.test(sid);
}

/** What a store gives whose record is no JSON: half written, say. It is there all the same. */
function unlessUnread(error: unknown): typeof UNREAD {
  if ((error as { name?: unknown } | null)?.name === "SyntaxError") return UNREAD;
  throw error;
}

const UNREAD = Symbol("unread");

/** Some stores answer with a promise beside the callback: one that fails must not be left alone. */
function settle(answer: unknown, reject: (error: unknown) => void): void {
  if (answer instanceof Promise) answer.catch(reject);
}

function plainCopy(found: unknown): unknown {
  try {
    return JSON.parse(JSON.stringify(found));
  } catch {
    return undefined;
  }
}

/** As stores expect it: they compute their time to live from a date, or from `maxAge`, which is never kept. */
function forStore(content: JsonObject, now: number): object {
  const copy = JSON.parse(writeJson(content)) as JsonObject;
  const { cookie } = copy;
  const expires = own(cookie, "expires");
  // Without a date the store goes by its own default: the cookie ends with the browser, and stays so.
  if (typeof expires !== "string") return copy;
  const date = new Date(expires);
  const dated = { ...(cookie as object), expires: date };
  return {
    ...copy,
    cookie: Object.defineProperty(dated, "maxAge", { value: date.getTime() - now }),
  };
}
