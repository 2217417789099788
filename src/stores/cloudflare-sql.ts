/**
 * The verbs as statements of SQLite, for databases that take several of them at once and nothing in
 * between: each verb is one batch, and every condition stands in its SQL.
 *
 * @module
 */

import { ConfigError } from "../errors.ts";
import type {
  Revocation,
  RevocationPage,
  Revocations,
  SessionRecord,
  SessionStore,
} from "./contract.ts";

export type SqlValue = string | number | null;

/** A statement and what is bound to its question marks. */
export type SqlStatement = readonly [sql: string, ...values: SqlValue[]];

export type SqlRow = Readonly<Record<string, unknown>>;

/** Runs statements in one transaction. @returns the rows of each. */
export type SqlBatch = (statements: readonly SqlStatement[]) => Promise<readonly SqlRow[][]>;

const MAX_BODY_BYTES = 1024 * 1024;
const FEED_PAGE = 1000;

const LIVE = "closed = 0 AND expires_at > ?";

/** The tables, each statement harmless where they are there. */
export function sqlSchema(prefix: string): readonly string[] {
  return [
    `CREATE TABLE IF NOT EXISTS ${prefix}sessions (id TEXT PRIMARY KEY, revision INTEGER NOT NULL,
      user_id TEXT, mark REAL NOT NULL, last_seen_at REAL NOT NULL, expires_at REAL NOT NULL,
      closed INTEGER NOT NULL, body TEXT NOT NULL) STRICT, WITHOUT ROWID`,
    `CREATE INDEX IF NOT EXISTS ${prefix}sessions_of_user ON ${prefix}sessions (user_id, id)
      WHERE user_id IS NOT NULL`,
    `CREATE INDEX IF NOT EXISTS ${prefix}sessions_over ON ${prefix}sessions (expires_at)`,
    `CREATE TABLE IF NOT EXISTS ${prefix}cut_offs (user_id TEXT PRIMARY KEY, at REAL NOT NULL,
      keep_until REAL NOT NULL) STRICT, WITHOUT ROWID`,
    `CREATE TABLE IF NOT EXISTS ${prefix}revocations (number INTEGER PRIMARY KEY AUTOINCREMENT,
      until REAL NOT NULL, entry TEXT NOT NULL) STRICT`,
  ];
}

/** @throws {ConfigError} when it can't begin the names of tables. */
export function requirePrefix(prefix: unknown): asserts prefix is string {
  if (typeof prefix !== "string" || !/^[a-z_][a-z0-9_]{0,40}$/.test(prefix)) {
    throw new ConfigError("prefix", "must be up to 41 lower-case letters, digits and `_`");
  }
}

