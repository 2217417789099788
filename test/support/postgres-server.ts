/**
 * A PostgreSQL server of a test's own, and PgBouncer in front of it.
 *
 * @module
 */

import { readdirSync } from "node:fs";
import { rm, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import pg from "pg";
import { freePort } from "./free-port.ts";
import { chosenServer, findProgram, required } from "./needs.ts";
import { ownFolder, ownServer, runAsNobody } from "./own-server.ts";
import { temporaryFolder } from "./temporary-folder.ts";

const DEBIAN = "/usr/lib/postgresql";

export const postgres: string | undefined = chosenServer("postgres") ?? findPostgres();
export const pgbouncer: string | undefined = findProgram("pgbouncer");

export interface PostgresServer {
  readonly port: number;
  readonly url: string;
  stop(): Promise<void>;
  /** `kill -9` of the server. What it had acknowledged has to be there when it is back. */
  kill(): Promise<void>;
  start(): Promise<void>;
  /** Ends it and removes its files. */
  dispose(): Promise<void>;
}

/**
 * Starts one.
 *
 * @param settings - of `postgresql.conf`. Without any it does not wait for the disk.
 */
export async function startPostgres(
  settings: Readonly<Record<string, string>> = { fsync: "off", synchronous_commit: "off" },
): Promise<PostgresServer> {
  const folder = await temporaryFolder("postgres");
  await ownFolder(folder);
  const data = join(folder, "data");
  const program = required("postgres", postgres);
  // The one beside it is of the same version.
  await runAsNobody(join(dirname(program), "initdb"), [
    ...["-D", data, "-U", "postgres", "-A", "trust", "-E", "UTF8", "--locale=C.UTF-8"],
    ...["--no-sync", "--no-instructions"],
  ]);
  const port = await freePort();
  const url = `postgres://postgres@127.0.0.1:${port}/postgres`;
  const all = {
    listen_addresses: "127.0.0.1",
    unix_socket_directories: "",
    port: `${port}`,
    max_connections: "200",
    ...settings,
  };
  const server = ownServer({
    program,
    args: ["-D", data, ...Object.entries(all).flatMap(([name, to]) => ["-c", `${name}=${to}`])],
    folder,
    endBy: "SIGINT",
    isReady: () => ask(url, "SELECT 1"),
  });
  await server.start();
  return {
    port,
    url,
    ...server,
    async dispose() {
      await server.stop();
      await rm(folder, { recursive: true, force: true });
    },
  };
}

/** Starts a PgBouncer that gives a connection away after each transaction. */
export async function startPgbouncer(port: number): Promise<PostgresServer> {
  const folder = await temporaryFolder("pgbouncer");
  const own = await freePort();
  const file = join(folder, "pgbouncer.ini");
  await writeFile(
    file,
    `[databases]
* = host=127.0.0.1 port=${port} user=postgres
[pgbouncer]
listen_addr = 127.0.0.1
listen_port = ${own}
unix_socket_dir =
auth_type = any
pool_mode = transaction
default_pool_size = 4
max_client_conn = 100
`,
  );
  await ownFolder(folder);
  await ownFolder(file);
  const url = `postgres://postgres@127.0.0.1:${own}/postgres`;
  const server = ownServer({
    program: required("pgbouncer", pgbouncer),
    args: [file],
    folder,
    endBy: "SIGTERM",
    isReady: () => ask(url, "SELECT 1"),
  });
  await server.start();
  return {
    port: own,
    url,
    ...server,
    async dispose() {
      await server.kill();
      await rm(folder, { recursive: true, force: true });
    },
  };
}

/** A pool that goes on when a connection is cut off: pg ends the process where nobody listens. */
export function poolAt(url: string, config: pg.PoolConfig = {}): pg.Pool {
  const pool = new pg.Pool({ connectionString: url, ...config });
  pool.on("error", () => undefined);
  return pool;
}

async function ask(url: string, text: string): Promise<void> {
  const client = new pg.Client({ connectionString: url, connectionTimeoutMillis: 2000 });
  // One that is cut off while it is asked says so twice.
  client.on("error", () => undefined);
  try {
    await client.connect();
    await client.query(text);
  } finally {
    await client.end().catch(() => undefined);
  }
}

function findPostgres(): string | undefined {
  const versions = listed(DEBIAN).sort((a, b) => Number(b) - Number(a));
  for (const version of versions) {
    const folder = join(DEBIAN, version, "bin");
    if (listed(folder).includes("postgres")) return join(folder, "postgres");
  }
  return findProgram("postgres");
}

function listed(folder: string): string[] {
  try {
    return readdirSync(folder);
  } catch {
    return [];
  }
}
