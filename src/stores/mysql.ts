/**
 * Keeps sessions in MySQL or MariaDB, for any number of machines.
 *
 * Takes your own pool of `mysql2`.
 *
 * @module
 */

import { ConfigError, requireName, section } from "../errors.ts";
import { utf8Text } from "../lib/bytes.ts";
import type { Revocation, Revocations, SessionRecord, SessionStore } from "./contract.ts";
import type { MysqlClient, MysqlValue, Written } from "./mysql-clients.ts";
import { mysqlCalls } from "./mysql-clients.ts";
import type { MysqlMigration } from "./mysql-migrations.ts";
import {
  applyMigrations,
  migrationsFor,
  versionOf,
  whyNotReady,
  whyNotTrusted,
} from "./mysql-migrations.ts";
import type { MysqlSweep } from "./mysql-sql.ts";
import { mysqlSql } from "./mysql-sql.ts";
import { FEED_PAGE, sqlFeed } from "./sql-feed.ts";
import { sqlGate } from "./sql-gate.ts";
import { escaped, isSessionId, storedUser, unescaped, userIdOf } from "./sql-names.ts";

export type { MysqlCallbackPool, MysqlClient, MysqlPromisePool } from "./mysql-clients.ts";
export type { MysqlMigration } from "./mysql-migrations.ts";

export interface MysqlStoreOptions {
  /**
   * Your pool: what `createPool` of mysql2 or of mysql2/promise returns. It stays yours: the store
   * neither configures nor ends it.
   */
  readonly client: MysqlClient;
  /** Sets apart apps that share the tables. @default "" */
  readonly namespace?: string | undefined;
  /** What the names of the tables begin with. @default "coatcheck_" */
  readonly prefix?: string | undefined;
  /**
   * Prepares the statements, once on each connection: the server parses and plans each only once. Not
   * behind a proxy that does not know prepared statements.
   *
   * @default false
   */
  readonly prepare?: boolean | undefined;
}

/** Where the tables are. */
export interface MysqlTableOptions {
  /** What the names of the tables begin with. @default "coatcheck_" */
  readonly prefix?: string | undefined;
}

const KNOWN = ["client", "namespace", "prefix", "prepare"] as const;
const MAX_BODY_BYTES = 1024 * 1024;
// What one statement of a sweep removes: it holds locks, and others wait for what it writes.
const SWEEP_BATCH = 200;
// What one page of a list looks at besides what it returns, and how much at a time.
const LIST_SCAN = 1000;
const LIST_PIECE = 200;
const TAKEN = 1062;
// A deadlock, and MariaDB's word for a row that has changed since it was read: all was rolled back.
const ROLLED_BACK: readonly unknown[] = [1213, 1020];

/**
 * Creates a store on MariaDB 10.6 or later, or MySQL 8. It connects when it is first used; the tables
 * have to be there by then ({@link migrate}).
 *
 * @throws {ConfigError} when an option cannot work.
 * @example
 * ```ts
 * const store = mysqlStore({ client: mysql.createPool({ uri }) });
 * const sessions = createSessions({ secrets, store });
 * ```
 */
