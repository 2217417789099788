/**
 * The tables of a SQLite store, and how older ones become today's.
 *
 * The version stands in a table of ours and not in `user_version`: that one belongs to the app, whose
 * own tables may lie in the same file.
 *
 * @module
 */

import type { SqliteDatabase, SqliteRow } from "./sqlite-database.ts";
import { untilFree } from "./sqlite-database.ts";

/**
 * What leads from one version to the next; a file of version n has had the first n.
 *
 * `look_at` is when to look at a session: not after its time is over, but maybe before, so that a
 * touch moves no index. Moments are REAL, so that every number is kept as it is; SQLite stores whole
 * ones in 6 bytes. `AUTOINCREMENT` never gives the number of an entry of the feed again.
 */
const STEPS: readonly string[] = [
  `CREATE TABLE coatcheck_sessions (
     namespace TEXT NOT NULL,
     id TEXT NOT NULL,
     revision INTEGER NOT NULL,
     user_id TEXT,
     mark REAL NOT NULL,
     last_seen_at REAL NOT NULL,
     expires_at REAL NOT NULL,
     look_at REAL NOT NULL,
     closed INTEGER NOT NULL,
     body TEXT NOT NULL,
     PRIMARY KEY (namespace, id)
   ) STRICT;
   CREATE INDEX coatcheck_sessions_of_user ON coatcheck_sessions (namespace, user_id, id)
     WHERE user_id IS NOT NULL;
   CREATE INDEX coatcheck_sessions_due ON coatcheck_sessions (namespace, look_at);
   CREATE TABLE coatcheck_cut_offs (
     namespace TEXT NOT NULL,
     user_id TEXT NOT NULL,
     at REAL NOT NULL,
     keep_until REAL NOT NULL,
     PRIMARY KEY (namespace, user_id)
   ) STRICT, WITHOUT ROWID;
   CREATE INDEX coatcheck_cut_offs_due ON coatcheck_cut_offs (namespace, keep_until);
   CREATE TABLE coatcheck_revocations (
     number INTEGER PRIMARY KEY AUTOINCREMENT,
     namespace TEXT NOT NULL,
     until REAL NOT NULL,
     entry TEXT NOT NULL
   ) STRICT;
   CREATE INDEX coatcheck_revocations_due ON coatcheck_revocations (namespace, until);`,
];

/**
 * Brings the tables up to date, in one transaction.
 *
 * @throws {Error} when a later version of coatcheck was here.
 */
export function migrate(database: SqliteDatabase): void {
  if (versionOf(database) === STEPS.length) return;
  untilFree(() => database.exec("BEGIN IMMEDIATE"));
  try {
    // Again, now that nobody else can write.
    const version = versionOf(database);
    if (version > STEPS.length) {
      throw new Error("the SQLite file was written by a later version of coatcheck");
    }
    if (version === 0) database.exec("CREATE TABLE coatcheck_schema (version INTEGER) STRICT");
    for (const step of STEPS.slice(version)) database.exec(step);
    database.exec("DELETE FROM coatcheck_schema");
    database.exec(`INSERT INTO coatcheck_schema VALUES (${STEPS.length})`);
    untilFree(() => database.exec("COMMIT"));
  } catch (error) {
    try {
      database.exec("ROLLBACK");
    } catch {
      // SQLite has done it.
    }
    throw error;
  }
}

function versionOf(database: SqliteDatabase): number {
  const all = (sql: string): SqliteRow[] =>
    untilFree(() => database.prepare(sql).all()) as SqliteRow[];
  const known = all("SELECT 1 FROM sqlite_master WHERE name = 'coatcheck_schema'");
  if (known.length === 0) return 0;
  return Number(all("SELECT version FROM coatcheck_schema")[0]?.["version"]);
}
