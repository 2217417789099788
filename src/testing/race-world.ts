/**
 * What the actors of a race play with: a few sessions, read and written so that the history knows
 * what each actor was told, and checked against it.
 *
 * @module
 */

import type { Loaded, NewRecord, SessionStore } from "../stores/contract.ts";
import { expectEqual, expectTrue } from "./expect.ts";
import type { RaceBody } from "./race-check.ts";
import { bodyOf, checkEnd } from "./race-check.ts";
import { createHistory, hasEnded, highestCutOff, isOver, know, knownOf } from "./race-history.ts";
import { cursorOf, DAY, HOUR, isLive, MINUTE, SECOND, sweepAll } from "./store-scene.ts";

/** A store in the hands of one actor. */
export interface RaceHandle {
  readonly store: SessionStore;
  /** Awaited before each verb, and before its arguments are made: the actor's turn, if verbs take turns. */
  turn(verb: string): Promise<void>;
}

export interface WorldOptions {
  /** Looks without being part of the race. */
  readonly store: SessionStore;
  readonly now: () => number;
  /** Lets an hour pass. */
  readonly expire: () => Promise<void>;
  /** Sets the names of this schedule apart from those of all others. */
  readonly schedule: number;
  readonly mainIs: "a user's" | "a visitor's";
}

export interface World {
  readonly userId: string;
  /** The session that the actors race for. It ends in a second unless it is used. */
  readonly main: string;
  /** Another session of the user, on another device. */
  readonly device: string;
  now(): number;
  /** Loads a session. What has ended must not be live, and no change that was kept may be missing. */
  read(handle: RaceHandle, id: string): Promise<Loaded | undefined>;
  /** Updates what was loaded; a `successor` closes it. @returns what the store answered. */
  write(handle: RaceHandle, loaded: Loaded, body: RaceBody): Promise<boolean>;
  /** Touches the main session. */
  touch(handle: RaceHandle): Promise<void>;
  /** Creates a session of the user. @returns its id, or `undefined` when it was cut off. */
  signIn(handle: RaceHandle, body: RaceBody): Promise<string | undefined>;
  cutOff(handle: RaceHandle, except?: string): Promise<void>;
  /** Lists the user's sessions, one on a page. */
  list(handle: RaceHandle): Promise<void>;
  /** Sweeps as a node would whose clock is two seconds ahead. */
  sweep(handle: RaceHandle): Promise<void>;
  expire(): Promise<void>;
  /** The sign-in that made this session is complete. */
  complete(successor: string): void;
  /** The sign-in that made this session gives it up. */
  abandon(successor: string): void;
  /** Checks what must hold at every moment. */
  checkStep(): Promise<void>;
  /** Checks what must hold in the end, and removes everything. */
  checkEnd(): Promise<void>;
}

// Requests began an hour ago and sessions two, so that any cut-off in the race is later, also by a
// store's own clock.
const SIGN_IN_BEGAN = HOUR;
const SESSIONS_BEGAN = 2 * HOUR;
const LIFE = 30 * MINUTE;