export function mysqlStore(options: MysqlStoreOptions): SessionStore & Revocations {
  const { namespace, prefix, plain, calls } = checked(options);
  const sql = mysqlSql(prefix);
  const { run, close } = sqlGate({
    name: "MySQL",
    whyNotReady: async () =>
      (await whyNotTrusted(plain)) ?? whyNotReady(prefix, await versionOf(plain, prefix)),
    isRolledBack,
  });

  const rows = (text: string, ...values: readonly MysqlValue[]) =>
    run(() => calls.rows(text, values));
  const write = (text: string, ...values: readonly MysqlValue[]): Promise<Written> =>
    run(() => calls.write(text, values));

  async function sweepTable(table: MysqlSweep, most: number, now: number): Promise<number> {
    let removed = 0;
    for (;;) {
      const batch = Math.min(SWEEP_BATCH, most - removed);
      if (batch <= 0) return removed;
      const due = await run(() => plain.rows(table.due(batch), [namespace, now]));
      const over = due.filter((row) => Number(row[1]) <= now);
      // What was touched since it was to be looked at is looked at again when its time is over.
      const touched = due.filter((row) => Number(row[1]) > now);
      const took = await writeTo(over, table.remove, now);
      const moved = await writeTo(touched, sql.lookLater, now);
      removed += took;
      // Where nothing could be done another node is doing it.
      if (due.length < batch || took + moved === 0) return removed;
    }
  }

  /** @param rows - their first column is the key */
  async function writeTo(
    rows: readonly (readonly unknown[])[],
    text: (count: number) => string,
    now: number,
  ): Promise<number> {
    if (rows.length === 0) return 0;
    const keys = rows.map(([key]) => (key instanceof Uint8Array ? textOf(key) : Number(key)));
    const values = [namespace, now, ...keys.sort((a, b) => (a < b ? -1 : 1))];
    return (await run(() => plain.write(text(keys.length), values))).affected;
  }

  return {
    name: "mysql",
    traits: {
      maxBodyBytes: MAX_BODY_BYTES,
      ownClock: true,
      conditionalWrites: true,
      forgets: [],
      shared: true,
    },

    async load(id) {
      if (!isSessionId(id)) return undefined;
      const [row] = await rows(sql.load, namespace, id);
      return row && { record: recordOf(row), cutOff: Number(row[9]) };
    },

    async create({ id, userId, lastSeenAt, expiresAt, closed, body }, startedAgo, _now) {
      if (!isSessionId(id)) throw new TypeError("a session id is 24 base64url characters");
      const values = [namespace, id, closed, lastSeenAt, expiresAt, expiresAt, body];
      try {
        if (userId === undefined) {
          await write(sql.createVisitors, ...values);
          return "created";
        }
        const { key, long } = storedUser(userId);
        const user = [key, long, startedAgo, namespace, key];
        if ((await write(sql.createUsers, ...values, ...user)).affected > 0) return "created";
      } catch (error) {
        if (errnoOf(error) === TAKEN) return "taken";
        throw error;
      }
      return (await rows(sql.isTaken, namespace, id)).length > 0 ? "taken" : "cut-off";
    },

    async update(id, revision, { body, lastSeenAt, expiresAt, close = false }, now) {
      if (!isSessionId(id)) return false;
      const next = [body, lastSeenAt, expiresAt, expiresAt, close, close, close];
      return (await write(sql.update, ...next, namespace, id, revision, now)).matched > 0;
    },

    async touch(id, lastSeenAt, expiresAt, now) {
      if (!isSessionId(id)) return false;
      return (await write(sql.touch, lastSeenAt, expiresAt, namespace, id, now)).matched > 0;
    },

    async cutOff(userId, { except, keepUntil }, now) {
      const { key } = storedUser(userId);
      const [row] =
        except === undefined || !isSessionId(except)
          ? []
          : await rows(sql.markOf, namespace, except, key, now);
      const mark = row === undefined ? null : Number(row[0]);
      const kept = row === undefined ? null : (except as string);
      return (await write(sql.cutOff, namespace, key, keepUntil, kept, mark)).given;
    },

    async list({ userId, cursor = "", limit }, now) {
      const records: SessionRecord[] = [];
      const user = userId === undefined ? [] : [storedUser(userId).key];
      const text = userId === undefined ? sql.list : sql.listUser;
      let last = cursor;
      let looked = 0;
      for (;;) {
        const most = looked === 0 ? limit + 1 : LIST_PIECE;
        const values = [now, namespace, ...user, last];
        const piece = await run(() => plain.rows(text(most), values));
        for (const row of piece) {
          const record = Number(row[9]) === 0 ? undefined : recordOf(row);
          if (record !== undefined && records.length === limit) return { records, cursor: last };
          if (record !== undefined) records.push(record);
          last = textOf(row[0]);
        }
        looked += piece.length;
        if (piece.length < most) return { records };
        if (looked > limit + LIST_SCAN) return { records, cursor: last };
      }
    },

    async sweep(limit, now) {
      const removed = await sweepTable(sql.sessions, limit, now);
      await sweepTable(sql.revocations, limit, now);
      return removed + (await sweepTable(sql.cutOffs, limit - removed, now));
    },

    async close() {
      close();
    },

    async add({ kind, id, at, until, except }) {
      const about = id === undefined ? null : escaped(id);
      await run(() =>
        calls.transaction(async ({ write: next }) => {
          // Holds the feed until the entry can be seen: so numbers are seen in their order.
          const { given } = await next(sql.nextNumber, [namespace]);
          await next(sql.add, [namespace, given, kind, about, except ?? null, at, until]);
        }),
      );
    },

    since: sqlFeed((from) => rows(sql.since(FEED_PAGE), namespace, namespace, from), revocationOf),
  };
}

