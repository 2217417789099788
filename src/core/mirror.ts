/**
 * The feed of revocations, mirrored in memory, so that a sealed session is judged without I/O.
 *
 * There is no timer: a request that finds the mirror half as old as it may be refreshes it in the
 * background, and one that finds it too old waits. So a revocation holds in every process within
 * the revocation delay, also where a process sleeps between requests. (Where the work of a request dies with
 * it, as on Workers, the sessions are made in each request, and so is this. Where they are not, a reading that
 * died is waited for until its deadline, and then begun anew.)
 *
 * @module
 */

import { detached } from "../lib/bytes.ts";
import type { Revocation, Revocations } from "../stores/contract.ts";
import type { StoreCalls } from "./store-calls.ts";

/** What a revocation is compared with. */
export interface Judged {
  readonly id: string;
  readonly userId: string | undefined;
  readonly mark: number;
  readonly createdAt: number;
}

export interface Mirror {
  /** To be awaited before `revokedAt` is asked: `undefined` unless the mirror is older than it may be. */
  ready(now: number): Promise<void> | undefined;
  /**
   * The moment for a cut-off: now; by a clock that was set back by up to a minute, the latest that it has told here, as
   * to this and to `ready`. Whoever began in the time that comes again would be left out.
   */
  reached(now: number): number;
  /** When everyone was signed out, if the session began before that. */
  everyoneAt(session: Judged): number | undefined;
  /** When the session was revoked: it alone, its user's, or everyone's. */
  revokedAt(session: Judged): number | undefined;
  /** Since when a session is its user's: a cut-off that has excepted it has lifted its mark, as a store would. */
  markOf(session: Pick<Judged, "id" | "userId" | "mark">): number;
  /**
   * Writes to the feed. Holds in this process at once, also when the feed cannot be written: whoever ends
   * a session must see it end. `"once written"`: only then, where a failure is to leave everything as it was.
   */
  add(revocation: Revocation, holds?: "at once" | "once written"): Promise<void>;
}

interface CutOff {
  readonly at: number;
  readonly until: number;
  readonly except: string | undefined;
}

// A clock that was ahead by more was wrong, and nobody is to be kept out for as long.
const LONGEST_STEP = 60_000;

/**
 * @param deadline - of each of the calls, in milliseconds
 * @param changed - is told what was added, here or elsewhere.
 */
