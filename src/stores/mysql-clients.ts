/**
 * How a pool of `mysql2` is called, whichever of its two kinds it is.
 *
 * All text goes as bytes: so neither the character set of a connection nor the server's rules for
 * escaping, both of which can be set to anything, have a part in it.
 *
 * @module
 */

import { ConfigError } from "../errors.ts";
import { utf8 } from "../lib/bytes.ts";

/** One statement, as mysql2 takes it. The options say again what a pool may have set otherwise. */
export interface MysqlStatement {
  sql: string;
  values: unknown[];
  rowsAsArray: boolean;
  typeCast: boolean;
  namedPlaceholders: boolean;
  nestTables: false;
}

/** Something of mysql2 that runs statements and gives promises. */
export interface MysqlConnection {
  query(statement: MysqlStatement): Promise<[unknown, unknown]>;
  execute(statement: MysqlStatement): Promise<[unknown, unknown]>;
}

/** What `createPool` of `mysql2/promise` returns. */
export interface MysqlPromisePool extends MysqlConnection {
  getConnection(): Promise<MysqlConnection & { release(): void; destroy(): void }>;
}

/** What `createPool` of `mysql2` returns. */
export interface MysqlCallbackPool {
  promise(): MysqlPromisePool;
}

export type MysqlClient = MysqlPromisePool | MysqlCallbackPool;

/** What a statement takes: text becomes bytes. */
export type MysqlValue = string | number | boolean | null;

/** What a statement that writes has done. */
export interface Written {
  /** How many rows it has written, or has found and left as they were. */
  readonly matched: number;
  /** How many rows it has removed or inserted. */
  readonly affected: number;
  /** What `LAST_INSERT_ID(…)` was given in it. */
  readonly given: number;
}

export interface MysqlCalls {
  rows(sql: string, values: readonly MysqlValue[]): Promise<readonly (readonly unknown[])[]>;
  write(sql: string, values: readonly MysqlValue[]): Promise<Written>;
  /** Runs some statements on one connection, as one transaction. */
  transaction<Result>(work: (calls: MysqlStatements) => Promise<Result>): Promise<Result>;
  /** Runs some statements on one connection. */
  session<Result>(work: (calls: MysqlStatements) => Promise<Result>): Promise<Result>;
}

export type MysqlStatements = Pick<MysqlCalls, "rows" | "write">;

/** Ends a transaction and nothing else, whatever `completion_type` is: a next one would be left open. */
export const COMMIT = "COMMIT AND NO CHAIN NO RELEASE";

/**
 * @param prepare - whether statements are prepared, once on each connection
 * @throws {ConfigError} when it is not a pool of mysql2.
 */
export function mysqlCalls(client: MysqlClient, prepare: boolean): MysqlCalls {
  const isCallback = has(client, "promise") && has(client, "getConnection");
  const pool = isCallback ? (client as MysqlCallbackPool).promise() : (client as MysqlPromisePool);
  const isPool = ["query", "execute", "getConnection"].every((method) => has(pool, method));
  // A pool of the package `mariadb` has these as well, and `batch`: it takes other options, and answers otherwise.
  if (!isPool || has(pool, "batch")) {
    throw new ConfigError(
      "client",
      "must be what `createPool` of mysql2 or mysql2/promise returns",
    );
  }
  refuseQueryFormat(pool);

  async function session<Result>(
    work: (calls: MysqlStatements) => Promise<Result>,
  ): Promise<Result> {
    const connection = await pool.getConnection();
    try {
      const result = await work(statements(connection, false));
      connection.release();
      return result;
    } catch (error) {
      // What it had begun ends with it: nothing is left to whoever would get the connection next.
      connection.destroy();
      throw error;
    }
  }

  return {
    ...statements(pool, prepare),
    session,
    transaction(work) {
      return session(async (calls) => {
        await calls.write("START TRANSACTION", []);
        const result = await work(calls);
        await calls.write(COMMIT, []);
        return result;
      });
    },
  };
}

function has(client: unknown, method: string): boolean {
  return typeof (client as Record<string, unknown> | undefined)?.[method] === "function";
}

/** With such a function of the app's a `?` may get to the server as it is. No option of a statement says otherwise. */
function refuseQueryFormat(client: MysqlPromisePool): void {
  const { queryFormat } = (client as PoolInside).pool?.config?.connectionConfig ?? {};
  if (queryFormat === undefined) return;
  const connection = { escape: String, escapeId: String, format: String };
  if (!String(queryFormat.call(connection, "?", [1])).includes("?")) return;
  throw new ConfigError(
    "client",
    "has the option `queryFormat`, which leaves every `?` in: give the store a pool without it",
  );
}

interface PoolInside {
  readonly pool?: {
    readonly config?: {
      readonly connectionConfig?: {
        readonly queryFormat?: (this: object, sql: string, values: unknown) => unknown;
      };
    };
  };
}

function statements(connection: MysqlConnection, prepare: boolean): MysqlStatements {
  async function send(sql: string, values: readonly MysqlValue[]): Promise<unknown> {
    const statement: MysqlStatement = {
      sql,
      values: values.map((value) => (typeof value === "string" ? bytesOf(value) : value)),
      rowsAsArray: true,
      typeCast: true,
      namedPlaceholders: false,
      nestTables: false,
    };
    const [result] = prepare
      ? await connection.execute(statement)
      : await connection.query(statement);
    return result;
  }
  return {
    async rows(sql, values) {
      return (await send(sql, values)) as unknown[][];
    },
    async write(sql, values) {
      const { affectedRows, insertId, info } = (await send(sql, values)) as ResultHeader;
      // What is affected without a change depends on a flag of the connection. What the server adds in
      // words, in any language, begins with how many it has found.
      const found = /\d+/.exec(info ?? "")?.[0];
      return {
        matched: found === undefined ? affectedRows : Number(found),
        affected: affectedRows,
        given: Number(insertId),
      };
    },
  };
}

interface ResultHeader {
  readonly affectedRows: number;
  readonly insertId: number | string;
  readonly info?: string;
}

function bytesOf(text: string): Uint8Array {
  const bytes = utf8(text);
  // mysql2 tells bytes from other objects by Node's own class.
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}
