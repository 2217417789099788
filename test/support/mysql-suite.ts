/**
 * Runs the store suite on a MySQL store, with one pool or another.
 *
 * @module
 */

import { randomUUID } from "node:crypto";
import mysql from "mysql2/promise";
import { afterAll, it } from "vitest";
import type { MysqlStoreOptions } from "../../src/stores/mysql.ts";
import { migrate, mysqlStore } from "../../src/stores/mysql.ts";
import type { Wire } from "../../src/testing/explorer.ts";
import type { StoreSuiteOptions } from "../../src/testing/store-fixture.ts";
import type { MysqlServer } from "./mysql-server.ts";
import { mariadbd, startMysql } from "./mysql-server.ts";
import { describeWith, required } from "./needs.ts";
import { runStoreSuite } from "./run-store-suite.ts";

/** What a store is made of but for its namespace, and how it ends. */
export interface MysqlGround {
  readonly options: Omit<MysqlStoreOptions, "namespace">;
  /** The client with every command on a wire; absent to play the races verb by verb. */
  readonly wired?: (wire: Wire) => MysqlStoreOptions["client"];
  close(): Promise<unknown>;
}

export interface MysqlSuiteOptions extends Omit<StoreSuiteOptions, "open" | "onRace"> {
  readonly pick?: (test: string) => boolean;
}

/** The suite on a server of its own, where the machine has one. */
export function mysqlSuite(
  name: string,
  connect: (server: MysqlServer) => Promise<MysqlGround>,
  { pick, ...options }: MysqlSuiteOptions = {},
): void {
  describeWith({ mariadb: mariadbd }, name, async () => {
    if (mariadbd === undefined) {
      it("finds mariadb", () => required("mariadb", mariadbd));
      return;
    }
    const server = await startMysql();
    const admin = mysql.createPool({ uri: server.uri });
    await migrate(admin);
    await admin.end();
    const ground = await connect(server);
    afterAll(async () => {
      await ground.close();
      await server.dispose();
    });
    await runStoreSuite(name, () => openFixture(ground), {
      ...options,
      ...(pick && { only: pick }),
    });
  });
}

function openFixture({ options, wired }: MysqlGround) {
  const namespace = randomUUID();
  return {
    store: mysqlStore({ ...options, namespace }),
    another: async () => mysqlStore({ ...options, namespace }),
    elsewhere: async () => mysqlStore({ ...options, namespace: `${namespace}-elsewhere` }),
    ...(wired && {
      wired: async (wire: Wire) => {
        const store = mysqlStore({ ...options, namespace, client: wired(wire) });
        // It looks for its tables once, which is no part of a race.
        await store.load("A".repeat(24));
        return store;
      },
    }),
    crowd: 100,
  };
}

/** A pool whose every command goes over a wire. */
export function wiredPool(pool: mysql.Pool, wire: Wire): MysqlStoreOptions["client"] {
  const name = (sql: string): string => sql.slice(0, 24);
  return {
    query: (statement) => wire(name(statement.sql), () => pool.query(statement)),
    execute: (statement) => wire(name(statement.sql), () => pool.execute(statement as never)),
    getConnection: () => pool.getConnection(),
  };
}
