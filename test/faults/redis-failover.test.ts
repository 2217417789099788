import { readFile } from "node:fs/promises";
import { GlideClusterClient } from "@valkey/valkey-glide";
import { Cluster, Redis } from "ioredis";
import { createCluster, createSentinel } from "redis";
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from "vitest";
import type { SessionStore } from "../../src/stores/contract.ts";
import type { RedisClient } from "../../src/stores/redis.ts";
import { redisStore } from "../../src/stores/redis.ts";
import { startWork } from "../support/history.ts";
import { describeWith } from "../support/needs.ts";
import { tryCrowd } from "../support/redis-crowd.ts";
import type { RedisCluster, RedisServer, SentinelSetUp } from "../support/redis-servers.ts";
import {
  redisPrograms,
  replicated,
  startCluster,
  startSentinels,
} from "../support/redis-servers.ts";
import { until } from "../support/until.ts";
import type { Verdict } from "../support/verdict.ts";
import { expectNothingLost, report } from "../support/verdict.ts";

vi.setConfig({ testTimeout: 120_000, hookTimeout: 120_000 });

const ends: (() => unknown)[] = [];
afterEach(async () => {
  for (const end of ends.splice(0).reverse()) await end();
});

/** With confirmation no end is lost with a primary, and nothing else that the replicas had. */
function keepsEnds(on: string, verdict: Verdict, replicatedAt: number): void {
  report(on, verdict, "asynchronous replication");
  expect(verdict.acknowledged).toBeGreaterThan(200);
  const early = verdict.lost.filter(({ acknowledgedAt }) => acknowledgedAt < replicatedAt);
  expect(early).toEqual([]);
  // With few users all of them would have been cut off by now, and nothing looked for.
  expect(verdict.due.filter((acknowledgedAt) => acknowledgedAt < replicatedAt)).not.toEqual([]);
  const { revived, strangers } = verdict;
  expect({ revived, strangers }).toEqual({ revived: [], strangers: [] });
}

const confirm = { replicas: 1, timeout: 500 };

interface Login {
  readonly username?: string;
  readonly password?: string;
}

