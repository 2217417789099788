/**
 * Lists of a key-value store: a user's from the user's cell, everyone's from the directory.
 *
 * @module
 */

import type { ListPage, SessionRecord } from "./contract.ts";
import type { KeyValueSpace, StoredUser } from "./key-value-texts.ts";
import {
  bucketOf,
  decodeEntries,
  decodeRecord,
  decodeUser,
  directory,
  isLive,
} from "./key-value-texts.ts";

// What is read at once.
const CHUNK = 50;

/** A user's live sessions above the cut-off, in order of their ids. */
export async function listUser(
  space: KeyValueSpace,
  userId: string,
  cursor: string | undefined,
  limit: number,
  now: number,
): Promise<ListPage> {
  const [text] = await space.cells.read([space.keys.user(userId)]);
  if (text === undefined) return { records: [] };
  const user = decodeUser(userId, text);
  const ids = [...user.marks.keys()].filter((id) => isAfter(id, cursor)).sort();
  const records: SessionRecord[] = [];
  for (const some of chunks(ids)) {
    for (const record of await readRecords(space, some)) {
      if (!isListed(record, user, now)) continue;
      if (records.length === limit) return { records, cursor: records.at(-1)?.id };
      records.push({ ...record, mark: user.marks.get(record.id) as number });
    }
  }
  return { records };
}

/** Everyone's, piece by piece of the directory, each in order of the ids. */
export async function listAll(
  space: KeyValueSpace,
  cursor: string | undefined,
  limit: number,
  now: number,
): Promise<ListPage> {
  const records: SessionRecord[] = [];
  const first =
    cursor === undefined ? 0 : bucketOf({ kind: "session", name: cursor }, space.buckets);
  for await (const [bucket, text] of directory(space, first)) {
    const ids = decodeEntries(text)
      .filter(({ kind }) => kind === "session")
      .map(({ name }) => name)
      .filter((id) => bucket > first || isAfter(id, cursor));
    for (const some of chunks(ids)) {
      const found = (await readRecords(space, some)).filter((record) => isLive(record, now));
      const users = await readUsers(space, found);
      for (const record of found) {
        const user = record.userId === undefined ? undefined : users.get(record.userId);
        if (record.userId !== undefined && !isListed(record, user, now)) continue;
        if (records.length === limit) return { records, cursor: records.at(-1)?.id };
        records.push({ ...record, mark: user?.marks.get(record.id) ?? record.mark });
      }
    }
  }
  return { records };
}

function isAfter(id: string, cursor: string | undefined): boolean {
  return cursor === undefined || id > cursor;
}

function isListed(record: SessionRecord, user: StoredUser | undefined, now: number): boolean {
  if (!isLive(record, now) || user === undefined || record.userId !== user.userId) return false;
  const mark = user.marks.get(record.id);
  return mark !== undefined && mark > user.at;
}

async function readRecords(
  { cells, keys }: KeyValueSpace,
  ids: readonly string[],
): Promise<SessionRecord[]> {
  const texts = await cells.read(ids.map((id) => keys.session(id) as string));
  return ids.flatMap((id, index) => {
    const text = texts[index];
    return text === undefined ? [] : [decodeRecord(id, text)];
  });
}

/** The users of these records, read after them. */
async function readUsers(
  { cells, keys }: KeyValueSpace,
  records: readonly SessionRecord[],
): Promise<Map<string, StoredUser>> {
  const ids = [...new Set(records.flatMap(({ userId }) => userId ?? []))];
  const texts = await cells.read(ids.map((id) => keys.user(id)));
  const users = ids.flatMap((id, index): [string, StoredUser][] => {
    const text = texts[index];
    return text === undefined ? [] : [[id, decodeUser(id, text)]];
  });
  return new Map(users);
}

function chunks<Item>(items: readonly Item[]): Item[][] {
  const count = Math.ceil(items.length / CHUNK);
  return Array.from({ length: count }, (_, index) =>
    items.slice(index * CHUNK, (index + 1) * CHUNK),
  );
}
