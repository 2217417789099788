import { setTimeout as wait } from "node:timers/promises";
import type pg from "pg";
import { afterAll, beforeAll, expect, it } from "vitest";
import { migrate, postgresStore } from "../../src/stores/postgres.ts";
import { describeWith } from "../support/needs.ts";
import type { PostgresServer } from "../support/postgres-server.ts";
import { poolAt, postgres, startPostgres } from "../support/postgres-server.ts";
import { startLanes } from "../support/sql-lanes.ts";
import { ledger } from "../support/store-changes.ts";

const ROUNDS = 6;
const LONGEST_ROUND_MS = 400;

describeWith({ postgres }, "a PostgreSQL server that is killed under load", () => {
  let server: PostgresServer;
  let pool: pg.Pool;

  beforeAll(async () => {
    // As it is configured out of the box: it waits for the disk.
    server = await startPostgres({});
    pool = poolAt(server.url);
    await migrate(pool);
  });
  afterAll(async () => {
    await pool.end();
    await server.dispose();
  });

  it("P5 keeps every acknowledged change, and brings back nothing that was ended", async () => {
    const book = ledger();
    const store = postgresStore({ client: pool });
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