describeWith(redisPrograms, "a primary that is killed", () => {
  describe("under Sentinels", () => {
    let setUp: SentinelSetUp;
    beforeAll(async () => {
      setUp = await startSentinels();
    });
    afterAll(() => setUp?.stop());

    async function clients(): Promise<RedisClient[]> {
      const { name } = setUp;
      const sentinels = [...setUp.sentinels];
      const ioredis = new Redis({
        sentinels,
        name,
        maxRetriesPerRequest: null,
        sentinelRetryStrategy: () => 50,
        retryStrategy: () => 50,
      });
      ioredis.on("error", () => undefined);
      const nodeRedis = createSentinel({ name, sentinelRootNodes: sentinels, scanInterval: 500 });
      nodeRedis.on("error", () => undefined);
      await nodeRedis.connect();
      ends.push(
        () => ioredis.disconnect(),
        () => nodeRedis.destroy(),
      );
      return [ioredis, nodeRedis];
    }

    it("P5 is replaced, and no session comes back from an acknowledged end", async () => {
      const stores = (await clients()).map((client) => redisStore({ client, confirm }));
      const work = startWork(stores, { users: 100 });
      await work.calm();
      const before = await setUp.primary();
      const safeAt = await replicated(before, 2);
      await work.during("kill -9 of the primary, failover", async () => {
        await before.kill();
        await until("another is the primary", async () => (await setUp.primary()) !== before);
      });
      // The one that was killed comes back as a primary, with nothing in it, and the Sentinels need some ten
      // seconds to make a replica of it. A client that is led there meanwhile is at another server than the
      // rest, and finds nothing of what the new primary has kept. So it stays away until nobody looks for
      // it: while it is gone, whoever answers is the new one.
      await until("every client is at the new primary", async () => {
        await Promise.all(stores.map((store) => store.load("A".repeat(24))));
        return true;
      });
      await before.restart();
      await work.calm(100);
      keepsEnds("Redis, Sentinel", await work.end(stores[0] as never), safeAt);
    });
  });

  describe("in a cluster", () => {
    let cluster: RedisCluster;
    beforeAll(async () => {
      cluster = await startCluster();
    });
    afterAll(() => cluster?.stop());

    async function clients(login: Login = {}): Promise<RedisClient[]> {
      const nodes = [...cluster.nodes];
      const retry = { clusterRetryStrategy: () => 50 };
      const ioredis = new Cluster(nodes, { ...retry, redisOptions: login });
      ioredis.on("error", () => undefined);
      const rootNodes = nodes.map(({ host, port }) => ({ socket: { host, port } }));
      const nodeRedis = createCluster({
        rootNodes,
        defaults: { socket: { reconnectStrategy: 50 }, ...login },
      });
      nodeRedis.on("error", () => undefined);
      await nodeRedis.connect();
      ends.push(
        () => ioredis.disconnect(),
        () => nodeRedis.destroy(),
      );
      return [ioredis, nodeRedis];
    }

    async function glideClient(credentials?: Required<Login>): Promise<RedisClient> {
      const options = { addresses: [...cluster.nodes], requestTimeout: 5000 };
      const client = await GlideClusterClient.createClient({
        ...options,
        ...(credentials && { credentials }),
      });
      ends.push(() => client.close());
      return client;
    }

    it("has more than one SCAN finds on several primaries, to list and to sweep", async () => {
      for (const client of [...(await clients()), await glideClient()]) {
        await cluster.flush();
        await tryCrowd(redisStore({ client }), [7, 1000]);
      }
    });

    it("lets each client do everything as a user who may only do what the page says", async () => {
      const page = await readFile("docs/stores/redis.md", "utf8");
      const [needs = ""] = /^An ACL needs: [\s\S]*?The `subscriber`/m.exec(page) ?? [];
      const spans = [...needs.matchAll(/`([A-Z]{3,}[A-Z\s]*)`/g)].map(([, span = ""]) =>
        span.split(/\s+/),
      );
      const commands = spans.flatMap((span) =>
        /^(CLIENT|CLUSTER)$/.test(`${span[0]}`) ? [span.join("|")] : span,
      );
      expect(commands).toEqual(expect.arrayContaining(["EVALSHA", "CLIENT|ID", "XRANGE", "PING"]));
      const rights = ["on", ">pw", "~coatcheck:*", "&coatcheck:changes"];
      for (const { admin } of cluster.servers) {
        await admin.call("ACL", "SETUSER", "app", ...rights, ...commands.map((each) => `+${each}`));
      }
      const login = { username: "app", password: "pw" };
      for (const client of [...(await clients(login)), await glideClient(login)]) {
        await cluster.flush();
        const store = redisStore({ client, confirm: { replicas: 1, timeout: 30_000 } });
        await tryCrowd(store, [100]);
        await store.add({ kind: "everyone", at: Date.now(), until: Date.now() + 60_000 });
        expect((await store.since(undefined)).revocations).toHaveLength(1);
      }
    });

    it("P5 acknowledges no end that the replica has not confirmed, with any client, where that is asked for", async () => {
      const glide = await glideClient();
      const patient = { replicas: 1, timeout: 30_000 };
      const strict = { replicas: 1, timeout: 300 };
      for (const client of [...(await clients()), glide]) {
        const store = redisStore({ client, confirm: patient });
        const home = await store.home?.("ada");
        const primary = await cluster.primaryOf(await slotOf(cluster, `coatcheck:{${home}}`));
        // As it was set up, the replica of each of the first three is three places further on.
        const replica = cluster.servers[cluster.servers.indexOf(primary) + 3] as RedisServer;
        const cut = (by: SessionStore): Promise<number> =>
          by.cutOff("ada", { keepUntil: Date.now() + 60_000 }, Date.now());
        expect(await cut(store)).toBeGreaterThan(0);
        replica.signal("SIGSTOP");
        try {
          await expect(cut(redisStore({ client, confirm: strict }))).rejects.toThrow(
            "0 of 1 replicas confirmed it in 300 ms",
          );
        } finally {
          replica.signal("SIGCONT");
        }
      }
    });

    it("asks only the primary that was written to for its replicas, with any client", async () => {
      const strict = { replicas: 1, timeout: 1000 };
      for (const client of [...(await clients()), await glideClient()]) {
        const store = redisStore({ client, confirm: { replicas: 1, timeout: 30_000 } });
        const cut = (by: SessionStore): Promise<number> =>
          by.cutOff("ada", { keepUntil: Date.now() + 60_000 }, Date.now());
        expect(await cut(store)).toBeGreaterThan(0);
        const slot = await slotOf(cluster, `coatcheck:{${await store.home?.("ada")}}`);
        const primary = cluster.servers.indexOf(await cluster.primaryOf(slot));
        const others = [0, 1, 2].filter((index) => index !== primary);
        const replicas = others.map((index) => cluster.servers[index + 3] as RedisServer);
        for (const replica of replicas) replica.signal("SIGSTOP");
        try {
          // The key of homes lies on one of these primaries: this store has it by now.
          expect(await cut(redisStore({ client, confirm: strict }))).toBeGreaterThan(0);
        } finally {
          for (const replica of replicas) replica.signal("SIGCONT");
        }
      }
    });

    it("P5 P9 loses no change and no end while every slot that users have moves under load", async () => {
      const stores = (await clients()).map((client) => redisStore({ client }));
      const work = startWork(stores, { users: 4 });
      await work.calm();
      const [store] = stores as [ReturnType<typeof redisStore>];
      await work.during("4 slots moved", async () => {
        for (let user = 0; user < 4; user += 1) {
          const home = await store.home?.(`user ${user}`);
          await moveSlot(cluster, `coatcheck:{${home}}`);
        }
      });
      await work.calm(100);
      expectNothingLost("Redis, Cluster", await work.end(store));
    });

    /** Work that goes on while another server takes the place of a primary. */
    async function whileReplaced(
      what: string,
      replace: (primary: RedisServer, replaced: () => Promise<void>) => Promise<unknown>,
    ) {
      const stores = (await clients()).map((client) => redisStore({ client, confirm }));
      const work = startWork(stores, { users: 100 });
      await work.calm();
      const [store] = stores as [ReturnType<typeof redisStore>];
      const home = await store.home?.("user 0");
      const slot = await slotOf(cluster, `coatcheck:{${home}}`);
      const primary = await cluster.primaryOf(slot);
      const safeAt = await replicated(primary, 1, `marker {${home}}`);
      const isReplaced = async (): Promise<boolean> => (await cluster.primaryOf(slot)) !== primary;
      await work.during(what, async () => {
        await replace(primary, () => until("another has its slots", isReplaced));
      });
      await work.calm(100);
      return { verdict: await work.end(store), safeAt };
    }

    it("P5 is replaced, and no session comes back from an acknowledged end", async () => {
      const { verdict, safeAt } = await whileReplaced(
        "kill -9 of a primary, failover",
        async (primary, replaced) => {
          await primary.kill();
          await replaced();
          await primary.restart();
        },
      );
      keepsEnds("Redis, Cluster", verdict, safeAt);
    });

    it.each(["FAILOVER", "FAILOVER TAKEOVER"])(
      "P5 P9 is replaced by CLUSTER %s, and no session comes back from an acknowledged end",
      async (how) => {
        const { verdict, safeAt } = await whileReplaced(
          `CLUSTER ${how}`,
          async (primary, replaced) => {
            const replica = await replicaOf(cluster, primary);
            await replica.admin.call("CLUSTER", ...how.split(" "));
            await replaced();
          },
        );
        // Without another word the old one waits until the other has everything.
        if (how === "FAILOVER") expectNothingLost("Redis, Cluster", verdict);
        else keepsEnds("Redis, Cluster", verdict, safeAt);
      },
    );
  });
});

