/**
 * What one test of a store plays in: a fresh store, a clock, and records to put into it.
 *
 * @module
 */

import type {
  ListPage,
  ListQuery,
  Loaded,
  NewRecord,
  Revocations,
  SessionRecord,
  SessionStore,
} from "../stores/contract.ts";
import { ExpectationError, expectEqual, expectPresent, expectTrue, show } from "./expect.ts";
import { watchHandles } from "./handles.ts";
import { seededRandom } from "./random.ts";
import type { StoreFixture } from "./store-fixture.ts";

export const SECOND = 1000;
export const MINUTE: number = 60 * SECOND;
export const HOUR: number = 60 * MINUTE;
export const DAY: number = 24 * HOUR;

/** A store with nothing in it, and what a test does with it. */
export interface Scene {
  readonly fixture: StoreFixture;
  readonly store: SessionStore & Partial<Revocations>;
  /** A further handle on the same backend where the fixture has one, else the store itself. */
  readonly other: SessionStore & Partial<Revocations>;
  /** The core's clock. */
  now(): number;
  /** Lets time pass: on the core's clock, and on the store's if it has one. */
  wait(ms: number): Promise<void>;
  /** The same, but does not wait for a clock that nobody can move. */
  skip(ms: number): Promise<void>;
  /** An id nobody has, at the user's home where the store keeps users together. */
  newId(userId?: string): Promise<string>;
  /** A record that lives for an hour: of this user, or of a visitor. */
  newRecord(userId?: string, overrides?: Partial<NewRecord>): Promise<NewRecord>;
  /** Creates such a record. @returns what `load` gives for it. */
  add(
    userId?: string,
    overrides?: Partial<NewRecord> & { readonly startedAgo?: number },
  ): Promise<SessionRecord>;
  /** What `load` gives; it must be there. */
  load(id: string): Promise<Loaded>;
  /** Closes the handles that are open, as the end of a process does. */
  closeHandles(): Promise<void>;
  /** Closes what is open and lets the fixture tidy up. */
  dispose(): Promise<void>;
}

/** Opens a scene. */
export async function openScene(given: StoreFixture): Promise<Scene> {
  const { fixture, close, dispose } = watchHandles(given);
  const { store } = fixture;
  const random = seededRandom(1);
  let at = Date.now();
  let other = store;
  try {
    other = (await fixture.another?.()) ?? store;
  } catch (error) {
    // Nobody gets the scene, so nobody else would.
    await dispose().catch(() => undefined);
    throw error;
  }
  const scene: Scene = {
    fixture,
    store,
    other,
    now: () => at,
    async wait(ms) {
      await scene.skip(ms);
      if (fixture.advanceClock === undefined && store.traits.ownClock) {
        await sleep(Math.min(ms, REAL_WAIT));
      }
    },
    async skip(ms) {
      at += ms;
      await fixture.advanceClock?.(ms);
    },
    async newId(userId) {
      const letters = (count: number): string =>
        Array.from({ length: count }, () => ALPHABET[random.below(64)]).join("");
      const home = userId === undefined ? undefined : await store.home?.(userId);
      return (home ?? letters(8)) + letters(16);
    },
    async newRecord(userId, overrides) {
      const id = overrides?.id ?? (await scene.newId(userId));
      const body = `{"for":${JSON.stringify(id)}}`;
      const times = { lastSeenAt: at, expiresAt: at + HOUR };
      return { id, userId, ...times, closed: false, body, ...overrides };
    },
    async add(userId, { startedAgo = 0, ...overrides } = {}) {
      const record = await scene.newRecord(userId, overrides);
      const answer = await store.create(record, startedAgo, at);
      expectEqual(answer, "created", "create in the fresh store that `open` gives");
      return (await scene.load(record.id)).record;
    },
    async load(id) {
      return expectPresent(await store.load(id), `record ${id}`);
    },
    closeHandles: close,
    dispose,
  };
  return scene;
}

const ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

// Real time is waited for only where a backend has a clock that nobody can move; it tells milliseconds.
const REAL_WAIT = 10;

/** Whether the core would call the session live. */
export function isLive({ record, cutOff }: Loaded, now: number): boolean {
  const { closed, expiresAt, userId, mark } = record;
  return !closed && expiresAt > now && (userId === undefined || mark > cutOff);
}

/** Every page of a list. */
export async function listAll(
  store: SessionStore,
  query: Omit<ListQuery, "cursor">,
  now: number,
  betweenPages?: (page: number) => Promise<void>,
): Promise<readonly SessionRecord[]> {
  const records: SessionRecord[] = [];
  let cursor: string | undefined;
  for (let page = 1; page <= MOST_PAGES; page += 1) {
    const found = await store.list({ ...query, cursor }, now);
    if (found.records.length > query.limit) {
      expectEqual(found.records.length, query.limit, "records on one page of `list`");
    }
    records.push(...found.records);
    cursor = cursorOf(found);
    if (cursor === undefined) return records;
    await betweenPages?.(page);
  }
  throw new ExpectationError(`\`list\` still had a cursor after ${MOST_PAGES} pages`);
}

const MOST_PAGES = 1000;

/** Where the next page begins. A `null` would be asked for again and again, as a cursor like any other. */
export function cursorOf({ cursor }: ListPage): string | undefined {
  const isOne = cursor === undefined || typeof cursor === "string";
  expectTrue(isOne, `the cursor of a page is text or \`undefined\`, not ${show(cursor)}`);
  return cursor;
}

/** The ids on every page of a list, sorted. */
export async function listedIds(
  store: SessionStore,
  now: number,
  userId?: string,
): Promise<string[]> {
  const records = await listAll(store, { userId, limit: 100 }, now);
  return records.map(({ id }) => id).sort();
}

/** Sweeps until nothing is left to remove. @returns how many were removed. */
export async function sweepAll(store: SessionStore, now: number, limit = 100): Promise<number> {
  let removed = 0;
  for (let round = 0; round < MOST_SWEEPS; round += 1) {
    const count = await store.sweep(limit, now);
    expectTrue(
      Number.isInteger(count),
      `\`sweep\` tells how many it has removed, not ${show(count)}`,
    );
    if (count === 0) return removed;
    removed += count;
  }
  throw new ExpectationError(`\`sweep\` still removed something after ${MOST_SWEEPS} rounds`);
}

// No test has as many records.
const MOST_SWEEPS = 1000;

export function sleep(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
