/**
 * The tables of a MySQL store, as SQL to be run once, in order, by `coatcheck migrate` or by hand.
 *
 * A migration only ever adds, so that an app of the version before goes on while the next one is
 * deployed. MySQL has no transactions for it, so each statement can be run again.
 *
 * @module
 */

import type { MysqlCalls, MysqlStatements } from "./mysql-clients.ts";
import { COMMIT } from "./mysql-clients.ts";

/** One step from a version of the tables to the next. */
export interface MysqlMigration {
  /** The version that the tables have afterwards: 1 for the first. */
  readonly version: number;
  /** The statements, one after the other. */
  readonly statements: readonly string[];
}

/** The version that this coatcheck needs. */
const NEEDED_VERSION = 1;

/** Tells that the tables are missing or older than this version of coatcheck needs. */
export function whyNotReady(prefix: string, version: number): string | undefined {
  if (version >= NEEDED_VERSION) return undefined;
  const what =
    version === 0
      ? `the database has no tables of coatcheck whose names begin with \`${prefix}\``
      : `the tables \`${prefix}…\` have version ${version}, and ${NEEDED_VERSION} is needed`;
  return `${what}: run \`migrate(client)\` of coatcheck/stores/mysql, or the SQL that \`npx coatcheck migrate mysql --print\` prints`;
}

/** @param prefix - of the tables' names, checked */
export function migrationsFor(prefix: string): readonly MysqlMigration[] {
  return [{ version: 1, statements: first(prefix) }];
}

// Bytes throughout: no collation takes two ids for one. Moments are milliseconds since the epoch.
// A touch changes last_seen_at and expires_at, which no index holds; look_at is moved by the sweep.
// feeds.last is locked by whoever adds a revocation, until it can be seen.
function first(prefix: string): string[] {
  return [
    `CREATE TABLE IF NOT EXISTS ${prefix}migrations (
  version INT NOT NULL PRIMARY KEY,
  applied_at TIMESTAMP NOT NULL DEFAULT CURRENT_TIMESTAMP
) ENGINE = InnoDB`,
    `CREATE TABLE IF NOT EXISTS ${prefix}sessions (
  namespace VARBINARY(64) NOT NULL,
  id BINARY(24) NOT NULL,
  revision INT NOT NULL,
  closed BOOLEAN NOT NULL,
  mark DOUBLE NOT NULL,
  last_seen_at DOUBLE NOT NULL,
  expires_at DOUBLE NOT NULL,
  look_at DOUBLE NOT NULL,
  user_id VARBINARY(400),
  long_user_id VARBINARY(4096),
  \`body\` MEDIUMBLOB NOT NULL,
  PRIMARY KEY (namespace, id),
  KEY by_user (namespace, user_id, id),
  KEY to_look_at (namespace, look_at)
) ENGINE = InnoDB ROW_FORMAT = DYNAMIC`,
    `CREATE TABLE IF NOT EXISTS ${prefix}cut_offs (
  namespace VARBINARY(64) NOT NULL,
  user_id VARBINARY(400) NOT NULL,
  at BIGINT NOT NULL,
  keep_until DOUBLE NOT NULL,
  except_id BINARY(24),
  PRIMARY KEY (namespace, user_id),
  KEY by_end (namespace, keep_until)
) ENGINE = InnoDB ROW_FORMAT = DYNAMIC`,
    `CREATE TABLE IF NOT EXISTS ${prefix}feeds (
  namespace VARBINARY(64) NOT NULL PRIMARY KEY,
  last BIGINT NOT NULL
) ENGINE = InnoDB`,
    `CREATE TABLE IF NOT EXISTS ${prefix}revocations (
  namespace VARBINARY(64) NOT NULL,
  number BIGINT NOT NULL,
  kind VARBINARY(16) NOT NULL,
  about VARBINARY(4096),
  except_id VARBINARY(64),
  at DOUBLE NOT NULL,
  until DOUBLE NOT NULL,
  PRIMARY KEY (namespace, number),
  KEY by_end (namespace, until)
) ENGINE = InnoDB ROW_FORMAT = DYNAMIC`,
    `INSERT IGNORE INTO ${prefix}migrations (version) VALUES (1)`,
  ];
}

const NO_SUCH_TABLE = 1146;
const LOCK_SECONDS = 60;

/** The version of the tables that are there; 0 for none. */
export async function versionOf(calls: MysqlStatements, prefix: string): Promise<number> {
  try {
    const [row] = await calls.rows(`SELECT MAX(version) FROM ${prefix}migrations`, []);
    return Number(row?.[0] ?? 0);
  } catch (error) {
    if ((error as { readonly errno?: unknown }).errno === NO_SUCH_TABLE) return 0;
    throw error;
  }
}

// Of Galera: before it reads, updates, removes and inserts a node waits for what others have acknowledged.
const WAIT_FOR_OTHERS = 7;

/** Tells that what the connections of the pool write is not kept, or that they may read what is no longer so. */
export async function whyNotTrusted(calls: MysqlStatements): Promise<string | undefined> {
  const [row] = await calls.rows("SELECT @@autocommit", []);
  if (Number(row?.[0]) !== 1) {
    return "the connections of the MySQL pool have `autocommit` off: set it to 1 for them, for what the store writes is not committed otherwise";
  }
  // A server that knows nothing of Galera has none of these.
  const galera = new Map(
    (await calls.rows("SHOW VARIABLES LIKE 'wsrep%'", [])).map(([name, value]) => [
      String(name),
      String(value),
    ]),
  );
  const isNode = galera.get("wsrep_on") === "ON" && galera.get("wsrep_provider") !== "none";
  const waits = Number(galera.get("wsrep_sync_wait")) & WAIT_FOR_OTHERS;
  if (!isNode || waits === WAIT_FOR_OTHERS) return undefined;
  return `a node of a Galera cluster reads what another one has ended: set \`wsrep_sync_wait\` to ${WAIT_FOR_OTHERS} for the connections of the MySQL pool`;
}

/** Applies what is missing. @returns the versions that were applied. */
export async function applyMigrations(calls: MysqlCalls, prefix: string): Promise<number[]> {
  return await calls.session(async (session) => {
    const lock = `coatcheck ${prefix}`;
    const [row] = await session.rows(`SELECT GET_LOCK(?, ${LOCK_SECONDS})`, [lock]);
    if (Number(row?.[0]) !== 1) throw new Error("another migration of these tables is under way");
    const applied: number[] = [];
    for (const { version, statements } of migrationsFor(prefix)) {
      if ((await versionOf(session, prefix)) >= version) continue;
      for (const statement of statements) await session.write(statement, []);
      applied.push(version);
    }
    // Where a connection does not commit by itself: else it would go back to the pool with all of this open.
    await session.write(COMMIT, []);
    await session.rows("SELECT RELEASE_LOCK(?)", [lock]);
    return applied;
  });
}
