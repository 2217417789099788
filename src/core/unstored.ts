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
import { judge } from "./judge.ts";
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
}

export function createUnstored({ settings, mirror }: Core): Unstored {
  const { clock, timeouts } = settings;
  const revokedAt: RevokedAt = mirror === undefined ? () => undefined : mirror.revokedAt;

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

  return {
    revokedAt,
    newRecord,

    isEnded: (kept) => judge(kept, 0, timeouts, revokedAt, clock()).refusal !== undefined,

    recordFor(userId, { openedAt }, old) {
      const own = old?.record.userId === userId ? old.record : undefined;
      const lifted = own && (mirror?.markOf(own) ?? own.mark);
      const mark = Math.max(openedAt, lifted ?? 0);
      const record = newRecord(userId, mark);
      const at = revokedAt({ id: record.id, userId, mark, createdAt: mark });
      if (at !== undefined) throw signedOutMeanwhile();
      return record;
    },
  };
}
