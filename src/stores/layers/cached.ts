/**
 * Remembers, in this process, what was read of a store: a session in use costs no round trip.
 *
 * @module
 */

import { ConfigError, section } from "../../errors.ts";
import { dateNow } from "../../lib/clock.ts";
import type { Duration } from "../../lib/duration.ts";
import { DURATION, milliseconds } from "../../lib/duration.ts";
import type { RecordUpdate, SessionRecord, StoreChange } from "../contract.ts";
import { cacheEntries } from "./cached-entries.ts";
import { cacheTraffic, copyOf } from "./cached-traffic.ts";
import type { AnyStore, Layered } from "./layer.ts";
import { handOn } from "./layer.ts";

export interface CachedOptions {
  /**
   * How long a session is told from memory after it was read. It bounds how long a revocation by
   * another process can go unseen here, whatever happens to `watch`.
   *
   * @default "10s"
   */
  readonly maxAge?: Duration | undefined;
  /**
   * How much is remembered, in bytes as the cache reckons them: 500 for each session, and two for each
   * character of its text. Above it goes what was not used for longest.
   *
   * @default 67_108_864 (64 MiB: some 60,000 sessions of 300 characters)
   */
  readonly maxBytes?: number | undefined;
  /**
   * How long after it was read a session may be told while the store does not answer, to requests
   * with the outage policy `"stale"`. Not shorter than `maxAge`.
   *
   * @default never
   */
  readonly staleFor?: Duration | undefined;
  /** Tells the age of what is remembered, in milliseconds since the epoch. @default Date.now */
  readonly clock?: (() => number) | undefined;
}

/** What a cache did since it was made. */
export interface CacheStats {
  /** Loads that were answered from memory. */
  readonly hits: number;
  /** Loads that were answered by the store. */
  readonly misses: number;
  /** Loads that took the answer of one that was under way. */
  readonly joined: number;
  /** Loads that went past the cache because `watch` was lost. */
  readonly bypassed: number;
  /** Answers given while the store did not. */
  readonly recalled: number;
  /** Sessions in memory. */
  readonly sessions: number;
  /** What they take, as the cache reckons it. */
  readonly bytes: number;
}

/** A store with a cache before it. */
export type Cached<Store> = Layered<Store> & {
  stats(): CacheStats;
};

type Listener = (change: StoreChange) => void;

const KNOWN = ["maxAge", "maxBytes", "staleFor", "clock"] as const;
const MEBIBYTE = 1024 * 1024;

/**
 * Puts a cache before a store. Writes always go to the store, and are conditional there: what was read
 * from memory and is out of date is found out by the write, and read again.
 *
 * @throws {ConfigError} when an option cannot work.
 * @example
 * ```ts
 * const store = cached(postgresStore({ client }), { maxAge: "5s" });
 * const sessions = createSessions({ secrets, store });
 * ```
 */
