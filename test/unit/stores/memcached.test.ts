import { MemcacheClient } from "memcache-client";
import Memcached from "memcached";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { ConfigError } from "../../../src/errors.ts";
import type { SessionStore } from "../../../src/stores/contract.ts";
import { memcachedStore } from "../../../src/stores/memcached.ts";
import type { MemcachedServer } from "../../support/memcached.ts";
import { memcachedProgram, memcachedServer } from "../../support/memcached.ts";
import { describeWith } from "../../support/needs.ts";

const HOUR = 3_600_000;

describe("memcachedStore", () => {
  it.each([
    ["nothing", undefined],
    ["a client without cas, such as memjs", { get() {}, set() {}, add() {}, append() {} }],
    ["a client whose gets gives no tokens", { gets() {}, cas() {}, add() {}, append() {} }],
    ["servers that copy each other", new MemcacheClient({ server: servers("a:1", "b:1") })],
    ["servers that stand in for each other", new Memcached(["a:1", "b:1"], { remove: true })],
    ["servers with redundancy", Object.assign(new Memcached(["a:1", "b:1"]), { redundancy: 1 })],
  ])("refuses %s, by the option's name", (_what, client) => {
    const make = () => memcachedStore({ client: client as unknown as MemcacheClient });
    expect(make).toThrow(ConfigError);
    expect(make).toThrow(/`?client`?/);
  });

  it("refuses a prefix that no key may have", () => {
    const client = new MemcacheClient({ server: "127.0.0.1:1" });
    expect(() => memcachedStore({ client, prefix: "a b" })).toThrow(ConfigError);
    expect(() => memcachedStore({ client, prefix: "p".repeat(65) })).toThrow(ConfigError);
  });

  it("is an error where no server answers, never an absent session", async () => {
    const client = new MemcacheClient({ server: "127.0.0.1:1" });
    await expect(memcachedStore({ client }).load("a".repeat(24))).rejects.toThrow();
    const other = new Memcached("127.0.0.1:1", { retries: 0, timeout: 500 });
    await expect(memcachedStore({ client: other }).load("a".repeat(24))).rejects.toThrow();
    other.end();
  });
});

describeWith({ memcached: memcachedProgram }, "memcachedStore on a server", () => {
  let server: MemcachedServer;
  let client: MemcacheClient;
  beforeAll(async () => {
    server = await memcachedServer();
    client = new MemcacheClient({ server: server.address });
  });
  afterAll(async () => {
    client.shutdown();
    await server.kill();
  });

  it("takes one round trip for a load, one for the update after it, and one for a touch", async () => {
    const { store, sent } = counting(client, "count:");
    const now = Date.now();
    await add(store, "ada", now);
    expect(sent.splice(0)).toEqual(["add", "gets", "append", "add", "add", "append", "add"]);
    await add(store, "ada", now, "b");
    // The directory has pieces; which of them are new is a matter of the id.
    expect(sent.splice(0).filter((name) => name === "gets" || name === "cas")).toEqual([
      "gets",
      "cas",
    ]);
    await store.load("a".repeat(24));
    expect(sent.splice(0)).toEqual(["gets"]);
    const next = { body: "next", lastSeenAt: now + 1, expiresAt: now + 2 * HOUR };
    expect(await store.update("a".repeat(24), 1, next, now)).toBe(true);
    expect(sent.splice(0)).toEqual(["cas"]);
    await store.load("a".repeat(24));
    expect(await store.touch("a".repeat(24), now + 2, now + 3 * HOUR, now)).toBe(true);
    expect(sent.splice(0)).toEqual(["gets", "cas"]);
    await store.load("a".repeat(24));
    expect(await store.touch("a".repeat(24), now + 2, now + 3 * HOUR, now)).toBe(true);
    expect(sent.splice(0)).toEqual(["gets", "gets"]);

    const other = counting(client, "count:");
    const cutOff = { keepUntil: now + HOUR };
    await other.store.cutOff("ada", cutOff, now);
    expect(other.sent.splice(0)).toEqual(["gets", "cas"]);
    await other.store.cutOff("ada", { ...cutOff, except: "b".repeat(24) }, now);
    expect(other.sent.splice(0)).toEqual(["gets", "gets", "cas"]);
    await other.store.load("a".repeat(24));
    expect(other.sent.splice(0)).toEqual(["gets", "gets"]);
    await other.store.load("a".repeat(24));
    expect(other.sent.splice(0)).toEqual(["gets"]);
    await add(other.store, undefined, now, "c");
    // One more where it is the first in its piece of the directory.
    expect(other.sent.splice(0).slice(0, 2)).toEqual(["add", "append"]);
  });

  it("keeps a session for a year, and a user for as long as there is room", async () => {
    const { store } = counting(client, "year:");
    const now = Date.now();
    await add(store, "ada", now, "a", now + 365 * 24 * HOUR);
    expect((await store.load("a".repeat(24)))?.record.userId).toBe("ada");
    await add(store, undefined, now, "b", Date.UTC(2999, 0));
    expect(await store.load("b".repeat(24))).toBeDefined();
  });

  it("lets nobody see a session of another prefix or a longer user id than keys may be", async () => {
    const { store } = counting(client, "p".repeat(64));
    const userId = "é".repeat(1024);
    await add(store, userId, Date.now());
    expect((await store.load("a".repeat(24)))?.record.userId).toBe(userId);
    expect(await memcachedStore({ client }).load("a".repeat(24))).toBeUndefined();
  });

  it("is an error where a reply belongs to another command", async () => {
    const { store } = counting(client, "mixed:");
    await add(store, "ada", Date.now());
    const mixed = {
      xsend: () => undefined,
      ...commands(client, () => undefined),
      gets: async () => ({ "mixed:s00": { value: "", casUniq: "1" } }),
    };
    const other = memcachedStore({ client: mixed, prefix: "mixed:" });
    await expect(other.load("a".repeat(24))).rejects.toThrow("reply to another command");
  });
});

function servers(...names: string[]) {
  return { servers: names.map((server) => ({ server, maxConnections: 1 })) };
}

function commands(client: MemcacheClient, note: (name: string) => void) {
  return {
    gets: (keys: string[]) => {
      note("gets");
      return client.gets(keys);
    },
    add: (key: string, value: string, options: { lifetime: number }) => {
      note("add");
      return client.add(key, value, options);
    },
    append: (key: string, value: string) => {
      note("append");
      return client.append(key, value);
    },
    cas: (key: string, value: string, options: { lifetime: number; casUniq: string }) => {
      note("cas");
      return client.cas(key, value, options);
    },
  };
}

/** A store whose commands are noted. */
function counting(client: MemcacheClient, prefix: string) {
  const sent: string[] = [];
  const noted = { xsend: () => undefined, ...commands(client, (name) => sent.push(name)) };
  return { store: memcachedStore({ client: noted, prefix }), sent };
}

async function add(
  store: SessionStore,
  userId: string | undefined,
  now: number,
  letter = "a",
  expiresAt = now + HOUR,
): Promise<void> {
  const id = letter.repeat(24);
  const record = { id, userId, lastSeenAt: now, expiresAt, closed: false, body: "" };
  expect(await store.create(record, 0, now)).toBe("created");
}
