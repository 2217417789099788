import { setTimeout as sleep } from "node:timers/promises";
import { Redis } from "ioredis";
import { createClient } from "redis";
import { afterEach, expect, it, vi } from "vitest";
import type { SessionStore } from "../../src/stores/contract.ts";
import { redisStore } from "../../src/stores/redis.ts";
import { tryNetwork } from "../support/bad-network.ts";
import { inject, reportFaults } from "../support/fault-report.ts";
import { startWork } from "../support/history.ts";
import { describeWith } from "../support/needs.ts";
import type { RedisProxy } from "../support/redis-proxy.ts";
import { startRedisProxy } from "../support/redis-proxy.ts";
import type { RedisServer } from "../support/redis-servers.ts";
import { redisPrograms, startRedis } from "../support/redis-servers.ts";
import { until } from "../support/until.ts";
import { expectNothingLost, report } from "../support/verdict.ts";

vi.setConfig({ testTimeout: 120_000 });

const DAY = 86_400_000;
const DURABLE = { appendonly: "yes", appendfsync: "always" };

const ends: (() => unknown)[] = [];
afterEach(async () => {
  for (const end of ends.splice(0).reverse()) await end();
});

async function serve(settings?: Readonly<Record<string, string>>): Promise<RedisServer> {
  const server = await startRedis(settings);
  ends.push(() => server.stop());
  return server;
}

async function proxied(server: RedisServer): Promise<RedisProxy> {
  const proxy = await startRedisProxy(server.port);
  ends.push(() => proxy.close());
  return proxy;
}

/** Stores of two processes, each with the client of another package. */
async function stores(url: string): Promise<[SessionStore, SessionStore]> {
  const ioredis = new Redis(url, { retryStrategy: () => 20, maxRetriesPerRequest: null });
  ioredis.on("error", () => undefined);
  const nodeRedis = createClient({ url, socket: { reconnectStrategy: 20 } });
  nodeRedis.on("error", () => undefined);
  await nodeRedis.connect();
  ends.push(
    () => ioredis.disconnect(),
    () => nodeRedis.destroy(),
  );
  return [redisStore({ client: ioredis }), redisStore({ client: nodeRedis })];
}

