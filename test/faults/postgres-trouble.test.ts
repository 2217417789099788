import { randomUUID } from "node:crypto";
import { inspect } from "node:util";
import pg from "pg";
import postgresJs from "postgres";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import type { SessionRecord } from "../../src/stores/contract.ts";
import { migrate, postgresStore } from "../../src/stores/postgres.ts";
import { postgresCalls } from "../../src/stores/postgres-clients.ts";
import { channelOf, createNotices } from "../../src/stores/postgres-notices.ts";
import { postgresSql } from "../../src/stores/postgres-sql.ts";
import { storeSuite } from "../../src/testing/store-suite.ts";
import { describeWith } from "../support/needs.ts";
import type { PostgresServer } from "../support/postgres-server.ts";
import { poolAt, postgres, startPostgres } from "../support/postgres-server.ts";
import type { TcpProxy } from "../support/tcp-proxy.ts";
import { startTcpProxy } from "../support/tcp-proxy.ts";

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
      const tests = await storeSuite({
        open() {
          const namespace = randomUUID();
          return {
            store: postgresStore({ client, namespace }),
            another: async () => postgresStore({ client, namespace }),
            crowd: 30,
          };
        },
        sequences: 0,
      });
      const storms = tests.filter(({ name }) => /storm|at once/.test(name));
      expect(storms.length).toBeGreaterThan(8);
      for (const { run } of storms) await run();
      // Else this server never asked for it, and the test has shown nothing.
      expect(await rolledBack()).toBeGreaterThan(before);
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

  it("P5 a write that the server gives up waiting for is an error, and is not done", async () => {
    const client = poolOf({ statement_timeout: 150 });
    const store = postgresStore({ client, namespace: randomUUID() });
    const record = newRecord("ada");
    const now = Date.now();
    await store.create(record, 0, now);

    const holder = await admin.connect();
    await holder.query("BEGIN");
    await holder.query("SELECT FROM coatcheck.sessions WHERE id = $1 FOR UPDATE", [record.id]);
    const close = { body: "", lastSeenAt: now, expiresAt: now + HOUR, close: true };
    const failure = await store.update(record.id, 1, close, now).catch((error: unknown) => error);
    expect(failure).toMatchObject({ code: "57014" });
    expect((await store.load(record.id))?.record).toMatchObject({ revision: 1, closed: false });
    await holder.query("COMMIT");
    holder.release();
    expect(await store.update(record.id, 1, close, now)).toBe(true);
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
      const failure = await store.update(record.id, 1, next, Date.now()).catch((error) => error);
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

  it("a pool without a free connection is an error, and no more than that", async () => {
    const client = poolOf({ max: 1, connectionTimeoutMillis: 200 });
    const store = postgresStore({ client, namespace: randomUUID() });
    const record = newRecord("ada");
    await store.create(record, 0, Date.now());
    const taken = await client.connect();
    await expect(store.load(record.id)).rejects.toThrow();
    taken.release();
    expect((await store.load(record.id))?.record.body).toBe("body");
  });

  describe("behind a network that fails", () => {
    let proxy: TcpProxy;

    beforeAll(async () => {
      proxy = await startTcpProxy(server.port);
    });
    afterAll(() => proxy.close());
    afterEach(() => {
      proxy.weather = "fair";
    });

    function urlOf({ port }: TcpProxy): string {
      return `postgres://postgres@127.0.0.1:${port}/postgres`;
    }

    it("P4 a reply that is cut is an error; the write is there, once", async () => {
      const client = poolOf({ connectionString: urlOf(proxy), max: 1 });
      const store = postgresStore({ client, namespace: randomUUID() });
      const record = newRecord("ada");
      const now = Date.now();
      await store.create(record, 0, now);
      const next = { body: "once", lastSeenAt: now, expiresAt: now + HOUR };
      void proxy.cutReply();
      await expect(store.update(record.id, 1, next, now)).rejects.toThrow();
      expect((await store.load(record.id))?.record).toMatchObject({ revision: 2, body: "once" });
      expect(await store.update(record.id, 1, next, now)).toBe(false);
    });

    it("tells who watches that it hears nothing any more, and again when it does", async () => {
      const client = poolOf();
      const listenOn = poolOf({ connectionString: urlOf(proxy) });
      const store = postgresStore({ client, listenOn, notify: true, namespace: randomUUID() });
      ends.push(() => store.close());
      const heard: string[] = [];
      let wake = (): void => undefined;
      store.watch?.(({ kind }) => {
        heard.push(kind);
        wake();
      });
      const hear = async (kind: string): Promise<void> => {
        while (!heard.includes(kind)) {
          await new Promise<void>((resolve) => {
            wake = resolve;
          });
        }
        heard.length = 0;
      };
      expect(heard).toEqual(["lost"]);
      await hear("everything");
      const record = newRecord("ada");
      await store.create(record, 0, Date.now());
      await admin.query(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE query LIKE 'LISTEN%'",
      );
      await hear("lost");
      await hear("everything");
      await store.cutOff("ada", { keepUntil: Date.now() + HOUR }, Date.now());
      await hear("user");
    });
  });

  it("listens on one connection that it is given, and leaves it open", async () => {
    const listenOn = new pg.Client({ connectionString: server.url });
    await listenOn.connect();
    ends.push(() => listenOn.end());
    const store = postgresStore({ client: admin, listenOn, notify: true, namespace: randomUUID() });
    const heard: string[] = [];
    let wake = (): void => undefined;
    const hear = async (kind: string): Promise<void> => {
      while (!heard.includes(kind)) {
        await new Promise<void>((resolve) => {
          wake = resolve;
        });
      }
    };
    store.watch?.(({ kind }) => {
      heard.push(kind);
      wake();
    });
    await hear("everything");
    await store.cutOff("ada", { keepUntil: Date.now() + HOUR }, Date.now());
    await hear("user");
    await store.close();
    const { rows } = await listenOn.query("SELECT pg_listening_channels()");
    expect(rows).toEqual([]);
  });

  it("finds out by its pulse that it hears nothing, where no connection says so", async () => {
    const proxy = await startTcpProxy(server.port);
    const connectionString = `postgres://postgres@127.0.0.1:${proxy.port}/postgres`;
    const calls = postgresCalls(admin, "client", false);
    const listenCalls = postgresCalls(poolOf({ connectionString }), "listenOn", false);
    const notices = createNotices(calls, listenCalls, channelOf("coatcheck", "pulse"), 200);
    const heard: string[] = [];
    let wake = (): void => undefined;
    notices.watch(({ kind }) => {
      heard.push(kind);
      wake();
    });
    const hear = async (): Promise<string | undefined> => {
      if (heard.length === 0) {
        await new Promise<void>((resolve) => {
          wake = resolve;
        });
      }
      return heard.shift();
    };
    expect(await hear()).toBe("lost");
    expect(await hear()).toBe("everything");
    // Some pulses come back, and nothing is said of them.
    await new Promise((resolve) => setTimeout(resolve, 700));
    expect(heard).toEqual([]);
    proxy.weather = "deaf";
    expect(await hear()).toBe("lost");
    proxy.weather = "fair";
    await notices.close();
    await proxy.close();
  });

  /** Resolves when a statement waits for a lock. */
  async function waiting(): Promise<void> {
    for (;;) {
      const { rowCount } = await admin.query(
        "SELECT FROM pg_stat_activity WHERE wait_event_type = 'Lock'",
      );
      if (rowCount !== 0) return;
    }
  }

  async function rolledBack(): Promise<number> {
    // Counted when a connection is left alone for a moment, or ends.
    await new Promise((resolve) => setTimeout(resolve, 1500));
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
