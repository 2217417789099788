/**
 * The tables of a PostgreSQL store, as SQL to be run once, in order, by `coatcheck migrate` or by hand.
 *
 * A migration only ever adds, so that an app of the version before goes on while the next one is
 * deployed.
 *
 * @module
 */

import type { PostgresCalls } from "./postgres-clients.ts";

/** One step from a version of the tables to the next. */
export interface PostgresMigration {
  /** The version that the tables have afterwards: 1 for the first. */
  readonly version: number;
  /** Several statements, to be run in one transaction. */
  readonly sql: string;
}

/** The version that this coatcheck needs. */
const NEEDED_VERSION = 1;

/** Tells that the tables are missing or older than this version of coatcheck needs. */
export function whyNotReady(schema: string, version: number): string | undefined {
  if (version >= NEEDED_VERSION) return undefined;
  const what =
    version === 0
      ? `the PostgreSQL schema \`${schema}\` has no tables of coatcheck`
      : `the tables in the PostgreSQL schema \`${schema}\` have version ${version}, and ${NEEDED_VERSION} is needed`;
  return `${what}: run \`migrate(client)\` of coatcheck/stores/postgres, or the SQL that \`npx coatcheck migrate postgres --print\` prints`;
}

/**
 * @param schema - a name that has been checked
 * @param isThere - whether it need not be made
 */
export function migrationsFor(schema: string, isThere = false): readonly PostgresMigration[] {
  const make = isThere ? "" : `CREATE SCHEMA IF NOT EXISTS "${schema}";\n\n`;
  return [{ version: 1, sql: make + first(`"${schema}"`) }];
}

function first(schema: string): string {
  return `CREATE TABLE ${schema}.migrations (
  version integer PRIMARY KEY,
  applied_at timestamptz NOT NULL DEFAULT now()
);

-- Moments are milliseconds since the epoch. Collation "C": two ids are the same when their bytes are.
-- A touch changes last_seen_at and expires_at, which no index holds, so that it stays on its page
-- (a HOT update); the fill factor leaves room there for it. look_at is moved by the sweep.
CREATE TABLE ${schema}.sessions (
  mark double precision NOT NULL,
  last_seen_at double precision NOT NULL,
  expires_at double precision NOT NULL,
  look_at double precision NOT NULL,
  revision integer NOT NULL,
  closed boolean NOT NULL,
  namespace text COLLATE "C" NOT NULL,
  id text COLLATE "C" NOT NULL,
  user_id text COLLATE "C",
  long_user_id text COLLATE "C",
  body text NOT NULL,
  PRIMARY KEY (namespace, id)
) WITH (fillfactor = 80);

CREATE INDEX sessions_by_user ON ${schema}.sessions (namespace, user_id, id)
  WHERE user_id IS NOT NULL;
CREATE INDEX sessions_to_look_at ON ${schema}.sessions (namespace, look_at);

-- One row for a user who was signed out everywhere, until no session can be from before it.
CREATE TABLE ${schema}.cut_offs (
  at double precision NOT NULL,
  keep_until double precision NOT NULL,
  namespace text COLLATE "C" NOT NULL,
  user_id text COLLATE "C" NOT NULL,
  except_id text COLLATE "C",
  PRIMARY KEY (namespace, user_id)
);
CREATE INDEX cut_offs_by_end ON ${schema}.cut_offs (namespace, keep_until);

-- The feed of revocations. feeds.last is locked by whoever adds an entry, until it can be seen.
CREATE TABLE ${schema}.feeds (
  namespace text COLLATE "C" PRIMARY KEY,
  last bigint NOT NULL
);
CREATE TABLE ${schema}.revocations (
  number bigint NOT NULL,
  at double precision NOT NULL,
  until double precision NOT NULL,
  namespace text COLLATE "C" NOT NULL,
  kind text NOT NULL,
  id text,
  except_id text,
  PRIMARY KEY (namespace, number)
);
CREATE INDEX revocations_by_end ON ${schema}.revocations (namespace, until);

INSERT INTO ${schema}.migrations (version) VALUES (1);
`;
}

// Any number, the same in all versions: two that migrate at once go one after the other.
const LOCK = 4_801_923_077;

/** The version of the tables that are there; 0 for none. */
export async function versionOf(calls: PostgresCalls, schema: string): Promise<number> {
  const text = `SELECT max(version) AS version FROM "${schema}".migrations`;
  try {
    const [row] = await calls.rows(text, []);
    return Number(row?.[0] ?? 0);
  } catch (error) {
    if (isMissing(error)) return 0;
    throw error;
  }
}

/** Applies what is missing, each migration in a transaction. @returns the versions that were applied. */
export async function applyMigrations(calls: PostgresCalls, schema: string): Promise<number[]> {
  const applied: number[] = [];
  // A role that may make no schema is refused even `IF NOT EXISTS`.
  const there = await calls.rows("SELECT 1 FROM pg_namespace WHERE nspname = $1::text", [schema]);
  for (const { version, sql } of migrationsFor(schema, there.length > 0)) {
    if ((await versionOf(calls, schema)) >= version) continue;
    try {
      // Sent as one text, the statements are one transaction.
      await calls.script(`SELECT pg_advisory_xact_lock(${LOCK});\n${sql}`);
      applied.push(version);
    } catch (error) {
      // Somebody else may have been first, and then the tables were there.
      if ((await versionOf(calls, schema)) < version) throw error;
    }
  }
  return applied;
}

const UNDEFINED_TABLE = "42P01";
const UNDEFINED_SCHEMA = "3F000";

function isMissing(error: unknown): boolean {
  const { code } = error as { readonly code?: unknown };
  return code === UNDEFINED_TABLE || code === UNDEFINED_SCHEMA;
}
