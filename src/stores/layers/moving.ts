/**
 * Two stores as one, for the time in which an app moves from the one to the other with nobody signed out.
 *
 * @module
 */

import { ConfigError, isCoatcheckError, section } from "../../errors.ts";
import { utf8Length } from "../../lib/bytes.ts";
import { dateNow } from "../../lib/clock.ts";
import type { Loaded, SessionRecord, SessionStore, StoreChange, StoreTraits } from "../contract.ts";
import type { AnyStore } from "./layer.ts";
import { handOn } from "./layer.ts";
import {
  finish,
  isLive,
  isMoved,
  isPending,
  MOVED_TAIL,
  moveSession,
  PENDING_BYTES,
} from "./move.ts";
import { bothFeeds, keepsRevocations } from "./moving-feed.ts";

export interface MovingOptions {
  /** Where the sessions are. */
  readonly from: AnyStore;
  /** Where they are to be. */
  readonly to: AnyStore;
  /**
   * Whether this process moves each session that it meets, and keeps new ones in `to`. Deploy `false`
   * everywhere first: from then on every process understands both places. Then deploy `true`.
   *
   * @default false
   */
  readonly move?: boolean | undefined;
  /** Tells which sessions are live, in milliseconds since the epoch. @default Date.now */
  readonly clock?: (() => number) | undefined;
}

const KNOWN = ["from", "to", "move", "clock"] as const;

/**
 * A store that finds a session in either of two stores, and moves it where asked to.
 *
 * It costs a second round trip for sessions that have not moved yet. A session shows up twice in a list
 * while it moves.
 *
 * @throws {ConfigError} when `from` or `to` is no store or remembers what it has read, or when only one of
 *   them keeps revocations.
 * @example
 * ```ts
 * const store = moving({ from: lmdbStore({ path }), to: redisStore({ client }), move: true });
 * ```
 */
export function moving(options: MovingOptions): AnyStore {
  const { move = false, clock = dateNow, ...places } = section("options", options, KNOWN);
  const from = place("from", places.from);
  const to = place("to", places.to);
  // "false" of an environment would move, and nothing moves back.
  if (typeof move !== "boolean") throw new ConfigError("move", "must be true or false");
  if (typeof clock !== "function") throw new ConfigError("clock", "must be a function");
  if (keepsRevocations(from) !== keepsRevocations(to)) {
    throw new ConfigError(
      "to",
      "and `from` must both keep revocations, or neither: one would forget them",
    );
  }
  const route = { from, to };

  async function load(id: string): Promise<Loaded | undefined> {
    const there = await to.load(id);
    const hasLeft = there !== undefined && isMoved(there.record);
    if (there !== undefined && !isPending(there.record) && !hasLeft) return asMoved(there);
    const here = await from.load(id);
    // A copy of what has ended before it was moved means nothing, wherever it lies.
    if (here === undefined || (isPending(here.record) && !hasLeft)) return undefined;
    const now = clock();
    // The two were turned around: it had moved from the one to the other before, and cannot move back for as long
    // as its id is taken there.
    if (hasLeft) {
      return isPending(here.record) ? await finish(from, here.record, there.record, now) : here;
    }
    if (isMoved(here.record)) {
      // Between the two looks it may have become the session.
      const copy = there ?? (await to.load(id));
      if (copy === undefined || !isPending(copy.record)) return asMoved(copy);
      return asMoved(await finish(to, copy.record, here.record, now));
    }
    if (!move || !isLive(here, now)) return here;
    try {
      return (await fits(here.record)) ? asMoved(await moveSession(route, here, now)) : here;
    } catch (error) {
      // For maintenance: who is signed in goes on reading, and moves when it is over.
      if (isCoatcheckError(error) && error.code === "ERR_STORE_READ_ONLY") return here;
      throw error;
    }
  }

  /**
   * Whether the new store can take it. One that is too long for it stays in the old store. Where the new one keeps
   * a user's sessions together, so does one whose id was not made for it, until it ends, or until its user signs
   * in again.
   */
  async function fits({ id, userId, body }: SessionRecord): Promise<boolean> {
    if (utf8Length(body) > to.traits.maxBodyBytes - PENDING_BYTES) return false;
    if (userId === undefined || to.home === undefined) return true;
    return id.startsWith(await to.home(userId));
  }

  // An id is made for the store that takes it. Where only one of them asks for that, it is made for that one
  // from the first deployment on.
  const home = move ? (to.home ?? from.home) : (from.home ?? to.home);
  const { watch: watchFrom } = from;
  const { watch: watchTo } = to;
  return {
    name: `${from.name} to ${to.name}`,
    traits: traitsOf(from.traits, to.traits),
    load,
    async create(record, startedAgo, now) {
      // One that is made of something else, as of another library's, may be in use in the other store.
      if ((await (move ? from : to).load(record.id)) !== undefined) return "taken";
      if (!record.closed) return (move ? to : from).create(record, startedAgo, now);
      // What is closed from the beginning stands for something that happens once, such as an adoption:
      // one store has to decide for all, whether they move or not.
      const outcome = await from.create(record, startedAgo, now);
      return outcome === "created" && move ? to.create(record, startedAgo, now) : outcome;
    },
    async update(id, revision, next, now) {
      if (revision >= MOVED_BASE) {
        return to.update(id, revision - MOVED_BASE, { ...next, body: next.body + MOVED_TAIL }, now);
      }
      // A revision of the old store must never meet a copy's: that one counts anew.
      const there = await to.load(id);
      const isNative = there !== undefined && !isCopy(there.record);
      return (isNative ? to : from).update(id, revision, next, now);
    },
    async touch(id, lastSeenAt, expiresAt, now) {
      if (await from.touch(id, lastSeenAt, expiresAt, now)) return true;
      // A pending copy would take it, and lose it when it becomes the session, if it ever does.
      const there = await to.load(id);
      if (there === undefined) return false;
      if (isPending(there.record)) {
        const here = await from.load(id);
        if (here === undefined || !isMoved(here.record)) return false;
        await finish(to, there.record, here.record, now);
      }
      return await to.touch(id, lastSeenAt, expiresAt, now);
    },
    async cutOff(userId, options, now) {
      // In this order: see `moveSession`.
      const before = await from.cutOff(userId, options, now);
      // Never a lower one there: a session that one cut-off has excepted may move before the next.
      return Math.max(before, await to.cutOff(userId, options, Math.max(now, before)));
    },
    async list({ userId, cursor, limit }, now) {
      // The old store first: what moves meanwhile is seen twice, and never missed.
      const isOld = cursor === undefined || cursor.startsWith("f");
      const page = await (isOld ? from : to).list(
        { userId, cursor: cursor?.slice(1) || undefined, limit },
        now,
      );
      const those = page.records.filter((each) => !isPending(each));
      const records = isOld ? those : those.map(withoutTail);
      if (page.cursor !== undefined)
        return { records, cursor: `${isOld ? "f" : "t"}${page.cursor}` };
      return isOld ? { records, cursor: "t" } : { records };
    },
    async sweep(limit, now) {
      const removed = await from.sweep(limit, now);
      return removed < limit ? removed + (await to.sweep(limit - removed, now)) : removed;
    },
    async close() {
      await Promise.all([from.close(), to.close()]);
    },
    ...(home && { home }),
    // A hint that tells of half of the changes would be worse than none.
    ...(watchFrom && watchTo && { watch: bothWatches(watchFrom, watchTo) }),
    ...(keepsRevocations(from) && keepsRevocations(to) && bothFeeds(from, to)),
  };
}

