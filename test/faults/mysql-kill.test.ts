import { setTimeout as wait } from "node:timers/promises";
import mysql from "mysql2/promise";
import { afterAll, beforeAll, expect, it } from "vitest";
import { migrate, mysqlStore } from "../../src/stores/mysql.ts";
import type { MysqlServer } from "../support/mysql-server.ts";
import { mariadbd, startMysql } from "../support/mysql-server.ts";
import { describeWith } from "../support/needs.ts";
import { startLanes } from "../support/sql-lanes.ts";
import { ledger } from "../support/store-changes.ts";

const ROUNDS = 5;
const LONGEST_ROUND_MS = 400;

describeWith({ mariadb: mariadbd }, "a MariaDB server that is killed under load", () => {
  let server: MysqlServer;
  let pool: mysql.Pool;

  beforeAll(async () => {
    // As it is configured out of the box: it waits for the disk.
    server = await startMysql([]);
    pool = mysql.createPool({ uri: server.uri });
    await migrate(pool);
  });
  afterAll(async () => {
    await pool.end();
    await server.dispose();
  });

  it("P5 keeps every acknowledged change, and brings back nothing that was ended", async () => {
    const book = ledger();
    const store = mysqlStore({ client: pool });
    for (let round = 0; round < ROUNDS; round += 1) {
      const lanes = startLanes(store, `round-${round}`, 8);
      await lanes.begun;
      await wait(Math.random() * LONGEST_ROUND_MS);
      await server.kill();
      await lanes.ended;
      book.read(lanes.lines);
      await server.start();
      await book.check(store);
    }
    expect(book.acknowledged).toBeGreaterThan(ROUNDS * 8);
  }, 120_000);
});
