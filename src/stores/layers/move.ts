/**
 * Moves one session from a store to another while both are in use: three writes with one outcome.
 *
 * 1. A *pending* copy is created in the new store: nobody reads it yet.
 * 2. The record in the old store is closed, at the revision that was copied, as *moved*.
 * 3. The copy becomes the session.
 *
 * Until (2) the old store is the authority, from then on the new one. Whoever is stopped in between has
 * lost nothing: before (2) the copy means nothing, after it the next one who looks does (3).
 *
 * @module
 */

import { StoreUnavailableError } from "../../errors.ts";
import type { Loaded, SessionRecord, SessionStore } from "../contract.ts";

const PENDING = "coatcheck-pending:";
const MOVED = "coatcheck-moved:";
/** What a moved session's body ends with: white space that no body of ours has. */
export const MOVED_TAIL = "\n\t\n \t";

/** How many bytes a pending copy's body may be longer than the session's. */
export const PENDING_BYTES = 40;

/** A copy that nobody reads yet. */
export function isPending({ body }: SessionRecord): boolean {
  return body.startsWith(PENDING);
}

/** A closed record whose session lies in the new store. */
export function isMoved({ closed, body }: SessionRecord): boolean {
  return closed && body === MOVED;
}

interface Route {
  readonly from: SessionStore;
  readonly to: SessionStore;
}

/**
 * Moves a live session.
 *
 * @param loaded - as the old store has just given it: live, and above its user's cut-off.
 * @returns what there is to go on with: the session as it lies in the new store; or what the old one says
 *   now, where it has ended meanwhile; `undefined` when it is nowhere any more.
 */
export async function moveSession(
  { from, to }: Route,
  loaded: Loaded,
  now: number,
): Promise<Loaded | undefined> {
  let current = loaded;
  // Somebody has to win each time, so this ends; but no request is to wait for ever.
  for (let tries = 0; tries < 20; tries += 1) {
    const { record } = current;
    const pending = await putPending(to, record, now);
    // Another process has made it the session already.
    if (pending === "final") return to.load(record.id);
    // It is over, or lies within a millisecond of a cut-off that excepted it, or its place is taken: the old
    // store says which.
    if (pending === "refused") return from.load(record.id);
    // A cut-off is written in the old store first: one that came before the copy is seen here, and one that
    // comes later finds the copy in the new store.
    const again = await from.load(record.id);
    if (again === undefined) return undefined;
    if (isMoved(again.record)) return finish(to, pending, again.record, now);
    if (!isLive(again, now)) return again;
    current = again;
    const { revision, lastSeenAt, expiresAt } = again.record;
    // Nor may the copy be over before the session: nobody could make it the session then.
    if (revision !== record.revision || expiresAt > record.expiresAt) continue;
    const marker = { body: MOVED, lastSeenAt, expiresAt, close: true };
    if (await from.update(record.id, revision, marker, now)) {
      return finish(to, pending, again.record, now);
    }
  }
  throw new StoreUnavailableError(to.name, "move", new Error("other requests kept writing"));
}

/** Whether the old store's record is one to go on with. */
export function isLive({ record, cutOff }: Loaded, now: number): boolean {
  const { closed, expiresAt, userId, mark } = record;
  return !closed && expiresAt > now && (userId === undefined || mark > cutOff);
}

/** What has to be known of a pending copy to make it the session. */
type Pending = Pick<SessionRecord, "id" | "revision" | "body">;

type Times = Pick<SessionRecord, "lastSeenAt" | "expiresAt">;

/**
 * Makes the pending copy, or a newer one. `"final"` when it is the session already; `"refused"` when the new
 * store does not take it now.
 */
async function putPending(
  to: SessionStore,
  record: SessionRecord,
  now: number,
): Promise<Pending | "final" | "refused"> {
  const { id, userId, mark, lastSeenAt, expiresAt, revision } = record;
  const body = `${PENDING}${revision}:${record.body}${MOVED_TAIL}`;
  const copy = { id, userId, lastSeenAt, expiresAt, closed: false, body };
  // A store with a clock of its own gives the mark by that: one that lies ahead, as behind a cut-off by a
  // clock that is ahead, would lie above that store's next cut-offs.
  const least = to.traits.ownClock ? 0 : Number.NEGATIVE_INFINITY;
  const startedAgo = userId === undefined ? 0 : Math.max(least, now - mark);
  // The old store has judged it by the same cut-offs; its clock, or a session that one excepted, may
  // differ by a little.
  let outcome = await to.create(copy, startedAgo, now);
  if (outcome === "cut-off") outcome = await to.create(copy, -1, now);
  if (outcome === "cut-off") return "refused";
  if (outcome === "created") return { ...copy, revision: 1 };
  for (;;) {
    const there = (await to.load(id))?.record;
    if (there === undefined) {
      throw new StoreUnavailableError(to.name, "move", new Error("the copy is not taken"));
    }
    if (!isPending(there)) return "final";
    // Of somebody who was stopped long ago: it can't be written any more, and lies there until it is swept.
    if (there.expiresAt <= now) return "refused";
    const ahead = revisionOf(there) - revision;
    // An older one in the place of a newer one might become the session.
    if (ahead > 0 || (ahead === 0 && there.expiresAt >= expiresAt)) return there;
    const next = { body, lastSeenAt, expiresAt };
    if (await to.update(id, there.revision, next, now)) {
      return { ...next, id, revision: there.revision + 1 };
    }
  }
}

/**
 * Makes the pending copy the session.
 *
 * @param times - as the old store has them: it may have been touched there after it was copied.
 */
export async function finish(
  to: SessionStore,
  pending: Pending,
  times: Times,
  now: number,
): Promise<Loaded | undefined> {
  const { id, revision } = pending;
  const { lastSeenAt, expiresAt } = times;
  const body = pending.body.slice(pending.body.indexOf(":", PENDING.length) + 1);
  await to.update(id, revision, { body, lastSeenAt, expiresAt }, now);
  const there = await to.load(id);
  // Another process was faster, with this copy or with a newer one; one whose time is over stays pending.
  if (there === undefined || !isPending(there.record)) return there;
  return there.record.expiresAt <= now ? undefined : finish(to, there.record, times, now);
}

function revisionOf({ body }: SessionRecord): number {
  return Number.parseInt(body.slice(PENDING.length), 10);
}