describeWith(redisPrograms, "a Redis server", () => {
  it("P5 P9 that is killed and restarted loses nothing that was acknowledged, with appendfsync always", async () => {
    const server = await serve(DURABLE);
    const both = await stores(server.url);
    const work = startWork(both);
    await work.calm();
    for (let round = 0; round < 3; round += 1) {
      await work.during("kill -9 and restart", async () => {
        await server.kill();
        await sleep(100);
        await server.restart();
      });
      await work.calm(100);
    }
    expectNothingLost("Redis, appendfsync always", await work.end(both[0]));
  });

  it("P5 whose network drops, delays, deafens and cuts is never misunderstood", async () => {
    const server = await serve();
    const proxy = await proxied(server);
    const both = await stores(proxy.url);
    const work = startWork(both);
    await work.calm();
    await tryNetwork(work, proxy);
    expectNothingLost("Redis, its network", await work.end(both[0]));
  });

  it("P5 that is paused, hangs, or has its scripts flushed goes on where it was", async () => {
    const server = await serve();
    const both = await stores(server.url);
    const work = startWork(both);
    await work.calm();
    await work.during("CLIENT PAUSE", async () => {
      await server.admin.client("PAUSE", 500);
      await sleep(500);
    });
    await work.during("SIGSTOP", async () => {
      server.signal("SIGSTOP");
      await sleep(500);
      server.signal("SIGCONT");
    });
    await work.during("SCRIPT FLUSH", async () => {
      for (let count = 0; count < 50; count += 1) {
        await server.admin.script("FLUSH");
        await sleep(5);
      }
    });
    await work.calm(100);
    expectNothingLost("Redis", await work.end(both[0]));
  });

  it("that is away is told of by an error that says something, also where the client's says nothing", async () => {
    const server = await serve();
    const client = createClient({
      url: server.url,
      socket: { reconnectStrategy: 20 },
      commandOptions: { timeout: 50 },
    });
    client.on("error", () => undefined);
    await client.connect();
    ends.push(() => client.destroy());
    const store = redisStore({ client });
    await store.load("A".repeat(24));
    await server.kill();
    await until("the client waits for it", async () => !client.isReady);
    await expect(store.load("A".repeat(24))).rejects.toThrow("TimeoutError");
  });

  it("P5 that is full with noeviction refuses new sessions, and still ends, touches and sweeps", async () => {
    const server = await serve({ maxmemory: "8mb", "maxmemory-policy": "noeviction" });
    const [store] = await stores(server.url);
    const now = Date.now();
    const live = { lastSeenAt: now, expiresAt: now + DAY };
    const ids: string[] = [];
    let refusal: unknown;
    const fill = async (index: number): Promise<void> => {
      const userId = `user ${index % 50}`;
      const id = `${await store.home?.(userId)}${`${index}`.padStart(16, "0")}`;
      const record = { id, userId, ...live, closed: false, body: "x".repeat(2000) };
      await store.create(record, 0, now).then(
        () => ids.push(id),
        (error: unknown) => {
          refusal = error;
        },
      );
    };
    const full = await inject("out of memory, noeviction", async () => {
      for (let index = 0; refusal === undefined; index += 1) await fill(index);
    });
    expect(String(refusal)).toContain("OOM");
    // By a margin: at the edge a server that gives back a little has room for one more.
    await server.admin.config("SET", "maxmemory", "7mb");
    const [first, second, third] = ids as [string, string, string];
    await expect(store.update(first, 1, { body: "more", ...live }, now)).rejects.toThrow("OOM");
    expect((await store.load(first))?.record.revision).toBe(1);
    expect(await store.touch(second, now + 1, now + 2 * DAY, now)).toBe(true);
    expect(await store.update(first, 1, { body: "", ...live, close: true }, now)).toBe(true);
    expect((await store.load(first))?.record.closed).toBe(true);
    const cutOff = await store.cutOff("user 2", { keepUntil: now + DAY }, now);
    expect((await store.load(third))?.cutOff).toBe(cutOff);
    await store.cutOff("somebody without a session", { keepUntil: now + DAY }, now);
    const feed = store as ReturnType<typeof redisStore>;
    await feed.add({ kind: "everyone", at: now, until: now + DAY });
    expect((await feed.since(undefined)).revocations).toHaveLength(1);
    expect(await store.sweep(1_000_000, now + 3 * DAY)).toBeGreaterThanOrEqual(ids.length);
    const again = { id: third, userId: "user 2", ...live, closed: false, body: "again" };
    expect(await store.create(again, 0, now)).toBe("created");
    reportFaults({
      ...{
        on: "Redis",
        faults: [full],
        acknowledged: ids.length + 6,
        failed: 2,
        lost: 0,
        revived: 0,
      },
      checked: "sign-outs, touches, cut-offs and sweeps go on; there is room again",
    });
  });

  it.each(["volatile-ttl", "allkeys-lru"])(
    "P5 that evicts by %s takes whole homes, and no session comes back from an end",
    async (policy) => {
      const server = await serve({ maxmemory: "6mb", "maxmemory-policy": policy });
      const both = await stores(server.url);
      const [store] = both;
      const work = startWork(both);
      await work.calm();
      const now = Date.now();
      const times = { lastSeenAt: now, expiresAt: now + DAY };
      await work.during(`out of memory, ${policy}`, async () => {
        for (let index = 0; index < 4000; index += 1) {
          const id = `${`${index}`.padStart(8, "-")}0000000000000000`;
          const record = { id, userId: undefined, ...times, closed: false, body: "x".repeat(2000) };
          await store.create(record, 0, now);
        }
      });
      await work.calm(100);
      const verdict = await work.end(store);
      report("Redis", verdict, "eviction");
      expect(await server.admin.info("stats")).toMatch(/evicted_keys:[1-9]/);
      const { revived, strangers } = verdict;
      expect({ revived, strangers }).toEqual({ revived: [], strangers: [] });
    },
  );
});
