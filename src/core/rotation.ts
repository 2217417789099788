/**
 * Rotation: a new ticket secret for the same session, and what the old one is still good for.
 *
 * The previous ticket secret stays good until the new one is seen, and for a short grace after
 * that; then its return means that somebody copied the cookie (OWASP Session Management, "Renewal
 * Timeout"; RFC 9700 §4.14.2 has the same for refresh tokens).
 *
 * @module
 */

import { equalText } from "../lib/bytes.ts";
import type { Verifiers } from "./record.ts";

/** What a ticket secret is to a session. */
export type Recognition = "current" | "previous" | "reuse" | "unknown";

/** While a rotation is younger than this and unseen, nobody rotates again. */
const UNSEEN_GRACE = 30_000;

/** Recognises a ticket secret by its verifier, judged by when the request arrived. */
export function recognise(
  verifiers: Verifiers,
  verifier: string,
  arrivedAt: number,
  grace: number,
): Recognition {
  if (equalText(verifiers.current, verifier)) return "current";
  if (verifiers.previous === undefined || !equalText(verifiers.previous, verifier)) {
    return "unknown";
  }
  const { confirmedAt } = verifiers;
  return confirmedAt === undefined || arrivedAt < confirmedAt + grace ? "previous" : "reuse";
}

/** The new ticket secret was seen for the first time. */
export function confirmed(verifiers: Verifiers, now: number): Verifiers {
  return { ...verifiers, confirmedAt: now };
}

/** Whether the newest ticket secret is still waiting to be seen. */
export function isUnconfirmed(verifiers: Verifiers): boolean {
  return verifiers.previous !== undefined && verifiers.confirmedAt === undefined;
}

/**
 * Whether a request that presented `verifier` should get a new ticket secret: it is time, or the
 * answer that carried the newest one seems to have been lost.
 */
export function isRotationDue(
  verifiers: Verifiers,
  verifier: string,
  rotateEvery: number,
  arrivedAt: number,
  now: number,
): boolean {
  if (verifier === verifiers.current) return now - verifiers.rotatedAt >= rotateEvery;
  // Judged by when the request arrived: however slow it is, the newest ticket may be on its way.
  const isLost = arrivedAt - verifiers.rotatedAt >= UNSEEN_GRACE;
  return isUnconfirmed(verifiers) && isLost && verifier === verifiers.previous;
}

/**
 * Whether others may have rotated again before an answer with the newest ticket goes out, as if it had been lost: by
 * whoever stood still for so long.
 */
export function mayBeReplaced({ rotatedAt }: Verifiers, now: number): boolean {
  return now - rotatedAt > UNSEEN_GRACE / 2;
}

/** Replaces the ticket secret. What the client presented is the one that stays good. */
export function rotated(presented: string, next: string, now: number): Verifiers {
  return { current: next, rotatedAt: now, previous: presented, confirmedAt: undefined };
}
