/**
 * Where the shop keeps its sessions: in a folder of its own, or where `STORE` says.
 *
 * This is all that changes when an app moves from the embedded store to a server.
 *
 * @module
 */

import { join } from "node:path";
import type { Revocations, SessionStore } from "coatcheck/stores/contract";
import { fileStore } from "coatcheck/stores/file";
import { lmdbStore } from "coatcheck/stores/lmdb";
import { migrate as migrateMysql, mysqlStore } from "coatcheck/stores/mysql";
import { migrate as migratePostgres, postgresStore } from "coatcheck/stores/postgres";
import { redisStore } from "coatcheck/stores/redis";
import { sqliteStore } from "coatcheck/stores/sqlite";

/** A store, and how its client is closed after it. */
export interface ShopStore {
  readonly store: SessionStore & Revocations;
  readonly close: () => Promise<unknown>;
}

/**
 * Opens the store of an address such as `redis://127.0.0.1`, `postgres://…`, `mysql://…`, `sqlite:path` or
 * `file:path`; without one LMDB in the shop's own folder.
 */
export async function openShopStore(
  address: string | undefined,
  dataPath: string,
): Promise<ShopStore> {
  const nothing = async (): Promise<void> => undefined;
  const [kind] = address?.split(":") ?? [];
  const path = address?.slice(`${kind}:`.length) ?? "";
  if (address === undefined) {
    return { store: lmdbStore({ path: join(dataPath, "sessions") }), close: nothing };
  }
  if (kind === "sqlite") return { store: sqliteStore({ path }), close: nothing };
  if (kind === "file") return { store: fileStore({ path }), close: nothing };
  if (kind === "postgres") {
    const { default: pg } = await import("pg");
    const pool = new pg.Pool({ connectionString: address });
    // A connection that breaks while nobody uses it: the next call opens another.
    pool.on("error", (error) => console.error(error.message));
    await migratePostgres(pool);
    return { store: postgresStore({ client: pool }), close: () => pool.end() };
  }
  if (kind === "mysql") {
    const { createPool } = await import("mysql2/promise");
    const pool = createPool(address);
    await migrateMysql(pool);
    return { store: mysqlStore({ client: pool }), close: () => pool.end() };
  }
  const { createClient } = await import("redis");
  const client = createClient({ url: address });
  // While the server is away each call fails by itself, and the shop says "one moment".
  client.on("error", (error: Error) => console.error(error.message));
  await client.connect();
  return { store: redisStore({ client }), close: async () => client.destroy() };
}
