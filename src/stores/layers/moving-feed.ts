/**
 * The feeds of revocations of two stores as one, and the entries of the old one into the new one.
 *
 * @module
 */

import type { Revocation, RevocationPage, Revocations } from "../contract.ts";

export function keepsRevocations(store: Partial<Revocations>): store is Revocations {
  return store.add !== undefined && store.since !== undefined;
}

/**
 * Adds to the new feed what it lacks of the old one. To be used while everyone writes into both: what was
 * revoked before that is in the old one only.
 */
export async function copyFeed(from: Revocations, to: Revocations): Promise<void> {
  const old = await entriesOf(from);
  const there = new Set((await entriesOf(to)).map(keyOf));
  const missing = old.filter((each) => !there.has(keyOf(each)));
  for (let at = 0; at < missing.length; at += AT_ONCE) {
    await Promise.all(missing.slice(at, at + AT_ONCE).map((each) => to.add(each)));
  }
}

/** All that a feed has, page by page. */
export async function entriesOf(feed: Revocations): Promise<readonly Revocation[]> {
  const pages: (readonly Revocation[])[] = [];
  let page: RevocationPage | undefined;
  do {
    page = await feed.since(page?.cursor);
    pages.push(page.revocations);
  } while (page.more === true);
  return pages.flat();
}

/** Both are told everything; each reader goes on in both. */
export function bothFeeds(from: Revocations, to: Revocations): Revocations {
  return {
    async add(revocation) {
      await from.add(revocation);
      await to.add(revocation);
    },
    async since(cursor) {
      const [before, after, known]: FeedCursor =
        cursor === undefined ? [undefined, undefined, []] : JSON.parse(cursor);
      // The new feed first: what it has, the old one has had before, if on a later page.
      const fresh = await to.since(after);
      const old = await from.since(before);
      const arrived = new Set(fresh.revocations.map(keyOf));
      // Told from the old feed, and not come from the new one yet.
      const awaited = new Set(known);
      const told = new Map<string, Revocation>();
      for (const each of old.revocations) {
        const key = keyOf(each);
        told.set(key, each);
        if (!arrived.has(key)) awaited.add(key);
      }
      for (const each of fresh.revocations) {
        const key = keyOf(each);
        if (!awaited.delete(key)) told.set(key, each);
      }
      const next: FeedCursor = [old.cursor, fresh.cursor, [...awaited].slice(-MOST_AWAITED)];
      const more = old.more === true || fresh.more === true;
      return { revocations: [...told.values()], cursor: JSON.stringify(next), more };
    },
  };
}

type FeedCursor = [before: string | undefined, after: string | undefined, awaited: string[]];

// Those that a process without this layer has added to the old feed alone never come. Telling one twice
// does no harm.
const MOST_AWAITED = 1000;
// To add one may take a wait for the disk.
const AT_ONCE = 100;

/** The same for an entry, whichever store gives it. */
function keyOf({ kind, id, at, until, except }: Revocation): string {
  return JSON.stringify([kind, id, at, until, except]);
}