/**
 * Makes the tables, or brings them up to date. Safe to run from several places at once, and again.
 *
 * @param client - may do what making tables takes; the store itself needs less
 * @returns the versions that were applied; none when all was up to date.
 * @throws {ConfigError} when the client or the prefix cannot work.
 */
export async function migrate(client: MysqlClient, options?: MysqlTableOptions): Promise<number[]> {
  const prefix = prefixOf(options);
  return await applyMigrations(mysqlCalls(client, false), prefix);
}

/**
 * The same as SQL, in order, to be run by hand or by a tool of yours.
 *
 * @throws {ConfigError} when the prefix cannot work.
 */
export function migrations(options?: MysqlTableOptions): readonly MysqlMigration[] {
  return migrationsFor(prefixOf(options));
}

function checked(options: MysqlStoreOptions) {
  const {
    client,
    namespace = "",
    prefix = "coatcheck_",
    prepare = false,
  } = section("options", options, KNOWN);
  requireName("namespace", namespace);
  requirePrefix(prefix);
  if (typeof prepare !== "boolean") throw new ConfigError("prepare", "must be true or false");
  const plain = mysqlCalls(client, false);
  return { namespace, prefix, plain, calls: prepare ? mysqlCalls(client, true) : plain };
}

function prefixOf(options: MysqlTableOptions | undefined): string {
  const { prefix = "coatcheck_" } = section("options", options, ["prefix"]);
  requirePrefix(prefix);
  return prefix;
}

function requirePrefix(prefix: unknown): void {
  if (typeof prefix !== "string" || !/^[a-z_][a-z0-9_]{0,39}$/.test(prefix)) {
    throw new ConfigError("prefix", "must be up to 40 lower-case letters, digits or `_`");
  }
}

function errnoOf(error: unknown): unknown {
  return (error as { readonly errno?: unknown } | undefined)?.errno;
}

function isRolledBack(error: unknown): boolean {
  return ROLLED_BACK.includes(errnoOf(error));
}

function textOf(bytes: unknown): string {
  const text = utf8Text(bytes as Uint8Array);
  if (text === undefined) throw new Error("a text in the tables is not UTF-8");
  return text;
}

function nullableTextOf(bytes: unknown): string | null {
  return bytes === null ? null : textOf(bytes);
}

function recordOf(row: readonly unknown[]): SessionRecord {
  const [id, revision, user, longUser, mark, lastSeenAt, expiresAt, closed, body] = row;
  return {
    id: textOf(id),
    revision: Number(revision),
    userId: userIdOf(nullableTextOf(user), nullableTextOf(longUser)),
    mark: Number(mark),
    lastSeenAt: Number(lastSeenAt),
    expiresAt: Number(expiresAt),
    closed: Number(closed) === 1,
    body: textOf(body),
  };
}

function revocationOf(row: readonly unknown[]): Revocation {
  const [, , kind, id, at, until, except] = row;
  return {
    kind: textOf(kind) as Revocation["kind"],
    ...(id !== null && { id: unescaped(textOf(id)) }),
    at: Number(at),
    until: Number(until),
    ...(except !== null && { except: textOf(except) }),
  };
}
