/**
 * Lists of a key-value store: a user's from the user's cell, everyone's from the directory.
 *
 * @module
 */

import type { ListPage, SessionRecord } from "./contract.ts";
import type { KeyValueSpace, StoredSession, StoredUser } from "./key-value-texts.ts";
import {
  bucketOf,
  decodeEntries,
  decodeRecord,
  decodeUser,
  directory,
  idOfMark,
  isLive,
  markName,
} from "./key-value-texts.ts";

// What is read at once.
const CHUNK = 50;
// What one page looks at besides what it returns.
const LIST_SCAN = 1000;

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
  const ids = [...new Set([...user.marks.keys()].map(idOfMark))]
    .filter((id) => isAfter(id, cursor))
    .sort();
  const records: SessionRecord[] = [];
  let looked = 0;
  for (const some of chunks(ids)) {
    if (looked >= limit + LIST_SCAN) return { records, cursor: ids[looked - 1] };
    looked += some.length;
    for (const session of await readSessions(space, some)) {
      const record = listed(session, user, now);
      if (record === undefined) continue;
      if (records.length === limit) return { records, cursor: records.at(-1)?.id };
      records.push(record);
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
  const first = cursor === undefined ? 0 : bucketOf({ name: cursor }, space.buckets);
  let before = cursor;
  let looked = 0;
  for await (const [bucket, text] of directory(space, first)) {
    const ids = decodeEntries(text)
      .filter(({ kind }) => kind === "session")
      .map(({ name }) => name)
      .filter((id) => bucket > first || isAfter(id, cursor));
    for (const some of chunks(ids)) {
      if (looked >= limit + LIST_SCAN) return { records, cursor: before };
      looked += some.length;
      before = some.at(-1);
      const found = (await readSessions(space, some)).filter(({ record }) => isLive(record, now));
      const users = await readUsers(space, found);
      for (const session of found) {
        const { userId } = session.record;
        const user = userId === undefined ? undefined : users.get(userId);
        const record = userId === undefined ? session.record : listed(session, user, now);
        if (record === undefined) continue;
        if (records.length === limit) return { records, cursor: records.at(-1)?.id };
        records.push(record);
      }
    }
  }
  return { records };
}

function isAfter(id: string, cursor: string | undefined): boolean {
  return cursor === undefined || id > cursor;
}

/** A user's session as a list shows it, if it does. */
function listed(
  { record, token }: StoredSession,
  user: StoredUser | undefined,
  now: number,
): SessionRecord | undefined {
  if (!isLive(record, now) || user === undefined || record.userId !== user.userId) return undefined;
  const mark = user.marks.get(markName(record.id, token))?.mark;
  return mark !== undefined && mark > user.at ? { ...record, mark } : undefined;
}

async function readSessions(
  { cells, keys }: KeyValueSpace,
  ids: readonly string[],
): Promise<StoredSession[]> {
  const texts = await cells.read(ids.map((id) => keys.session(id) as string));
  return ids.flatMap((id, index) => {
    const text = texts[index];
    return text === undefined ? [] : [decodeRecord(id, text)];
  });
}

/** The users of these sessions, read after them. */
async function readUsers(
  { cells, keys }: KeyValueSpace,
  sessions: readonly StoredSession[],
): Promise<Map<string, StoredUser>> {
  const ids = [...new Set(sessions.flatMap(({ record }) => record.userId ?? []))];
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
