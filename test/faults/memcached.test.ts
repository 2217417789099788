import { MemcacheClient } from "memcache-client";
import { afterEach, expect, it, vi } from "vitest";
import { keyValueKeys } from "../../src/stores/key-value-texts.ts";
import { memcachedStore } from "../../src/stores/memcached.ts";
import { startWork } from "../support/history.ts";
import type { MemcachedServer } from "../support/memcached.ts";
import { memcachedProgram, memcachedServer } from "../support/memcached.ts";
import { describeWith } from "../support/needs.ts";
import type { Verdict } from "../support/verdict.ts";
import { report } from "../support/verdict.ts";

vi.setConfig({ testTimeout: 120_000 });

const HOUR = 3_600_000;

describeWith({ memcached: memcachedProgram }, "trouble with Memcached", () => {
  const ends: (() => unknown)[] = [];
  afterEach(async () => {
    for (const end of ends.splice(0).reverse()) await end();
  });

  async function started(megabytes?: number) {
    const server = await memcachedServer(megabytes);
    ends.push(() => server.kill());
    return server;
  }

  function connected({ address }: MemcachedServer) {
    const client = new MemcacheClient({
      server: { server: address, maxConnections: 4 },
      cmdTimeout: 1000,
      noDelay: true,
    });
    ends.push(() => client.shutdown());
    return { client, store: memcachedStore({ client }) };
  }

  /** It may lose anything, and then it refuses. */
  function expectNobodyBack(verdict: Verdict, excludedBy: string): void {
    report("Memcached", verdict, excludedBy);
    const { revived, strangers } = verdict;
    expect({ revived, strangers }).toEqual({ revived: [], strangers: [] });
  }

  it("P5 nothing that has ended comes back while the server is killed and started again", async () => {
    const server = await started();
    const stores = [connected(server).store, connected(server).store] as const;
    const work = startWork(stores, { users: 12 });
    await work.calm();
    for (let round = 0; round < 3; round += 1) {
      await work.during("kill -9 and restart", async () => {
        await server.kill();
        await server.start();
      });
      await work.calm(100);
    }
    expectNobodyBack(await work.end(stores[0]), "restarts");
  });

  it("P5 nothing that has ended comes back, and nobody gets another's, where memory is short", async () => {
    const server = await started(2);
    const stores = [connected(server).store, connected(server).store] as const;
    const work = startWork(stores, { users: 12 });
    await work.calm();
    const now = Date.now();
    const times = { lastSeenAt: now, expiresAt: now + HOUR };
    await work.during("out of memory", async () => {
      for (let index = 0; index < 4000; index += 1) {
        const id = `${index}`.padStart(24, "-");
        const record = { id, userId: undefined, ...times, closed: false, body: "x".repeat(3000) };
        await stores[0].create(record, 0, now);
      }
    });
    await work.calm(100);
    expectNobodyBack(await work.end(stores[0]), "eviction");
    expect((await server.stats())["evictions"]).toBeGreaterThan(100);
  });

  it("P5 a cut-off that was evicted lets nobody in, not even when its user signs in again", async () => {
    const { client, store } = connected(await started());
    const now = Date.now();
    const times = { lastSeenAt: now, expiresAt: now + HOUR };
    const signIn = (id: string, at: number) =>
      store.create({ id, userId: "ada", ...times, closed: false, body: "" }, 0, at);
    const [ended, later] = ["e".repeat(24), "f".repeat(24)];
    await signIn(ended, now);
    await store.cutOff("ada", { keepUntil: now + HOUR }, now + 1);
    expect(await client.delete(keyValueKeys("coatcheck:").user("ada"))).toEqual(["DELETED"]);
    expect(await store.load(ended)).toBeUndefined();
    // Takes the user, who is not there, out of the directory.
    expect(await store.sweep(10, now + HOUR / 2)).toBe(0);
    expect(await signIn(later, now + 2)).toBe("created");
    expect(await store.load(ended)).toBeUndefined();
    expect((await store.load(later))?.cutOff).toBe(0);
    const { records } = await store.list({ userId: "ada", limit: 10 }, now);
    expect(records.map(({ id }) => id)).toEqual([later]);
    // The user is in the directory again: a later cut-off is found there when its time is over.
    await store.cutOff("ada", { keepUntil: now + HOUR }, now + 3);
    expect(await store.sweep(10, now + 2 * HOUR)).toBe(3);
    expect(await client.gets([keyValueKeys("coatcheck:").user("ada")])).toEqual({});
  });
});
