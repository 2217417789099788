import { mkdir, readdir, readFile, rm, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import process from "node:process";
import Libsql from "libsql";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { ConfigError } from "../../../src/errors.ts";
import type { Revocations, SessionStore } from "../../../src/stores/contract.ts";
import type { SqliteStoreOptions } from "../../../src/stores/sqlite.ts";
import { sqliteStore } from "../../../src/stores/sqlite.ts";
import { HOUR, id, keepsEverythingOverAClose, now, session } from "../../support/store-closing.ts";
import { temporaryFolder } from "../../support/temporary-folder.ts";

const hasNodeSqlite = process.getBuiltinModule("node:sqlite" as "node:fs") !== undefined;

// libsql comes ready built, so these run everywhere. The other bindings have the suite.
describe("sqliteStore", () => {
  let folder: string;
  let file: string;
  const opened: { close(): unknown }[] = [];

  beforeEach(async () => {
    folder = await temporaryFolder("sqlite-unit");
    file = join(folder, "sessions.db");
  });
  afterEach(async () => {
    for (const one of opened.splice(0).reverse()) await one.close();
    await rm(folder, { recursive: true });
  });

  function openDatabase(name = file, durable = true): InstanceType<typeof Libsql> {
    const database = new Libsql(name);
    opened.push(database);
    database.exec("PRAGMA journal_mode = WAL");
    database.exec(`PRAGMA synchronous = ${durable ? "FULL" : "NORMAL"}`);
    return database;
  }

  function openStore(database = openDatabase()): SessionStore & Revocations {
    const store = sqliteStore({ database });
    opened.push(store);
    return store;
  }

  it("refuses options that cannot work, by name and with the mend", () => {
    const database = openDatabase();
    const wrong: [unknown, string][] = [
      [{}, "`path` must name a file"],
      [{ path: "" }, "`path` must name a file"],
      [{ path: ":memory:" }, "`path` must name a file"],
      [{ path: "file:a.db" }, "`path` must name a file"],
      [{ path: file, database }, "`path` cannot stand beside `database`"],
      [{ database, durable: false }, "`durable` goes with `path`"],
      [{ path: file, durable: 1 }, "`durable` must be"],
      [{ database: {} }, "`database` must be an open database"],
      [{ database: { exec() {}, prepare: () => ({ all: async () => [] }) } }, "it is asynchronous"],
      [{ database: { exec() {}, prepare: () => ({ all: () => [[1]] }) } }, "rows as objects"],
      [{ database, namespace: "a b" }, "`namespace` must be"],
      [{ database, clock: 7 }, "`clock` must be"],
    ];
    for (const [options, message] of wrong) {
      const open = () => sqliteStore(options as SqliteStoreOptions);
      expect(open, message).toThrow(ConfigError);
      expect(open, message).toThrow(message);
    }
    const closed = new Libsql(join(folder, "closed.db"));
    closed.close();
    expect(() => sqliteStore({ database: closed })).toThrow("`database` must be an open database");
  });

  it.skipIf(hasNodeSqlite)("says what to do where Node has no SQLite built in", async () => {
    expect(() => sqliteStore({ path: file })).toThrow(ConfigError);
    expect(() => sqliteStore({ path: file })).toThrow("pass that as `database`");
    expect(await readdir(folder)).toEqual([]);
  });

  it.runIf(hasNodeSqlite)("makes the file for its owner only", async () => {
    const path = join(folder, "app", "sessions.db");
    const store = sqliteStore({ path });
    opened.push(store);
    await store.create(session("a"), 0, now);
    expect((await stat(join(folder, "app"))).mode & 0o777).toBe(0o700);
    for (const name of await readdir(join(folder, "app"))) {
      expect((await stat(join(folder, "app", name))).mode & 0o777, name).toBe(0o600);
    }
  });

  it("keeps everything over a close, and answers no verb after it", async () => {
    await keepsEverythingOverAClose(openStore, "the SQLite store is closed");
  });

  it("leaves the app's database open, its tables and its version alone", async () => {
    const database = openDatabase();
    database.exec("CREATE TABLE mine (a); INSERT INTO mine VALUES (1); PRAGMA user_version = 7");
    const store = openStore(database);
    await store.create(session("a"), 0, now);
    await store.close();
    expect(database.prepare("SELECT a FROM mine").all()).toEqual([{ a: 1 }]);
    expect(database.prepare("PRAGMA user_version").all()).toEqual([{ user_version: 7 }]);
  });

  it("puts what arrives together into few transactions, and a touch writes no index", async () => {
    const database = openDatabase();
    const begun: string[] = [];
    const store = openStore(counting(database, begun));
    const names = Array.from({ length: 1000 }, (_, index) => `s${index}`);
    await Promise.all(names.map((name) => store.create(session(name, "ada"), 0, now)));
    expect(begun.length).toBeLessThan(20);
    expect((await store.list({ limit: 2000 }, now)).records).toHaveLength(1000);
    const indexed = () =>
      database.prepare("SELECT rowid, user_id, look_at FROM coatcheck_sessions").all();
    const before = indexed();
    await store.touch(id("s1"), now + 1, now + 2 * HOUR, now);
    expect(indexed()).toEqual(before);
  });

  it("writes nothing to find nothing, and says what is no id", async () => {
    const database = openDatabase();
    const begun: string[] = [];
    const store = openStore(counting(database, begun));
    await store.create(session("a"), 0, now);
    const before = begun.length;
    expect(await store.sweep(1000, now)).toBe(0);
    expect(begun.length).toBe(before);
    const wrong = { ...session("a"), id: "../../etc/passwd" };
    await expect(store.create(wrong, 0, now)).rejects.toThrow("24 base64url characters");
    expect(await store.load("no id at all")).toBeUndefined();
  });

  it("waits for another connection's transaction without holding up the process", async () => {
    const store = openStore();
    await store.create(session("a"), 0, now);
    const other = openDatabase();
    other.exec("BEGIN IMMEDIATE");
    let turns = 0;
    const turning = setInterval(() => {
      turns += 1;
      if (turns === 20) other.exec("COMMIT");
    }, 1);
    // A read does not wait.
    expect((await store.load(id("a")))?.record.revision).toBe(1);
    expect(turns).toBeLessThan(20);
    expect(await store.touch(id("a"), now + 1, now + HOUR, now)).toBe(true);
    clearInterval(turning);
    expect(turns).toBeGreaterThanOrEqual(20);
  });

  it("does not take part in a transaction of the app's that may be rolled back", async () => {
    const database = openDatabase();
    const store = openStore(database);
    database.exec("BEGIN");
    const created = store.create(session("a"), 0, now);
    await new Promise((resolve) => setTimeout(resolve, 20));
    database.exec("ROLLBACK");
    expect(await created).toBe("created");
    expect((await store.load(id("a")))?.record.revision).toBe(1);
  });

  it("fails one change that cannot be kept, and not those that arrived with it", async () => {
    const store = openStore();
    const bad = { ...session("bad"), expiresAt: Number.NaN };
    const answers = await Promise.allSettled([
      store.create(session("a"), 0, now),
      store.create(bad, 0, now),
      store.create(session("b"), 0, now),
    ]);
    expect(answers.map(({ status }) => status)).toEqual(["fulfilled", "rejected", "fulfilled"]);
    expect((await store.list({ limit: 10 }, now)).records).toHaveLength(2);
  });

  it("says in its traits what it may forget", () => {
    expect(openStore().traits).toMatchObject({ forgets: [], shared: true });
    const relaxed = openDatabase(join(folder, "relaxed.db"), false);
    expect(openStore(relaxed).traits).toMatchObject({ forgets: ["restart"], shared: true });
    const memory = openDatabase(":memory:");
    expect(openStore(memory).traits).toMatchObject({ forgets: ["restart"], shared: false });
  });

  it("leaves nothing behind when everything was swept", async () => {
    const database = openDatabase();
    const store = openStore(database);
    for (let index = 0; index < 250; index += 1) {
      await store.create(session(`s${index}`, `user ${index % 7}`), 0, now);
    }
    const close = { body: "", lastSeenAt: now, expiresAt: now + 10, close: true };
    for (let index = 0; index < 100; index += 1) await store.update(id(`s${index}`), 1, close, now);
    for (let index = 100; index < 150; index += 1) {
      await store.touch(id(`s${index}`), now, now + 2 * HOUR, now);
    }
    await store.cutOff("user 3", { keepUntil: now + HOUR }, now);
    await store.add({ kind: "user", id: "user 3", at: now, until: now + HOUR });
    expect(await store.sweep(1000, now + 10)).toBe(100);
    expect(await store.sweep(60, now + HOUR)).toBe(60);
    expect(await store.sweep(1000, now + HOUR)).toBe(41);
    expect(await store.sweep(1000, now + 2 * HOUR)).toBe(50);
    for (const table of ["sessions", "cut_offs", "revocations"]) {
      expect(database.prepare(`SELECT * FROM coatcheck_${table}`).all(), table).toEqual([]);
    }
    // The number of an entry of the feed is never given again.
    await store.add({ kind: "user", id: "eve", at: now, until: now + HOUR });
    expect((await store.since("1")).revocations).toHaveLength(1);
  });

  it("goes on with the next page where a thousand ended sessions lie in a row", async () => {
    const store = openStore();
    const names = Array.from({ length: 1200 }, (_, index) => `s${`${index}`.padStart(5, "0")}`);
    await Promise.all(names.map((name) => store.create(session(name, "ada"), 0, now)));
    const sorted = names.map(id).sort();
    const close = { body: "", lastSeenAt: now, expiresAt: now + HOUR, close: true };
    const ended = sorted.slice(0, 1100);
    await Promise.all(ended.map((one) => store.update(one, 1, close, now)));
    for (const userId of ["ada", undefined]) {
      const listed: string[] = [];
      let cursor: string | undefined;
      do {
        const page = await store.list({ userId, cursor, limit: 30 }, now);
        listed.push(...page.records.map((record) => record.id));
        cursor = page.cursor;
      } while (cursor !== undefined);
      expect(listed).toEqual(sorted.slice(1100));
    }
  });

  it("finds everything by an index, and sorts nothing", () => {
    const database = openDatabase();
    const prepared: string[] = [];
    const watched = {
      exec: (sql: string) => database.exec(sql),
      prepare(sql: string) {
        prepared.push(sql);
        return database.prepare(sql);
      },
    };
    openStore(watched as unknown as typeof database);
    const ours = prepared.filter((sql) => /coatcheck_(sessions|cut_offs|revocations)/.test(sql));
    const plans = ours.flatMap((sql) => {
      const values = Array.from(sql.matchAll(/\?/g), () => 1);
      const rows = database.prepare(`EXPLAIN QUERY PLAN ${sql}`).all(...values);
      return (rows as { detail: string }[]).map(({ detail }) => detail);
    });
    expect(plans.length).toBeGreaterThan(20);
    // `sqlite_sequence` has one row.
    const slow = plans.filter((plan) => /SCAN (?!sqlite_sequence)|TEMP B-TREE/.test(plan));
    expect(slow).toEqual([]);
  });

  it("is not opened on what a later version wrote, and leaves that alone", async () => {
    const database = openDatabase();
    openStore(database);
    database.exec("UPDATE coatcheck_schema SET version = 99");
    expect(() => openStore(database)).toThrow("a later version of coatcheck");
    expect(database.prepare("SELECT version FROM coatcheck_schema").all()).toEqual([
      { version: 99 },
    ]);
    expect(database.inTransaction).toBe(false);
  });

  it("is not opened on what is no database, and leaves that alone", async () => {
    await mkdir(folder, { recursive: true });
    await writeFile(file, "x".repeat(10_000));
    const database = new Libsql(file);
    opened.push(database);
    expect(() => sqliteStore({ database })).toThrow(/not a database/);
    expect(await readFile(file, "utf8")).toBe("x".repeat(10_000));
  });
});

/** The same database; tells of each transaction that begins. */
function counting(database: InstanceType<typeof Libsql>, begun: string[]) {
  return {
    exec: (sql: string) => database.exec(sql),
    prepare(sql: string) {
      const statement = database.prepare(sql);
      return {
        all: (...values: unknown[]) => statement.all(...values),
        run(...values: unknown[]) {
          if (sql.startsWith("BEGIN")) begun.push(sql);
          return statement.run(...values);
        },
      };
    },
  } as unknown as InstanceType<typeof Libsql>;
}
