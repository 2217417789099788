/**
 * Opens a store by its address, with the client that the user's project has installed.
 *
 * @module
 */

import { createRequire } from "node:module";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { ConfigError } from "../errors.ts";
import type { Revocations, SessionStore } from "../stores/contract.ts";
import { fileStore } from "../stores/file.ts";
import type { MysqlPromisePool } from "../stores/mysql.ts";
import { mysqlStore } from "../stores/mysql.ts";
import type { PgClient, PostgresJsClient } from "../stores/postgres.ts";
import { postgresStore } from "../stores/postgres.ts";
import type { RedisClient } from "../stores/redis.ts";
import { redisStore } from "../stores/redis.ts";
import { sqliteStore } from "../stores/sqlite.ts";

/** A store that somebody has to close, with its client. */
export interface OpenedStore {
  readonly store: SessionStore & Revocations;
  close(): Promise<void>;
}

/** What an address may look like, for `--help`. */
export const ADDRESSES = `lmdb:<folder>, sqlite:<file>, file:<folder>,
redis://…, postgres://… or mysql://…, with ?namespace=<name> where the app gives one`;

/**
 * Opens the store of an address.
 *
 * @throws {ConfigError} for an address of no kind that is known, or a client that is not installed.
 */
export async function openStore(option: string, address: string): Promise<OpenedStore> {
  const [, kind = "", rest = ""] = /^([a-z]+):(.*)$/s.exec(address) ?? [];
  const { path, namespace } = placeOf(rest);
  if (kind === "lmdb") {
    await installed(option, "lmdb");
    // Only now: the other commands work without it.
    const { lmdbStore } = await import("../stores/lmdb.ts");
    return embedded(lmdbStore({ path, ...namespace }));
  }
  if (kind === "sqlite") return embedded(sqliteStore({ path, ...namespace }));
  if (kind === "file") return embedded(fileStore({ path, ...namespace }));
  const url = `${kind}:${path}`;
  if (/^rediss?$/.test(kind)) return openRedis(option, url, namespace);
  if (/^postgres(ql)?$/.test(kind)) return openPostgres(option, url, namespace);
  if (/^(mysql|mariadb)$/.test(kind)) return openMysql(option, url, namespace);
  throw new ConfigError(option, `must be one of ${ADDRESSES}`);
}

interface Named {
  readonly namespace?: string;
}

/** Takes `namespace` out of the query: the rest is the client's. */
function placeOf(rest: string): { readonly path: string; readonly namespace: Named } {
  const [path = "", query = ""] = rest.split("?");
  const parameters = new URLSearchParams(query);
  const namespace = parameters.get("namespace");
  parameters.delete("namespace");
  const left = parameters.toString();
  return {
    path: left === "" ? path : `${path}?${left}`,
    namespace: namespace === null ? {} : { namespace },
  };
}

function embedded(store: SessionStore & Revocations): OpenedStore {
  return { store, close: () => store.close() };
}

async function openRedis(option: string, url: string, named: Named): Promise<OpenedStore> {
  const { name, module } = await installed(option, "redis", "ioredis", "iovalkey");
  if (name === "redis") {
    const { createClient } = module as {
      createClient(options: { url: string }): RedisClient & {
        connect(): Promise<unknown>;
        destroy(): void;
        on(event: "error", listener: () => void): unknown;
      };
    };
    const client = createClient({ url });
    // Each call fails by itself; without a listener the first one would end the process.
    client.on("error", () => undefined);
    await client.connect();
    return withClient(redisStore({ client, ...named }), async () => client.destroy());
  }
  const { Redis } = module as { Redis: new (url: string) => RedisClient & { disconnect(): void } };
  const client = new Redis(url);
  return withClient(redisStore({ client, ...named }), async () => client.disconnect());
}

async function openPostgres(option: string, url: string, named: Named): Promise<OpenedStore> {
  const { name, module } = await installed(option, "pg", "postgres");
  if (name === "pg") {
    const { Pool } = module as { Pool: new (config: object) => PgClient & Ending };
    const pool = new Pool({ connectionString: url, max: 4 });
    return withClient(postgresStore({ client: pool, ...named }), () => pool.end());
  }
  const connect = module as unknown as (url: string, config: object) => PostgresJsClient & Ending;
  const client = connect(url, { max: 4, onnotice: () => undefined });
  return withClient(postgresStore({ client, ...named }), () => client.end());
}

async function openMysql(option: string, url: string, named: Named): Promise<OpenedStore> {
  const { module } = await installed(option, "mysql2/promise");
  const { createPool } = module as { createPool(config: object): MysqlPromisePool & Ending };
  const pool = createPool({ uri: url.replace(/^mariadb/, "mysql"), connectionLimit: 4 });
  return withClient(mysqlStore({ client: pool, ...named }), () => pool.end());
}

interface Ending {
  end(): Promise<unknown>;
}

function withClient(store: SessionStore & Revocations, end: () => Promise<unknown>): OpenedStore {
  return {
    store,
    async close() {
      await store.close();
      await end();
    },
  };
}

/** The first of these packages that the project in this folder has. */
export async function installed(
  option: string,
  ...names: readonly string[]
): Promise<{ readonly name: string; readonly module: Readonly<Record<string, unknown>> }> {
  const { resolve } = createRequire(join(process.cwd(), "package.json"));
  for (const name of names) {
    let path: string;
    try {
      path = resolve(name);
    } catch {
      continue;
    }
    const module = (await import(pathToFileURL(path).href)) as { readonly default: never };
    return { name, module: module.default };
  }
  throw new ConfigError(option, `needs a client: npm install ${names.join(" or ")}`);
}
