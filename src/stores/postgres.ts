/**
 * Keeps sessions in PostgreSQL, for any number of machines.
 *
 * Takes your own client: a pool of `pg`, postgres.js, or PGlite.
 *
 * @module
 */

import { ConfigError, requireName, section } from "../errors.ts";
import type { Revocation, Revocations, SessionRecord, SessionStore } from "./contract.ts";
import type { PostgresClient, PostgresValue } from "./postgres-clients.ts";
import { postgresCalls } from "./postgres-clients.ts";
import type { PostgresMigration } from "./postgres-migrations.ts";
import { applyMigrations, migrationsFor, versionOf, whyNotReady } from "./postgres-migrations.ts";
import { channelOf, createNotices, noticeOf } from "./postgres-notices.ts";
import { postgresSql } from "./postgres-sql.ts";
import { FEED_PAGE, sqlFeed } from "./sql-feed.ts";
import { sqlGate } from "./sql-gate.ts";
import { escaped, isSessionId, storedUser, unescaped, userIdOf } from "./sql-names.ts";

export type {
  PgClient,
  PgliteClient,
  PostgresClient,
  PostgresJsClient,
} from "./postgres-clients.ts";
export type { PostgresMigration } from "./postgres-migrations.ts";

export interface PostgresStoreOptions {
  /**
   * Your client: a `Pool` of pg, what `postgres()` of postgres.js returns, or a `PGlite`. It stays
   * yours: the store neither configures nor ends it.
   */
  readonly client: PostgresClient;
  /** Sets apart apps that share the tables. @default "" */
  readonly namespace?: string | undefined;
  /** The PostgreSQL schema that holds the tables. @default "coatcheck" */
  readonly schema?: string | undefined;
  /**
   * Lets pg prepare the statements, once on each connection: the server parses and plans each only
   * once. Not behind a pooler in transaction mode, unless it keeps track of them. postgres.js has an
   * option of its own for this, and PGlite does without.
   *
   * @default false
   */
  readonly prepare?: boolean | undefined;
  /**
   * Tells other processes what has changed, with NOTIFY, and gives the store `watch`. Set it in all
   * processes or in none. Every change and end of a session then waits for a lock that all notifying
   * transactions of the server share; a new session and a touch do not.
   *
   * @default false
   */
  readonly notify?: boolean | undefined;
  /**
   * What `watch` listens on, when `client` cannot: behind a pooler in transaction mode, a second client
   * that is connected directly. Refused without `notify`.
   *
   * @default client
   */
  readonly listenOn?: PostgresClient | undefined;
}

/** Where the tables are. */
export interface PostgresSchemaOptions {
  /** @default "coatcheck" */
  readonly schema?: string | undefined;
}

const KNOWN = ["client", "namespace", "schema", "prepare", "notify", "listenOn"] as const;
const MAX_BODY_BYTES = 1024 * 1024;
// What one statement of a sweep removes: it holds locks, and others wait for what it writes.
const SWEEP_BATCH = 500;
// What one page of a list looks at besides what it returns.
const LIST_SCAN = 1000;
const NO_USER = { key: null, long: null };
// The transaction was rolled back for the sake of another one.
const ROLLED_BACK: readonly unknown[] = ["40001", "40P01"];

/**
 * Creates a store on PostgreSQL 15 or later. It connects when it is first used; the tables have to be
 * there by then ({@link migrate}).
 *
 * @throws {ConfigError} when an option cannot work.
 * @example
 * ```ts
 * const store = postgresStore({ client: new pg.Pool({ connectionString }) });
 * const sessions = createSessions({ secrets, store });
 * ```
 */