async function replicaOf({ servers }: RedisCluster, { admin }: RedisServer): Promise<RedisServer> {
  let found: RedisServer | undefined;
  await until("its replica is there", async () => {
    const [, port] = /slave0:ip=[\d.]+,port=(\d+),state=online/.exec(await admin.info()) ?? [];
    found = servers.find((server) => server.port === Number(port));
    return found !== undefined;
  });
  return found as RedisServer;
}

async function slotOf({ servers }: RedisCluster, key: string): Promise<number> {
  const [{ admin }] = servers as [RedisServer];
  return Number(await admin.call("CLUSTER", "KEYSLOT", key));
}

/** Moves the slot of a key to another primary, as redis-cli does, one key at a time. */
async function moveSlot(cluster: RedisCluster, key: string): Promise<void> {
  const slot = await slotOf(cluster, key);
  const from = await cluster.primaryOf(slot);
  const others = await Promise.all([100, 6000, 12_000].map((other) => cluster.primaryOf(other)));
  const to = others.find((other) => other !== from) as RedisServer;
  const [fromId, toId] = await Promise.all(
    [from, to].map(async ({ admin }) => String(await admin.call("CLUSTER", "MYID"))),
  );
  await to.admin.call("CLUSTER", "SETSLOT", `${slot}`, "IMPORTING", `${fromId}`);
  await from.admin.call("CLUSTER", "SETSLOT", `${slot}`, "MIGRATING", `${toId}`);
  // While some keys are here and others there, and new ones are made over there.
  await new Promise((resolve) => setTimeout(resolve, 200));
  for (;;) {
    const keys = (await from.admin.call("CLUSTER", "GETKEYSINSLOT", `${slot}`, "1")) as string[];
    const [next] = keys;
    if (next === undefined) break;
    await from.admin.call("MIGRATE", to.host, `${to.port}`, next, "0", "5000");
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  for (const { admin } of [to, from]) {
    await admin.call("CLUSTER", "SETSLOT", `${slot}`, "NODE", `${toId}`);
  }
}
