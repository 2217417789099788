/**
 * Keeps sessions in this process's memory, up to a bound.
 *
 * @module
 */

import { ConfigError, section } from "../errors.ts";
import { dateNow } from "../lib/clock.ts";
import type { Loaded, Revocations, SessionRecord, SessionStore, StoreChange } from "./contract.ts";
import { memoryFeed } from "./memory-feed.ts";
import { ABSENT, sessionTable } from "./memory-table.ts";

export interface MemoryStoreOptions {
  /**
   * How much may be kept, in bytes as the store reckons them: 200 for each session, and its text at
   * one byte a character, or two when the text goes beyond Latin-1. Above it sessions are dropped:
   * visitors' first, then users', each from the least recently seen on. A user's cut-off and a
   * revocation are never dropped before their time.
   *
   * @default 268_435_456 (256 MiB: half a million sessions of 300 bytes)
   */
  readonly maxBytes?: number | undefined;
  /** Tells which revocations are over, in milliseconds since the epoch. @default Date.now */
  readonly clock?: (() => number) | undefined;
}

const KNOWN = ["maxBytes", "clock"] as const;
const MEBIBYTE = 1024 * 1024;
const MAX_BODY_BYTES = MEBIBYTE;
// Some of the largest sessions: to keep one must never mean to drop everything else.
const LEAST_BYTES = 16 * MEBIBYTE;

/**
 * Creates a store in memory: for tests, for development, and for an app of one process that may
 * forget its sessions when it restarts.
 *
 * @throws {ConfigError} when `maxBytes` is not a whole number of at least 16 MiB.
 * @example
 * ```ts
 * const sessions = createSessions({ secrets, store: memoryStore() });
 * ```
 */
export function memoryStore(options?: MemoryStoreOptions): SessionStore & Revocations {
  const { maxBytes = 256 * MEBIBYTE, clock = dateNow } = section("options", options, KNOWN);
  if (!Number.isSafeInteger(maxBytes) || maxBytes < LEAST_BYTES) {
    throw new ConfigError("maxBytes", `must be a whole number of bytes from ${LEAST_BYTES} on`);
  }
  if (typeof clock !== "function") throw new ConfigError("clock", "must be a function");

  let contents: ReturnType<typeof emptyContents> | undefined = emptyContents(clock);
  const listeners = new Set<(change: StoreChange) => void>();

  function open(): ReturnType<typeof emptyContents> {
    if (contents === undefined) throw new Error("the memory store is closed");
    return contents;
  }

  function changed(kind: StoreChange["kind"], id?: string): void {
    for (const listener of listeners) {
      try {
        listener({ kind, id });
      } catch {
        // It was a hint. What it was about is done, and that is what the caller must hear.
      }
    }
  }

  /** Called after every write that takes room, with the slot that was written. */
  function makeRoom(slot: number, now: number): void {
    const { table } = open();
    while (table.bytes() > maxBytes) {
      if (table.removeOver(now)) continue;
      const id = table.evict(slot);
      if (id === undefined) return;
      changed("session", id);
    }
  }

  return {
    name: "memory",
    traits: {
      maxBodyBytes: MAX_BODY_BYTES,
      ownClock: false,
      conditionalWrites: true,
      forgets: ["restart", "eviction"],
      shared: false,
    },

    load(id) {
      const { table } = open();
      const slot = table.find(id);
      if (slot === ABSENT) return undefined;
      const record = table.record(slot);
      return new Reading(record, table.cutOff(record.userId));
    },

    async create({ id, userId, lastSeenAt, expiresAt, closed, body }, startedAgo, now) {
      const { table } = open();
      if (table.find(id) !== ABSENT) return "taken";
      const mark = userId === undefined ? 0 : now - startedAgo;
      if (userId !== undefined && mark <= table.cutOff(userId)) return "cut-off";
      const record = { id, revision: 1, userId, mark, lastSeenAt, expiresAt, closed, body };
      makeRoom(table.insert(record), now);
      changed("session", id);
      return "created";
    },

    update(id, revision, next, now) {
      const { table } = open();
      const slot = table.find(id);
      if (slot === ABSENT || !table.isLive(slot, now)) return false;
      if (table.revision(slot) !== revision) return false;
      table.update(slot, next);
      makeRoom(slot, now);
      changed("session", id);
      return true;
    },

    async touch(id, lastSeenAt, expiresAt, now) {
      const { table } = open();
      const slot = table.find(id);
      if (slot === ABSENT || !table.isLive(slot, now)) return false;
      table.touch(slot, lastSeenAt, expiresAt);
      changed("session", id);
      return true;
    },

    async cutOff(userId, { except, keepUntil }, now) {
      const { table } = open();
      const before = table.cutOff(userId);
      const cutOff = Math.max(now, before + 1);
      table.setCutOff(userId, cutOff, keepUntil);
      const slot = except === undefined ? ABSENT : table.find(except);
      if (slot !== ABSENT && table.isLive(slot, now)) {
        const record = table.record(slot);
        // One that an earlier cut-off has ended must not come back with this one.
        const isKept = record.userId === userId && record.mark > before;
        if (isKept) table.mark(slot, Math.max(record.mark, cutOff + 1));
      }
      makeRoom(slot, now);
      changed("user", userId);
      return cutOff;
    },

    async list({ userId, cursor, limit }, now) {
      const { table } = open();
      if (userId === undefined) return table.listAll(cursor, limit, now);
      return table.listUser(userId, cursor, limit, now);
    },

    async sweep(limit, now) {
      const { table } = open();
      let removed = 0;
      while (removed < limit && table.removeOver(now)) removed += 1;
      return removed;
    },

    async close() {
      contents = undefined;
      listeners.clear();
    },

    watch(listener) {
      // One of its own for each call: who listens twice ends one at a time.
      const told = (change: StoreChange): void => listener(change);
      listeners.add(told);
      return () => {
        listeners.delete(told);
      };
    },

    async add(revocation) {
      await open().feed.add(revocation);
      if (revocation.kind === "everyone") changed("everything");
      else changed(revocation.kind, revocation.id);
    },

    async since(cursor) {
      return open().feed.since(cursor);
    },
  };
}

/** What a load gives: a class, like the record. */
class Reading implements Loaded {
  declare readonly record: SessionRecord;
  declare readonly cutOff: number;

  constructor(record: SessionRecord, cutOff: number) {
    this.record = record;
    this.cutOff = cutOff;
  }
}

function emptyContents(clock: () => number) {
  return { table: sessionTable(), feed: memoryFeed(clock) };
}