export function createMirror(
  revocations: Revocations,
  calls: StoreCalls,
  maxAge: number,
  deadline: number,
  changed: (revocation: Revocation) => void,
): Mirror {
  const sessions = new Map<string, { readonly at: number; readonly until: number }>();
  const users = new Map<string, readonly CutOff[]>();
  let everyoneOutAt = Number.NEGATIVE_INFINITY;
  let cursor: string | undefined;
  let syncedAt = Number.NEGATIVE_INFINITY;
  let syncedSince = 0;
  let forgottenAt = 0;
  let refreshing: Promise<void> | undefined;
  let askedAt = 0;
  let latest = 0;

  function apply(revocation: Revocation): void {
    const { kind, id = "", at, until, except } = revocation;
    if (kind === "session") {
      const known = sessions.get(id);
      sessions.set(id, known === undefined || known.until < until ? { at, until } : known);
    } else if (kind === "user") {
      users.set(id, withCutOff(users.get(id) ?? [], { at, until, except }));
    } else {
      everyoneOutAt = Math.max(everyoneOutAt, at);
    }
    changed(revocation);
  }

  // What has run out concerns no session any more. Once per delay, however many requests there are.
  function forget(now: number): void {
    if (now - forgottenAt < maxAge && now >= forgottenAt) return;
    forgottenAt = now;
    for (const [id, { until }] of sessions) if (until <= now) sessions.delete(id);
    for (const [id, cutOffs] of users) {
      const left = cutOffs.filter(({ until }) => until > now);
      if (left.length === 0) users.delete(id);
      else if (left.length < cutOffs.length) users.set(id, left);
    }
  }

  // Page by page, each with a deadline of its own; where one fails, the next refresh goes on.
  async function readOn(now: number): Promise<void> {
    const began = performance.now();
    if (now < forgottenAt) {
      // The clock was ahead: what it took for over is read again.
      cursor = undefined;
      forgottenAt = now;
    }
    let more: boolean | undefined;
    do {
      askedAt = performance.now();
      const page = await calls.run("since", () => revocations.since(cursor));
      for (const revocation of page.revocations) apply(revocation);
      ({ cursor, more } = page);
    } while (more);
    // The moment when the first question was asked: what was added after it may be missing.
    syncedAt = now;
    syncedSince = began;
    forget(now);
  }

  function refresh(now: number): Promise<void> {
    // Where the work of a request dies with it, so does the timer of its deadline: nobody tells that it failed.
    if (refreshing === undefined || performance.now() - askedAt > deadline) {
      const reading = readOn(now).finally(() => {
        if (refreshing === reading) refreshing = undefined;
      });
      refreshing = reading;
    }
    return refreshing;
  }

  // A clock that went back tells nothing about the age. One that went back by less than has passed is found
  // out by the machine's own, which nobody sets.
  function age(now: number): number {
    const byClock = now - syncedAt;
    return byClock < 0 ? maxAge : Math.max(byClock, performance.now() - syncedSince);
  }

  /** The answer under way may be to a question that was asked too long ago. */
  async function renew(now: number): Promise<void> {
    await refresh(now);
    if (age(now) >= maxAge) await refresh(now);
  }

  // By both: a sign-in may have begun before and written after, and a user's cut-off that has excepted
  // a session has lifted its mark, but nothing excepts anyone from everyone.
  function everyoneAt({ userId, mark, createdAt }: Judged): number | undefined {
    const began = userId === undefined ? createdAt : Math.min(mark, createdAt);
    return began <= everyoneOutAt ? everyoneOutAt : undefined;
  }

  return {
    ready(now) {
      if (now > latest) latest = now;
      const aged = age(now);
      if (aged >= maxAge) return renew(now);
      // A failure in the background is told by the `outage` event, and by the wait that follows it.
      if (aged >= maxAge / 2) refresh(now).catch(() => undefined);
      return undefined;
    },
    reached(now) {
      if (now > latest) latest = now;
      return latest - now < LONGEST_STEP ? latest : now;
    },
    everyoneAt,
    revokedAt(session) {
      const { id, userId, mark } = session;
      const at = everyoneAt(session);
      if (at !== undefined) return at;
      if (sessions.size > 0) {
        const revoked = sessions.get(id);
        if (revoked !== undefined) return revoked.at;
      }
      if (userId === undefined || users.size === 0) return undefined;
      return users.get(userId)?.find((cutOff) => mark <= cutOff.at && id !== cutOff.except)?.at;
    },
    markOf({ id, userId = "", mark }) {
      const excepting = users.get(userId)?.filter(({ except }) => except === id) ?? [];
      return Math.max(mark, ...excepting.map(({ at }) => at + 1));
    },
    async add(given, holds = "at once") {
      const { id } = given;
      // It is remembered for weeks: the id alone, and not the session or the request that it was read from.
      const revocation = id === undefined ? given : { ...given, id: detached(id) };
      const write = () => calls.run("add", () => revocations.add(revocation));
      if (holds === "at once") apply(revocation);
      // Again, for it may be the answer that was lost: the same revocation twice is one.
      await write().catch(write);
      if (holds === "once written") apply(revocation);
    },
  };
}

/**
 * The latest cut-off, and the latest that excepts another session (or none): what an earlier one ends,
 * one of these two ends as well.
 */
function withCutOff(known: readonly CutOff[], added: CutOff): readonly CutOff[] {
  const latestFirst = [...known, added].sort((a, b) => b.at - a.at);
  const latest = latestFirst[0] as CutOff;
  const other = latestFirst.find(({ except }) => except !== latest.except);
  return other === undefined ? [latest] : [latest, other];
}
