/**
 * What a feed of revocations that is held in memory goes on holding.
 *
 * @module
 */

import type { Revocation } from "./contract.ts";

/** Numbers grow, and none is given twice. */
export interface FeedEntry {
  readonly number: number;
  readonly revocation: Revocation;
}

/**
 * The entries that still say something, in order. The latest cut-off of a user stands for those before it: anybody
 * may sign out everywhere else as often as they like.
 */
export function standing(entries: readonly FeedEntry[], now: number): FeedEntry[] {
  const latestLast = entries
    .filter(({ revocation: { until } }) => until > now)
    .sort((a, b) => a.revocation.at - b.revocation.at);
  const bySubject = new Map(latestLast.map((entry) => [subjectOf(entry), entry]));
  return [...bySubject.values()].sort((a, b) => a.number - b.number);
}

function subjectOf({ number, revocation: { kind, id, except } }: FeedEntry): string | number {
  return kind === "user" ? `${except} ${id}` : number;
}