/** Sets up the sessions of one schedule. */
export async function openWorld(options: WorldOptions): Promise<World> {
  const { store: direct, now, schedule, mainIs } = options;
  const spectator: RaceHandle = { store: direct, turn: async () => undefined };
  const history = createHistory();
  const { sessions } = history;
  const userId = `ada ${schedule}`;
  const home = (await direct.home?.(userId)) ?? VISITORS_HOME;

  // The same order of ids in every schedule, so that lists give the same pages.
  function nextId(owner: string | undefined): string {
    const rest = `${schedule}`.padStart(12, "0") + `${sessions.size}`.padStart(4, "0");
    return (owner === undefined ? VISITORS_HOME : home) + rest;
  }

  function newRecord(owner: string | undefined, life: number, body: RaceBody): NewRecord {
    const id = nextId(owner);
    const lastSeenAt = now();
    const shortLived = life < MINUTE;
    know(history, { id, userId: owner, shortLived, changes: body.changes, lastSeenAt });
    const expiresAt = lastSeenAt + life;
    return { id, userId: owner, lastSeenAt, expiresAt, closed: false, body: JSON.stringify(body) };
  }

  async function setUp(owner: string | undefined, life: number): Promise<string> {
    const record = newRecord(owner, life, { changes: [] });
    expectEqual(await direct.create(record, SESSIONS_BEGAN, now()), "created", "create");
    return record.id;
  }

  async function read({ store, turn }: RaceHandle, id: string): Promise<Loaded | undefined> {
    await turn("load");
    const known = knownOf(history, id);
    const changes = [...known.changes];
    const ended = hasEnded(history, known);
    const cutOff = highestCutOff(history);
    const loaded = await store.load(id);
    const live = loaded !== undefined && isLive(loaded, now());
    if (!live) {
      known.seenEnded = true;
      return loaded;
    }
    expectTrue(!ended, `session ${id}, which has ended, stays ended`);
    const found = bodyOf(loaded).changes;
    for (const change of changes) expectTrue(found.includes(change), `${change} is kept`);
    if (known.userId !== undefined) {
      expectTrue(loaded.cutOff >= cutOff, "no cut-off is lower than the one acknowledged");
    }
    return loaded;
  }

  const [main, device] = await Promise.all([
    setUp(mainIs === "a user's" ? userId : undefined, SECOND),
    setUp(userId, LIFE),
  ]);

  return {
    userId,
    main,
    device,
    now,
    read,

    async write({ store, turn }, loaded, body) {
      await turn("update");
      const { id, revision } = loaded.record;
      const known = knownOf(history, id);
      const over = isOver(history, known);
      const close = body.successor !== undefined;
      const lastSeenAt = now();
      const expiresAt = lastSeenAt + (close ? MINUTE : LIFE);
      const next = { body: JSON.stringify(body), lastSeenAt, expiresAt, close };
      if (!(await store.update(id, revision, next, lastSeenAt))) return false;
      expectTrue(!over, `no write of session ${id} is acknowledged after its end`);
      known.writes += 1;
      known.lengthened = true;
      known.lastSeenAt = Math.max(known.lastSeenAt, lastSeenAt);
      if (close) known.closed = true;
      else for (const change of body.changes) known.changes.add(change);
      if (!close && body.rotatedBy !== bodyOf(loaded).rotatedBy) history.rotations += 1;
      return true;
    },

    async touch({ store, turn }) {
      await turn("touch");
      const known = knownOf(history, main);
      const over = isOver(history, known);
      const lastSeenAt = now() + 1;
      const done = await store.touch(main, lastSeenAt, lastSeenAt + LIFE, now());
      expectTrue(!(done && over), "no touch is acknowledged after the session's end");
      if (!done) {
        known.touchRefused = true;
        return;
      }
      known.lengthened = true;
      known.lastSeenAt = Math.max(known.lastSeenAt, lastSeenAt);
    },

    async signIn({ store, turn }, body) {
      await turn("create");
      const record = newRecord(userId, LIFE, body);
      const answer = await store.create(record, SIGN_IN_BEGAN, now());
      if (answer === "created") return record.id;
      expectEqual(answer, "cut-off", "create of a new id");
      expectTrue(history.cutting, "a sign-in is cut off only where there is a cut-off");
      expectEqual(await direct.load(record.id), undefined, "load after a refused create");
      sessions.delete(record.id);
      return undefined;
    },

    async cutOff({ store, turn }, except) {
      await turn("cutOff");
      history.cutting = true;
      const at = await store.cutOff(userId, { except, keepUntil: now() + DAY }, now());
      history.cutOffs.push({ at, except });
    },

    async list({ store, turn }) {
      const listed = new Set<string>();
      let pages = 0;
      let cursor: string | undefined;
      do {
        await turn("list");
        const known = [...sessions.values()];
        const ended = new Set(known.filter((one) => hasEnded(history, one)).map(({ id }) => id));
        const page = await store.list({ userId, cursor, limit: 1 }, now());
        for (const record of page.records) {
          expectTrue(record.userId === userId && !record.closed, `${record.id} is the user's`);
          expectTrue(!ended.has(record.id), `session ${record.id}, which has ended, is not listed`);
          expectTrue(!listed.has(record.id), `session ${record.id} is listed once`);
          listed.add(record.id);
        }
        cursor = cursorOf(page);
        pages += 1;
        expectTrue(pages <= MOST_PAGES, "the pages come to an end");
      } while (cursor !== undefined);
      const stayed = !history.cutting && !history.expired;
      expectTrue(listed.has(device) || !stayed, "a session that was there all along is listed");
    },

    async sweep({ store, turn }) {
      await turn("sweep");
      history.swept = true;
      await store.sweep(100, now() + 2 * SECOND);
    },

    async expire() {
      await options.expire();
      history.expired = true;
    },

    complete(successor) {
      history.completed.push(successor);
    },

    abandon(successor) {
      knownOf(history, successor).abandoned = true;
    },

    async checkStep() {
      for (const known of sessions.values()) {
        if (hasEnded(history, known)) await read(spectator, known.id);
      }
    },

    async checkEnd() {
      await checkEnd({ history, store: direct, userId, main, now: now() });
      await sweepAll(direct, now() + 2 * DAY);
      for (const id of sessions.keys()) {
        expectEqual(await direct.load(id), undefined, "load after everything was swept");
      }
    },
  };
}

const VISITORS_HOME = "raceHome";

// One session on each, and no race has as many.
const MOST_PAGES = 20;
