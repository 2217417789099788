import { randomUUID } from "node:crypto";
import mysql from "mysql2/promise";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { Revocations, SessionStore } from "../../../src/stores/contract.ts";
import { migrate, mysqlStore } from "../../../src/stores/mysql.ts";
import { mysqlSql } from "../../../src/stores/mysql-sql.ts";
import type { MysqlServer } from "../../support/mysql-server.ts";
import { mariadbd, startMysql } from "../../support/mysql-server.ts";
import { describeWith } from "../../support/needs.ts";
import { startTcpProxy } from "../../support/tcp-proxy.ts";

const HOUR = 3_600_000;
const NAMESPACE = "crowded";
const USERS = 500;
const SESSIONS = 5000;

describeWith({ mariadb: mariadbd }, "what a MySQL store costs", () => {
  let server: MysqlServer;
  let pool: mysql.Pool;

  beforeAll(async () => {
    server = await startMysql();
    pool = mysql.createPool({ uri: server.uri, connectionLimit: 1 });
    await migrate(pool);
  });
  afterAll(async () => {
    await pool.end();
    await server.dispose();
  });

  it.each([false, true])(
    "on the wire: one round trip for each verb but for revocations (prepared: %s)",
    async (prepare) => {
      const proxy = await startTcpProxy(server.port);
      const uri = server.uri.replace(`:${server.port}/`, `:${proxy.port}/`);
      const client = mysql.createPool({ uri, connectionLimit: 1 });
      const store = mysqlStore({ client, prepare, namespace: randomUUID() });
      await everyVerb(store, async (_verb, _trips, call) => void (await call()));
      await everyVerb(store, async (verb, trips, call) => {
        const before = proxy.roundTrips;
        await call();
        expect([verb, proxy.roundTrips - before]).toEqual([verb, trips]);
      });
      await client.end();
      await proxy.close();
    },
  );

  describe("in plans, with five thousand sessions", () => {
    const sql = mysqlSql("coatcheck_");
    const now = Date.now();
    const id = `${"0".repeat(20)}0001`;

    beforeAll(async () => {
      const numbers = (last: number): number[] => Array.from({ length: last }, (_, n) => n + 1);
      await pool.query(
        `INSERT INTO coatcheck_sessions (namespace, id, revision, closed, mark, last_seen_at,
           expires_at, look_at, user_id, body) VALUES ?`,
        [
          numbers(SESSIONS).map((n) => [
            ...[NAMESPACE, `${n}`.padStart(24, "0"), 1, 0, now, now, now + n, now + n],
            ...[`user ${n % USERS}`, "b".repeat(300)],
          ]),
        ],
      );
      await pool.query(
        "INSERT INTO coatcheck_cut_offs (namespace, user_id, at, keep_until) VALUES ?",
        [numbers(USERS).map((n) => [NAMESPACE, `user ${n}`, 1, now + n])],
      );
      await pool.query(
        "INSERT INTO coatcheck_revocations (namespace, number, kind, at, until) VALUES ?",
        // None of them is over before the last plan was made.
        [numbers(SESSIONS).map((n) => [NAMESPACE, n, "everyone", 1, now + HOUR + n])],
      );
      await pool.query("INSERT INTO coatcheck_feeds VALUES (?, ?)", [NAMESPACE, SESSIONS]);
      await pool.query(
        "ANALYZE TABLE coatcheck_sessions, coatcheck_cut_offs, coatcheck_revocations",
      );
    });

    // The statement, what it is given, and the index that finds what it is about.
    const at = NAMESPACE;
    const plans: readonly (readonly [string, string, readonly unknown[], string])[] = [
      ["load", sql.load, [at, id], "PRIMARY"],
      ["update", sql.update, ["b", now, now, now, 0, 0, 0, at, id, 1, now], "PRIMARY"],
      ["touch", sql.touch, [now, now, at, id, now], "PRIMARY"],
      ["a page of all", sql.list(101), [now, at, ""], "PRIMARY"],
      ["a page of a user", sql.listUser(101), [now, at, "user 1", ""], "by_user"],
      ["a look for what is over", sql.sessions.due(100), [at, now], "to_look_at"],
      ["its removal", sql.sessions.remove(3), [at, now, "a", "b", "c"], "PRIMARY"],
      ["the same for cut-offs", sql.cutOffs.due(100), [at, now], "by_end"],
      ["their removal", sql.cutOffs.remove(3), [at, now, "a", "b", "c"], "PRIMARY"],
      ["the same for the feed", sql.revocations.due(100), [at, now], "by_end"],
      ["the end of the feed", sql.since(1000), [at, at, SESSIONS - 5], "PRIMARY"],
      ["a page of the feed", sql.since(1000), [at, at, 0], "PRIMARY"],
    ];

    it.each(plans)("%s goes by an index", async (_name, text, values, index) => {
      const bytes = values.map((value) => (typeof value === "string" ? Buffer.from(value) : value));
      const [rows] = await pool.query<mysql.RowDataPacket[]>(
        `EXPLAIN FORMAT=TRADITIONAL ${text}`,
        bytes,
      );
      // The rows of a page, and the one feed, are read as they are.
      const real = rows.filter(({ table }) => table !== null && !/^<|feeds/.test(table));
      expect(real.map(({ key }) => key)).toContain(index);
      expect(real.map(({ type }) => type)).not.toContain("ALL");
      expect(real.map(({ type }) => type)).not.toContain("index");
    });
  });
});

/** Calls every verb on a session of its own, one after the other, with its round trips. */
async function everyVerb(
  store: SessionStore & Revocations,
  around: (verb: string, trips: number, call: () => unknown) => Promise<void>,
): Promise<void> {
  const now = Date.now();
  const id = randomUUID().replaceAll("-", "").slice(0, 24);
  const times = { lastSeenAt: now, expiresAt: now + HOUR };
  const userId = `user ${id}`;
  const record = { id, userId, ...times, closed: false, body: "b" };
  await around("load", 1, () => store.load(id));
  await around("create", 1, () => store.create(record, 0, now));
  await around("create of a taken id", 1, () => store.create(record, 0, now));
  await around("load", 1, () => store.load(id));
  await around("update", 1, () => store.update(id, 1, { body: "c", ...times }, now));
  await around("touch", 1, () => store.touch(id, now + 1, now + HOUR, now));
  await around("list", 1, () => store.list({ userId, limit: 10 }, now));
  const keepUntil = now + HOUR;
  await around("cutOff", 1, () => store.cutOff(userId, { keepUntil }, now));
  await around("cutOff but for one", 2, () => store.cutOff(userId, { except: id, keepUntil }, now));
  await around("close", 1, () => store.update(id, 2, { body: "", ...times, close: true }, now));
  await around("add", 4, () => store.add({ kind: "session", id, at: now, until: keepUntil }));
  await around("since", 1, () => store.since(undefined));
}