/** A store on one database. */
export function storeOfTables(
  name: string,
  prefix: string,
  batch: SqlBatch,
  clock: () => number,
): SessionStore & Revocations {
  const sessions = `${prefix}sessions`;
  const cutOffs = `${prefix}cut_offs`;
  const revocations = `${prefix}revocations`;
  const cutOffOf = `ifnull((SELECT at FROM ${cutOffs} WHERE user_id = ?), 0)`;
  const above = `(user_id IS NULL OR mark >
    ifnull((SELECT at FROM ${cutOffs} c WHERE c.user_id = s.user_id), 0))`;
  let isOpen = true;

  async function run(...statements: SqlStatement[]): Promise<readonly SqlRow[][]> {
    if (!isOpen) throw new Error(`the ${name} store is closed`);
    return batch(statements);
  }

  async function isDone(statement: SqlStatement): Promise<boolean> {
    const [rows = []] = await run(statement);
    return rows.length > 0;
  }

  async function since(cursor: string | undefined): Promise<RevocationPage> {
    const now = clock();
    const asked = Number(cursor ?? 0);
    const from = Number.isSafeInteger(asked) && asked > 0 ? asked : 0;
    // The number comes with the entries: nobody who goes on from here misses one in between.
    const [[seq] = [], rows = []] = await run(
      [`SELECT seq FROM sqlite_sequence WHERE name = '${revocations}'`],
      [
        `SELECT number, until, entry FROM ${revocations} WHERE number > ?
          ORDER BY number LIMIT ${FEED_PAGE}`,
        from,
      ],
    );
    const last = Number(seq?.["seq"] ?? 0);
    // A cursor that was never given is no reason to miss anything.
    if (from > last) return since(undefined);
    const found = rows
      .filter(({ until }) => Number(until) > now)
      .map(({ entry }) => JSON.parse(String(entry)) as Revocation);
    const more = rows.length === FEED_PAGE;
    return { revocations: found, cursor: `${more ? Number(rows.at(-1)?.["number"]) : last}`, more };
  }

  return {
    name,
    traits: {
      maxBodyBytes: MAX_BODY_BYTES,
      ownClock: false,
      conditionalWrites: true,
      forgets: [],
      shared: true,
    },

    async load(id) {
      const [[row] = []] = await run([
        `SELECT s.*, ifnull(c.at, 0) AS cut_off FROM ${sessions} s
          LEFT JOIN ${cutOffs} c ON c.user_id = s.user_id WHERE s.id = ?`,
        id,
      ]);
      return row && { record: recordOf(row), cutOff: Number(row["cut_off"]) };
    },

    async create({ id, userId, lastSeenAt, expiresAt, closed, body }, startedAgo, now) {
      const user = userId === undefined ? null : escaped(userId);
      const mark = user === null ? 0 : now - startedAgo;
      const [[row] = []] = await run(
        [
          `SELECT CASE WHEN EXISTS (SELECT 1 FROM ${sessions} WHERE id = ?) THEN 'taken'
            WHEN ? IS NOT NULL AND ? <= ${cutOffOf} THEN 'cut-off' ELSE 'created' END AS answer`,
          ...[id, user, mark, user],
        ],
        [
          `INSERT INTO ${sessions} SELECT ?, 1, ?, ?, ?, ?, ?, ?
            WHERE NOT EXISTS (SELECT 1 FROM ${sessions} WHERE id = ?)
            AND (? IS NULL OR ? > ${cutOffOf})`,
          ...[id, user, mark, lastSeenAt, expiresAt, Number(closed), body],
          ...[id, user, mark, user],
        ],
      );
      return row?.["answer"] as "created" | "taken" | "cut-off";
    },

    async update(id, revision, { body, lastSeenAt, expiresAt, close = false }, now) {
      return isDone([
        `UPDATE ${sessions} SET revision = revision + 1, closed = ?,
          user_id = iif(?, NULL, user_id), last_seen_at = max(last_seen_at, ?), expires_at = ?,
          body = ? WHERE id = ? AND revision = ? AND ${LIVE} RETURNING 1`,
        ...[Number(close), Number(close), lastSeenAt, expiresAt, body, id, revision, now],
      ]);
    },

    async touch(id, lastSeenAt, expiresAt, now) {
      return isDone([
        `UPDATE ${sessions} SET last_seen_at = max(last_seen_at, ?),
          expires_at = max(expires_at, ?) WHERE id = ? AND ${LIVE} RETURNING 1`,
        ...[lastSeenAt, expiresAt, id, now],
      ]);
    },

    async cutOff(userId, { except = "", keepUntil }, now) {
      const user = escaped(userId);
      const [, [row] = []] = await run(
        [
          // One that an earlier cut-off has ended must not come back with this one.
          `UPDATE ${sessions} SET mark = max(mark, max(?, ${cutOffOf} + 1) + 1)
            WHERE id = ? AND user_id = ? AND mark > ${cutOffOf} AND ${LIVE}`,
          ...[now, user, except, user, user, now],
        ],
        [
          `INSERT INTO ${cutOffs} VALUES (?, max(?, 1), ?) ON CONFLICT DO UPDATE SET
            at = max(excluded.at, at + 1), keep_until = max(excluded.keep_until, keep_until)
            RETURNING at`,
          ...[user, now, keepUntil],
        ],
      );
      return Number(row?.["at"]);
    },

    async list({ userId, cursor = "", limit }, now) {
      const ofUser = userId === undefined ? "" : "user_id = ? AND";
      const user = userId === undefined ? [] : [escaped(userId)];
      const [rows = []] = await run([
        `SELECT * FROM ${sessions} s WHERE ${ofUser} id > ? AND ${LIVE} AND ${above}
          ORDER BY id LIMIT ?`,
        ...[...user, cursor, now, limit + 1],
      ]);
      const records = rows.slice(0, limit).map(recordOf);
      return rows.length > limit ? { records, cursor: records.at(-1)?.id } : { records };
    },

    async sweep(limit, now) {
      const over = `IN (SELECT id FROM ${sessions} WHERE expires_at <= ? LIMIT ?)`;
      const [removed = []] = await run(
        [`DELETE FROM ${sessions} WHERE id ${over} RETURNING 1`, now, limit],
        [
          `DELETE FROM ${revocations} WHERE number IN
            (SELECT number FROM ${revocations} WHERE until <= ? LIMIT ?)`,
          ...[now, limit],
        ],
      );
      if (removed.length === limit) return limit;
      const [others = []] = await run([
        `DELETE FROM ${cutOffs} WHERE user_id IN
          (SELECT user_id FROM ${cutOffs} WHERE keep_until <= ? LIMIT ?) RETURNING 1`,
        ...[now, limit - removed.length],
      ]);
      return removed.length + others.length;
    },

    async close() {
      isOpen = false;
    },

    async add(revocation) {
      const entry = JSON.stringify(revocation);
      await run([
        `INSERT INTO ${revocations} (until, entry) VALUES (?, ?)`,
        ...[revocation.until, entry],
      ]);
    },

    since,
  };
}

function recordOf(row: SqlRow): SessionRecord {
  const user = row["user_id"];
  return {
    id: String(row["id"]),
    revision: Number(row["revision"]),
    userId: typeof user === "string" ? (JSON.parse(`"${user}"`) as string) : undefined,
    mark: Number(row["mark"]),
    lastSeenAt: Number(row["last_seen_at"]),
    expiresAt: Number(row["expires_at"]),
    closed: Number(row["closed"]) === 1,
    body: String(row["body"]),
  };
}

/** As inside a JSON string: SQLite ends a text at a NUL. */
function escaped(userId: string): string {
  return JSON.stringify(userId).slice(1, -1);
}
