/**
 * A feed of revocations in memory.
 *
 * @module
 */

import type { Revocations } from "./contract.ts";
import type { FeedEntry } from "./feed-entries.ts";
import { standing } from "./feed-entries.ts";

const FIRST_CLEANING = 64;

/** An empty feed. Its cursor is the number of the last entry. */
export function memoryFeed(clock: () => number): Revocations {
  let entries: FeedEntry[] = [];
  let last = 0;
  let cleanAt = FIRST_CLEANING;

  return {
    async add(revocation) {
      last += 1;
      entries.push({ number: last, revocation: { ...revocation } });
      if (entries.length < cleanAt) return;
      // Each time it has doubled: what is over, or said once more, never takes more room than what is not.
      entries = standing(entries, clock());
      cleanAt = Math.max(FIRST_CLEANING, entries.length * 2);
    },

    async since(cursor) {
      const now = clock();
      const after = Number(cursor);
      // A cursor that was never given is no reason to miss anything.
      const from = after <= last ? firstAfter(entries, after) : 0;
      const revocations = entries
        .slice(from)
        .map(({ revocation }) => revocation)
        .filter(({ until }) => until > now);
      return { revocations, cursor: `${last}` };
    },
  };
}

/** Where the entries after a number begin. They are in order, with gaps. */
function firstAfter(entries: readonly FeedEntry[], number: number): number {
  let low = 0;
  let high = entries.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((entries[middle] as FeedEntry).number > number) high = middle;
    else low = middle + 1;
  }
  return low;
}