export function postgresStore(options: PostgresStoreOptions): SessionStore & Revocations {
  const { namespace, schema, calls, listenCalls } = checked(options);
  const channel = listenCalls && channelOf(schema, namespace);
  const inFront = calls.dropsMark ? "." : "";
  const sql = postgresSql(schema, channel, inFront);
  const notices = listenCalls && channel ? createNotices(calls, listenCalls, channel) : undefined;
  const gate = sqlGate({
    name: "PostgreSQL",
    whyNotReady: async () => whyNotReady(schema, await versionOf(calls, schema)),
    isRolledBack,
  });

  function run(
    text: string,
    ...values: readonly PostgresValue[]
  ): Promise<readonly (readonly unknown[])[]> {
    return gate.run(() => calls.rows(text, [namespace, ...values]));
  }

  /** What a statement that also tells of a change takes for it. */
  function notice(kind: "session" | "user" | "everything", id?: string): string[] {
    return channel === undefined ? [] : [noticeOf({ kind, id })];
  }

  async function sweepBy(text: string, most: number, now: number): Promise<number> {
    let removed = 0;
    for (;;) {
      const batch = Math.min(SWEEP_BATCH, most - removed);
      if (batch <= 0) return removed;
      const [row = []] = await run(text, now, batch);
      const [looked, gone] = row.map(Number) as [number, number];
      removed += gone;
      if (looked < batch) return removed;
    }
  }

  return {
    name: "postgres",
    traits: {
      maxBodyBytes: MAX_BODY_BYTES,
      ownClock: true,
      conditionalWrites: true,
      forgets: [],
      shared: true,
    },

    async load(id) {
      if (!isSessionId(id)) return undefined;
      const [row] = await run(sql.load, id);
      return row && { record: recordOf(row, inFront), cutOff: Number(row[9]) };
    },

    async create({ id, userId, lastSeenAt, expiresAt, closed, body }, startedAgo, _now) {
      if (!isSessionId(id)) throw new TypeError("a session id is 24 base64url characters");
      const { key, long } = userId === undefined ? NO_USER : storedUser(userId);
      const [row] = await run(
        sql.create,
        ...[key, long, id, startedAgo, closed, lastSeenAt, expiresAt, body],
      );
      return row?.[0] as "created" | "taken" | "cut-off";
    },

    async update(id, revision, { body, lastSeenAt, expiresAt, close = false }, now) {
      if (!isSessionId(id)) return false;
      const values = [id, revision, body, lastSeenAt, expiresAt, close, now];
      return (await run(sql.update, ...values, ...notice("session", id))).length > 0;
    },

    async touch(id, lastSeenAt, expiresAt, now) {
      if (!isSessionId(id)) return false;
      return (await run(sql.touch, id, lastSeenAt, expiresAt, now)).length > 0;
    },

    async cutOff(userId, { except = null, keepUntil }, now) {
      const values = [storedUser(userId).key, except, keepUntil, now];
      const [row] = await run(sql.cutOff, ...values, ...notice("user", userId));
      return Number(row?.[0]);
    },

    async list({ userId, cursor = "", limit }, now) {
      const scanned = limit + LIST_SCAN;
      const values = [cursor, limit, scanned, now];
      const rows =
        userId === undefined
          ? await run(sql.listAll, ...values)
          : await run(sql.listUser, ...values, storedUser(userId).key);
      const [last, many] = rows[0] as [string | null, unknown];
      const records = rows
        .filter((row) => row[2] !== null)
        .map((row) => recordOf(row.slice(2), inFront));
      if (records.length > limit) {
        const page = records.slice(0, limit);
        return { records: page, cursor: page.at(-1)?.id };
      }
      return Number(many) === scanned && last !== null ? { records, cursor: last } : { records };
    },

    async sweep(limit, now) {
      const removed = await sweepBy(sql.sweepSessions, limit, now);
      await sweepBy(sql.sweepFeed, limit, now);
      return removed + (await sweepBy(sql.sweepCutOffs, limit - removed, now));
    },

    async close() {
      gate.close();
      await notices?.close();
    },

    ...(notices && { watch: notices.watch }),

    async add({ kind, id, at, until, except }) {
      const about = id === undefined ? null : escaped(id);
      const told = kind === "everyone" ? notice("everything") : notice(kind, id);
      await run(sql.add, kind, about, except ?? null, at, until, ...told);
    },

    since: sqlFeed((from) => run(sql.since, from, FEED_PAGE), revocationOf),
  };
}

/**
 * Makes the tables, or brings them up to date. Safe to run from several places at once, and again.
 *
 * @param client - may do what making a schema and tables takes; the store itself needs less
 * @returns the versions that were applied; none when all was up to date.
 * @throws {ConfigError} when the client or the name of the schema cannot work.
 */
export async function migrate(
  client: PostgresClient,
  options?: PostgresSchemaOptions,
): Promise<number[]> {
  const schema = schemaOf(options);
  return await applyMigrations(postgresCalls(client, "client", false), schema);
}

/**
 * The same as SQL, in order, to be run by hand or by a tool of yours: each in one transaction.
 *
 * @throws {ConfigError} when the name of the schema cannot work.
 */
export function migrations(options?: PostgresSchemaOptions): readonly PostgresMigration[] {
  return migrationsFor(schemaOf(options));
}

function checked(options: PostgresStoreOptions) {
  const {
    client,
    namespace = "",
    schema = "coatcheck",
    prepare = false,
    notify = false,
    listenOn = client,
  } = section("options", options, KNOWN);
  requireName("namespace", namespace);
  requireSchema(schema);
  for (const [option, value] of Object.entries({ prepare, notify })) {
    if (typeof value !== "boolean") throw new ConfigError(option, "must be true or false");
  }
  if (!notify && listenOn !== client) {
    throw new ConfigError("listenOn", "has no effect without `notify: true`");
  }
  const calls = postgresCalls(client, "client", prepare);
  const listenCalls = notify ? postgresCalls(listenOn, "listenOn", false) : undefined;
  return { namespace, schema, calls, listenCalls };
}

function schemaOf(options: PostgresSchemaOptions | undefined): string {
  const { schema = "coatcheck" } = section("options", options, ["schema"]);
  requireSchema(schema);
  return schema;
}

function requireSchema(schema: unknown): void {
  if (typeof schema !== "string" || !/^[a-z_][a-z0-9_]{0,62}$/.test(schema)) {
    throw new ConfigError("schema", "must be up to 63 lower-case letters, digits or `_`");
  }
}

function isRolledBack(error: unknown): boolean {
  return ROLLED_BACK.includes((error as { readonly code?: unknown } | undefined)?.code);
}

function recordOf(row: readonly unknown[], inFront: string): SessionRecord {
  const [id, revision, user, longUser, mark, lastSeenAt, expiresAt, closed, body] = row;
  return {
    id: id as string,
    revision: Number(revision),
    userId: userIdOf(user as string | null, longUser as string | null),
    mark: Number(mark),
    lastSeenAt: Number(lastSeenAt),
    expiresAt: Number(expiresAt),
    closed: Number(closed) === 1,
    body: (body as string).slice(inFront.length),
  };
}

function revocationOf(row: readonly unknown[]): Revocation {
  const [, , kind, id, at, until, except] = row;
  return {
    kind: kind as Revocation["kind"],
    ...(id !== null && { id: unescaped(id as string) }),
    at: Number(at),
    until: Number(until),
    ...(except !== null && { except: except as string }),
  };
}
