/**
 * A request in a race: it arrives with the cookie that the browser has then, loads its session, does
 * something, and answers.
 *
 * @module
 */

import type { HeadChanges, LoadedSession, Session } from "../../../src/index.ts";
import { expectTrue } from "../../../src/testing/expect.ts";
import type { Wire } from "../../../src/testing/explorer.ts";
import type { Known } from "./history.ts";
import type { Data, Process } from "./process.ts";
import type { Jar, World } from "./world.ts";
import { checkOwners } from "./world.ts";

/** Somebody who takes part. */
export interface Part {
  readonly name: string;
  readonly world: World;
  readonly process: Process;
  readonly wire: Wire;
  /** Its request is there from the beginning, with the cookie that the browser had then. */
  readonly isThere: boolean;
}

export interface Visit {
  readonly openedAt: number;
  /** It was sent before the rotation: it may neither rotate nor set a cookie. */
  readonly isLate: boolean;
  readonly session: Session<Data>;
  readonly loaded: LoadedSession<Data>;
  /** The session that was found. */
  readonly found: Known | undefined;
  /** It has no session, or one that ended long ago: whatever is written starts a new one. */
  readonly startsAfresh: boolean;
  /** @returns false for a refusal with this code, which must have a reason. */
  attempt(code: string, run: () => unknown): Promise<boolean>;
  /** The session that the request is in now. `from`: the one that it followed. */
  now(from?: Known): Known | undefined;
  /** Commits. Handlers that were refused throw, so what they had buffered is dropped. */
  answer(refused: boolean): Promise<HeadChanges>;
}

// Far enough apart that no request falls into the millisecond of another one's cut-off.
const BETWEEN = 10;
/** How long an ended session is told apart from one that never was. */
const REMEMBERED_FOR = 60_000;

/**
 * Arrives, perhaps later than others have acted, and loads.
 *
 * @param isLate - it was sent before the rotation, and is on its way since then.
 */
export async function visit(
  { world, process, wire, isThere }: Part,
  jar: Jar,
  isLate = false,
): Promise<Visit> {
  const { clock, history } = world;
  if (!isThere && !isLate) await wire("arrives", async () => clock.set(clock.now() + BETWEEN));
  const openedAt = clock.now();
  const cookie = isLate ? world.before : jar.cookie;
  const presented = world.sessionOf(cookie);
  const ended = history.known.filter((known) => history.fate(known) === "dead");
  const session = process.sessions.open({ headers: cookie === undefined ? {} : { cookie } });
  const loaded = await session.load();
  for (const id of process.told.reused) history.find(id).ended = true;
  checkOwners(loaded);
  const found = loaded.id === undefined ? undefined : history.find(loaded.id);
  if (found === undefined) {
    const dead = presented === undefined || history.fate(presented) !== "live";
    const behind = loaded.refusal === "superseded" && world.start === "a user's, just rotated";
    expectTrue(dead || behind, `P16 a live session is served, not refused: ${loaded.refusal}`);
  } else {
    expectTrue(found === presented, "P6 a ticket opens the session that it was made for");
    expectTrue(!ended.includes(found), "P5 who arrives after a session's end does not find it");
  }

  const isLongAgo = clock.now() - world.beganAt > REMEMBERED_FOR;

  return {
    openedAt,
    isLate,
    session,
    loaded,
    found,
    startsAfresh: found === undefined && (presented === undefined || isLongAgo),

    async attempt(code, run) {
      try {
        await run();
        return true;
      } catch (error) {
        if ((error as { code?: unknown }).code !== code) throw error;
        const dead = presented === undefined || history.fate(presented) !== "live";
        const userId = found?.userId ?? "ada";
        const reason = dead || history.isCutOff(userId, openedAt);
        expectTrue(reason, `nobody is refused without a reason: ${(error as Error).message}`);
        return false;
      }
    },

    now(from) {
      const { id, userId, info } = loaded;
      if (id === undefined) return undefined;
      const known = history.known.find((each) => each.id === id);
      if (known !== undefined) return known;
      const { createdAt, endsAt } = info;
      return history.know({ id, userId, from, createdAt, endsAt }, openedAt);
    },

    answer: (refused) => session.commit({ at: "head", failed: refused }),
  };
}
