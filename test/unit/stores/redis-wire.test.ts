import { Redis } from "ioredis";
import { createClient } from "redis";
import { afterAll, beforeAll, beforeEach, expect, it, vi } from "vitest";
import type { SessionStore } from "../../../src/stores/contract.ts";
import type { IoredisClient } from "../../../src/stores/redis.ts";
import { redisStore } from "../../../src/stores/redis.ts";
import { describeWith } from "../../support/needs.ts";
import { tryCrowd } from "../../support/redis-crowd.ts";
import type { RedisProxy } from "../../support/redis-proxy.ts";
import { startRedisProxy } from "../../support/redis-proxy.ts";
import type { RedisServer } from "../../support/redis-servers.ts";
import { redisPrograms, startRedis } from "../../support/redis-servers.ts";
import { memoryApp } from "../../support/ways.ts";

const HOUR = 3_600_000;
const DAY = 24 * HOUR;

/** What Redis 6.2 has, of what this store may use. Anything else has to be looked up first. */
const IN_REDIS_6_2 = new Set(
  `APPEND DEL EVAL EVALSHA EXISTS GET GETRANGE HDEL HGET HGETALL HKEYS HLEN HRANDFIELD HSET PERSIST
  PEXPIRE PTTL PUBLISH SCAN SET SETRANGE TIME TYPE WAIT XADD XDEL XINFO XRANGE`.split(/\s+/),
);

