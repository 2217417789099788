/**
 * Coalesces touches: at most one per session, process and touch interval.
 *
 * @module
 */

import { detached } from "../lib/bytes.ts";

export interface Touches {
  /** Whether the session's last use should be written now. */
  isDue(id: string, lastSeenAt: number, now: number): boolean;
  /** The same; if it is so, this call is the one that writes. */
  claim(id: string, lastSeenAt: number, now: number): boolean;
  /** The touch failed: the next request may try. */
  forget(id: string): void;
}

/**
 * Two generations of ids, swapped once per interval, so that the memory is bounded by the sessions
 * that were touched in the last two intervals and nothing is ever scanned.
 */
export function createTouches(interval: number): Touches {
  let young = new Map<string, number>();
  let old = new Map<string, number>();
  let swappedAt = 0;

  function swap(now: number): void {
    if (now - swappedAt < interval && now >= swappedAt) return;
    old = young;
    young = new Map();
    swappedAt = now;
  }

  function isDue(id: string, lastSeenAt: number, now: number): boolean {
    if (now - lastSeenAt < interval) return false;
    swap(now);
    const touchedAt = young.get(id) ?? old.get(id);
    return touchedAt === undefined || now - touchedAt >= interval;
  }

  return {
    isDue,
    claim(id, lastSeenAt, now) {
      if (!isDue(id, lastSeenAt, now)) return false;
      young.set(detached(id), now);
      return true;
    },
    forget(id) {
      young.delete(id);
      old.delete(id);
    },
  };
}
