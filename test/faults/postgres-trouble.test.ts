import { randomUUID } from "node:crypto";
import { readFile } from "node:fs/promises";
import { inspect } from "node:util";
import type pg from "pg";
import postgresJs from "postgres";
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from "vitest";
import type { SessionRecord } from "../../src/stores/contract.ts";
import { migrate, postgresStore } from "../../src/stores/postgres.ts";
import { postgresSql } from "../../src/stores/postgres-sql.ts";
import { failureOf } from "../support/failure-of.ts";
import type { InjectedFault } from "../support/fault-report.ts";
import { inject, reportFaults } from "../support/fault-report.ts";
import { describeWith } from "../support/needs.ts";
import type { PostgresServer } from "../support/postgres-server.ts";
import { poolAt, postgres, startPostgres } from "../support/postgres-server.ts";
import { runStorms } from "../support/storms.ts";
import { startTcpProxy } from "../support/tcp-proxy.ts";
import { until } from "../support/until.ts";

vi.setConfig({ testTimeout: 120_000, hookTimeout: 120_000 });

const HOUR = 3_600_000;

describeWith({ postgres }, "a PostgreSQL store in trouble", () => {
  let server: PostgresServer;
  let admin: pg.Pool;
  const ends: (() => Promise<unknown>)[] = [];

  beforeAll(async () => {
    server = await startPostgres();
    admin = poolAt(server.url);
    await migrate(admin);
  });
  afterEach(async () => {
    for (const end of ends.splice(0).reverse()) await end();
  });
  afterAll(async () => {
    await admin.end();
    await server.dispose();
  });

  function poolOf(config: pg.PoolConfig = {}): pg.Pool {
    const pool = poolAt(server.url, config);
    ends.push(() => pool.end());
    return pool;
  }

  describe.each(["repeatable read", "serializable"])("where every transaction is %s", (level) => {
    it("P4 P5 tries again what the server rolled back, and keeps its promises", async () => {
      const options = `-c default_transaction_isolation=${level.replace(" ", "\\ ")}`;
      const client = poolOf({ options });
      const before = await rolledBack();
      const fault = await inject(`serialization failures, ${level}`, () =>
        runStorms((namespace) => postgresStore({ client, namespace })),
      );
      // Else this server never asked for it, and the test has shown nothing.
      await until("transactions were rolled back", async () => (await rolledBack()) > before);
      report(fault, "tried again, and the suite's storms find nothing");
    }, 120_000);
  });

  it("has no deadlocks under a storm of everything", async () => {
    const client = poolOf();
    const namespace = randomUUID();
    const store = postgresStore({ client, namespace });
    const now = Date.now();
    const records = Array.from({ length: 40 }, (_, index) => newRecord(`user ${index % 4}`));
    for (const record of records) await store.create(record, 60_000, now);
    const later = now + 2 * HOUR;
    await Promise.all(
      records.flatMap(({ id, userId = "" }, index) => [
        store.update(id, 1, { body: "b", lastSeenAt: now, expiresAt: now + HOUR }, now),
        store.touch(id, now + 1, now + HOUR + 1, now),
        store.cutOff(userId, { except: id, keepUntil: later }, now),
        store.create(newRecord(userId), 0, now),
        store.list({ userId, limit: 10 }, now),
        store.sweep(7, index % 2 === 0 ? now : later),
        store.add({ kind: "user", id: userId, at: now, until: later }),
      ]),
    );
    const { rows } = await admin.query("SELECT sum(deadlocks)::int AS many FROM pg_stat_database");
    expect(rows[0].many).toBe(0);
  });

  it("P5 no entry of the feed is overtaken by one that was added after it", async () => {
    const namespace = randomUUID();
    const store = postgresStore({ client: poolOf(), namespace });
    const { cursor } = await store.since(undefined);
    const entry = { kind: "user", at: Date.now(), until: Date.now() + HOUR } as const;
    const writer = await admin.connect();
    await writer.query("BEGIN");
    const values = [namespace, entry.kind, "first", null, entry.at, entry.until];
    await writer.query(postgresSql("coatcheck", undefined).add, values);
    const adding = store.add({ ...entry, id: "second" });
    await waiting();
    const between = await store.since(cursor);
    expect(between.revocations).toEqual([]);
    await writer.query("COMMIT");
    writer.release();
    await adding;
    const { revocations } = await store.since(between.cursor);
    expect(revocations.map(({ id }) => id)).toEqual(["first", "second"]);
  });

  it("P5 a reader that was ahead of a backup, or of a replica, misses nothing that is added after it", async () => {
    const namespace = randomUUID();
    const store = postgresStore({ client: poolOf(), namespace });
    const at = Date.now();
    const add = (id: string, after: number): Promise<void> =>
      store.add({ kind: "session", id, at: at + after, until: at + HOUR });
    for (const [index, id] of ["first", "second", "lost"].entries()) await add(id, index);
    const { cursor } = await store.since(undefined);
    // As it was before the third came.
    const entry = "DELETE FROM coatcheck.revocations WHERE namespace = $1 AND number = 3";
    expect((await admin.query(entry, [namespace])).rowCount).toBe(1);
    await admin.query("UPDATE coatcheck.feeds SET last = 2 WHERE namespace = $1", [namespace]);
    await add("another third", 3);
    await add("fourth", 4);
    const page = await store.since(cursor);
    const all = ["first", "second", "another third", "fourth"];
    expect(page.revocations.map(({ id }) => id)).toEqual(all);
    expect((await store.since(page.cursor)).revocations).toEqual([]);
  });

  it("P5 a write that the server gives up waiting for is an error, and is not done", async () => {
    const client = poolOf({ statement_timeout: 1000 });
    const store = postgresStore({ client, namespace: randomUUID() });
    const record = newRecord("ada");
    const now = Date.now();
    await store.create(record, 0, now);

    const holder = await admin.connect();
    await holder.query("BEGIN");
    await holder.query("SELECT FROM coatcheck.sessions WHERE id = $1 FOR UPDATE", [record.id]);
    const close = { body: "", lastSeenAt: now, expiresAt: now + HOUR, close: true };
    const fault = await inject("statement timeout", async () => {
      const failure = await failureOf(() => store.update(record.id, 1, close, now));
      expect(failure).toMatchObject({ code: "57014" });
    });
    expect((await store.load(record.id))?.record).toMatchObject({ revision: 1, closed: false });
    await holder.query("COMMIT");
    holder.release();
    expect(await store.update(record.id, 1, close, now)).toBe(true);
    report(fault, "an error, and not done");
  });

  it("P13 says nothing of what was written in an error, whatever the client adds to it", async () => {
    // The server adds the values, postgres.js and PGlite do so too.
    const options = "-c log_parameter_max_length_on_error=-1 -c statement_timeout=150";
    const debug = postgresJs(server.url, {
      connection: { statement_timeout: 150 },
      debug: () => {},
    });
    ends.push(() => debug.end());
    const record = { ...newRecord("hunter22"), body: "hunter22" };
    const namespace = randomUUID();
    await postgresStore({ client: admin, namespace }).create(record, 0, Date.now());
    const holder = await admin.connect();
    await holder.query("BEGIN");
    await holder.query("SELECT FROM coatcheck.sessions WHERE id = $1 FOR UPDATE", [record.id]);
    for (const client of [poolOf({ options }), debug]) {
      const store = postgresStore({ client, namespace });
      const next = { ...record, body: "hunter22 again" };
      const failure = await failureOf(() => store.update(record.id, 1, next, Date.now()));
      expect(failure).toMatchObject({ code: "57014" });
      expect(inspect(failure, { depth: 9, showHidden: true })).not.toContain("hunter22");
    }
    await holder.query("COMMIT");
    holder.release();
  });

  it("says what to run where its tables are missing, and works when that was done", async () => {
    const store = postgresStore({ client: admin, schema: "nowhere" });
    await expect(store.load("A".repeat(24))).rejects.toThrow(
      /schema `nowhere` has no tables of coatcheck: run .*npx coatcheck migrate postgres --print/,
    );
    expect(await migrate(admin, { schema: "nowhere" })).toEqual([1]);
    expect(await store.load("A".repeat(24))).toBeUndefined();
    await admin.query("DELETE FROM nowhere.migrations");
    const old = postgresStore({ client: admin, schema: "nowhere" });
    await expect(old.sweep(1, Date.now())).rejects.toThrow(/coatcheck migrate/);
  });

  it("migrates a schema that it was given, as a role that may make no other, and runs as one that may make nothing", async () => {
    await admin.query("CREATE ROLE owner LOGIN; CREATE ROLE app LOGIN");
    await admin.query("CREATE SCHEMA given AUTHORIZATION owner");
    const as = (user: string): pg.Pool => {
      const pool = poolAt(server.url.replace("postgres@", `${user}@`));
      ends.push(() => pool.end());
      return pool;
    };
    expect(await migrate(as("owner"), { schema: "given" })).toEqual([1]);
    const store = postgresStore({ client: as("app"), schema: "given" });
    await expect(store.load("A".repeat(24))).rejects.toThrow("permission denied for schema given");
    // As the page has it.
    await admin.query(`
      GRANT USAGE ON SCHEMA given TO app;
      GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA given TO app`);
    const record = newRecord("ada");
    expect(await store.create(record, 0, Date.now())).toBe("created");
    await store.cutOff("ada", { keepUntil: Date.now() }, Date.now());
    await store.add({ kind: "everyone", at: Date.now(), until: Date.now() });
    expect(await store.sweep(10, Date.now() + 2 * HOUR)).toBe(2);
  });

  it("a pool without a free connection is an error, and no more than that", async () => {
    const client = poolOf({ max: 1, connectionTimeoutMillis: 2000 });
    const store = postgresStore({ client, namespace: randomUUID() });
    const record = newRecord("ada");
    await store.create(record, 0, Date.now());
    const taken = await client.connect();
    const fault = await inject("pool exhausted", async () => {
      await expect(store.load(record.id)).rejects.toThrow();
      taken.release();
    });
    expect((await store.load(record.id))?.record.body).toBe("body");
    report(fault, "an error, and answered when a connection is free");
  });

  it("P4 a reply that is cut is an error; the write is there, once", async () => {
    const proxy = await startTcpProxy(server.port);
    ends.push(() => proxy.close());
    const connectionString = server.url.replace(`:${server.port}/`, `:${proxy.port}/`);
    const client = poolOf({ connectionString, max: 1 });
    const store = postgresStore({ client, namespace: randomUUID() });
    const record = newRecord("ada");
    const now = Date.now();
    await store.create(record, 0, now);
    const next = { body: "once", lastSeenAt: now, expiresAt: now + HOUR };
    const fault = await inject("a reply cut in the middle", async () => {
      void proxy.cutReply();
      await expect(store.update(record.id, 1, next, now)).rejects.toThrow();
    });
    expect((await store.load(record.id))?.record).toMatchObject({ revision: 2, body: "once" });
    expect(await store.update(record.id, 1, next, now)).toBe(false);
    report(fault, "an error, and the write is there, once");
  });

  it("P10 no process ends by what postgres.js asks as a connection begins, where it is made as the page has it", async () => {
    // What it asks first by itself, unless it is told not to. Nobody hears that it fails, as where the server goes
    // down or ends the connection in that moment.
    await admin.query("REVOKE SELECT ON pg_catalog.pg_type FROM PUBLIC; CREATE ROLE asker LOGIN");
    ends.push(() => admin.query("GRANT SELECT ON pg_catalog.pg_type TO PUBLIC"));
    await admin.query("GRANT USAGE ON SCHEMA coatcheck TO asker");
    await admin.query("GRANT SELECT ON ALL TABLES IN SCHEMA coatcheck TO asker");
    const page = await readFile("docs/stores/postgres.md", "utf8");
    const [, options = ""] = /postgres\(process\.env\.DATABASE_URL!, (\{.*?\})\)/.exec(page) ?? [];
    expect(options).toBe("{ fetch_types: false }");
    const client = postgresJs(server.url.replace("postgres@", "asker@"), { fetch_types: false });
    ends.push(() => client.end());
    const store = postgresStore({ client, namespace: randomUUID() });
    // A rejection that nobody handles would be a failure of the whole run.
    expect(await store.load("A".repeat(24))).toBeUndefined();
  });

  function report(fault: InjectedFault, checked: string): void {
    reportFaults({ on: "PostgreSQL", faults: [fault], checked });
  }

  async function waiting(): Promise<void> {
    await until("a statement waits for a lock", async () => {
      const { rowCount } = await admin.query(
        "SELECT FROM pg_stat_activity WHERE wait_event_type = 'Lock'",
      );
      return rowCount !== 0;
    });
  }

  async function rolledBack(): Promise<number> {
    const { rows } = await admin.query(
      "SELECT sum(xact_rollback)::int AS many FROM pg_stat_database",
    );
    return rows[0].many;
  }
});

let count = 0;
function newRecord(userId: string): Omit<SessionRecord, "revision" | "mark"> {
  count += 1;
  const now = Date.now();
  const times = { lastSeenAt: now, expiresAt: now + HOUR };
  return { id: `${count}`.padStart(24, "0"), userId, ...times, closed: false, body: "body" };
}
