/**
 * Judges what a store has returned: whether a session is live, and if not, why.
 *
 * @module
 */

import type { Judged } from "./mirror.ts";
import type { Kept } from "./record.ts";
import type { Refusal } from "./session.ts";
import type { Timeouts } from "./timeouts.ts";
import { ended } from "./timeouts.ts";

/** How long an ended session is remembered, so that late requests are told apart. */
export const REMEMBERED_FOR = 60_000;

/** How far a clock may be set back and a revocation still be remembered: it outlives its sessions by this. */
export const CLOCK_SLACK = 86_400_000;

export interface Verdict {
  /** Why the session does not count; `undefined` when it does. */
  readonly refusal: Refusal | undefined;
  /** A write must not start a new session in its place. */
  readonly blocked: boolean;
  /** What by longer timeouts, which are deployed elsewhere or were before, is live for all that. */
  readonly rivals?: readonly Kept[] | undefined;
}

const LIVE: Verdict = { refusal: undefined, blocked: false };

/** Says when a session was revoked by the feed, if it was. */
export type RevokedAt = (session: Judged) => number | undefined;

/**
 * Judges a session by today's timeouts, its user's cut-off and the feed of revocations.
 */
export function judge(
  kept: Kept,
  cutOff: number,
  timeouts: Timeouts,
  revokedAt: RevokedAt,
  now: number,
  arrivedAt: number = now,
): Verdict {
  const { record, content } = kept;
  if (record.closed) {
    const forgotten = now >= record.expiresAt;
    // However slow the request is: it came with this ticket while the session was remembered.
    const blocked = arrivedAt < record.expiresAt;
    return { refusal: forgotten ? "absent" : "closed", blocked };
  }
  const timeout = ended(timeouts, record, content, now);
  if (timeout !== undefined) {
    const rivals = now < record.expiresAt ? [kept] : undefined;
    return { refusal: timeout, blocked: false, rivals };
  }
  const at = revocationOf(kept, cutOff, revokedAt);
  if (at !== undefined) {
    return { refusal: "revoked", blocked: arrivedAt - at < REMEMBERED_FOR };
  }
  return LIVE;
}

/** The moment of the cut-off, or of the revocation, that a session has ended by. */
export function revocationOf(
  { record, content }: Kept,
  cutOff: number,
  revokedAt: RevokedAt,
): number | undefined {
  const { id, userId, mark } = record;
  if (userId !== undefined && mark <= cutOff) return cutOff;
  return revokedAt({ id, userId, mark, createdAt: content.createdAt });
}
