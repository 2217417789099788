/**
 * What a cache has read, and until when it may be told.
 *
 * An invalidation is a number that goes up. What was read before it counts no more, whether it is in
 * memory already or still on its way, so a slow read never brings back what was invalidated meanwhile.
 *
 * @module
 */

import { boundedMap } from "../../lib/bounded-map.ts";
import type { Loaded } from "../contract.ts";

/** When a read began: it says nothing about what happened later. */
export interface Reading {
  /** By the clock of the app. */
  readonly at: number;
  /** By the machine's own, which nobody sets. */
  readonly since: number;
  /** The last invalidation before it. */
  readonly tick: number;
}

/** What was read, and when. */
export interface Entry {
  readonly loaded: Loaded;
  readonly reading: Reading;
}

export interface EntriesOptions {
  /** How long after its reading an entry is remembered, in milliseconds. */
  readonly keepFor: number;
  readonly maxBytes: number;
  readonly clock: () => number;
}

export interface Entries {
  /** To be called before the store is asked. */
  begin(): Reading;
  /** How many milliseconds ago a reading began. */
  age(reading: Reading): number;
  /** What may be told, if it is younger than so many milliseconds: not more than it is kept for. */
  find(id: string, maxAge: number): Entry | undefined;
  /** Keeps what was read. It is not told if it was invalidated since the reading began. */
  put(loaded: Loaded, reading: Reading): void;
  /** Whether any user, or everything, was invalidated since. */
  isFenced(reading: Reading): boolean;
  forget(id: string): void;
  forgetUser(userId: string): void;
  forgetAll(): void;
  /** The store has removed records and cut-offs that were over by this moment. */
  forgetExpired(now: number): void;
  bytes(): number;
  size(): number;
}

// What an entry takes besides its text, as measured, and a character at most.
const ENTRY_BYTES = 500;
const CHARACTER_BYTES = 2;

export function cacheEntries({ keepFor, maxBytes, clock }: EntriesOptions): Entries {
  const entries = boundedMap<Entry>(maxBytes);
  let tick = 0;
  let allAt = 0;
  let anyUserAt = 0;
  let swept = { tick: 0, now: 0 };
  // The last invalidation of each user, in two generations: the older one goes when whatever it could
  // concern is too old anyway.
  let usersAt = new Map<string, number>();
  let olderUsersAt = new Map<string, number>();
  let turnedAt = performance.now();

  function age({ at, since }: Reading): number {
    const byClock = clock() - at;
    // A clock that went back tells nothing about the age. One that stood still while the machine
    // slept, or was set, is found out by the other.
    return byClock < 0 ? Number.POSITIVE_INFINITY : Math.max(byClock, performance.now() - since);
  }

  function isInvalid({ record, cutOff }: Loaded, reading: Reading): boolean {
    if (reading.tick < allAt) return true;
    if (reading.tick < swept.tick && (record.expiresAt <= swept.now || cutOff > 0)) return true;
    const { userId } = record;
    if (userId === undefined || reading.tick >= anyUserAt) return false;
    return reading.tick < (usersAt.get(userId) ?? olderUsersAt.get(userId) ?? 0);
  }

  function find(id: string, atMost: number): Entry | undefined {
    const entry = entries.get(id);
    if (entry === undefined) return undefined;
    const { loaded, reading } = entry;
    const isOver = loaded.record.expiresAt <= clock();
    if (isOver || isInvalid(loaded, reading)) {
      entries.delete(id);
      return undefined;
    }
    return age(reading) < atMost ? entry : undefined;
  }

  return {
    begin: () => ({ at: clock(), since: performance.now(), tick }),
    age,
    find,
    put(loaded, reading) {
      const { id, body, userId = "" } = loaded.record;
      const characters = body.length + userId.length;
      entries.set(id, { loaded, reading }, ENTRY_BYTES + characters * CHARACTER_BYTES);
    },
    isFenced: ({ tick: began }) => began < allAt || began < anyUserAt,
    forget(id) {
      entries.delete(id);
    },
    forgetUser(userId) {
      const now = performance.now();
      if (now - turnedAt >= keepFor) {
        olderUsersAt = usersAt;
        usersAt = new Map();
        turnedAt = now;
      }
      tick += 1;
      anyUserAt = tick;
      usersAt.set(userId, tick);
    },
    forgetAll() {
      tick += 1;
      allAt = tick;
      entries.clear();
    },
    forgetExpired(now) {
      tick += 1;
      swept = { tick, now: Math.max(swept.now, now) };
    },
    bytes: entries.weight,
    size: entries.size,
  };
}
