/**
 * The feed of revocations, in one log. Its cursor is the number of an entry.
 *
 * @module
 */

import type { Revocation, Revocations } from "./contract.ts";
import type { FeedEntry } from "./feed-entries.ts";
import { standing } from "./feed-entries.ts";
import type { Disk } from "./file-disk.ts";
import type { LogKind } from "./file-log.ts";
import { FEED } from "./file-paths.ts";
import { sharedLog } from "./file-shared-log.ts";

type Line = { readonly add: Revocation; readonly number?: number } | { readonly last: number };

interface Feed {
  readonly last: number;
  readonly entries: FeedEntry[];
}

/** @param clock - tells which entries need not be kept */
function feedLog(clock: () => number): LogKind<Feed, Line, undefined> {
  return {
    begin: () => ({ last: 0, entries: [] }),
    apply({ last, entries }, entry) {
      if ("last" in entry) return { state: { last: entry.last, entries }, result: undefined };
      const number = entry.number ?? last + 1;
      entries.push({ number, revocation: entry.add });
      return { state: { last: Math.max(last, number), entries }, result: undefined };
    },
    snapshot({ last, entries }) {
      const valid = standing(entries, clock());
      // Numbers are never given again, also when the last entry is over.
      return [{ last }, ...valid.map(({ number, revocation }) => ({ add: revocation, number }))];
    },
  };
}

/** @param clock - tells which entries are over */
export function feedOn(
  disk: Disk,
  clock: () => number,
): Revocations & { tidy(): Promise<void>; close(): void } {
  const log = sharedLog(disk, FEED, feedLog(clock));
  return {
    async add(revocation) {
      await log.add({ add: { ...revocation } });
    },

    async since(cursor) {
      const { last, entries } = await log.read();
      const now = clock();
      const number = cursor === undefined ? 0 : Number(cursor);
      const after = Number.isSafeInteger(number) && number >= 0 && number <= last ? number : 0;
      let from = entries.length;
      while (from > 0 && (entries[from - 1] as { number: number }).number > after) from -= 1;
      const revocations: Revocation[] = [];
      for (const { number: its, revocation } of entries.slice(from)) {
        // Read by another call since: they come after this cursor, or they would be told twice.
        if (its > last) break;
        if (revocation.until > now) revocations.push({ ...revocation });
      }
      return { revocations, cursor: `${last}` };
    },

    tidy: log.tidy,
    close: log.close,
  };
}