export function cached<Store extends AnyStore>(
  store: Store,
  options?: CachedOptions,
): Cached<Store> {
  const handed: AnyStore = handOn(store);
  const { maxAge, staleFor, maxBytes, clock } = checked(options);
  const keepFor = Math.max(maxAge, staleFor ?? 0);
  const entries = cacheEntries({ keepFor, maxBytes, clock });
  const traffic = cacheTraffic(entries, maxAge, keepFor);
  const listeners = new Set<Listener>();
  const counts = { hits: 0, misses: 0, joined: 0, bypassed: 0, recalled: 0 };
  let unwatch: (() => void) | undefined;
  let isLost = false;

  function told(change: StoreChange): void {
    const { kind, id } = change;
    if (kind === "lost") {
      isLost = true;
      // Kept only for requests that ask for what is stale.
      if (staleFor === undefined) entries.forgetAll();
    } else if (kind === "everything" || id === undefined) {
      entries.forgetAll();
      isLost = false;
    } else if (kind === "user") {
      entries.forgetUser(id);
    } else {
      traffic.forget(id);
    }
    // Only now: whoever is told looks again, and must not see what was there before.
    for (const listener of [...listeners]) handOnTo(listener, change);
  }

  // Not before it is used: some platforms have no network while a program starts.
  function listen(): void {
    unwatch ??= handed.watch?.(told);
  }

  const layer: AnyStore & { stats(): CacheStats } = {
    ...handed,
    traits: {
      ...store.traits,
      maxStaleness: (store.traits.maxStaleness ?? 0) + maxAge,
    },

    load(id) {
      listen();
      if (isLost) {
        counts.bypassed += 1;
        return traffic.ask(id, handed.load);
      }
      const entry = entries.find(id, maxAge);
      if (entry !== undefined) {
        counts.hits += 1;
        return copyOf(entry.loaded);
      }
      const joined = traffic.join(id);
      if (joined !== undefined) {
        counts.joined += 1;
        return joined;
      }
      counts.misses += 1;
      return traffic.ask(id, handed.load);
    },

    async refresh(id) {
      listen();
      counts.misses += 1;
      return await traffic.ask(id, handed.refresh ?? handed.load);
    },

    create: (record, startedAgo, now) =>
      traffic.write(record.id, () => handed.create(record, startedAgo, now)),

    update: (id, revision, next, now) =>
      traffic.write(
        id,
        () => handed.update(id, revision, next, now),
        (before, done) =>
          done && before.revision === revision ? updated(before, next) : undefined,
      ),

    touch: (id, lastSeenAt, expiresAt, now) =>
      traffic.write(
        id,
        () => handed.touch(id, lastSeenAt, expiresAt, now),
        (before, done) => (done ? touched(before, lastSeenAt, expiresAt) : undefined),
      ),

    async cutOff(userId, given, now) {
      try {
        return await handed.cutOff(userId, given, now);
      } finally {
        entries.forgetUser(userId);
      }
    },

    async sweep(limit, now) {
      try {
        return await handed.sweep(limit, now);
      } finally {
        entries.forgetExpired(now);
      }
    },

    async close() {
      unwatch?.();
      // Nor for a request that comes too late.
      unwatch = () => undefined;
      listeners.clear();
      entries.forgetAll();
      await handed.close();
    },

    stats: () => ({ ...counts, sessions: entries.size(), bytes: entries.bytes() }),
  };

  const { add } = handed;
  if (add !== undefined) {
    layer.add = async (revocation) => {
      const { kind, id = "" } = revocation;
      try {
        await add(revocation);
      } finally {
        if (kind === "session") traffic.forget(id);
        else if (kind === "user") entries.forgetUser(id);
        else entries.forgetAll();
      }
    };
  }
  if (handed.watch !== undefined) {
    layer.watch = (listener) => {
      listen();
      // One listener given twice is two.
      const own: Listener = (change) => listener(change);
      listeners.add(own);
      if (isLost) handOnTo(own, { kind: "lost" });
      return () => {
        listeners.delete(own);
      };
    };
  }
  if (staleFor !== undefined) {
    layer.recall = async (id) => {
      const entry = entries.find(id, staleFor);
      if (entry === undefined) return undefined;
      counts.recalled += 1;
      return copyOf(entry.loaded);
    };
  }
  return layer as Cached<Store>;
}

function handOnTo(listener: Listener, change: StoreChange): void {
  try {
    listener(change);
  } catch {
    // It was a hint.
  }
}

/** The record as an update leaves it behind. */
function updated(before: SessionRecord, next: RecordUpdate): SessionRecord {
  const { body, expiresAt, close: closed = false } = next;
  return {
    ...before,
    revision: before.revision + 1,
    userId: closed ? undefined : before.userId,
    lastSeenAt: Math.max(before.lastSeenAt, next.lastSeenAt),
    expiresAt,
    closed,
    body,
  };
}

function touched(before: SessionRecord, lastSeenAt: number, expiresAt: number): SessionRecord {
  return {
    ...before,
    lastSeenAt: Math.max(before.lastSeenAt, lastSeenAt),
    expiresAt: Math.max(before.expiresAt, expiresAt),
  };
}

function checked(options: CachedOptions | undefined) {
  const given = section("options", options, KNOWN);
  const { maxBytes = 64 * MEBIBYTE, clock = dateNow } = given;
  const maxAge = duration("maxAge", given.maxAge === undefined ? "10s" : given.maxAge);
  const staleFor = given.staleFor === undefined ? undefined : duration("staleFor", given.staleFor);
  if (staleFor !== undefined && staleFor < maxAge) {
    throw new ConfigError("staleFor", "must not be shorter than `maxAge`");
  }
  if (!Number.isSafeInteger(maxBytes) || maxBytes < MEBIBYTE) {
    throw new ConfigError("maxBytes", `must be a whole number of bytes from ${MEBIBYTE} on`);
  }
  if (typeof clock !== "function") throw new ConfigError("clock", "must be a function");
  return { maxAge, staleFor, maxBytes, clock };
}

function duration(option: string, given: Duration): number {
  const ms = milliseconds(given);
  if (ms !== undefined && ms > 0) return ms;
  throw new ConfigError(option, `must be ${DURATION}`);
}
