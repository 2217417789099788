/**
 * Keeps sessions in Cloudflare D1: each verb is one batch, and one round trip.
 *
 * @module
 */

import { ConfigError, section } from "../errors.ts";
import { dateNow } from "../lib/clock.ts";
import type { SqlBatch, SqlRow } from "./cloudflare-sql.ts";
import { requirePrefix, sqlSchema, storeOfTables } from "./cloudflare-sql.ts";
import type { Revocations, SessionStore } from "./contract.ts";

/** What is used of a D1 database, the binding `env.DB`. */
export interface D1Like {
  prepare(sql: string): D1StatementLike;
  batch(statements: never[]): Promise<readonly { readonly results: readonly unknown[] }[]>;
}

export interface D1StatementLike {
  bind(...values: unknown[]): unknown;
}

export interface D1StoreOptions {
  /** The database: `env.DB`, and not a session of it, which may read from a copy that is behind. */
  readonly client: D1Like;
  /** Begins the names of the tables. Change it when two apps share a database. @default "coatcheck_" */
  readonly prefix?: string | undefined;
  /**
   * Makes the tables before the first command of the store, which is one more round trip. Say `false`
   * when a migration of yours makes them: {@link d1Schema} has the statements.
   *
   * @default true
   */
  readonly createTables?: boolean | undefined;
  /** Tells which revocations are over, in milliseconds since the epoch. @default Date.now */
  readonly clock?: (() => number) | undefined;
}

const KNOWN = ["client", "prefix", "createTables", "clock"] as const;

/**
 * Creates a store on a D1 database.
 *
 * @throws {ConfigError} when an option cannot work.
 * @example
 * ```ts
 * const store = d1Store({ client: env.DB });
 * ```
 */
export function d1Store(options: D1StoreOptions): SessionStore & Revocations {
  const {
    client,
    prefix = "coatcheck_",
    createTables = true,
    clock = dateNow,
  } = section("options", options, KNOWN);
  const candidate = client as Partial<D1Like> | null | undefined;
  if (typeof candidate?.prepare !== "function" || typeof candidate.batch !== "function") {
    throw new ConfigError("client", "must be a D1 database, such as `env.DB`");
  }
  if ("getBookmark" in candidate) {
    throw new ConfigError(
      "client",
      "must be `env.DB` itself: a session of it may read what is old",
    );
  }
  requirePrefix(prefix);
  if (typeof createTables !== "boolean") {
    throw new ConfigError("createTables", "must be true or false");
  }
  if (typeof clock !== "function") throw new ConfigError("clock", "must be a function");
  let tables: Promise<unknown> | undefined = createTables ? undefined : Promise.resolve();

  const send: SqlBatch = async (statements) => {
    const prepared = statements.map(([sql, ...values]) => client.prepare(sql).bind(...values));
    const answers = await client.batch(prepared as never[]);
    return answers.map(({ results }) => results as SqlRow[]);
  };

  return storeOfTables(
    "d1",
    prefix,
    async (statements) => {
      tables ??= send(sqlSchema(prefix).map((sql) => [sql])).catch((error: unknown) => {
        tables = undefined;
        throw error;
      });
      await tables;
      return send(statements);
    },
    clock,
  );
}

/** The statements that make the tables, for a migration. */
export function d1Schema(prefix = "coatcheck_"): string {
  requirePrefix(prefix);
  return sqlSchema(prefix)
    .map((sql) => `${sql};\n`)
    .join("");
}
