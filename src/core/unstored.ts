/**
 * What sealed and shared sessions have in common: no store of ours has a record of them, and of their end
 * the feed of revocations alone tells.
 *
 * @module
 */

import type { SessionRecord } from "../stores/contract.ts";
import { newSessionId } from "../token/ticket.ts";
import type { Core } from "./core.ts";
import type { RevokedAt } from "./judge.ts";
import { judge, revocationOf } from "./judge.ts";
import type { Visit } from "./method.ts";
import { signedOutMeanwhile } from "./method.ts";
import type { Kept } from "./record.ts";

/** Sessions of which the feed tells when they have ended. */
export interface Unstored {
  readonly revokedAt: RevokedAt;
  /** By the feed, or by its time: only a store could tell that it was used meanwhile. */
  isEnded(kept: Kept): boolean;
  /** What a session has that begins now. */
  newRecord(userId: string | undefined, mark: number): SessionRecord;
  /**
   * The same for a user who signs in.
   *
   * @param old - the session of before: a proof that is added to it keeps its mark.
   * @throws {SignInRefusedError} when the user was signed out everywhere since the request came.
   */
  recordFor(userId: string, visit: Visit, old: Kept | undefined): SessionRecord;
  /**
   * Ends the session that another was made in place of.
   *
   * @returns `false` when somebody else has ended it meanwhile: then nothing may follow it either.
   */
  supersede(old: Kept, deny: Deny): Promise<boolean>;
}

/** Writes to the feed, where there is one, that a session has ended. By its moment it is told from other ends. */
export type Deny = (kept: Kept, at: number, holds: "at once" | "once written") => Promise<void>;

export function createUnstored({ settings, mirror }: Core): Unstored {
  const { clock, timeouts } = settings;
  const revokedAt: RevokedAt = mirror === undefined ? () => undefined : mirror.revokedAt;
  let superseded = 0;

  function newRecord(userId: string | undefined, mark: number): SessionRecord {
    const now = clock();
    return {
      id: newSessionId(),
      revision: 1,
      userId,
      mark,
      lastSeenAt: now,
      expiresAt: now,
      closed: false,
      body: "",
    };
  }

  function isEnded(kept: Kept): boolean {
    return judge(kept, 0, timeouts, revokedAt, clock()).refusal !== undefined;
  }

  return {
    revokedAt,
    newRecord,
    isEnded,

    recordFor(userId, { openedAt }, old) {
      const own = old?.record.userId === userId ? old.record : undefined;
      const lifted = own && (mirror?.markOf(own) ?? own.mark);
      const mark = Math.max(openedAt, lifted ?? 0);
      const record = newRecord(userId, mark);
      const at = revokedAt({ id: record.id, userId, mark, createdAt: mark });
      if (at !== undefined) throw signedOutMeanwhile();
      return record;
    },

    async supersede(old, deny) {
      // Told from every other end by its moment: from a sign-out, which goes by the clock, and from another of these.
      const at = clock() - 1000 + (superseded++ % 1000);
      if (isEnded(old)) return false;
      await deny(old, at, "once written");
      return mirror === undefined || revocationOf(old, 0, revokedAt) === at;
    },
  };
}
