import mysql from "mysql2/promise";
import { afterAll, afterEach, beforeAll, it } from "vitest";
import type { Revocations, SessionStore } from "../../src/stores/contract.ts";
import { migrate as migrateMysql, mysqlStore } from "../../src/stores/mysql.ts";
import { migrate as migratePostgres, postgresStore } from "../../src/stores/postgres.ts";
import { tryNetwork } from "../support/bad-network.ts";
import { startWork } from "../support/history.ts";
import { mariadbd, startMysql } from "../support/mysql-server.ts";
import { describeWith } from "../support/needs.ts";
import type { OwnServer } from "../support/own-server.ts";
import { poolAt, postgres, startPostgres } from "../support/postgres-server.ts";
import { killRounds } from "../support/sql-lanes.ts";
import { startTcpProxy } from "../support/tcp-proxy.ts";
import { expectNothingLost } from "../support/verdict.ts";

const PATIENCE = 180_000;
const ROUNDS = 5;

interface Database {
  readonly server: Pick<OwnServer, "start" | "kill"> & {
    readonly port: number;
    dispose(): Promise<void>;
  };
  /** A store of one process, whose client connects to a port. */
  open(port: number): OpenedStore;
}

interface OpenedStore {
  readonly store: SessionStore & Revocations;
  end(): Promise<unknown>;
}

// As they are configured out of the box: they wait for the disk.
async function mariadb(): Promise<Database> {
  const server = await startMysql([]);
  const poolOf = (port: number): mysql.Pool =>
    mysql.createPool({ uri: server.uri.replace(`:${server.port}/`, `:${port}/`) });
  const admin = poolOf(server.port);
  await migrateMysql(admin);
  await admin.end();
  return {
    server,
    open(port) {
      const client = poolOf(port);
      return { store: mysqlStore({ client }), end: () => client.end() };
    },
  };
}

async function postgresql(): Promise<Database> {
  const server = await startPostgres({});
  const admin = poolAt(server.url);
  await migratePostgres(admin);
  await admin.end();
  return {
    server,
    open(port) {
      const client = poolAt(server.url.replace(`:${server.port}/`, `:${port}/`));
      return { store: postgresStore({ client }), end: () => client.end() };
    },
  };
}

describeDatabase("MariaDB", { mariadb: mariadbd }, mariadb);
describeDatabase("PostgreSQL", { postgres }, postgresql);

function describeDatabase(
  name: string,
  programs: Readonly<Record<string, string | undefined>>,
  start: () => Promise<Database>,
): void {
  describeWith(programs, `${name} under load`, () => {
    let database: Database;
    const ends: (() => unknown)[] = [];

    beforeAll(async () => {
      database = await start();
    });
    afterEach(async () => {
      for (const end of ends.splice(0).reverse()) await end();
    });
    afterAll(() => database?.server.dispose());

    function open(port: number): SessionStore & Revocations {
      const { store, end } = database.open(port);
      ends.push(end);
      return store;
    }

    it(
      "P5 keeps every acknowledged change, and brings back nothing that was ended, killed at any moment",
      async () => {
        const { server } = database;
        await killRounds(name, server, open(server.port), ROUNDS);
      },
      PATIENCE,
    );

    it(
      "P5 P9 that is killed and restarted loses nothing for those who go on",
      async () => {
        const { server } = database;
        const stores = [open(server.port), open(server.port)] as const;
        const work = startWork(stores);
        await work.calm();
        for (let round = 0; round < 2; round += 1) {
          await work.during("kill -9 and restart", async () => {
            await server.kill();
            await server.start();
          });
          await work.calm(100);
        }
        expectNothingLost(name, await work.end(stores[0]));
      },
      PATIENCE,
    );

    it(
      "P5 whose network drops, delays, deafens and cuts is never misunderstood",
      async () => {
        const { server } = database;
        const proxy = await startTcpProxy(server.port);
        ends.push(() => proxy.close());
        const stores = [open(proxy.port), open(proxy.port)] as const;
        const work = startWork(stores);
        await work.calm();
        await tryNetwork(work, proxy);
        expectNothingLost(`${name}, its network`, await work.end(stores[0]));
      },
      PATIENCE,
    );
  });
}
