/**
 * What the verbs of a SQLite store do to its tables. Each function is one step: a single statement, or
 * several that run inside one transaction.
 *
 * @module
 */

import type {
  CutOffOptions,
  ListPage,
  Loaded,
  NewRecord,
  RecordUpdate,
  Revocation,
  SessionRecord,
} from "./contract.ts";
import type { SqliteDatabase, SqliteRow, SqliteValue } from "./sqlite-database.ts";

const SESSIONS = "coatcheck_sessions";
const CUT_OFFS = "coatcheck_cut_offs";
const REVOCATIONS = "coatcheck_revocations";
const RECORD =
  "s.id, s.revision, s.user_id, s.mark, s.last_seen_at, s.expires_at, s.closed, s.body";
const WITH_CUT_OFF = `${SESSIONS} s LEFT JOIN ${CUT_OFFS} c
  ON c.namespace = s.namespace AND c.user_id = s.user_id`;
const THIS = "s.namespace = ? AND s.id = ?";
const LIVE = "s.closed = 0 AND s.expires_at > ?";
// What one page of a list looks at besides what it returns, and one of the feed: a few milliseconds each.
const LIST_SCAN = 1000;
const FEED_PAGE = 1000;

/** Prepares the statements of one app's part of a database. The tables must be there. */
export function sqliteSteps(database: SqliteDatabase, namespace: string) {
  const all = (sql: string): ((...values: SqliteValue[]) => SqliteRow[]) => {
    const statement = database.prepare(sql);
    return (...values) => statement.all(...values) as SqliteRow[];
  };
  const run = (sql: string): ((...values: SqliteValue[]) => void) => {
    const statement = database.prepare(sql);
    return (...values) => void statement.run(...values);
  };

  const load = all(`SELECT ${RECORD}, c.at AS cut_off FROM ${WITH_CUT_OFF} WHERE ${THIS}`);
  const find = all(`SELECT 1 FROM ${SESSIONS} s WHERE ${THIS}`);
  const insert = run(`INSERT INTO ${SESSIONS}
    (namespace, id, revision, user_id, mark, last_seen_at, expires_at, look_at, closed, body)
    VALUES (?, ?, 1, ?, ?, ?, ?, ?, ?, ?)`);
  // Neither this nor a touch names a column of an index, so neither writes one.
  const replace = all(`UPDATE ${SESSIONS} AS s SET revision = revision + 1, closed = ?,
    last_seen_at = max(last_seen_at, ?), expires_at = ?, body = ?
    WHERE ${THIS} AND ${LIVE} AND revision = ? RETURNING look_at`);
  const dropUser = run(`UPDATE ${SESSIONS} AS s SET user_id = NULL WHERE ${THIS}`);
  const lookAt = run(`UPDATE ${SESSIONS} AS s SET look_at = ? WHERE ${THIS}`);
  const touch = all(`UPDATE ${SESSIONS} AS s SET
    last_seen_at = max(last_seen_at, ?), expires_at = max(expires_at, ?)
    WHERE ${THIS} AND ${LIVE} RETURNING 1`);
  const lift = run(`UPDATE ${SESSIONS} AS s SET mark = max(mark, ?)
    WHERE ${THIS} AND ${LIVE} AND user_id = ? AND mark > ?`);
  const remove = run(`DELETE FROM ${SESSIONS} AS s WHERE ${THIS}`);

  const cutOffOf = all(
    `SELECT at, keep_until FROM ${CUT_OFFS} WHERE namespace = ? AND user_id = ?`,
  );
  const setCutOff = run(`INSERT INTO ${CUT_OFFS} (namespace, user_id, at, keep_until)
    VALUES (?, ?, ?, ?) ON CONFLICT DO UPDATE SET at = excluded.at, keep_until = excluded.keep_until`);
  const removeCutOffs = all(`DELETE FROM ${CUT_OFFS} WHERE (namespace, user_id) IN
    (SELECT namespace, user_id FROM ${CUT_OFFS} WHERE namespace = ? AND keep_until <= ? LIMIT ?)
    RETURNING 1`);

  const idsAfter = `SELECT s.id FROM ${SESSIONS} s WHERE s.namespace = ? AND s.id > ?`;
  const lastOfAll = all(`${idsAfter} ORDER BY s.id LIMIT 1 OFFSET ?`);
  const lastOfUser = all(`${idsAfter} AND s.user_id = ? ORDER BY s.id LIMIT 1 OFFSET ?`);
  const page = `SELECT ${RECORD} FROM ${WITH_CUT_OFF} WHERE s.namespace = ? AND s.id > ? AND s.id <= ?
    AND ${LIVE} AND (s.user_id IS NULL OR s.mark > ifnull(c.at, 0))`;
  const pageOfAll = all(`${page} ORDER BY s.id LIMIT ?`);
  const pageOfUser = all(`${page} AND s.user_id = ? ORDER BY s.id LIMIT ?`);

  const due = all(`SELECT id, expires_at FROM ${SESSIONS}
    WHERE namespace = ? AND look_at <= ? ORDER BY look_at LIMIT ?`);
  const anyDue = [
    all(`SELECT 1 FROM ${SESSIONS} WHERE namespace = ? AND look_at <= ? LIMIT 1`),
    all(`SELECT 1 FROM ${CUT_OFFS} WHERE namespace = ? AND keep_until <= ? LIMIT 1`),
    all(`SELECT 1 FROM ${REVOCATIONS} WHERE namespace = ? AND until <= ? LIMIT 1`),
  ];

  const addEntry = run(`INSERT INTO ${REVOCATIONS} (namespace, until, entry) VALUES (?, ?, ?)`);
  // The plus keeps SQLite from the index by namespace: whoever reads on reads only what is new.
  const entriesAfter = all(`SELECT number, entry FROM ${REVOCATIONS}
    WHERE +namespace = ? AND number > ? ORDER BY number LIMIT ${FEED_PAGE}`);
  const removeEntries = run(`DELETE FROM ${REVOCATIONS} WHERE number IN
    (SELECT number FROM ${REVOCATIONS} WHERE namespace = ? AND until <= ? LIMIT ?)`);
  const lastEntry = all(`SELECT seq FROM sqlite_sequence WHERE name = '${REVOCATIONS}'`);

  function readCutOff(user: string): { readonly at: number; readonly keepUntil: number } {
    const row = cutOffOf(namespace, user)[0];
    return { at: Number(row?.["at"] ?? 0), keepUntil: Number(row?.["keep_until"] ?? 0) };
  }

  return {
    load(id: string): Loaded | undefined {
      const row = load(namespace, id)[0];
      return row && { record: recordOf(row), cutOff: Number(row["cut_off"] ?? 0) };
    },

    create(
      { id, userId, lastSeenAt, expiresAt, closed, body }: NewRecord,
      startedAt: number,
    ): "created" | "taken" | "cut-off" {
      if (find(namespace, id).length > 0) return "taken";
      const user = userId === undefined ? null : escaped(userId);
      const mark = user === null ? 0 : startedAt;
      if (user !== null && mark <= readCutOff(user).at) return "cut-off";
      insert(namespace, id, user, mark, lastSeenAt, expiresAt, expiresAt, Number(closed), body);
      return "created";
    },

    update(
      id: string,
      revision: number,
      { body, lastSeenAt, expiresAt, close = false }: RecordUpdate,
      now: number,
    ): boolean {
      const row = replace(
        ...[Number(close), lastSeenAt, expiresAt, body],
        ...[namespace, id, now, revision],
      )[0];
      if (row === undefined) return false;
      if (Number(row["look_at"]) > expiresAt) lookAt(expiresAt, namespace, id);
      if (close) dropUser(namespace, id);
      return true;
    },

    touch(id: string, lastSeenAt: number, expiresAt: number, now: number): boolean {
      return touch(lastSeenAt, expiresAt, namespace, id, now).length > 0;
    },

    cutOff(userId: string, { except, keepUntil }: CutOffOptions, now: number): number {
      const user = escaped(userId);
      const before = readCutOff(user);
      const at = Math.max(now, before.at + 1);
      setCutOff(namespace, user, at, Math.max(keepUntil, before.keepUntil));
      // One that an earlier cut-off has ended must not come back with this one.
      if (except !== undefined) lift(at + 1, namespace, except, now, user, before.at);
      return at;
    },

    list(
      userId: string | undefined,
      cursor: string | undefined,
      limit: number,
      now: number,
    ): ListPage {
      const user = userId === undefined ? undefined : escaped(userId);
      const after = cursor ?? "";
      // As far as this page looks, so that a thousand closed ones in a row hold nobody up.
      const most = limit + LIST_SCAN - 1;
      const [row] =
        user === undefined
          ? lastOfAll(namespace, after, most)
          : lastOfUser(namespace, after, user, most);
      const last = row === undefined ? undefined : String(row["id"]);
      const rows =
        user === undefined
          ? pageOfAll(namespace, after, last ?? AFTER_ALL, now, limit + 1)
          : pageOfUser(namespace, after, last ?? AFTER_ALL, now, user, limit + 1);
      const records = rows.slice(0, limit).map(recordOf);
      if (rows.length > limit) return { records, cursor: records.at(-1)?.id ?? cursor };
      return last === undefined ? { records } : { records, cursor: last };
    },

    isDue: (now: number): boolean => anyDue.some((any) => any(namespace, now).length > 0),

    /** Removes some of what is due, or looks again later. Returns how many sessions and cut-offs. */
    sweep(most: number, now: number): number {
      let removed = 0;
      for (const row of due(namespace, now, most)) {
        const id = String(row["id"]);
        const expiresAt = Number(row["expires_at"]);
        if (expiresAt > now) {
          lookAt(expiresAt, namespace, id);
          continue;
        }
        remove(namespace, id);
        removed += 1;
      }
      removeEntries(namespace, now, most);
      return removed + removeCutOffs(namespace, now, most - removed).length;
    },

    add(revocation: Revocation): void {
      addEntry(namespace, revocation.until, encodeRevocation(revocation));
    },

    /** A page of the feed after a number; from the beginning for a number that was never given. */
    feed(number: number): { revocations: Revocation[]; end: number; more: boolean } {
      // Before the entries: whoever goes on from here misses none of those that come meanwhile.
      const last = Number(lastEntry()[0]?.["seq"] ?? 0);
      const isKnown = Number.isSafeInteger(number) && number >= 0 && number <= last;
      const rows = entriesAfter(namespace, isKnown ? number : 0);
      const revocations = rows.map((row) => decodeRevocation(String(row["entry"])));
      const end = Number(rows.at(-1)?.["number"] ?? 0);
      const more = rows.length === FEED_PAGE;
      return { revocations, end: more ? end : Math.max(end, last), more };
    },
  };
}

// Behind every id: no letter of base64url comes after `z`.
const AFTER_ALL = "{";

function recordOf(row: SqliteRow): SessionRecord {
  const user = row["user_id"];
  return {
    id: String(row["id"]),
    revision: Number(row["revision"]),
    userId: typeof user === "string" ? unescaped(user) : undefined,
    mark: Number(row["mark"]),
    lastSeenAt: Number(row["last_seen_at"]),
    expiresAt: Number(row["expires_at"]),
    closed: Number(row["closed"]) === 1,
    body: String(row["body"]),
  };
}

/** As inside a JSON string: not every binding reads a NUL back, and SQLite itself stops at one. */
function escaped(userId: string): string {
  return JSON.stringify(userId).slice(1, -1);
}

function unescaped(user: string): string {
  return JSON.parse(`"${user}"`) as string;
}

function encodeRevocation({ kind, id, at, until, except }: Revocation): string {
  return JSON.stringify({ kind, id, at, until, except });
}

function decodeRevocation(entry: string): Revocation {
  return JSON.parse(entry) as Revocation;
}
