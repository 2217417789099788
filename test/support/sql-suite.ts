/**
 * Runs the store suite on a PostgreSQL or a MySQL store, with one client or another.
 *
 * @module
 */

import { randomUUID } from "node:crypto";
import mysql from "mysql2/promise";
import type pg from "pg";
import { afterAll, it } from "vitest";
import type { Revocations, SessionStore } from "../../src/stores/contract.ts";
import type { MysqlStoreOptions } from "../../src/stores/mysql.ts";
import { migrate as migrateMysql, mysqlStore } from "../../src/stores/mysql.ts";
import type { PostgresStoreOptions } from "../../src/stores/postgres.ts";
import { migrate as migratePostgres, postgresStore } from "../../src/stores/postgres.ts";
import type { Wire } from "../../src/testing/explorer.ts";
import type { StoreSuiteOptions } from "../../src/testing/store-fixture.ts";
import type { MysqlServer } from "./mysql-server.ts";
import { mariadbd, startMysql } from "./mysql-server.ts";
import { describeWith, required } from "./needs.ts";
import type { PostgresServer } from "./postgres-server.ts";
import { poolAt, postgres, startPostgres } from "./postgres-server.ts";
import { runStoreSuite } from "./run-store-suite.ts";

/** What stores are made of but for their namespace, and how it ends. */
interface Ground<Options extends { readonly client: unknown }> {
  readonly options: Omit<Options, "namespace">;
  /** The client with every command on a wire; absent to play the races verb by verb. */
  readonly wired?: (wire: Wire) => Options["client"];
  close(): Promise<unknown>;
}

interface SuiteOptions extends Omit<StoreSuiteOptions, "open" | "onRace"> {
  readonly pick?: (test: string) => boolean;
  /** Programs besides the server that it needs. */
  readonly needs?: Readonly<Record<string, string | undefined>>;
}

/** The suite on a PostgreSQL server of its own, where the machine has one. */
export function postgresSuite(
  name: string,
  connect: (server: PostgresServer) => Promise<Ground<PostgresStoreOptions>>,
  { needs, ...options }: SuiteOptions = {},
): void {
  suite(name, { postgres, ...needs }, options, async () => {
    const server = await startPostgres();
    const admin = poolAt(server.url);
    await migratePostgres(admin);
    await admin.end();
    const ground = await connect(server);
    return { server, ground, open: postgresStore };
  });
}

/** The suite on a MariaDB server of its own, where the machine has one. */
export function mysqlSuite(
  name: string,
  connect: (server: MysqlServer) => Promise<Ground<MysqlStoreOptions>>,
  { needs, ...options }: SuiteOptions = {},
): void {
  suite(name, { mariadb: mariadbd, ...needs }, options, async () => {
    const server = await startMysql();
    const admin = mysql.createPool({ uri: server.uri });
    await migrateMysql(admin);
    await admin.end();
    const ground = await connect(server);
    return { server, ground, open: mysqlStore };
  });
}

interface Base<Options extends { readonly client: unknown }> {
  readonly server: { dispose(): Promise<void> };
  readonly ground: Ground<Options>;
  open(options: Omit<Options, "namespace"> & Named): SessionStore & Revocations;
}

interface Named {
  readonly namespace: string;
}

function suite<Options extends { readonly client: unknown }>(
  name: string,
  programs: Readonly<Record<string, string | undefined>>,
  { pick, ...options }: Omit<SuiteOptions, "needs">,
  start: () => Promise<Base<Options>>,
): void {
  describeWith(programs, name, async () => {
    const missing = Object.entries(programs).find(([, path]) => path === undefined);
    if (missing !== undefined) {
      it(`finds ${missing[0]}`, () => required(...missing));
      return;
    }
    const base = await start();
    afterAll(async () => {
      await base.ground.close();
      await base.server.dispose();
    });
    await runStoreSuite(name, () => openFixture(base), { ...options, ...(pick && { only: pick }) });
  });
}

function openFixture<Options extends { readonly client: unknown }>({
  ground: { options, wired },
  open,
}: Base<Options>) {
  const namespace = randomUUID();
  return {
    store: open({ ...options, namespace }),
    another: async () => open({ ...options, namespace }),
    elsewhere: async () => open({ ...options, namespace: `${namespace}-elsewhere` }),
    ...(wired && {
      wired: async (wire: Wire) => {
        const store = open({ ...options, namespace, client: wired(wire) });
        // It looks for its tables once, which is no part of a race.
        await store.load("A".repeat(24));
        return store;
      },
    }),
    crowd: 100,
  };
}

/** A pool of `pg` whose every command goes over a wire. */
export function wiredPg(pool: pg.Pool, wire: Wire): PostgresStoreOptions["client"] {
  return {
    query: (config: pg.QueryArrayConfig) =>
      wire(config.text.slice(0, 20), () => pool.query(config)),
    connect: () => pool.connect(),
  };
}

/** A pool of `mysql2` whose every command goes over a wire. */
export function wiredMysql(pool: mysql.Pool, wire: Wire): MysqlStoreOptions["client"] {
  const name = (sql: string): string => sql.slice(0, 24);
  return {
    query: (statement) => wire(name(statement.sql), () => pool.query(statement)),
    execute: (statement) => wire(name(statement.sql), () => pool.execute(statement as never)),
    getConnection: () => pool.getConnection(),
  };
}

export function isRace(test: string): boolean {
  return test.startsWith("P4 P5 race: ");
}

/** Which file a test of the suite is in: the races of three take as long as all the others. */
export function isTriple(test: string): boolean {
  return isRace(test) && test.split(" × ").length > 2;
}
