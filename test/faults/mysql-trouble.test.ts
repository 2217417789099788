import { randomUUID } from "node:crypto";
import { inspect } from "node:util";
import callbackMysql from "mysql2";
import mysql from "mysql2/promise";
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from "vitest";
import type { SessionRecord } from "../../src/stores/contract.ts";
import { migrate, mysqlStore } from "../../src/stores/mysql.ts";
import { failureOf } from "../support/failure-of.ts";
import type { InjectedFault } from "../support/fault-report.ts";
import { inject, reportFaults } from "../support/fault-report.ts";
import type { MysqlServer } from "../support/mysql-server.ts";
import { mariadbd, startMysql } from "../support/mysql-server.ts";
import { describeWith } from "../support/needs.ts";
import { runStorms } from "../support/storms.ts";
import { startTcpProxy } from "../support/tcp-proxy.ts";
import { until } from "../support/until.ts";

vi.setConfig({ testTimeout: 120_000, hookTimeout: 120_000 });

const HOUR = 3_600_000;

describeWith({ mariadb: mariadbd }, "a MySQL store in trouble", () => {
  let server: MysqlServer;
  let admin: mysql.Pool;
  const ends: (() => Promise<unknown>)[] = [];

  beforeAll(async () => {
    server = await startMysql();
    admin = mysql.createPool({ uri: server.uri });
    await migrate(admin);
  });
  afterEach(async () => {
    for (const end of ends.splice(0).reverse()) await end();
  });
  afterAll(async () => {
    await admin.end();
    await server.dispose();
  });

  function poolOf(config: mysql.PoolOptions = {}): mysql.Pool {
    const pool = mysql.createPool({ uri: server.uri, ...config });
    ends.push(() => pool.end());
    return pool;
  }

  describe.each(["READ COMMITTED", "SERIALIZABLE"])("where every transaction is %s", (level) => {
    it("P4 P5 keeps its promises", async () => {
      // It begins with what it is told when it connects.
      const client = callbackMysql.createPool({ uri: server.uri });
      client.on("connection", (connection) => {
        connection.query(`SET SESSION TRANSACTION ISOLATION LEVEL ${level}`);
      });
      ends.push(() => client.promise().end());
      const fault = await inject(`every transaction ${level}`, () =>
        runStorms((namespace) => mysqlStore({ client, namespace })),
      );
      report(fault, "the suite's storms find nothing");
    }, 120_000);
  });

  it("has no deadlocks under a storm of everything", async () => {
    const client = poolOf();
    const store = mysqlStore({ client, namespace: randomUUID() });
    const now = Date.now();
    const records = Array.from({ length: 40 }, (_, index) => newRecord(`user ${index % 4}`));
    for (const record of records) await store.create(record, 60_000, now);
    const before = await deadlocks();
    const later = now + 2 * HOUR;
    await Promise.all(
      records.flatMap(({ id, userId = "" }, index) => [
        store.update(id, 1, { body: "b", lastSeenAt: now, expiresAt: now + HOUR }, now),
        store.touch(id, now + 1, now + HOUR + 1, now),
        store.cutOff(userId, { except: id, keepUntil: later }, now),
        store.create(newRecord(userId), 0, now),
        store.create(newRecord(`new user ${index}`), 0, now),
        store.cutOff(`cut user ${index}`, { keepUntil: later }, now),
        store.list({ userId, limit: 10 }, now),
        store.sweep(7, index % 2 === 0 ? now : later),
        store.add({ kind: "user", id: userId, at: now, until: later }),
      ]),
    );
    expect(await deadlocks()).toBe(before);
  });

  it("P5 a reader that was ahead of a backup, or of a replica, misses nothing that is added after it", async () => {
    const namespace = randomUUID();
    const store = mysqlStore({ client: poolOf(), namespace });
    const at = Date.now();
    const add = (id: string, after: number): Promise<void> =>
      store.add({ kind: "session", id, at: at + after, until: at + HOUR });
    for (const [index, id] of ["first", "second", "lost"].entries()) await add(id, index);
    const { cursor } = await store.since(undefined);
    // As it was before the third came.
    const entry = "DELETE FROM coatcheck_revocations WHERE namespace = ? AND number = 3";
    expect((await admin.query(entry, [namespace]))[0]).toMatchObject({ affectedRows: 1 });
    await admin.query("UPDATE coatcheck_feeds SET last = 2 WHERE namespace = ?", [namespace]);
    await add("another third", 3);
    await add("fourth", 4);
    const page = await store.since(cursor);
    const all = ["first", "second", "another third", "fourth"];
    expect(page.revocations.map(({ id }) => id)).toEqual(all);
    expect((await store.since(page.cursor)).revocations).toEqual([]);
  });

  it("tries again what a deadlock rolled back", async () => {
    const store = mysqlStore({ client: poolOf(), namespace: "deadlock" });
    const now = Date.now();
    const [record, other] = [newRecord("ada"), newRecord("ada")];
    await store.create(record, 0, now);
    await store.create(other, 0, now);
    const before = await deadlocks();
    // Somebody else's transaction holds one row, and then wants the other; a sweep wants both.
    const [first, second] = [record, other].sort((a, b) => (a.id < b.id ? -1 : 1));
    const holder = await admin.getConnection();
    await holder.query("START TRANSACTION");
    // It has written more than the sweep has: the server gives up the sweep.
    await holder.query("CREATE TEMPORARY TABLE ballast (n INT) ENGINE = InnoDB");
    for (let n = 0; n < 100; n += 1) await holder.query("INSERT INTO ballast VALUES (?)", [n]);
    const take =
      "UPDATE coatcheck_sessions SET revision = revision + 1 WHERE namespace = 'deadlock' AND id = ?";
    await holder.query(take, [second?.id]);
    const fault = await inject("deadlock", async () => {
      const sweeping = store.sweep(10, now + 2 * HOUR);
      await waiting();
      await holder.query(take, [first?.id]);
      await holder.query("COMMIT");
      holder.release();
      expect(await sweeping).toBe(2);
    });
    expect(await deadlocks()).toBe(before + 1);
    report(fault, "tried again, and done");
  });

  it.for([
    { by: "statement timeout", errno: 1969 },
    { by: "KILL QUERY", errno: 1317 },
  ])(
    "P5 P13 a write that the server ends is an error that tells no value, and is not done: $by",
    async ({ by, errno }, { skip }) => {
      const timed = by === "statement timeout";
      skip(timed && !server.isMariadb, "MySQL has a statement timeout for reads only");
      const client = callbackMysql.createPool({ uri: server.uri, connectionLimit: 1 });
      let thread = 0;
      client.on("connection", (connection) => {
        thread = connection.threadId;
        if (timed) connection.query("SET SESSION max_statement_time = 1");
      });
      ends.push(() => client.promise().end());
      const namespace = randomUUID();
      const store = mysqlStore({ client, namespace });
      const record = newRecord("ada");
      const now = Date.now();
      await store.create(record, 0, now);
      const holder = await admin.getConnection();
      await holder.query("START TRANSACTION");
      await holder.query(
        "SELECT id FROM coatcheck_sessions WHERE namespace = ? AND id = ? FOR UPDATE",
        [namespace, record.id],
      );
      const close = { body: "hunter22", lastSeenAt: now, expiresAt: now + HOUR, close: true };
      let failure: unknown;
      const fault = await inject(by, async () => {
        const write = failureOf(() => store.update(record.id, 1, close, now));
        if (!timed) await killWrite(thread);
        failure = await write;
        expect(failure).toMatchObject({ errno });
      });
      // mysql2 adds the statement with its values, which are in hexadecimal.
      const told = inspect(failure, { depth: 9, showHidden: true });
      expect(told).not.toContain("hunter22");
      expect(told).not.toContain(Buffer.from("hunter22").toString("hex"));
      expect((await store.load(record.id))?.record).toMatchObject({ revision: 1, closed: false });
      await holder.query("COMMIT");
      holder.release();
      expect(await store.update(record.id, 1, close, now)).toBe(true);
      report(fault, "an error, and not done");
    },
  );

  /** Ends the write that a connection waits for. */
  async function killWrite(thread: number): Promise<void> {
    await until("it writes", async () => {
      const [rows] = await admin.query<mysql.RowDataPacket[]>("SHOW PROCESSLIST");
      return rows.some(({ Id, Info }) => Id === thread && `${Info}`.includes("UPDATE"));
    });
    await admin.query(`KILL QUERY ${thread}`);
  }

  it("says what to run where its tables are missing, and works when that was done", async () => {
    const store = mysqlStore({ client: admin, prefix: "nowhere_" });
    await expect(store.load("A".repeat(24))).rejects.toThrow(
      /begin with `nowhere_`: run .*npx coatcheck migrate mysql --print/,
    );
    expect(await migrate(admin, { prefix: "nowhere_" })).toEqual([1]);
    expect(await store.load("A".repeat(24))).toBeUndefined();
  });

  it("P4 acknowledges nothing where connections do not commit by themselves", async () => {
    const client = callbackMysql.createPool({ uri: server.uri });
    client.on("connection", (connection) => {
      connection.query("SET autocommit = 0");
    });
    ends.push(() => client.promise().end());
    const store = mysqlStore({ client });
    const id = randomUUID().slice(0, 24);
    const times = { lastSeenAt: Date.now(), expiresAt: Date.now() + HOUR };
    const record = { id, userId: undefined, ...times, closed: false, body: "" };
    await expect(store.create(record, 0, Date.now())).rejects.toThrow("`autocommit`");
  });

  it.each(["CHAIN", "RELEASE"])(
    "P4 P5 keeps what it acknowledges after a transaction of its own, where a commit is to %s",
    async (completion) => {
      const client = callbackMysql.createPool({ uri: server.uri, connectionLimit: 1 });
      client.on("connection", (connection) => {
        connection.query(`SET completion_type = '${completion}'`);
      });
      ends.push(() => client.promise().end());
      const namespace = randomUUID();
      const store = mysqlStore({ client, namespace });
      const record = newRecord("ada");
      const now = Date.now();
      await store.create(record, 0, now);
      await store.add({ kind: "user", id: "bob", at: now, until: now + HOUR });
      const close = { body: "", lastSeenAt: now, expiresAt: now + HOUR, close: true };
      expect(await store.update(record.id, 1, close, now)).toBe(true);
      const other = mysqlStore({ client: admin, namespace });
      expect((await other.load(record.id))?.record.closed).toBe(true);
    },
  );

  it("migrates for good on connections that do not commit by themselves", async () => {
    const client = callbackMysql.createPool({ uri: server.uri });
    client.on("connection", (connection) => {
      connection.query("SET autocommit = 0");
    });
    try {
      expect(await migrate(client, { prefix: "uncommitted_" })).toEqual([1]);
      expect(await migrate(client, { prefix: "uncommitted_" })).toEqual([]);
      // Nothing is left open that others would have to wait for.
      const store = mysqlStore({ client: admin, prefix: "uncommitted_" });
      expect(await store.load("A".repeat(24))).toBeUndefined();
    } finally {
      await client.promise().end();
    }
    expect(await migrate(admin, { prefix: "uncommitted_" })).toEqual([]);
  });

  it("a pool without a free connection is an error, and no more than that", async () => {
    const client = poolOf({ connectionLimit: 1, queueLimit: 1 });
    const store = mysqlStore({ client, namespace: randomUUID() });
    const record = newRecord("ada");
    await store.create(record, 0, Date.now());
    const taken = await client.getConnection();
    const fault = await inject("pool exhausted", async () => {
      const queued = store.load(record.id);
      await expect(store.load(record.id)).rejects.toThrow("Queue limit reached");
      taken.release();
      expect((await queued)?.record.body).toBe("body");
    });
    expect((await store.load(record.id))?.record.body).toBe("body");
    report(fault, "an error, and answered when a connection is free");
  });

  it("P4 a reply that is cut is an error; the write is there, once", async () => {
    const proxy = await startTcpProxy(server.port);
    const uri = server.uri.replace(`:${server.port}/`, `:${proxy.port}/`);
    const store = mysqlStore({ client: poolOf({ uri, connectionLimit: 1 }), namespace: "cut" });
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
    await proxy.close();
    report(fault, "an error, and the write is there, once");
  });

  it("a feed whose writer dies in the middle goes on without its entry", async () => {
    const store = mysqlStore({ client: poolOf(), namespace: "feed" });
    const entry = { kind: "user", at: Date.now(), until: Date.now() + HOUR } as const;
    await store.add({ ...entry, id: "a" });
    const { cursor } = await store.since(undefined);
    const writer = await admin.getConnection();
    await writer.query("START TRANSACTION");
    await writer.query("UPDATE coatcheck_feeds SET last = last + 1 WHERE namespace = 'feed'");
    const fault = await inject("a writer dies in its transaction", async () => {
      const adding = store.add({ ...entry, id: "b" });
      await waiting();
      expect((await store.since(cursor)).revocations).toEqual([]);
      writer.destroy();
      await adding;
    });
    expect((await store.since(cursor)).revocations).toEqual([{ ...entry, id: "b" }]);
    report(fault, "the feed goes on without its entry");
  });

  function report(fault: InjectedFault, checked: string): void {
    reportFaults({ on: "MariaDB", faults: [fault], checked });
  }

  /**
   * InnoDB answers from a copy of its transactions that it
   * makes anew only when nobody has asked for 100 ms: asked without a pause, it never sees the wait.
   */
  async function waiting(): Promise<void> {
    const isWaiting = async (): Promise<boolean> => {
      const [rows] = await admin.query<mysql.RowDataPacket[]>(
        "SELECT COUNT(*) AS many FROM information_schema.INNODB_TRX WHERE trx_state = 'LOCK WAIT'",
      );
      return rows[0]?.["many"] > 0;
    };
    await until("a statement waits for a lock", isWaiting, 150);
  }

  async function deadlocks(): Promise<number> {
    const [rows] = await admin.query<mysql.RowDataPacket[]>(
      "SHOW GLOBAL STATUS LIKE 'Innodb_deadlocks'",
    );
    return Number(rows[0]?.["Value"]);
  }
});

let count = 0;
function newRecord(userId: string): Omit<SessionRecord, "revision" | "mark"> {
  count += 1;
  const now = Date.now();
  const times = { lastSeenAt: now, expiresAt: now + HOUR };
  return { id: `${count}`.padStart(24, "0"), userId, ...times, closed: false, body: "body" };
}
