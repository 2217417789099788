/**
 * How a SQLite binding is called: `node:sqlite`, better-sqlite3, `bun:sqlite` and libsql alike.
 *
 * @module
 */

import { closeSync, mkdirSync, openSync, realpathSync, statSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import process from "node:process";
import { ConfigError } from "../errors.ts";

/** What is bound to a statement. */
export type SqliteValue = string | number | null;

/** A prepared statement: what the store calls of one. */
export interface SqliteStatement {
  all(...values: SqliteValue[]): unknown[];
  run(...values: SqliteValue[]): unknown;
}

/** An open database: what the store calls of one. No binding is a dependency. */
export interface SqliteDatabase {
  exec(sql: string): unknown;
  prepare(sql: string): SqliteStatement;
  /** Whether a transaction is under way: better-sqlite3, `bun:sqlite` and libsql. */
  readonly inTransaction?: boolean;
  /** The same in `node:sqlite`. */
  readonly isTransaction?: boolean;
}

/** One row, by the names of its columns. */
export type SqliteRow = Readonly<Record<string, unknown>>;

interface OwnDatabase extends SqliteDatabase {
  close(): void;
}

interface NodeSqlite {
  readonly DatabaseSync: new (path: string) => OwnDatabase;
}

// Result codes of SQLite.
const BUSY = 5;
const LOCKED = 6;
const FULL = 13;
const NAMES: Readonly<Record<string, number>> = {
  SQLITE_BUSY: BUSY,
  SQLITE_LOCKED: LOCKED,
  SQLITE_FULL: FULL,
};
const LONGEST_OPENING = 10_000;
const OPENING_PAUSE = 5;

/**
 * Opens a file with `node:sqlite`, and creates it when it is absent, for the owner only.
 *
 * @throws {ConfigError} when the path cannot be a file of this process, or there is no `node:sqlite`.
 * @throws {Error} when it is no SQLite file, or the disk is full.
 */
export function openSqliteFile(path: string, durable: boolean): OwnDatabase {
  // Not an import: this module loads where there is no such thing.
  const sqlite = process.getBuiltinModule?.("node:sqlite") as unknown as NodeSqlite | undefined;
  if (sqlite === undefined) {
    throw new ConfigError(
      "path",
      "needs `node:sqlite`, which Node has from 22.13 on: upgrade, or open the file with " +
        "better-sqlite3 and pass that as `database`",
    );
  }
  const file = makeFile(path);
  let database: OwnDatabase | undefined;
  try {
    database = new sqlite.DatabaseSync(file);
    const { exec } = database;
    const run = (sql: string): unknown => untilFree(() => exec.call(database, sql));
    run("PRAGMA journal_mode = WAL");
    run(`PRAGMA synchronous = ${durable ? "FULL" : "NORMAL"}`);
    // macOS: a plain fsync there does not wait for the disk.
    run(`PRAGMA fullfsync = ${durable ? "ON" : "OFF"}`);
    run(`PRAGMA journal_size_limit = ${16 * 1024 * 1024}`);
    // SQLite would wait by blocking the whole process. The store waits itself.
    run("PRAGMA busy_timeout = 0");
    return database;
  } catch (error) {
    database?.close();
    throw new Error(`the SQLite file ${file} cannot be opened: ${reasonOf(error)}`, {
      cause: error,
    });
  }
}

/**
 * Looks whether a database can be used as it is.
 *
 * @throws {ConfigError} when it is not an open database of one of the bindings.
 */
export function checkDatabase(database: SqliteDatabase): void {
  const problem = "must be an open database of better-sqlite3, node:sqlite, bun:sqlite or libsql";
  if (typeof database?.exec !== "function" || typeof database.prepare !== "function") {
    throw new ConfigError("database", problem);
  }
  let rows: unknown;
  try {
    rows = database.prepare("SELECT 1 AS one").all();
  } catch (error) {
    throw new ConfigError("database", `${problem}: ${reasonOf(error)}`);
  }
  // A promise comes from a client for a server.
  if (!Array.isArray(rows)) throw new ConfigError("database", `${problem}; it is asynchronous`);
  if (Number((rows[0] as SqliteRow)?.["one"]) !== 1) {
    throw new ConfigError("database", "must give its rows as objects, which is the default");
  }
}

/** Whether a transaction of somebody else's is under way on this connection. */
export function isInTransaction(database: SqliteDatabase): boolean {
  return database.inTransaction === true || database.isTransaction === true;
}

/** Whether the same will work when another connection is done. */
export function isBusy(error: unknown): boolean {
  const code = resultCodeOf(error);
  return code === BUSY || code === LOCKED;
}

/** Why SQLite refused, in words. */
export function reasonOf(error: unknown): string {
  if (resultCodeOf(error) === FULL) return "the disk is full";
  return error instanceof Error ? error.message : String(error);
}

/** Repeats what finds the file busy. It blocks, and so is for the start of an app only. */
export function untilFree<Result>(work: () => Result): Result {
  const clock = new Int32Array(new SharedArrayBuffer(4));
  for (let waited = 0; ; waited += OPENING_PAUSE) {
    try {
      return work();
    } catch (error) {
      if (!isBusy(error) || waited >= LONGEST_OPENING) throw error;
      Atomics.wait(clock, 0, 0, OPENING_PAUSE);
    }
  }
}

/** `node:sqlite` tells a number, the others a name; extended ones say more after the first part. */
function resultCodeOf(error: unknown): number | undefined {
  const { errcode, code } = (error ?? {}) as { errcode?: unknown; code?: unknown };
  if (typeof errcode === "number") return errcode & 0xff;
  if (typeof code !== "string") return undefined;
  return NAMES[code.split("_", 2).join("_")];
}

function makeFile(path: string): string {
  try {
    const folder = dirname(path);
    mkdirSync(folder, { recursive: true, mode: 0o700 });
    const file = join(realpathSync(folder), basename(path));
    try {
      // Only when it is absent: to close a file lets go of the locks that this process has on it.
      closeSync(openSync(file, "wx", 0o600));
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== "EEXIST") throw error;
      if (!statSync(file).isFile()) throw new Error("it is a folder");
    }
    return file;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOSPC") {
      throw new Error(`the SQLite file ${path} cannot be opened: the disk is full`, {
        cause: error,
      });
    }
    throw new ConfigError("path", `must be a file, or one that can be made: ${reasonOf(error)}`);
  }
}
