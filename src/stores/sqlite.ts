/**
 * Keeps sessions in a SQLite file: embedded, crash-safe, shared by the processes of one machine.
 *
 * Uses the SQLite that Node has built in, or a database that the app has opened.
 *
 * @module
 */

import { setImmediate } from "node:timers/promises";
import { ConfigError, requireName, section } from "../errors.ts";
import { dateNow } from "../lib/clock.ts";
import type { Revocations, SessionStore } from "./contract.ts";
import type { SqliteDatabase, SqliteRow } from "./sqlite-database.ts";
import { checkDatabase, openSqliteFile, reasonOf, untilFree } from "./sqlite-database.ts";
import { migrate } from "./sqlite-schema.ts";
import { sqliteSteps } from "./sqlite-steps.ts";
import { sqliteTurns } from "./sqlite-writer.ts";

export type { SqliteDatabase, SqliteStatement, SqliteValue } from "./sqlite-database.ts";

/** Either `path` or `database`. */
export type SqliteStoreOptions = SqliteFileOptions | SqliteDatabaseOptions;

interface SharedOptions {
  /** Sets apart apps that share a file. @default "" */
  readonly namespace?: string | undefined;
  /** Tells which revocations are over, in milliseconds since the epoch. @default Date.now */
  readonly clock?: (() => number) | undefined;
}

export interface SqliteFileOptions extends SharedOptions {
  /**
   * The file, made when it is absent, readable by its owner only. On a disk of this machine: SQLite
   * does not work over a network. Needs Node 22.13 or later, Bun or Deno.
   */
  readonly path: string;
  /**
   * Whether a change is on the disk before it is acknowledged. With `false` the last changes may be
   * lost when the power fails or the system crashes, ended sessions among them.
   *
   * @default true
   */
  readonly durable?: boolean | undefined;
}

export interface SqliteDatabaseOptions extends SharedOptions {
  /**
   * An open database of better-sqlite3, `node:sqlite`, `bun:sqlite` or libsql, best one that nothing
   * else uses. The store makes its tables in it, never configures and never closes it.
   */
  readonly database: SqliteDatabase;
}

const KNOWN = ["path", "durable", "database", "namespace", "clock"] as const;
const MAX_BODY_BYTES = 1024 * 1024;
const FULL = 2;
// What one transaction of a sweep looks at: a few milliseconds.
const SWEEP_BATCH = 100;

/**
 * Creates a store on a SQLite file, which is opened at once and brought up to date.
 *
 * @throws {ConfigError} when an option cannot work.
 * @throws {Error} when the file cannot be used: it is damaged, or the disk is full.
 * @example
 * ```ts
 * const store = sqliteStore({ path: "data/sessions.db" });
 * const sessions = createSessions({ secrets, store });
 * ```
 */
export function sqliteStore(options: SqliteStoreOptions): SessionStore & Revocations {
  const { namespace, clock, path, durable, database: given } = checked(options);
  const own = given === undefined ? openSqliteFile(path, durable) : undefined;
  const database = own ?? (given as SqliteDatabase);
  const where = own === undefined ? "the SQLite database" : `the SQLite file ${path}`;
  const { steps, isKept, isFile } = prepared();
  const turns = sqliteTurns(database, where);
  let isOpen = true;

  function prepared() {
    try {
      migrate(database);
      const value = (sql: string, name: string): unknown =>
        (untilFree(() => database.prepare(sql).all()) as SqliteRow[])[0]?.[name];
      return {
        steps: sqliteSteps(database, namespace),
        isKept: Number(value("PRAGMA synchronous", "synchronous")) >= FULL,
        isFile: value("PRAGMA database_list", "file") !== "",
      };
    } catch (error) {
      own?.close();
      throw new Error(`${where} cannot be used: ${reasonOf(error)}`, { cause: error });
    }
  }

  function requireOpen(): void {
    if (!isOpen) throw new Error("the SQLite store is closed");
  }

  async function read<Result>(work: () => Result): Promise<Result> {
    requireOpen();
    return turns.read(() => {
      requireOpen();
      return work();
    });
  }

  async function write<Result>(bytes: number, work: () => Result): Promise<Result> {
    requireOpen();
    return turns.write(bytes, work);
  }

  return {
    name: "sqlite",
    traits: {
      maxBodyBytes: MAX_BODY_BYTES,
      ownClock: false,
      conditionalWrites: true,
      forgets: isKept && isFile ? [] : ["restart"],
      shared: isFile,
    },

    load: (id) => read(() => steps.load(id)),

    async create(record, startedAgo, now) {
      if (!/^[\w-]{24}$/.test(record.id)) {
        throw new TypeError("a session id is 24 base64url characters");
      }
      // A copy: it is written later, and the caller's object may have changed by then.
      const created = { ...record };
      return write(created.body.length, () => steps.create(created, now - startedAgo));
    },

    update(id, revision, next, now) {
      const updated = { ...next };
      return write(updated.body.length, () => steps.update(id, revision, updated, now));
    },

    touch: (id, lastSeenAt, expiresAt, now) =>
      write(1, () => steps.touch(id, lastSeenAt, expiresAt, now)),

    cutOff: (userId, { except, keepUntil }, now) =>
      write(1, () => steps.cutOff(userId, { except, keepUntil }, now)),

    list: ({ userId, cursor, limit }, now) => read(() => steps.list(userId, cursor, limit, now)),

    async sweep(limit, now) {
      let removed = 0;
      // With nothing to do there is no need to wait for the other writers and for the disk.
      while (removed < limit && (await read(() => steps.isDue(now)))) {
        const most = Math.min(SWEEP_BATCH, limit - removed);
        removed += await write(1, () => steps.sweep(most, now));
      }
      return removed;
    },

    async close() {
      if (!isOpen) return;
      isOpen = false;
      await turns.settled();
      own?.close();
    },

    add(revocation) {
      const added = { ...revocation };
      return write(1, () => steps.add(added));
    },

    async since(cursor) {
      const now = clock();
      const { revocations, end, more } = await read(() => steps.feed(Number(cursor)));
      // Who reads on at once lets other events have their turn.
      if (more) await setImmediate();
      return {
        revocations: revocations.filter(({ until }) => until > now),
        cursor: `${end}`,
        more,
      };
    },
  };
}

type Given = Partial<SqliteFileOptions & SqliteDatabaseOptions>;

function checked(options: SqliteStoreOptions) {
  const given = section<Given>("options", options, KNOWN);
  const { path, durable = true, database, namespace = "", clock = dateNow } = given;
  if (database !== undefined) {
    if (path !== undefined) throw new ConfigError("path", "cannot stand beside `database`");
    if (given.durable !== undefined) {
      throw new ConfigError("durable", "goes with `path`; a `database` is configured by the app");
    }
    checkDatabase(database);
  } else if (typeof path !== "string" || path === "" || /^(:memory:|file:)/.test(path)) {
    throw new ConfigError("path", "must name a file, such as `data/sessions.db`");
  }
  if (typeof durable !== "boolean") throw new ConfigError("durable", "must be true or false");
  requireName("namespace", namespace);
  if (typeof clock !== "function") throw new ConfigError("clock", "must be a function");
  return { namespace, clock, path: path ?? "", durable, database };
}
