/**
 * What must hold when a race is over, by what the actors were told.
 *
 * @module
 */

import type { Loaded, SessionStore } from "../stores/contract.ts";
import { expectEqual, expectTrue } from "./expect.ts";
import type { History, Known } from "./race-history.ts";
import { knownOf, mayBeGone, mustLive } from "./race-history.ts";
import { isLive, listedIds } from "./store-scene.ts";

/** What a race's sessions have for a body. */
export interface RaceBody {
  /** One entry for each change that was made. */
  readonly changes: readonly string[];
  readonly rotatedBy?: string | undefined;
  /** Only in a closed record: the session that followed, or nothing. */
  readonly successor?: string | undefined;
}

/** A race that is over. */
export interface Ended {
  readonly history: History;
  readonly store: SessionStore;
  readonly userId: string;
  /** The session that was raced for. */
  readonly main: string;
  readonly now: number;
}

/** @throws {ExpectationError} for the first promise that was broken. */
export async function checkEnd(ended: Ended): Promise<void> {
  const { history, store, userId, main, now } = ended;
  const listed: string[] = [];
  for (const known of history.sessions.values()) {
    const loaded = await store.load(known.id);
    checkSession(history, known, loaded, now);
    if (loaded?.record.userId === userId && isLive(loaded, now)) listed.push(known.id);
  }
  expectEqual(await listedIds(store, now, userId), listed.sort(), "the user's list");
  expectTrue(history.rotations <= 1, "at most one rotation is acknowledged");
  expectTrue(history.completed.length <= 1, "at most one sign-in is completed");
  for (const successor of history.completed) {
    const before = knownOf(history, main);
    const { changes } = knownOf(history, successor);
    expectTrue(before.closed, "a completed sign-in has closed the session before");
    for (const change of before.changes) {
      expectTrue(changes.has(change), `${change} came along with the sign-in`);
    }
  }
}

function checkSession(
  history: History,
  known: Known,
  loaded: Loaded | undefined,
  now: number,
): void {
  const { id, writes, closed, changes, touchRefused } = known;
  const live = loaded !== undefined && isLive(loaded, now);
  expectEqual(live, mustLive(history, known), `session ${id} is live`);
  if (loaded === undefined) {
    expectTrue(mayBeGone(history, known), `session ${id} lies in the store`);
    return;
  }
  const { record } = loaded;
  expectEqual(record.revision, 1 + writes, `the revision of session ${id}`);
  expectEqual(record.closed, closed, `session ${id} is closed`);
  expectEqual(record.userId, closed ? undefined : known.userId, `the user of session ${id}`);
  expectTrue(record.lastSeenAt >= known.lastSeenAt, "no acknowledged use is forgotten");
  const found = closed ? [...changes] : [...bodyOf(loaded).changes];
  expectEqual(found.sort(), [...changes].sort(), `the changes in session ${id}`);
  const over = closed || record.expiresAt <= now;
  expectTrue(over || !touchRefused, "only a session that is over refuses a touch");
}

/** The body of a race's session. */
export function bodyOf({ record }: Loaded): RaceBody {
  return JSON.parse(record.body) as RaceBody;
}
