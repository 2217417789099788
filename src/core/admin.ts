/**
 * What is done to sessions from outside their own requests: list, revoke, sweep.
 *
 * @module
 */

import { UsageError } from "../errors.ts";
import type { SessionRecord } from "../stores/contract.ts";
import { closeSession } from "./close.ts";
import type { Core, StoredCore } from "./core.ts";
import { CLOCK_SLACK, judge, revocationOf } from "./judge.ts";
import { createTurns } from "./queues.ts";
import { Content, decodeContent, Kept } from "./record.ts";
import type { ListedSession } from "./session.ts";
import { describe } from "./state.ts";
import type { StoreCalls } from "./store-calls.ts";
import { createStoreCalls } from "./store-calls.ts";
import { LONGEST } from "./timeouts.ts";
import { EMPTY_TREE } from "./tree.ts";
import { checkUserId } from "./user-id.ts";

export interface Admin {
  list(userId?: string): AsyncGenerator<ListedSession>;
  revoke(id: string): Promise<boolean>;
  revokeUser(userId: string, except?: string): Promise<void>;
  revokeEveryone(): Promise<void>;
  keepCap(userId: string, newest: string): Promise<void>;
  sweep(batch: number): Promise<number>;
}

const PAGE = 250;
const DAY = 86_400_000;
const MONTH = 30 * DAY;

function isSessionId(given: unknown): given is string {
  return typeof given === "string" && /^[\w-]{24}$/.test(given);
}

