/**
 * How each PostgreSQL client is called: `pg`, postgres.js and PGlite, told apart by their methods.
 *
 * @module
 */

import { ConfigError } from "../errors.ts";
import { encodeBase64url } from "../lib/base64url.ts";
import { utf8 } from "../lib/bytes.ts";
import { sha256 } from "../lib/sha256.ts";

/** What is bound to a parameter of a statement. */
export type PostgresValue = string | number | boolean | null;

/** A `Pool` (or a connected `Client`) of the package `pg`. */
export interface PgClient {
  query(config: {
    readonly text: string;
    readonly values: unknown[];
    readonly name?: string;
    readonly rowMode: "array";
  }): Promise<{ readonly rows: unknown[] }>;
  connect(): Promise<unknown>;
}

/** What `postgres()` of the package `postgres` returns. */
export interface PostgresJsClient {
  unsafe(
    text: string,
    values: PostgresValue[],
    options: { readonly prepare: boolean },
  ): PromiseLike<unknown> & { values(): PromiseLike<unknown> };
  listen(
    channel: string,
    onNotice: (payload: string) => void,
    onListen?: () => void,
  ): PromiseLike<{ unlisten(): PromiseLike<unknown> }>;
}

/** A `PGlite` of the package `@electric-sql/pglite`. */
export interface PgliteClient {
  query(
    text: string,
    values: unknown[],
    options: { readonly rowMode: "array" },
  ): Promise<{ readonly rows: unknown[] }>;
  exec(text: string): Promise<unknown>;
  listen(
    channel: string,
    onNotice: (payload: string) => void,
  ): Promise<() => Promise<void> | undefined>;
}

export type PostgresClient = PgClient | PostgresJsClient | PgliteClient;

/** A client of any kind. */
export interface PostgresCalls {
  /** It drops a byte order mark in front of a text. */
  readonly dropsMark: boolean;
  /** Runs one statement, in one round trip where the client can. @returns rows of columns. */
  rows(text: string, values: readonly PostgresValue[]): Promise<readonly (readonly unknown[])[]>;
  /** Runs several statements in one transaction. */
  script(text: string): Promise<void>;
  /**
   * Listens on a channel, whose name needs no quotes.
   *
   * @param onListening - called when it begins, and again when it begins anew after a lost connection
   * @param onLost - called when the connection is lost and the client will not make another
   */
  listen(
    channel: string,
    onNotice: (payload: string) => void,
    onListening: () => void,
    onLost: () => void,
  ): Promise<() => Promise<void>>;
}

/**
 * @param option - the name of the option that holds the client
 * @param prepare - whether `pg` prepares statements under a name, once on each connection
 * @throws {ConfigError} when it is none of the three.
 */
export function postgresCalls(
  client: PostgresClient,
  option: string,
  prepare: boolean,
): PostgresCalls {
  if (has(client, "unsafe") && has(client, "listen")) {
    return postgresJsCalls(client as PostgresJsClient);
  }
  if (has(client, "exec") && has(client, "query") && has(client, "listen")) {
    return pgliteCalls(client as PgliteClient);
  }
  // A pool of mysql2 has `query` as well, and `execute`.
  if (has(client, "query") && has(client, "connect") && !has(client, "execute")) {
    return pgCalls(client as PgClient, prepare);
  }
  throw new ConfigError(
    option,
    "must be a `Pool` of pg, what `postgres()` of postgres.js returns, or a `PGlite`",
  );
}

function has(client: unknown, method: string): boolean {
  return typeof (client as Record<string, unknown> | undefined)?.[method] === "function";
}

/** What a connection of `pg` has besides; not in its type, because a pool's has it not. */
interface PgConnection {
  query(text: string): Promise<unknown>;
  on(event: string, listener: (detail: unknown) => void): unknown;
  removeListener(event: string, listener: (detail: unknown) => void): unknown;
  release?(destroy: boolean): void;
}

function pgCalls(client: PgClient, prepare: boolean): PostgresCalls {
  const names = new Map<string, string>();
  let listening = 0;

  /** The same for the same text, because a connection takes no second text under one name. */
  function nameOf(text: string): string {
    let name = names.get(text);
    if (name === undefined) {
      name = `coatcheck_${encodeBase64url(sha256(utf8(text))).slice(0, 20)}`;
      names.set(text, name);
    }
    return name;
  }

  return {
    dropsMark: false,
    async rows(text, values) {
      const config = { text, values: [...values], rowMode: "array" as const };
      const named = prepare ? { ...config, name: nameOf(text) } : config;
      return (await client.query(named)).rows as unknown[][];
    },
    async script(text) {
      // Without values pg sends the text as it is, which may be several statements.
      await (client as unknown as PgConnection).query(text);
    },
    async listen(channel, onNotice, onListening, onLost) {
      const isPool = typeof (client as { totalCount?: unknown }).totalCount === "number";
      const connection = (isPool ? await client.connect() : client) as PgConnection;
      const hear = (notice: unknown): void => {
        const { channel: from, payload = "" } = notice as { channel: string; payload?: string };
        if (from === channel) onNotice(payload);
      };
      let isOver = false;
      function leave(): void {
        if (isOver) return;
        isOver = true;
        listening -= 1;
        connection.removeListener("notification", hear);
        connection.removeListener("end", lost);
        // On a connection that is thrown away it stays: an error that nobody hears ends the process.
        if (isPool) connection.release?.(true);
        else connection.removeListener("error", lost);
      }
      function lost(): void {
        leave();
        onLost();
      }
      listening += 1;
      connection.on("notification", hear);
      connection.on("error", lost);
      connection.on("end", lost);
      try {
        await connection.query(`LISTEN ${channel}`);
      } catch (error) {
        leave();
        throw error;
      }
      onListening();
      return async () => {
        if (isOver) return;
        // Who has begun anew on the same connection since would be deaf from then on.
        if (!isPool && listening === 1) await connection.query(`UNLISTEN ${channel}`);
        leave();
      };
    },
  };
}

function postgresJsCalls(client: PostgresJsClient): PostgresCalls {
  return {
    dropsMark: false,
    async rows(text, values) {
      // `true` leaves it to how the client was made: unprepared, postgres.js asks for the types of
      // parameters first, which is another round trip.
      return (await client.unsafe(text, [...values], { prepare: true }).values()) as unknown[][];
    },
    async script(text) {
      // Without values postgres.js sends the text as it is, which may be several statements.
      await client.unsafe(text, [], { prepare: false });
    },
    async listen(channel, onNotice, onListening) {
      // It has a connection of its own for this, and makes another one when that is lost.
      const { unlisten } = await client.listen(channel, onNotice, onListening);
      return async () => {
        await unlisten();
      };
    },
  };
}

function pgliteCalls(client: PgliteClient): PostgresCalls {
  return {
    dropsMark: true,
    async rows(text, values) {
      return (await client.query(text, [...values], { rowMode: "array" })).rows as unknown[][];
    },
    async script(text) {
      await client.exec(text);
    },
    async listen(channel, onNotice, onListening) {
      const end = await client.listen(channel, onNotice);
      onListening();
      return async () => {
        await end();
      };
    },
  };
}
