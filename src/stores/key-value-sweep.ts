/**
 * Sweeps a key-value store: goes along the directory and takes out what is over, and what the backend
 * has dropped by itself.
 *
 * @module
 */

import type { Entry, KeyValueSpace, StoredSession, StoredUser } from "./key-value-texts.ts";
import {
  decodeEntries,
  decodeNamedUser,
  decodeRecord,
  decodeUser,
  directory,
  encodeEntry,
  idOfMark,
  isYoung,
  markName,
  withoutMark,
  writtenUser,
} from "./key-value-texts.ts";

const CHUNK = 50;

/** @returns how many sessions and cut-offs were removed. */
export async function sweepSome(space: KeyValueSpace, limit: number, now: number): Promise<number> {
  let removed = 0;
  for await (const [bucket, text] of directory(space, 0)) {
    if (removed >= limit) break;
    removed += await sweepBucket(space, bucket, decodeEntries(text), limit - removed, now);
  }
  return removed;
}

/** The same with one piece of the directory. */
export async function sweepPiece(space: KeyValueSpace, bucket: number, now: number): Promise<void> {
  const [text] = await space.cells.read([space.keys.directory(bucket)]);
  await sweepBucket(space, bucket, decodeEntries(text), Number.POSITIVE_INFINITY, now);
}

async function sweepBucket(
  space: KeyValueSpace,
  bucket: number,
  entries: readonly Entry[],
  limit: number,
  now: number,
): Promise<number> {
  const { cells, keys } = space;
  const gone: Entry[] = [];
  let removed = 0;
  for (let at = 0; at < entries.length && removed < limit; at += CHUNK) {
    const some = entries.slice(at, at + CHUNK);
    const texts = await cells.read(some.map((entry) => keys.entry(entry)));
    for (const [index, entry] of some.entries()) {
      if (removed === limit) break;
      const text = texts[index];
      const swept =
        text === undefined
          ? GONE
          : entry.kind === "session"
            ? await sweepSession(space, decodeRecord(entry.name, text), now)
            : await sweepUser(space, entry, decodeNamedUser(entry, text), now);
      removed += swept.removed;
      if (swept.isGone && !isYoung(entry, now)) gone.push(entry);
    }
  }
  if (gone.length > 0) await takeOut(space, bucket, gone);
  return removed;
}

/** What has become of an entry. */
interface Swept {
  readonly removed: number;
  /** Nothing is left that the directory would have to name. */
  readonly isGone: boolean;
}

const GONE: Swept = { removed: 0, isGone: true };
const STAYS: Swept = { removed: 0, isGone: false };

async function sweepSession(
  { cells, keys }: KeyValueSpace,
  { record: { id, userId, expiresAt }, token }: StoredSession,
  now: number,
): Promise<Swept> {
  if (expiresAt > now) return STAYS;
  const swept = await cells.change<Swept>(keys.session(id) as string, (text) => {
    if (text === undefined) return { does: "keep", result: GONE };
    // Somebody may have touched it meanwhile.
    if (decodeRecord(id, text).record.expiresAt > now) return { does: "keep", result: STAYS };
    return { does: "remove", result: { removed: 1, isGone: true } };
  });
  if (swept.isGone && userId !== undefined) {
    await cells.change(keys.user(userId), (text) =>
      withoutMark(text === undefined ? undefined : decodeUser(userId, text), markName(id, token)),
    );
  }
  return swept;
}

/**
 * Drops what is over of a user: the cut-off, and the marks of sessions that are closed, or gone.
 *
 * @param entry - names the user
 */
export async function sweepUser(
  { cells, keys }: KeyValueSpace,
  entry: Pick<Entry, "kind" | "name">,
  { at, keepUntil, marks }: StoredUser,
  now: number,
): Promise<Swept> {
  const dropped: string[] = [];
  const all = [...marks];
  for (let from = 0; from < all.length; from += CHUNK) {
    const some = all.slice(from, from + CHUNK);
    const texts = await cells.read(some.map(([name]) => keys.session(idOfMark(name)) as string));
    for (const [index, [name, mark]] of some.entries()) {
      const text = texts[index];
      const id = idOfMark(name);
      const session = text === undefined ? undefined : decodeRecord(id, text);
      const isThere = session !== undefined && markName(id, session.token) === name;
      if (isThere ? session.record.closed : !isYoung(mark, now)) dropped.push(name);
    }
  }
  const isOver = at > 0 && keepUntil <= now;
  if (dropped.length === 0 && !isOver) return STAYS;
  return cells.change<Swept>(keys.entry(entry), (text) => {
    if (text === undefined) return { does: "keep", result: GONE };
    const user = decodeNamedUser(entry, text);
    const left = new Map(user.marks);
    for (const name of dropped) left.delete(name);
    const ends = user.at > 0 && user.keepUntil <= now;
    const cutOff = ends ? { at: 0, keepUntil: 0 } : { at: user.at, keepUntil: user.keepUntil };
    const next = { ...user, ...cutOff, marks: left };
    const isGone = left.size === 0 && next.at === 0;
    return writtenUser(next, { removed: ends ? 1 : 0, isGone });
  });
}

/** Takes entries out of a piece of the directory, and leaves what was added meanwhile. */
async function takeOut(
  { cells, keys }: KeyValueSpace,
  bucket: number,
  gone: readonly Entry[],
): Promise<void> {
  // Whoever makes a thing enters it, with the time: an entry of somebody who has signed in since is newer.
  const words = new Set(gone.map(encodeEntry));
  await cells.change<void>(keys.directory(bucket), (text) => {
    const left = decodeEntries(text)
      .map(encodeEntry)
      .filter((entry) => !words.has(entry));
    if (left.length === 0) return { does: "remove", result: undefined };
    return { does: "write", text: left.join(""), result: undefined };
  });
}