export function createAdmin(core: Core, stored: StoredCore | undefined): Admin {
  const { settings, calls, mirror, events } = core;
  const { clock, timeouts } = settings;
  const isStored = settings.method === "stored";
  // What is sealed cannot be closed: it may be live again when shorter timeouts were deployed for a while.
  const longestSealed = Math.max(timeouts.longest, MONTH);
  let unhurried: StoreCalls | undefined;
  const inTurn = createTurns();
  // What a call is closing.
  const ending = new Set<string>();

  function storedOrRefuse(what: string): StoredCore {
    if (stored !== undefined) return stored;
    throw new UsageError(`${settings.method} sessions can't be ${what}: no \`store\` keeps them`);
  }

  /** What a store has listed; it has looked at the cut-off, and at the times that were written. */
  async function* pages(userId: string | undefined): AsyncGenerator<readonly Kept[]> {
    const { store } = storedOrRefuse("listed");
    let cursor: string | undefined;
    do {
      const query = { userId, cursor, limit: PAGE };
      const page = await calls.run("list", () => store.list(query, clock()));
      yield page.records.map(decoded).filter((kept) => kept !== undefined);
      cursor = page.cursor;
      if (cursor !== undefined) await breath();
    } while (cursor !== undefined);
  }

  /** What is live of that. */
  async function* live(userId: string | undefined): AsyncGenerator<readonly Kept[]> {
    const { everyoneAt } = storedOrRefuse("listed");
    for await (const page of pages(userId)) {
      const now = clock();
      await mirror?.ready(now);
      yield page.filter((kept) => {
        return judge(kept, 0, timeouts, everyoneAt, now).refusal === undefined;
      });
    }
  }

  async function* list(userId?: string): AsyncGenerator<ListedSession> {
    if (!isStored && settings.overflow !== "store") {
      throw new UsageError(
        `${settings.method} sessions can't be listed: they are not in the store`,
      );
    }
    for await (const page of live(userId)) {
      for (const kept of page) {
        const { id, userId: owner } = kept.record;
        yield { id, userId: owner, ...describe(kept, timeouts) };
      }
    }
  }

  async function revoke(id: string): Promise<boolean> {
    if (!isSessionId(id)) return false;
    const closed = stored && (await close(stored, id));
    // A sealed session is nowhere to be looked up: the id is denied, whoever has it.
    if (closed === undefined && isStored) return false;
    if (closed === undefined) await deny(id);
    core.closed(id);
    events.emit("revoked", { sessionId: id, userId: closed?.record.userId, by: "session" });
    return true;
  }

  /** Closes a session that is live, or would be by the longer timeouts of another deployment. */
  async function close(target: StoredCore, id: string): Promise<Kept | undefined> {
    const loaded = await calls.run("load", () => target.store.load(id));
    const kept = loaded && decoded(loaded.record);
    if (kept === undefined || loaded === undefined || kept.record.closed) return undefined;
    if (revocationOf(kept, loaded.cutOff, target.everyoneAt) !== undefined) return undefined;
    return (await closeSession(target, kept, undefined)) === "closed" ? kept : undefined;
  }

  async function deny(id: string): Promise<void> {
    if (mirror === undefined) throw unrevocable();
    const at = clock();
    await mirror.add({ kind: "session", id, at, until: rememberedUntil(at, longestSealed) });
  }

  /** Longer than any session it concerns could last, also when a clock is set back by hours. */
  function rememberedUntil(at: number, longest: number): number {
    return at + longest + CLOCK_SLACK;
  }

  async function revokeUser(userId: string, spared?: string): Promise<void> {
    checkUserId("revokeUser", userId);
    // It may come from a form: what is no id spares nobody, and no store is to fail at it.
    const except = isSessionId(spared) ? spared : undefined;
    if (!isStored && mirror === undefined) throw unrevocable();
    // Listed before the cut-off, below which nothing is listed any more. The cut-off alone decides, for as long as
    // anything is live by our timeouts; by those of another deployment it may be for longer.
    const listed = stored === undefined ? [] : await collect(pages(userId)).catch(() => []);
    const now = mirror?.reached(clock()) ?? clock();
    const until = rememberedUntil(now, isStored ? timeouts.longest : longestSealed);
    let at = now;
    if (stored !== undefined) {
      const options = { except, keepUntil: until };
      const cut = () => calls.run("cutOff", () => stored.store.cutOff(userId, options, now));
      // Again, for it may be the answer that was lost: the feed is to know of what the store has done.
      at = await cut().catch(cut);
    }
    // A store may go by a clock of its own, and what is sealed goes by ours.
    await mirror?.add({ kind: "user", id: userId, at: Math.max(at, now), until, except });
    events.emit("revoked", { sessionId: undefined, userId, by: "user" });
    const ended = listed.filter(({ record }) => record.id !== except);
    for (const { record } of ended) core.closed(record.id);
    await Promise.all([closeAll(ended), moment()]);
  }

  async function collect(listed: AsyncGenerator<readonly Kept[]>): Promise<Kept[]> {
    // One that moves to another store meanwhile may be listed twice.
    const all = new Map<string, Kept>();
    for await (const page of listed) for (const kept of page) all.set(kept.record.id, kept);
    return [...all.values()];
  }

  // They are over already; closing them frees their data. What fails is swept when it expires.
  async function closeAll(sessions: readonly Kept[]): Promise<void> {
    if (stored === undefined) return;
    // Whoever signs out everywhere a hundred times at once has each closed once, and not a hundred times.
    const left = sessions.filter(({ record }) => !ending.has(record.id));
    for (const { record } of left) ending.add(record.id);
    for (let at = 0; at < left.length; at += PAGE) {
      const batch = left.slice(at, at + PAGE);
      await Promise.allSettled(batch.map((kept) => closeSession(stored, kept, undefined)));
      await breath();
    }
    for (const { record } of left) ending.delete(record.id);
  }

  async function revokeEveryone(): Promise<void> {
    if (mirror === undefined) {
      throw new UsageError(
        "revokeEveryone needs a store that keeps revocations, such as lmdbStore or memoryStore",
      );
    }
    const at = mirror.reached(clock());
    await mirror.add({ kind: "everyone", at, until: rememberedUntil(at, LONGEST) });
    events.emit("revoked", { sessionId: undefined, userId: undefined, by: "everyone" });
    await moment();
    // Whoever was told that it failed would do it again, and end those who have signed in since.
    if (stored !== undefined) await closeUntil(at).catch(() => undefined);
  }

  async function closeUntil(at: number): Promise<void> {
    for await (const page of pages(undefined)) {
      const ended = page.filter((kept) => began(kept) <= at);
      for (const kept of ended) core.closed(kept.record.id);
      await closeAll(ended);
    }
  }

  async function keepCap(userId: string, newest: string): Promise<void> {
    const cap = settings.maxSessionsPerUser;
    if (cap === Number.POSITIVE_INFINITY || stored === undefined) return;
    // Of many sign-ins at once each would list what all have made, and close what all the others close.
    await inTurn(userId, () => keepCapOf(stored, userId, newest, cap));
  }

  async function keepCapOf(
    target: StoredCore,
    userId: string,
    newest: string,
    cap: number,
  ): Promise<void> {
    // In an order that all processes agree on, so that sign-ins at one time close the same ones.
    const newestFirst = (await collect(live(userId))).sort(
      (a, b) => b.record.mark - a.record.mark || (a.record.id < b.record.id ? 1 : -1),
    );
    for (const kept of newestFirst.slice(cap)) {
      const { id } = kept.record;
      if (id === newest) continue;
      if ((await closeSession(target, kept, undefined)) === "closed") {
        events.emit("revoked", { sessionId: id, userId, by: "cap" });
      }
    }
  }

  async function sweep(batch: number): Promise<number> {
    const { store } = storedOrRefuse("swept");
    // No request waits for it, and it may go along millions of records. One for all: each keeps a timer.
    unhurried ??= createStoreCalls(store.name, DAY, events);
    let total = 0;
    for (;;) {
      const removed = await unhurried.run("sweep", () => store.sweep(batch, clock()));
      total += removed;
      if (removed < batch) return total;
      await breath();
    }
  }

  return { list, revoke, revokeUser, revokeEveryone, keepCap, sweep };
}

// As they are when this is loaded: under a test runner's fake timers a sign-out everywhere would never be through.
const wait = setTimeout;
const { setImmediate: turn = wait } = globalThis as {
  setImmediate?: (then: () => void) => unknown;
};

/** Whoever signs in after a cut-off is to begin in a later millisecond, or it would end them as well. */
function moment(): Promise<unknown> {
  return new Promise((resolve) => wait(resolve, 2));
}

/**
 * Lets the event loop take a turn: a store in memory answers without one, and a million records in
 * one go would let every other request wait.
 */
function breath(): Promise<unknown> {
  return new Promise((resolve) => turn(resolve));
}

/** Without the data: what somebody who signs in again and again has kept in all of them may not fit in memory. */
function decoded(record: SessionRecord): Kept | undefined {
  const content = decodeContent(record.body);
  const bare = content && new Content({ ...content, data: EMPTY_TREE, head: undefined });
  return bare && new Kept({ ...record, body: "" }, bare);
}

/** What a cut-off of everyone is compared with. */
function began({ record, content }: Kept): number {
  const { createdAt } = content;
  return record.userId === undefined ? createdAt : Math.min(record.mark, createdAt);
}

function unrevocable(): UsageError {
  return new UsageError(
    'nothing can be revoked: `sealed.revocations` is "accept-replay". Give a store that keeps revocations',
  );
}
