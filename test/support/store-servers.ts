/**
 * Servers that keep sessions, by the address under which an app finds them.
 *
 * @module
 */

import mysql from "mysql2/promise";
import { migrate as migrateMysql } from "../../src/stores/mysql.ts";
import { migrate as migratePostgres } from "../../src/stores/postgres.ts";
import { memcachedProgram, memcachedServer } from "./memcached.ts";
import { mariadbd, startMysql } from "./mysql-server.ts";
import { poolAt, postgres, startPostgres } from "./postgres-server.ts";
import { redisPrograms, startRedis } from "./redis-servers.ts";

export interface StoreServer {
  readonly address: string;
  /** `kill -9`. */
  kill(): Promise<void>;
  start(): Promise<void>;
  /** Ends it and removes its files. */
  dispose(): Promise<void>;
}

export interface ServerKind {
  readonly name: string;
  /** What `describeWith` has to find. */
  readonly programs: Readonly<Record<string, string | undefined>>;
  /** Starts one with its tables, which keeps what it acknowledges if it ever does. */
  open(): Promise<StoreServer>;
}

export const REDIS: ServerKind = {
  name: "Redis",
  programs: redisPrograms,
  async open() {
    const server = await startRedis({ appendonly: "yes", appendfsync: "always" });
    const { url, kill, restart, stop } = server;
    return { address: url, kill, start: restart, dispose: stop };
  },
};

export const POSTGRES: ServerKind = {
  name: "PostgreSQL",
  programs: { postgres },
  async open() {
    const server = await startPostgres({});
    const admin = poolAt(server.url);
    await migratePostgres(admin);
    await admin.end();
    return { ...server, address: server.url };
  },
};

export const MARIADB: ServerKind = {
  name: "MariaDB",
  programs: { mariadb: mariadbd },
  async open() {
    const server = await startMysql([]);
    const admin = mysql.createPool({ uri: server.uri });
    await migrateMysql(admin);
    await admin.end();
    return { ...server, address: server.uri };
  },
};

export const MEMCACHED: ServerKind = {
  name: "Memcached",
  programs: { memcached: memcachedProgram },
  async open() {
    const server = await memcachedServer();
    const { kill, start } = server;
    return { address: `memcached:${server.address}`, kill, start, dispose: kill };
  },
};
