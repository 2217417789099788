import { MemcacheClient } from "memcache-client";
import Memcached from "memcached";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { ConfigError, SignInRefusedError } from "../../../src/errors.ts";
import { createSessions } from "../../../src/index.ts";
import type { SessionStore } from "../../../src/stores/contract.ts";
import {
  bucketOf,
  decodeUser,
  encodeEntry,
  encodeMark,
  keyValueKeys,
} from "../../../src/stores/key-value-texts.ts";
import type { MemcachedLike } from "../../../src/stores/memcached.ts";
import { memcachedStore } from "../../../src/stores/memcached.ts";
import { createBrowser } from "../../support/jar.ts";
import type { MemcachedServer } from "../../support/memcached.ts";
import { memcachedProgram, memcachedServer } from "../../support/memcached.ts";
import { describeWith } from "../../support/needs.ts";
import { SECRET } from "../../support/ways.ts";

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

  it("sends what a sign-in writes at once, and takes one round trip for every other verb after a load", async () => {
    const { store, sent } = counting(client, "count:");
    const now = Date.now();
    await add(store, "ada", now);
    // The first six at once; the user's entry and the session's each begin a piece of the directory.
    expect(sent.splice(0)).toEqual([
      ...["add", "add", "append", "gets", "append", "append"],
      ...["add", "add"],
    ]);
    await add(store, "ada", now, "b");
    // The directory has pieces; which of them are new is a matter of the id.
    expect(sent.splice(0).slice(0, 4)).toEqual(["add", "append", "gets", "append"]);
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
    await store.load("a".repeat(24));
    expect(await store.update("a".repeat(24), 2, { ...next, close: true }, now)).toBe(true);
    expect(sent.splice(0)).toEqual(["gets", "cas"]);

    const other = counting(client, "count:");
    const cutOff = { keepUntil: now + HOUR };
    await other.store.cutOff("ada", cutOff, now);
    expect(other.sent.splice(0)).toEqual(["gets", "cas"]);
    await other.store.cutOff("ada", { ...cutOff, except: "b".repeat(24) }, now);
    expect(other.sent.splice(0)).toEqual(["gets", "cas"]);
    await other.store.load("b".repeat(24));
    expect(other.sent.splice(0)).toEqual(["gets", "gets"]);
    await other.store.load("b".repeat(24));
    expect(other.sent.splice(0)).toEqual(["gets"]);
    await add(other.store, undefined, now, "c");
    // One more where it is the first in its piece of the directory.
    expect(other.sent.splice(0).slice(0, 2)).toEqual(["add", "append"]);
  });

  it("P5 has no effect, and lifts nobody above a cut-off, when it creates a session whose id is taken", async () => {
    const { store } = counting(client, "taken:");
    const now = Date.now();
    const id = "a".repeat(24);
    await add(store, "ada", now);
    const cutOff = await store.cutOff("ada", { keepUntil: now + HOUR }, now + 1);
    const record = { id, userId: "ada", lastSeenAt: now, expiresAt: now + HOUR };
    const again = { ...record, closed: false, body: "again" };
    expect(await store.create(again, 0, cutOff + 1)).toBe("taken");
    const loaded = await store.load(id);
    expect(loaded?.record).toMatchObject({ mark: now, body: "" });
    expect(loaded?.cutOff).toBe(cutOff);
    expect((await store.list({ userId: "ada", limit: 10 }, now)).records).toEqual([]);

    // The same where the user has been dropped, and has signed in elsewhere since.
    await client.delete(keyValueKeys("taken:").user("ada"));
    await add(store, "ada", cutOff + 2, "b");
    expect(await store.create(again, 0, cutOff + 3)).toBe("taken");
    expect(await store.load(id)).toBeUndefined();
  });

  it("P5 a mark that a client sends once more, long after, changes nothing", async () => {
    const appended: [string, string][] = [];
    const all = commands(client, () => undefined);
    const repeating = {
      xsend: () => undefined,
      ...all,
      append: (key: string, value: string) => {
        appended.push([key, value]);
        return all.append(key, value);
      },
    };
    const store = memcachedStore({ client: repeating, prefix: "again:" });
    const now = Date.now();
    const [ended, stays] = ["a".repeat(24), "b".repeat(24)];
    await add(store, "ada", now, "a");
    await add(store, "ada", now, "b");
    const cutOff = await store.cutOff("ada", { except: stays, keepUntil: now + HOUR }, now + 1);
    const before = [await store.load(ended), await store.load(stays)];
    expect(before.map((loaded) => (loaded?.record.mark ?? 0) > cutOff)).toEqual([false, true]);
    const user = keyValueKeys("again:").user("ada");
    const marks = appended.filter(([key]) => key === user);
    expect(marks).toHaveLength(2);
    for (const [key, value] of marks) await client.append(key, value);
    expect([await store.load(ended), await store.load(stays)]).toEqual(before);
  });

  it("looks through a user's marks when they have become many, and keeps those of sessions that are there", async () => {
    const { store } = counting(client, "many:");
    const now = Date.now();
    const idAt = (index: number): string => `${index}`.padStart(24, "-");
    for (let index = 0; index < 15; index += 1) {
      const times = { lastSeenAt: now, expiresAt: now + HOUR };
      const record = { id: idAt(index), userId: "ada", ...times, closed: false, body: "" };
      expect(await store.create(record, 0, now)).toBe("created");
      const close = { body: "", ...times, close: true };
      if (index > 2) expect(await store.update(record.id, 1, close, now)).toBe(true);
    }
    const key = keyValueKeys("many:").user("ada");
    const marksThere = async (): Promise<number> => {
      const { value } = (await client.gets(key)) as unknown as { value: string };
      return decodeUser("ada", value).marks.size;
    };
    expect(await marksThere()).toBe(15);
    await add(store, "ada", now, "z");
    // Nobody waits for it but who closes the store.
    await store.close();
    expect(await marksThere()).toBe(4);
    const other = counting(client, "many:").store;
    const { records } = await other.list({ userId: "ada", limit: 10 }, now);
    expect(records.map(({ id }) => id)).toEqual([idAt(0), idAt(1), idAt(2), "z".repeat(24)]);
  });

  it("P5 P14 cuts off a user whose sessions fill a value, which concerns nobody else, with both clients", async () => {
    const other = new Memcached(server.address);
    const now = Date.now();
    for (const [prefix, which] of [
      ["full1:", client],
      ["full2:", other],
    ] as const) {
      const store = memcachedStore({ client: which, prefix });
      await add(store, "ada", now);
      const key = keyValueKeys(prefix).user("ada");
      const head = ((await client.gets(key)) as unknown as { value: string }).value;
      // Room for less than one more, and for less than the moments of a cut-off.
      const bytes = 1024 * 1024 - 56 - 2 - key.length - 16;
      const mark = (index: number): string =>
        encodeMark(`${index}`.padStart(32, "-"), { mark: now, since: now });
      const count = Math.floor((bytes - head.length) / mark(0).length) - 1;
      const text = head + Array.from({ length: count }, (_, index) => mark(index)).join("");
      const last = `${mark(count)}${" ".repeat(bytes - text.length - mark(count).length)}`;
      await client.set(key, text + last);
      const record = { id: "b".repeat(24), userId: "ada", lastSeenAt: now, expiresAt: now + HOUR };
      const one = { ...record, closed: false, body: "" };
      await expect(store.create(one, 0, now)).rejects.toBeInstanceOf(SignInRefusedError);
      // That is no outage, which would keep everyone else from signing in for a second.
      const sessions = createSessions({ secrets: [SECRET], store });
      for (let time = 0; time < 8; time += 1) {
        await expect(createBrowser(sessions).signIn("ada")).rejects.toThrow(SignInRefusedError);
      }
      const bob = createBrowser(sessions);
      await bob.signIn("bob");
      expect((await bob.read()).userId).toBe("bob");
      const at = await store.cutOff("ada", { keepUntil: now + HOUR }, now + 1);
      expect(at).toBe(now + 1);
      const loaded = await store.load("a".repeat(24));
      expect(loaded === undefined || loaded.record.mark <= loaded.cutOff).toBe(true);
      expect(await store.create({ ...one, id: "c".repeat(24) }, 0, now + 2)).toBe("created");
      expect((await store.load("c".repeat(24)))?.cutOff).toBe(at);
    }
    other.end();
  });

  it("P14 costs little more for each when one user signs out everywhere very many times at once", async () => {
    const store = memcachedStore({ client, prefix: "storm:" });
    const now = Date.now();
    await add(store, "eve", now);
    const before = await server.stats();
    const all = Array.from({ length: 150 }, () =>
      store.cutOff("eve", { keepUntil: now + HOUR }, now),
    );
    expect(new Set(await Promise.all(all)).size).toBe(150);
    const after = await server.stats();
    const refused = (after["cas_badval"] as number) - (before["cas_badval"] as number);
    expect(refused).toBeLessThan(150 * 15);
  });

  it("holds up nobody with a value that is too long", async () => {
    const other = new Memcached(server.address);
    const store = memcachedStore({ client: other, prefix: "long:" });
    const now = Date.now();
    const times = { lastSeenAt: now, expiresAt: now + HOUR, closed: false };
    // Each takes six bytes in JSON.
    const record = {
      id: "b".repeat(24),
      userId: undefined,
      ...times,
      body: "\u0001".repeat(174_740),
    };
    await expect(store.create(record, 0, now)).rejects.toThrow("1 MiB, and no more");
    await add(store, "ada", now);
    other.end();
  });

  it("makes room in the directory where nobody sweeps", async () => {
    const { store } = counting(client, "pile:");
    const now = Date.now();
    const entries: string[] = [];
    for (let index = 0; entries.length < 34_000; index += 1) {
      const name = `${index}`.padStart(24, "-");
      entries.push(encodeEntry({ kind: "session", name, since: now - HOUR }));
    }
    const piece = keyValueKeys("pile:").directory(bucketOf({ name: "a".repeat(24) }, 128));
    await client.set(piece, entries.join("").slice(0, 1024 * 1024 - 80));
    const times = { lastSeenAt: now, expiresAt: now + HOUR };
    const record = { id: "a".repeat(24), userId: undefined, ...times, closed: false, body: "" };
    await expect(store.create(record, 0, now)).rejects.toThrow("more than 1 MiB");
    // Nobody waits for it but who closes the store.
    await store.close();
    await add(counting(client, "pile:").store, undefined, now, "b");
  }, 30_000);

  it("P4 loses no update that comes between the two commands of a load by memcached", async () => {
    const real = new Memcached(server.address);
    const now = Date.now();
    const id = "a".repeat(24);
    const next = { body: "theirs", lastSeenAt: now, expiresAt: now + HOUR };
    const theirs = memcachedStore({ client, prefix: "between:" });
    let between: (() => unknown) | undefined;
    let together = Promise.resolve();
    const slow = {
      servers: [server.address],
      getMulti: (keys: string[], done: Parameters<MemcachedLike["getMulti"]>[1]) => {
        together = new Promise((resolve) => {
          real.getMulti(keys, (...reply) => {
            resolve();
            done(...reply);
          });
        });
      },
      add: real.add.bind(real),
      append: real.append.bind(real),
      cas: real.cas.bind(real),
      gets: (key: string, done: Parameters<MemcachedLike["gets"]>[1]) => {
        const waitsFor = between && together.then(between);
        between = undefined;
        void (async () => {
          await waitsFor;
          real.gets(key, done);
        })();
      },
    };
    const store = memcachedStore({ client: slow, prefix: "between:" });
    await add(store, "ada", now);
    between = () => theirs.update(id, 1, next, now);
    expect((await store.load(id))?.record.revision).toBe(1);
    expect(await store.update(id, 1, { ...next, body: "ours" }, now)).toBe(false);
    expect((await store.load(id))?.record).toMatchObject({ revision: 2, body: "theirs" });
    real.end();
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
