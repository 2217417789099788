/**
 * Connects to a database by its address, with the client that the user's project has installed.
 *
 * @module
 */

import { createRequire } from "node:module";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { ConfigError } from "../errors.ts";
import type { MysqlPromisePool } from "../stores/mysql.ts";
import type { PgClient, PostgresJsClient } from "../stores/postgres.ts";
import type { RedisClient } from "../stores/redis.ts";

/** A client that somebody has to end. */
export interface Connected<Client> {
  readonly client: Client;
  end(): Promise<unknown>;
}

// How long a server may be away once it was there.
const MOST_RETRIES = 20;
const RETRY_MS = 500;
// Of a pool: copying asks for many sessions at once.
const CONNECTIONS = 4;

/** @param option - the name of what gave the address */
export async function connectPostgres(
  option: string,
  url: string,
): Promise<Connected<PgClient | PostgresJsClient>> {
  const { name, module } = await installed(option, "pg", "postgres");
  if (name === "pg") {
    const { Pool } = module as { Pool: new (config: object) => PgClient & Ending & Telling };
    const client = new Pool({ connectionString: url, max: CONNECTIONS });
    ignoreErrors(client);
    return { client, end: () => client.end() };
  }
  const connect = module as unknown as (url: string, config: object) => PostgresJsClient & Ending;
  // What it would ask as each connection begins ends the process where it fails.
  const config = { max: CONNECTIONS, onnotice: () => undefined, fetch_types: false };
  const client = connect(url, config);
  return { client, end: () => client.end() };
}

export async function connectMysql(
  option: string,
  url: string,
): Promise<Connected<MysqlPromisePool>> {
  const { module } = await installed(option, "mysql2/promise");
  const { createPool } = module as { createPool(config: object): MysqlPromisePool & Ending };
  const uri = url.replace(/^mariadb/, "mysql");
  const client = createPool({ uri, connectionLimit: CONNECTIONS });
  return { client, end: () => client.end() };
}

export async function connectRedis(option: string, url: string): Promise<Connected<RedisClient>> {
  const { name, module } = await installed(option, "redis", "ioredis", "iovalkey");
  return name === "redis" ? await nodeRedis(module, url) : await ioredis(module, url);
}

async function nodeRedis(module: Module, url: string): Promise<Connected<RedisClient>> {
  const { createClient } = module as {
    createClient(
      options: object,
    ): RedisClient &
      Telling & { connect(): Promise<unknown>; disconnect(): Promise<unknown>; isOpen: boolean };
  };
  let wasThere = false;
  const reconnectStrategy = (retries: number): number | false =>
    wasThere && retries < MOST_RETRIES ? RETRY_MS : false;
  const client = createClient({ url, socket: { reconnectStrategy } });
  ignoreErrors(client);
  await client.connect();
  wasThere = true;
  return {
    client,
    async end() {
      if (client.isOpen) await client.disconnect();
    },
  };
}

async function ioredis(module: Module, url: string): Promise<Connected<RedisClient>> {
  const { Redis } = module as {
    Redis: new (
      url: string,
      options: object,
    ) => RedisClient & Telling & { connect(): Promise<unknown>; disconnect(): void };
  };
  const client = new Redis(url, { lazyConnect: true, maxRetriesPerRequest: MOST_RETRIES });
  let reason: unknown;
  client.on("error", (error) => {
    reason = error;
  });
  try {
    await client.connect();
  } catch (error) {
    client.disconnect();
    // It says only that the connection is closed; why, it has told before.
    throw reason ?? error;
  }
  return { client, end: async () => client.disconnect() };
}

interface Ending {
  end(): Promise<unknown>;
}

interface Telling {
  on(event: "error", listener: (error: unknown) => void): unknown;
}

type Module = Readonly<Record<string, unknown>>;

/** Each call fails by itself; without a listener a connection that is lost would end the process. */
function ignoreErrors(client: Telling): void {
  client.on("error", () => undefined);
}

/** The first of these packages that the project in this folder has. */
export async function installed(
  option: string,
  ...names: readonly string[]
): Promise<{ readonly name: string; readonly module: Module }> {
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
  const [first, ...rest] = names;
  const others = rest.map((name) => ` or \`${name}\``).join("");
  throw new ConfigError(option, `needs a client: \`npm install ${first}\`${others}`);
}
