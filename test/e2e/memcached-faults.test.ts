import { MemcacheClient } from "memcache-client";
import { afterEach, expect, it } from "vitest";
import type { SessionStore } from "../../src/stores/contract.ts";
import { keyValueKeys } from "../../src/stores/key-value-texts.ts";
import { memcachedStore } from "../../src/stores/memcached.ts";
import { isLive } from "../../src/testing/store-scene.ts";
import type { MemcachedServer } from "../support/memcached.ts";
import { memcachedProgram, memcachedServer } from "../support/memcached.ts";
import { describeWith } from "../support/needs.ts";

const HOUR = 3_600_000;
const USERS = 12;

/** What a session's people were told about it. */
interface Known {
  readonly id: string;
  readonly userId: string;
  /** Its end was acknowledged. */
  ended: boolean;
}

interface Load {
  readonly known: Known[];
  /** What was found and must not be. */
  readonly wrong: string[];
  /** How many calls were answered, and how many failed. */
  readonly counts: { done: number; failed: number };
}

/** Signs in, writes, signs out, revokes and reads, as one process does, until it is told to stop. */
async function work(store: SessionStore, load: Load, seed: number, until: () => boolean) {
  const { known, counts } = load;
  const mine: Known[] = [];
  for (let round = 0; !until(); round += 1) {
    const userId = `user ${(seed * 7 + round) % USERS}`;
    const id = `${seed}`.padStart(4, "0") + `${round}`.padStart(20, "0");
    const now = Date.now();
    const times = { lastSeenAt: now, expiresAt: now + HOUR };
    try {
      const record = { id, userId, ...times, closed: false, body: `${userId} ${"x".repeat(3000)}` };
      if ((await store.create(record, 0, now)) === "created") {
        const session = { id, userId, ended: false };
        mine.push(session);
        known.push(session);
      }
      const session = mine[round % Math.max(1, mine.length)];
      if (session === undefined) continue;
      const loaded = await look(store, session, load);
      if (loaded !== undefined && round % 3 === 0) {
        const { revision } = loaded;
        const next = { body: `${session.userId} closed`, ...times, close: true };
        if (await store.update(session.id, revision, next, now)) session.ended = true;
      } else if (loaded !== undefined) {
        const next = { body: `${session.userId} ${round}`, ...times };
        await store.update(session.id, loaded.revision, next, now);
      }
      if (round % 25 === 24) {
        // All that were there before it ends with it, whoever has made them.
        const before = known.filter((one) => one.userId === userId);
        await store.cutOff(userId, { keepUntil: now + HOUR }, Date.now());
        for (const one of before) one.ended = true;
      }
      counts.done += 1;
    } catch {
      counts.failed += 1;
      await new Promise((resolve) => setTimeout(resolve, 5));
    }
  }
}

/** Loads a session, and notes what must not be. */
async function look(store: SessionStore, session: Known, { wrong }: Load) {
  const { ended, userId, id } = session;
  const loaded = await store.load(id);
  if (loaded === undefined) return undefined;
  const { record } = loaded;
  if (record.id !== id) wrong.push(`${id}: the record of ${record.id}`);
  if (record.userId !== undefined && record.userId !== userId) wrong.push(`${id}: another's`);
  if (!record.body.startsWith(userId)) wrong.push(`${id}: another's body`);
  if (ended && isLive(loaded, Date.now())) wrong.push(`${id}: ended, and live`);
  return record.closed ? undefined : record;
}

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

  it("P5 nothing that has ended comes back while the server is killed and started again", async () => {
    const server = await started();
    const stores = [connected(server).store, connected(server).store];
    const load: Load = { known: [], wrong: [], counts: { done: 0, failed: 0 } };
    let isOver = false;
    const workers = [1, 2, 3, 4, 5, 6].map((seed) =>
      work(stores[seed % 2] as SessionStore, load, seed, () => isOver),
    );
    for (let kills = 0; kills < 3; kills += 1) {
      await settled(() => load.counts.done, 150);
      await server.kill();
      await settled(() => load.counts.failed, 20);
      await server.start();
    }
    await settled(() => load.counts.done, 150);
    isOver = true;
    await Promise.all(workers);
    for (const session of load.known) await look(stores[0] as SessionStore, session, load);
    expect(load.wrong).toEqual([]);
    expect(load.known.filter(({ ended }) => ended).length).toBeGreaterThan(50);
    report("killed three times", load);
  });

  it("P5 nothing that has ended comes back, and nobody gets another's, where memory is short", async () => {
    const server = await started(2);
    const stores = [connected(server).store, connected(server).store];
    const load: Load = { known: [], wrong: [], counts: { done: 0, failed: 0 } };
    const workers = [1, 2, 3, 4, 5, 6].map((seed) =>
      work(stores[seed % 2] as SessionStore, load, seed, () => load.known.length > 4000),
    );
    await Promise.all(workers);
    for (const session of load.known) await look(stores[1] as SessionStore, session, load);
    expect(load.wrong).toEqual([]);
    const { evictions } = await server.stats();
    expect(evictions).toBeGreaterThan(100);
    report(`${evictions} evictions`, load);
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
    expect(await signIn(later, now + 2)).toBe("created");
    expect(await store.load(ended)).toBeUndefined();
    expect((await store.load(later))?.cutOff).toBe(0);
    const { records } = await store.list({ userId: "ada", limit: 10 }, now);
    expect(records.map(({ id }) => id)).toEqual([later]);
  });
});

/** Waits until a number has grown by so many. */
async function settled(count: () => number, by: number): Promise<void> {
  const goal = count() + by;
  while (count() < goal) await new Promise((resolve) => setTimeout(resolve, 5));
}

function report(what: string, { known, counts }: Load): void {
  const ended = known.filter((one) => one.ended).length;
  process.stdout.write(
    `memcached, ${what}: ${counts.done} rounds, ${counts.failed} failed, ${known.length} sessions, ${ended} ended, none came back\n`,
  );
}