// What has moved is told with this on top of its revision, so that nobody who has read it in the old store
// writes over it here. White space at its end, which no JSON minds, tells it from what began here.
const MOVED_BASE = 2 ** 40;

/** What came from the old store, or has left for it. */
function isCopy(record: SessionRecord): boolean {
  return isPending(record) || isMoved(record) || hasTail(record);
}

function hasTail({ body }: SessionRecord): boolean {
  return body.endsWith(MOVED_TAIL);
}

function withoutTail(record: SessionRecord): SessionRecord {
  if (!hasTail(record)) return record;
  const { revision, body } = record;
  return {
    ...record,
    revision: revision + MOVED_BASE,
    body: body.slice(0, -MOVED_TAIL.length),
  };
}

function asMoved(loaded: Loaded | undefined): Loaded | undefined {
  return loaded && { record: withoutTail(loaded.record), cutOff: loaded.cutOff };
}

function traitsOf(from: StoreTraits, to: StoreTraits): StoreTraits {
  return {
    maxBodyBytes: Math.min(from.maxBodyBytes, to.maxBodyBytes) - PENDING_BYTES,
    ownClock: from.ownClock || to.ownClock,
    conditionalWrites: from.conditionalWrites && to.conditionalWrites,
    forgets: [...new Set([...from.forgets, ...to.forgets])],
    shared: from.shared && to.shared,
  };
}

/** A store to move from or to. */
function place(option: string, store: AnyStore): AnyStore {
  const handed: AnyStore = handOn(store, option);
  if (handed.traits.maxStaleness === undefined) return handed;
  // What it remembers would move after it has ended elsewhere.
  throw new ConfigError(option, "is a cache: put the cache around, as in cached(moving(…))");
}

type Watch = NonNullable<SessionStore["watch"]>;

/** Tells of both, and that nothing is told for as long as one of them tells nothing. */
function bothWatches(...watches: readonly Watch[]): Watch {
  return (listener) => {
    const lost = new Set<Watch>();
    const tell = (change: StoreChange): void => {
      try {
        listener(change);
      } catch {
        // It was a hint, and another one may follow.
      }
    };
    const ends = watches.map((watch) =>
      watch((change: StoreChange) => {
        if (change.kind === "lost") lost.add(watch);
        if (change.kind === "everything") lost.delete(watch);
        tell(change);
        // Whoever hears "everything" takes it that all is told again.
        if (change.kind === "everything" && lost.size > 0) tell({ kind: "lost" });
      }),
    );
    return () => {
      for (const end of ends) end();
    };
  };
}
