import { randomUUID } from "node:crypto";
import type pg from "pg";
import postgresJs from "postgres";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { Revocations, SessionStore } from "../../../src/stores/contract.ts";
import { migrate, postgresStore } from "../../../src/stores/postgres.ts";
import { postgresSql } from "../../../src/stores/postgres-sql.ts";
import { describeWith } from "../../support/needs.ts";
import type { PostgresServer } from "../../support/postgres-server.ts";
import { poolAt, postgres, startPostgres } from "../../support/postgres-server.ts";
import { startTcpProxy } from "../../support/tcp-proxy.ts";

const HOUR = 3_600_000;
const NAMESPACE = "crowded";
const USERS = 2000;
const SESSIONS = 20_000;

describeWith({ postgres }, "what a PostgreSQL store costs", () => {
  let server: PostgresServer;
  let pool: pg.Pool;

  beforeAll(async () => {
    // A plan depends on when a table was last vacuumed: here that is when the test does it.
    server = await startPostgres({ fsync: "off", synchronous_commit: "off", autovacuum: "off" });
    pool = poolAt(server.url, { max: 1 });
    await migrate(pool);
  });
  afterAll(async () => {
    await pool.end();
    await server.dispose();
  });

  describe("on the wire", () => {
    it("is one round trip for each verb with pg", async () => {
      const proxy = await startTcpProxy(server.port);
      const connectionString = `postgres://postgres@127.0.0.1:${proxy.port}/postgres`;
      for (const prepare of [false, true]) {
        const client = poolAt(connectionString, { max: 1 });
        const store = postgresStore({ client, prepare, namespace: randomUUID() });
        await everyVerb(store, async (_verb, call) => void (await call()));
        await everyVerb(store, async (verb, call) => {
          const before = proxy.roundTrips;
          await call();
          expect([verb, proxy.roundTrips - before]).toEqual([verb, 1]);
        });
        await client.end();
      }
      await proxy.close();
    });

    it("is one with postgres.js too, and two when it must not prepare", async () => {
      const proxy = await startTcpProxy(server.port);
      const url = `postgres://postgres@127.0.0.1:${proxy.port}/postgres`;
      for (const prepare of [true, false]) {
        const client = postgresJs(url, { max: 1, prepare, fetch_types: false });
        const store = postgresStore({ client, namespace: randomUUID() });
        await everyVerb(store, async (_verb, call) => void (await call()));
        await everyVerb(store, async (verb, call) => {
          const before = proxy.roundTrips;
          await call();
          expect([verb, proxy.roundTrips - before]).toEqual([verb, prepare ? 1 : 2]);
        });
        await client.end();
      }
      await proxy.close();
    });

    it("is three for a sweep that finds nothing", async () => {
      const proxy = await startTcpProxy(server.port);
      const connectionString = `postgres://postgres@127.0.0.1:${proxy.port}/postgres`;
      const client = poolAt(connectionString, { max: 1 });
      const store = postgresStore({ client, namespace: randomUUID() });
      await store.sweep(100, Date.now());
      const before = proxy.roundTrips;
      expect(await store.sweep(100, Date.now())).toBe(0);
      expect(proxy.roundTrips - before).toBe(3);
      await client.end();
      await proxy.close();
    });
  });

  it("a touch stays on its page and moves no index (a HOT update), an update of the body too", async () => {
    const store = postgresStore({ client: pool, namespace: randomUUID() });
    const now = Date.now();
    const ids = Array.from({ length: 200 }, () => idOf(randomUUID()));
    for (const id of ids) {
      const times = { lastSeenAt: now, expiresAt: now + HOUR };
      await store.create(
        { id, userId: "ada", ...times, closed: false, body: "b".repeat(300) },
        0,
        now,
      );
    }
    const before = await updates();
    for (let round = 1; round <= 5; round += 1) {
      for (const id of ids) await store.touch(id, now + round, now + HOUR + round, now);
    }
    const touched = await updates();
    expect(touched.all - before.all).toBe(1000);
    expect(touched.hot - before.hot).toBe(1000);
    for (const id of ids) {
      const times = { lastSeenAt: now, expiresAt: now + 2 * HOUR };
      await store.update(id, 1, { body: "c".repeat(300), ...times }, now);
    }
    const updated = await updates();
    expect(updated.hot - touched.hot).toBe(200);
  });

  async function updates(): Promise<{ all: number; hot: number }> {
    // By the pool's only connection, which has made them.
    await pool.query("SELECT pg_stat_force_next_flush()");
    const { rows } = await pool.query(
      `SELECT n_tup_upd::int AS all, n_tup_hot_upd::int AS hot FROM pg_stat_user_tables
       WHERE schemaname = 'coatcheck' AND relname = 'sessions'`,
    );
    return rows[0];
  }

  describe("in plans, with twenty thousand sessions", () => {
    beforeAll(async () => {
      const now = Date.now();
      await pool.query(
        `INSERT INTO coatcheck.sessions
           (mark, last_seen_at, expires_at, look_at, revision, closed, namespace, id, user_id, body)
         SELECT $1::float8, $1::float8, $1::float8 + n, $1::float8 + n, 1, false, $2::text,
           lpad(n::text, 24, '0'), 'user ' || n % $3::int, repeat('b', 300)
         FROM generate_series(1, $4::int) n`,
        [now, NAMESPACE, USERS, SESSIONS],
      );
      await pool.query(
        `INSERT INTO coatcheck.cut_offs (at, keep_until, namespace, user_id)
         SELECT 1, $1::float8 + n, $2::text, 'user ' || n FROM generate_series(1, $3::int) n`,
        [now, NAMESPACE, USERS],
      );
      await pool.query(
        `INSERT INTO coatcheck.revocations (number, at, until, namespace, kind)
         SELECT n, 1, $1::float8 + n, $2::text, 'everyone' FROM generate_series(1, $3::int) n`,
        [now, NAMESPACE, SESSIONS],
      );
      await pool.query("INSERT INTO coatcheck.feeds (namespace, last) VALUES ($1, $2)", [
        NAMESPACE,
        SESSIONS,
      ]);
      await pool.query("VACUUM (ANALYZE)");
    });

    const sql = postgresSql("coatcheck", undefined);
    const now = Date.now();
    const id = "0".repeat(20);
    // The statement, what it is given, and the index that finds what it is about.
    const plans: readonly (readonly [string, string, readonly unknown[], string | RegExp])[] = [
      ["load", sql.load, [`${id}0001`], "sessions_pkey"],
      ["update", sql.update, [`${id}0001`, 1, "b", now, now, false, now], "sessions_pkey"],
      ["touch", sql.touch, [`${id}0001`, now, now, now], "sessions_pkey"],
      // Both have the id: the planner takes either.
      ["cutOff", sql.cutOff, ["user 1", `${id}0001`, now, now], /sessions_(pkey|by_user)/],
      ["a page of all", sql.listAll, ["", 100, 1100, now], "sessions_pkey"],
      ["a page of a user", sql.listUser, ["", 100, 1100, now, "user 1"], "sessions_by_user"],
      ["a sweep", sql.sweepSessions, [now, 100], "sessions_to_look_at"],
      ["a sweep of cut-offs", sql.sweepCutOffs, [now, 100], "cut_offs_by_end"],
      ["a sweep of the feed", sql.sweepFeed, [now, 100], "revocations_by_end"],
      ["the end of the feed", sql.since, [SESSIONS - 5, 1000], "revocations_pkey"],
      ["a page of the feed", sql.since, [0, 1000], "revocations_pkey"],
    ];

    describe.each(["force_custom_plan", "force_generic_plan"])("with %s", (mode) => {
      it.each(plans)("%s goes by an index", async (_name, text, values, index) => {
        const plan = await planOf(text, [NAMESPACE, ...values], mode);
        expect(plan).toMatch(index);
        // The feeds are a few rows.
        expect(plan).not.toMatch(/Seq Scan on (sessions|cut_offs|revocations)/);
      });
    });

    it("a list goes on behind thousands that have ended, whatever the client makes of numbers", async () => {
      const { rows } = await pool.query(
        "SELECT max(expires_at) - 5 AS at FROM coatcheck.sessions WHERE namespace = $1",
        [NAMESPACE],
      );
      const asText = poolAt(server.url, { max: 1, types: { getTypeParser: () => String } });
      for (const client of [pool, asText]) {
        const store = postgresStore({ client, namespace: NAMESPACE });
        const listed: number[] = [];
        let cursor: string | undefined;
        do {
          const page = await store.list({ cursor, limit: 100 }, rows[0].at);
          listed.push(page.records.length);
          cursor = page.cursor;
        } while (cursor !== undefined);
        expect(listed.length).toBeGreaterThan(10);
        expect(listed.reduce((sum, each) => sum + each)).toBe(5);
      }
      await asText.end();
    });

    it("a sweep goes by an index also where sessions are so short that reading all looks cheap", async () => {
      const schema = "short_sessions";
      await migrate(pool, { schema });
      await pool.query(
        `INSERT INTO ${schema}.sessions
           (mark, last_seen_at, expires_at, look_at, revision, closed, namespace, id, body)
         SELECT 0, 1, $1::float8 + n, $1::float8 + n, 1, false, $2::text, lpad(n::text, 24, '0'), 'b'
         FROM generate_series(1, 100000) n`,
        [now, NAMESPACE],
      );
      await pool.query(`VACUUM (ANALYZE) ${schema}.sessions`);
      const { sweepSessions } = postgresSql(schema, undefined);
      const plan = await planOf(sweepSessions, [NAMESPACE, now, 500], "force_generic_plan");
      expect(plan).toContain("sessions_to_look_at");
      expect(plan).not.toContain("Seq Scan on sessions");
    });

    async function planOf(text: string, values: readonly unknown[], mode: string): Promise<string> {
      const client = await pool.connect();
      try {
        const given = values.map((value) => client.escapeLiteral(`${value}`)).join(", ");
        await client.query(`SET plan_cache_mode = ${mode}`);
        await client.query(`PREPARE plan AS ${text}`);
        const { rows } = await client.query({
          text: `EXPLAIN EXECUTE plan (${given})`,
          rowMode: "array",
        });
        return rows.join("\n");
      } finally {
        await client.query("DEALLOCATE plan");
        client.release();
      }
    }
  });
});

function idOf(text: string): string {
  return text.replaceAll("-", "").slice(0, 24);
}

/** Calls every verb on a session of its own, one after the other. */
async function everyVerb(
  store: SessionStore & Revocations,
  around: (verb: string, call: () => unknown) => Promise<void>,
): Promise<void> {
  const now = Date.now();
  const id = idOf(randomUUID());
  const times = { lastSeenAt: now, expiresAt: now + HOUR };
  const record = { id, userId: "ada", ...times, closed: false, body: "b" };
  await around("load", () => store.load(id));
  await around("create", () => store.create(record, 0, now));
  await around("create of a taken id", () => store.create(record, 0, now));
  await around("load", () => store.load(id));
  await around("update", () => store.update(id, 1, { body: "c", ...times }, now));
  await around("touch", () => store.touch(id, now + 1, now + HOUR, now));
  await around("list", () => store.list({ userId: "ada", limit: 10 }, now));
  await around("cutOff", () => store.cutOff("ada", { except: id, keepUntil: now + HOUR }, now));
  await around("close", () => store.update(id, 2, { body: "", ...times, close: true }, now));
  await around("add", () => store.add({ kind: "session", id, at: now, until: now + HOUR }));
  await around("since", () => store.since(undefined));
}