describeWith(redisPrograms, "what a Redis store sends", () => {
  let server: RedisServer;
  let proxy: RedisProxy;
  let client: Redis;
  beforeAll(async () => {
    server = await startRedis();
    proxy = await startRedisProxy(server.port);
    client = new Redis(proxy.url);
  });
  beforeEach(() => server.admin.flushall());
  afterAll(async () => {
    client?.disconnect();
    await proxy?.close();
    await server?.stop();
  });

  async function sent(work: () => unknown): Promise<string[]> {
    proxy.commands.length = 0;
    await work();
    return [...proxy.commands];
  }

  /** A store that has asked where homes are, and a session of ada's. */
  async function signedIn(store: SessionStore, now: number): Promise<string> {
    const id = `${await store.home?.("ada")}0123456789abcdef`;
    const times = { lastSeenAt: now, expiresAt: now + DAY };
    await store.create({ id, userId: "ada", ...times, closed: false, body: "{}" }, 0, now);
    return id;
  }

  it("is one command for every verb, sweeping apart", async () => {
    const store = redisStore({ client });
    const now = Date.now();
    const home = await store.home?.("ada");
    const times = { lastSeenAt: now, expiresAt: now + DAY };
    const id = `${home}0123456789abcdef`;
    const record = { id, userId: "ada", ...times, closed: false, body: "{}" };
    const all: Record<string, () => unknown> = {
      create: () => store.create(record, 0, now),
      load: () => store.load(id),
      update: () => store.update(id, 1, { body: "{1}", ...times }, now),
      touch: () => store.touch(id, now + 1, now + DAY, now),
      list: () => store.list({ userId: "ada", limit: 100 }, now),
      cutOff: () => store.cutOff("ada", { keepUntil: now + DAY }, now),
      close: () => store.update(id, 2, { body: "", ...times, close: true }, now),
      add: () => store.add({ kind: "user", id: "ada", at: now, until: now + DAY }),
      since: () => store.since(undefined),
      home: async () => store.home?.("bob"),
    };
    // Once for the scripts to be known.
    for (const verb of Object.values(all)) await verb();
    await store.sweep(100, now);
    await server.admin.flushall();
    await store.home?.("ada");
    const counts: Record<string, string[]> = {};
    for (const [name, verb] of Object.entries(all)) counts[name] = await sent(verb);
    const { home: homeCommands, ...others } = counts;
    for (const commands of Object.values(others)) expect(commands).toEqual(["EVALSHA"]);
    expect(homeCommands).toEqual([]);
    expect(await sent(() => store.sweep(100, now))).toEqual(["SCAN", "EVALSHA", "EVALSHA"]);
  });

  it("P2 is one command for a request that reads, two for one that writes, and two beyond the load to sign in", async () => {
    const app = memoryApp({ store: redisStore({ client }) });
    const ada = app.browser();
    await ada.set("cart", ["tea"]);
    await ada.signIn("ada");
    await ada.set("cart", ["more tea"]);
    await ada.read();
    const isFeed = (command: string): boolean => command === "EVALSHA";
    expect((await sent(() => ada.read())).filter(isFeed)).toHaveLength(1);
    expect(await sent(() => ada.set("cart", ["coffee"]))).toHaveLength(2);
    expect(await sent(() => ada.signIn("ada"))).toHaveLength(3);
    await app.sessions.close();
  });

  it("learns its scripts again after SCRIPT FLUSH, with one more command once", async () => {
    const store = redisStore({ client });
    const now = Date.now();
    const id = await signedIn(store, now);
    await store.load(id);
    await server.admin.script("FLUSH");
    expect(await sent(() => store.load(id))).toEqual(["EVALSHA", "EVAL"]);
    expect(await sent(() => store.load(id))).toEqual(["EVALSHA"]);
  });

  it("is nothing that Redis 6.2 does not have, in scripts and outside of them", async () => {
    const monitor = await server.admin.monitor();
    const seen = new Set<string>();
    monitor.on("monitor", (_time: string, [name = ""]: string[]) => seen.add(name.toUpperCase()));
    const subscriber = new Redis(proxy.url);
    const store = redisStore({ client, subscriber, confirm: { replicas: 1, timeout: 1 } });
    // Nobody confirms anything here, the key of homes neither.
    await expect(store.home?.("ada")).rejects.toThrow("0 of 1 replicas");
    const now = Date.now();
    const id = await signedIn(store, now);
    const times = { lastSeenAt: now, expiresAt: now + DAY };
    await store.update(id, 1, { body: "{1}", ...times }, now);
    await store.touch(id, now + 1, now + DAY, now);
    // The second and third of a home make a hash of a string and look for what is over.
    for (const rest of ["0000000000000001", "0000000000000002"]) {
      const record = { id: id.slice(0, 8) + rest, userId: "ada", closed: false, body: "{}" };
      await store.create({ ...record, lastSeenAt: now, expiresAt: now + 1 }, 0, now);
    }
    await store.create(
      { id: `${id.slice(0, 20)}last`, userId: "ada", ...times, closed: false, body: "{}" },
      0,
      now + HOUR,
    );
    await store.touch(id, now + 2, now + DAY, now);
    await store.cutOff("ada", { except: id, keepUntil: now + DAY }, now).catch(() => undefined);
    await store.cutOff("eve", { keepUntil: now + DAY }, now).catch(() => undefined);
    await store.load(id);
    await store.list({ userId: "ada", limit: 100 }, now);
    await store.list({ limit: 100 }, now);
    const revocation = { kind: "user", id: "ada", at: now, until: now - HOUR } as const;
    for (let count = 0; count < 3; count += 1) await store.add(revocation).catch(() => undefined);
    await store.since(undefined);
    await store.sweep(100, now + HOUR);
    await store.sweep(100, now + 2 * DAY);
    await server.admin.ping();
    monitor.disconnect();
    subscriber.disconnect();
    const connecting = new Set(["CLIENT", "HELLO", "INFO", "PING", "SUBSCRIBE"]);
    const used = [...seen].filter((name) => !connecting.has(name));
    expect(used.filter((name) => !IN_REDIS_6_2.has(name))).toEqual([]);
    // And nothing stands on that list which this test did not come upon.
    expect([...IN_REDIS_6_2].filter((name) => !seen.has(name))).toEqual([]);
  });

  it("keeps keys of one slot for a user, and names nobody in a key", async () => {
    const store = redisStore({ client });
    const now = Date.now();
    const id = await signedIn(store, now);
    await store.cutOff("ada", { keepUntil: now + DAY }, now);
    const keys = await server.admin.keys("*");
    expect(keys.sort()).toEqual(["coatcheck:home", `coatcheck:{${id.slice(0, 8)}}`]);
  });

  it("keeps a session that joins another one's key in the last millisecond of that", async () => {
    const store = redisStore({ client });
    const now = Date.now();
    for (let round = 0; round < 100; round += 1) {
      const user = `late ${round}`;
      const home = await store.home?.(user);
      const add = (rest: string) =>
        store.create(
          {
            id: `${home}${rest.repeat(16)}`,
            userId: user,
            lastSeenAt: now,
            expiresAt: now + DAY,
            closed: false,
            body: "",
          },
          0,
          now,
        );
      await add("a");
      const end = Date.now() + 2;
      await server.admin.pexpireat(`coatcheck:{${home}}`, end);
      // Some of them meet that millisecond.
      while (performance.timeOrigin + performance.now() < end + (round % 10) / 10 - 0.3);
      expect(await add("b")).toBe("created");
      expect(await store.load(`${home}${"b".repeat(16)}`)).toBeDefined();
    }
  });

  it("lets every key of sessions expire, later than what lies there", async () => {
    const store = redisStore({ client });
    const now = Date.now();
    const id = await signedIn(store, now);
    const key = `coatcheck:{${id.slice(0, 8)}}`;
    expect(await server.admin.pttl(key)).toBeGreaterThan(DAY);
    await store.touch(id, now, now + 2 * DAY, now);
    expect(await server.admin.pttl(key)).toBeGreaterThan(2 * DAY);
    await store.cutOff("ada", { keepUntil: now + 9 * DAY }, now);
    expect(await server.admin.pttl(key)).toBeGreaterThan(9 * DAY);
    await store.update(id, 1, { body: "", lastSeenAt: now, expiresAt: now + 1, close: true }, now);
    expect(await server.admin.pttl(key)).toBeGreaterThan(9 * DAY);
  });

  it("keeps the only session of a user in a string, and returns to it when the others are over", async () => {
    const store = redisStore({ client });
    const now = Date.now();
    const id = await signedIn(store, now);
    const key = `coatcheck:{${id.slice(0, 8)}}`;
    expect(await server.admin.type(key)).toBe("string");
    const other = { id: `${id.slice(0, 8)}another.........`.replaceAll(".", "-"), userId: "ada" };
    const times = { lastSeenAt: now, expiresAt: now + HOUR };
    await store.create({ ...other, ...times, closed: false, body: "{}" }, 0, now);
    expect(await server.admin.type(key)).toBe("hash");
    await store.sweep(100, now + HOUR);
    expect(await server.admin.type(key)).toBe("string");
    expect((await store.load(id))?.record.userId).toBe("ada");
  });

  it("sweeps nothing that lives, also under a key that was put back without its time", async () => {
    const store = redisStore({ client });
    const now = Date.now();
    const id = await signedIn(store, now);
    const times = { lastSeenAt: now, expiresAt: now + HOUR };
    const other = { id: `${id.slice(0, 8)}another---------`, userId: "ada", ...times };
    await store.create({ ...other, closed: false, body: "{}" }, 0, now);
    const key = `coatcheck:{${id.slice(0, 8)}}`;
    await server.admin.persist(key);
    expect(await store.sweep(100, now + HOUR)).toBe(1);
    expect((await store.load(id))?.record.userId).toBe("ada");
  });

  it("piles nothing up under a user who signs in again and again, where nobody sweeps", async () => {
    const store = redisStore({ client });
    const begin = Date.now();
    const home = await store.home?.("ada");
    for (let day = 0; day < 300; day += 1) {
      const now = begin + day * DAY;
      const id = `${home}${`${day}`.padStart(16, "0")}`;
      const times = { lastSeenAt: now, expiresAt: now + HOUR };
      await store.create({ id, userId: "ada", ...times, closed: false, body: "{}" }, 0, now);
    }
    expect(await server.admin.hlen(`coatcheck:{${home}}`).catch(() => 1)).toBeLessThan(20);
  });

  it("puts the key of homes back that an eviction has taken, before others choose another", async () => {
    const store = redisStore({ client });
    const before = await store.home?.("ada");
    await server.admin.del("coatcheck:home");
    vi.useFakeTimers({ toFake: ["Date"], now: Date.now() + 61_000 });
    try {
      const commands = await sent(async () => {
        expect(await store.home?.("ada")).toBe(before);
        await client.ping();
      });
      expect(commands).toEqual(["EVALSHA", "PING"]);
    } finally {
      vi.useRealTimers();
    }
    expect(await redisStore({ client }).home?.("ada")).toBe(before);
  });

  it.each([
    ["after a minute", 61_000],
    ["when the clock was set back", -HOUR],
  ])(
    "P5 cuts off whom another process has signed in under a key of homes of its own, %s",
    async (_, by) => {
      const now = Date.now();
      const quiet = redisStore({ client });
      await quiet.home?.("ada");
      await server.admin.flushall();
      const store = redisStore({ client });
      const id = `${await store.home?.("ada")}${"0".repeat(16)}`;
      const times = { lastSeenAt: now, expiresAt: now + HOUR };
      await store.create({ id, userId: "ada", ...times, closed: false, body: "{}" }, 0, now);
      vi.useFakeTimers({ toFake: ["Date"], now: now + by });
      try {
        const cutOff = await quiet.cutOff("ada", { keepUntil: now + HOUR }, now);
        expect((await store.load(id))?.cutOff).toBe(cutOff);
      } finally {
        vi.useRealTimers();
      }
    },
  );

  it("lists and sweeps more than one SCAN finds, beside other keys", async () => {
    for (let index = 0; index < 300; index += 1) await server.admin.set(`other:${index}`, "1");
    await tryCrowd(redisStore({ client, namespace: "a.b" }), [1, 7, 100, 1000]);
    expect(await server.admin.dbsize()).toBe(301);
  });

  it("P5 gives a reader everything whose cursor is beyond the feed, as after a lost primary", async () => {
    const feed = redisStore({ client });
    const now = Date.now();
    const revocation = { kind: "user", id: "ada", at: now, until: now + HOUR } as const;
    const { revocations, cursor: begin } = await feed.since("5-1");
    expect([revocations, begin]).toEqual([[], expect.stringMatching(/^0-0 /)]);
    await feed.add(revocation);
    const { cursor } = await feed.since(undefined);
    expect((await feed.since(cursor)).revocations).toEqual([]);
    const [number = "", here = ""] = cursor.split(" ");
    for (const beyond of [`${now + DAY}-0 ${here}`, `${number.split("-")[0]}-7 ${here}`, number]) {
      expect(await feed.since(beyond)).toMatchObject({ revocations: [revocation], cursor });
    }
  });

  it("P5 gives a reader what a new primary was told by a clock that is behind", async () => {
    const replica = await startRedis();
    const other = new Redis(replica.url);
    let primary = client;
    const following: IoredisClient = { call: (name, ...args) => primary.call(name, ...args) };
    const feed = redisStore({ client: following });
    const until = Date.now() + HOUR;
    const add = (to: RedisServer, number: string, id: string) => {
      const entry = JSON.stringify({ kind: "user", id, at: 1, until });
      return to.admin.xadd("coatcheck:feed", number, "until", until, "entry", entry);
    };
    await add(server, "1000-0", "ada");
    // The replica is told of this one only.
    await add(replica, "1000-0", "ada");
    await add(server, "3000-0", "bob");
    const { cursor } = await feed.since(undefined);
    await add(replica, "2000-0", "eve");
    await add(replica, "4000-0", "zoe");
    primary = other;
    const page = await feed.since(cursor);
    expect(page.revocations.map(({ id }) => id)).toEqual(["ada", "eve", "zoe"]);
    expect((await feed.since(page.cursor)).revocations).toEqual([]);
    other.disconnect();
    await replica.stop();
  });

  it("forgets revocations that are over, with the next ones and with a sweep, and no cursor with them", async () => {
    const feed = redisStore({ client });
    const now = Date.now();
    const over = { kind: "user", id: "ada", at: now, until: now - HOUR } as const;
    const valid = { ...over, until: now + HOUR };
    for (let count = 0; count < 10; count += 1) await feed.add(over);
    expect(await server.admin.xlen("coatcheck:feed")).toBe(1);
    const { cursor } = await feed.since(undefined);
    await feed.add(valid);
    await feed.add(over);
    await feed.sweep(1, now);
    expect(await server.admin.xlen("coatcheck:feed")).toBe(1);
    await feed.sweep(1, now + 2 * HOUR);
    expect(await server.admin.xlen("coatcheck:feed")).toBe(0);
    await feed.add(valid);
    expect((await feed.since(cursor)).revocations).toEqual([valid]);
  });

  it("P5 waits for replicas also where a client that heard no answer has sent the end once more", async () => {
    const twice: IoredisClient = {
      async call(command: string, ...args: string[]) {
        if (command.startsWith("EVAL")) await client.call(command, ...args);
        return client.call(command, ...args);
      },
    };
    const now = Date.now();
    const id = await signedIn(redisStore({ client }), now);
    const end = { body: "", lastSeenAt: now, expiresAt: now + HOUR, close: true };
    const store = redisStore({ client: twice, confirm: { replicas: 1, timeout: 10 } });
    // There is none.
    await server.admin.del("coatcheck:home");
    await expect(store.home?.("bob")).rejects.toThrow("0 of 1 replicas");
    await expect(store.update(id, 1, end, now)).rejects.toThrow("0 of 1 replicas");
    expect((await store.load(id))?.record.closed).toBe(true);
    // Nothing is waited for where nothing has ended.
    expect(await store.update(`${id.slice(0, -1)}0`, 1, end, now)).toBe(false);
  });

  it("P5 acknowledges no sign-out that no replica has confirmed, and leaves nobody signed in", async () => {
    const { update } = redisStore({ client, confirm: { replicas: 1, timeout: 10 } });
    const app = memoryApp({ store: { ...redisStore({ client }), update } });
    const ada = app.browser();
    await ada.signIn("ada");
    await expect(ada.visit((session) => session.signOut())).rejects.toMatchObject({
      cause: { message: expect.stringContaining("0 of 1 replicas") },
    });
    expect((await ada.read()).userId).toBeUndefined();
    await app.sessions.close();
  });

  it("works with a client that gives bytes", async () => {
    const bytes = createClient({ url: proxy.url }).withTypeMapping({ 36: Buffer });
    await bytes.connect();
    const store = redisStore({ client: bytes });
    const now = Date.now();
    const id = await signedIn(store, now);
    expect((await store.load(id))?.record).toMatchObject({ id, userId: "ada", body: "{}" });
    expect((await store.list({ limit: 10 }, now)).records.map((record) => record.id)).toEqual([id]);
    bytes.destroy();
  });
});
