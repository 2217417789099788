/**
 * `toExpressStore`: the tests that stores for express-session are held to, in the shape of
 * connect-redis's own, and what is better than there.
 */

import { rm } from "node:fs/promises";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { Cookie } from "../../src/compat/express-session.ts";
import type { ExpressStore, ExpressStoreOptions } from "../../src/compat/express-store.ts";
import { toExpressStore } from "../../src/compat/express-store.ts";
import { createSessions } from "../../src/index.ts";
import type { SessionStore } from "../../src/stores/contract.ts";
import { lmdbStore } from "../../src/stores/lmdb.ts";
import { memoryStore } from "../../src/stores/memory.ts";
import { temporaryFolder } from "../support/temporary-folder.ts";

const DAY = 86_400_000;

describe.each(["memoryStore", "lmdbStore"])("toExpressStore(%s)", (kind) => {
  let folder: string;
  let inner: SessionStore;
  let store: ExpressStore;
  let now: number;

  function open(options: ExpressStoreOptions = {}): ExpressStore {
    return toExpressStore(inner, { clock: () => now, ...options });
  }

  beforeEach(async () => {
    now = Date.now();
    folder = await temporaryFolder("express-store");
    inner = kind === "memoryStore" ? memoryStore() : lmdbStore({ path: folder });
    store = open();
  });
  afterEach(async () => {
    await inner.close();
    await rm(folder, { recursive: true });
  });

  const inMs = (ms: number): Date => new Date(now + ms);
  const plain = { cookie: { originalMaxAge: null } };

  it("goes through a life as connect-redis's suite has it", async () => {
    await store.clear();
    await store.set("123", { foo: "bar", ...plain });
    expect(await store.get("123")).toEqual({ foo: "bar", ...plain });
    await store.set("456", { cookie: { originalMaxAge: null, expires: inMs(60_000) } });
    await store.touch("456", { cookie: { originalMaxAge: null, expires: inMs(90_000) } });
    expect(await store.length()).toBe(2);
    expect((await store.ids()).sort()).toEqual(["123", "456"]);
    const all = (await store.all()) as { id: string }[];
    expect(all.sort((a, b) => (a.id > b.id ? 1 : -1))).toEqual([
      { id: "123", foo: "bar", ...plain },
      { id: "456", cookie: { originalMaxAge: null, expires: inMs(90_000).toISOString() } },
    ]);
    await store.destroy("456");
    expect(await store.length()).toBe(1);
    await store.clear();
    expect(await store.length()).toBe(0);

    const cookie = new Cookie();
    for (let at = 0; at < 1000; at += 1) {
      cookie.expires = inMs(1000);
      await store.set(`s${at}`, { cookie });
    }
    expect(await store.length()).toBe(1000);
    await store.clear();
    expect(await store.length()).toBe(0);

    await store.set("789", { cookie: { originalMaxAge: null, expires: inMs(90_000) } });
    expect(await store.length()).toBe(1);
    await store.set("789", { cookie: { originalMaxAge: null, expires: inMs(-90_000) } });
    expect(await store.length()).toBe(0);
  });

  it("P11 ends a session by its cookie's time, and one without by the idle timeout", async () => {
    const exact = open({ touchInterval: 0 });
    await exact.set("short", { cookie: { originalMaxAge: 1000, expires: inMs(1000) } });
    await exact.set("moment", { cookie: { originalMaxAge: null, expires: inMs(1000) } });
    await exact.set("day", plain);
    await open({ idleTimeout: "1m", touchInterval: 0 }).set("minute", plain);
    now += 999;
    expect((await exact.ids()).sort()).toEqual(["day", "minute", "moment", "short"]);
    now += 1;
    expect((await exact.ids()).sort()).toEqual(["day", "minute"]);
    expect(await exact.get("short")).toBeUndefined();
    now += 59_000;
    expect(await exact.get("minute")).toBeUndefined();
    expect(await exact.get("day")).toEqual(plain);
    now += DAY;
    expect(await exact.get("day")).toBeUndefined();
    expect(await exact.length()).toBe(0);
  });

  it("prolongs with a touch, and says so in the cookie", async () => {
    await store.set("a", { cookie: { originalMaxAge: 1000, expires: inMs(1000) } });
    now += 900;
    await store.touch("a", { cookie: { originalMaxAge: 1000, expires: inMs(1000) } });
    now += 900;
    expect(await store.get("a")).toEqual({
      cookie: { originalMaxAge: 1000, expires: inMs(100).toISOString() },
    });
  });

  it("P5 brings nothing back, not even for who sets without having read", async () => {
    await store.set("a", plain);
    await store.destroy("a");
    const dropped: unknown[] = [];
    store.on("dropped", (event) => dropped.push(event));
    await store.set("a", { user: "ada", ...plain });
    await store.touch("a", plain);
    expect(await store.get("a")).toBeUndefined();
    now += DAY - 1;
    await store.sweep();
    await store.set("a", { user: "ada", ...plain });
    expect(await store.get("a")).toBeUndefined();
    expect(dropped).toHaveLength(2);
  });

  it("P5 ends what other requests write all the time", async () => {
    await store.set("a", { n: 0, ...plain });
    const writes = Array.from({ length: 20 }, (_, n) => store.set("a", { n, ...plain }));
    await Promise.all([...writes, store.destroy("a")]);
    expect(await store.get("a")).toBeUndefined();
  });

  it("P4 merges what was read twice and written twice", async () => {
    await store.set("a", { kept: 1, gone: 1, both: 1, ...plain });
    const one = (await store.get("a")) as Record<string, unknown>;
    const two = (await store.get("a")) as Record<string, unknown>;
    const overwritten: unknown[] = [];
    store.on("overwritten", (event) => overwritten.push(event));
    one["mine"] = 1;
    one["both"] = 2;
    delete one["gone"];
    two["yours"] = 1;
    two["both"] = 3;
    await store.set("a", one);
    await store.set("a", two);
    expect(await store.get("a")).toEqual({ kept: 1, mine: 1, yours: 1, both: 3, ...plain });
    expect(overwritten).toEqual([{ keys: ["both"] }]);
    // Each goes on from what it has written itself.
    one["again"] = 1;
    await store.set("a", one);
    expect(await store.get("a")).toEqual({
      kept: 1,
      mine: 1,
      yours: 1,
      both: 3,
      again: 1,
      ...plain,
    });
  });

  it("P14 costs no more for each request when very many write one session at once", async () => {
    let updates = 0;
    const counted: SessionStore = {
      ...inner,
      update(...args) {
        updates += 1;
        return inner.update(...args);
      },
    };
    const crowded = toExpressStore(counted, { clock: () => now });
    await crowded.set("123", { ...plain });
    const visits = Array.from({ length: 60 }, async (_, visit) => {
      const session = await crowded.get("123");
      session[`key ${visit}`] = visit;
      await crowded.set("123", session);
    });
    await Promise.all(visits);
    expect(Object.keys(await crowded.get("123"))).toHaveLength(61);
    expect(updates).toBeLessThan(130);
  });

  it("P2 writes nothing for a session that nobody has changed, but its end now and then", async () => {
    await store.set("a", { big: "x".repeat(1000), ...plain });
    const recordOf = async () => (await inner.list({ limit: 1 }, now)).records[0];
    const before = await recordOf();
    for (let at = 0; at < 6; at += 1) {
      now += 10_000;
      const read = await store.get("a");
      await store.set("a", read);
      await store.touch("a", read);
    }
    expect(await recordOf()).toEqual(before);
    now += 1;
    await store.set("a", await store.get("a"));
    const after = await recordOf();
    expect(after?.revision).toBe(before?.revision);
    expect(after?.expiresAt).toBe(Number(before?.expiresAt) + 60_001);
  });

  it("P11 ends nobody early whose uses were not all written", async () => {
    const aged = () => ({ cookie: { originalMaxAge: 1000, expires: inMs(1000) } });
    await store.set("a", aged());
    now += 100;
    // A use that is not written.
    const used = (await store.get("a")) as { cookie: object };
    used.cookie = aged().cookie;
    await store.touch("a", used);
    now += 999;
    expect(await store.get("a")).toBeDefined();
    now += 1;
    expect(await store.get("a")).toBeUndefined();
  });

  it("takes a shorter age of the cookie from a touch", async () => {
    await store.set("a", { kept: 1, cookie: { originalMaxAge: 5000, expires: inMs(5000) } });
    const read = (await store.get("a")) as { cookie: unknown };
    read.cookie = { originalMaxAge: 1000, expires: inMs(1000) };
    await store.touch("a", read);
    expect(await store.get("a")).toEqual({
      kept: 1,
      cookie: { originalMaxAge: 1000, expires: inMs(1000).toISOString() },
    });
    now += 1100;
    expect(await store.get("a")).toBeUndefined();
  });

  it("keeps any text as an id, and no id as it is beside the record", async () => {
    const sids = ["", "a b/%;é😀", "__proto__", "x".repeat(5000)];
    for (const sid of sids) await store.set(sid, { sid, ...plain });
    for (const sid of sids) expect(await store.get(sid)).toEqual({ sid, ...plain });
    const { records } = await inner.list({ limit: 10 }, now);
    for (const { id } of records) expect(id).toMatch(/^[\w-]{24}$/);
  });

  it("keeps a key of any name", async () => {
    const session = JSON.parse('{"__proto__":{"admin":true},"constructor":1}') as object;
    await store.set("a", { ...plain, ...session });
    const read = (await store.get("a")) as Record<string, unknown>;
    expect(Object.keys(read).sort()).toEqual(["__proto__", "constructor", "cookie"]);
    expect(Object.getPrototypeOf(read)).toBe(Object.prototype);
  });

  it("calls back, and throws out of the promise what the callback throws", async () => {
    const called = new Promise((resolve) => {
      void store.set("a", plain, (...args: unknown[]) => {
        void store.get("a", (...found: unknown[]) => resolve([args.length > 0, found]));
      });
    });
    expect(await called).toEqual([true, [null, plain, false]]);
    await inner.close();
    const failed = new Promise((resolve) => {
      void store.get("a", resolve);
    });
    expect(await failed).toMatchObject({ code: "ERR_STORE_UNAVAILABLE" });
    await expect(store.get("a")).rejects.toMatchObject({ code: "ERR_STORE_UNAVAILABLE" });
    if (kind === "lmdbStore") inner = memoryStore();
  });

  it("sees only sessions of its own kind", async () => {
    await store.set("a", plain);
    await inner.create(
      {
        id: "A".repeat(24),
        userId: "ada",
        lastSeenAt: now,
        expiresAt: now + DAY,
        closed: false,
        body: '{"somebody":"else"}',
      },
      0,
      now,
    );
    expect(await store.ids()).toEqual(["a"]);
    await store.clear();
    expect((await inner.load("A".repeat(24)))?.record.closed).toBe(false);
  });
});

describe("options", () => {
  it.each([
    ["store", () => toExpressStore({} as never)],
    ["store", () => toExpressStore(undefined as never)],
    [
      "store",
      () => {
        const store = memoryStore();
        return toExpressStore({ ...store, traits: { ...store.traits, conditionalWrites: false } });
      },
    ],
    ["idleTimeout", () => toExpressStore(memoryStore(), { idleTimeout: 0 })],
    ["touchInterval", () => toExpressStore(memoryStore(), { touchInterval: -1 })],
    ["storeDeadline", () => toExpressStore(memoryStore(), { storeDeadline: "soon" as never })],
    ["idleTimeout", () => toExpressStore(memoryStore(), { idleTimeout: 1_800_000 })],
    ["idelTimeout", () => toExpressStore(memoryStore(), { idelTimeout: "1h" } as never)],
    ["options", () => toExpressStore(memoryStore(), null as never)],
    ["clock", () => toExpressStore(memoryStore(), { clock: 1 as never })],
  ])("refuses a wrong %s by name", (option, make) => {
    expect(make).toThrow(`option \`${option}\``);
  });

  it("is no store for createSessions", () => {
    const store = toExpressStore(memoryStore());
    expect(() => createSessions({ secrets: ["x".repeat(64)], store: store as never })).toThrow();
  });
});
