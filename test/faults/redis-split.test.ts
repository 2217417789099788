import { once } from "node:events";
import { Redis } from "ioredis";
import { createClient } from "redis";
import { afterEach, expect, it, vi } from "vitest";
import type { SessionStore } from "../../src/stores/contract.ts";
import type { IoredisClient, NodeRedisClient, RedisStoreOptions } from "../../src/stores/redis.ts";
import { redisStore } from "../../src/stores/redis.ts";
import { startWork } from "../support/history.ts";
import { describeWith } from "../support/needs.ts";
import type { RedisServer } from "../support/redis-servers.ts";
import { redisPrograms, replicated, startRedis } from "../support/redis-servers.ts";
import type { TcpProxy } from "../support/tcp-proxy.ts";
import { startTcpProxy } from "../support/tcp-proxy.ts";
import { until } from "../support/until.ts";
import type { Verdict } from "../support/verdict.ts";
import { report } from "../support/verdict.ts";

vi.setConfig({ testTimeout: 120_000 });

const HOUR = 3_600_000;

const ends: (() => unknown)[] = [];
afterEach(async () => {
  for (const end of ends.splice(0).reverse()) await end();
});

interface SplitBrain {
  readonly verdict: Verdict;
  /** What was acknowledged before is on every replica. */
  readonly safeAt: number;
  /** From here on everybody uses the new primary. */
  readonly healedAt: number;
}

/**
 * A primary loses its replicas and goes on serving. One of the replicas is promoted, and for a while one
 * process writes to the old primary and another one to the new.
 */
async function splitBrain(
  confirm: RedisStoreOptions["confirm"],
  replicas: number,
): Promise<SplitBrain> {
  const old = await serve({});
  const link = await proxyTo(old);
  const others = await Promise.all(
    Array.from({ length: replicas }, () => serve({ replicaof: `${link.host} ${link.port}` })),
  );
  const [promoted, ...rest] = others as [RedisServer, ...RedisServer[]];
  await replicasOf(old, replicas);
  const near = [await proxyTo(old), await proxyTo(old)] as const;
  const stores = await storesAt(near, confirm);

  const work = startWork(stores, { users: 40 });
  await work.calm();
  const safeAt = await replicated(old, replicas);
  let healedAt = 0;
  await work.during("primary cut off, replica promoted, both written to", async () => {
    link.weather = "gone";
    await work.calm(400);
    await promoted.admin.call("REPLICAOF", "NO", "ONE");
    for (const { admin } of rest) {
      await admin.call("REPLICAOF", promoted.host, `${promoted.port}`);
    }
    await replicasOf(promoted, rest.length);
    lead(near[1], promoted);
    await work.calm(400);
    lead(near[0], promoted);
    // Whatever the old one had answered has been heard when the new one answers.
    await until("the other process is there too", async () => {
      await stores[0].load("A".repeat(24));
      return true;
    });
    healedAt = Date.now();
    await old.admin.call("REPLICAOF", promoted.host, `${promoted.port}`);
    await replicasOf(promoted, replicas);
  });
  await work.calm();
  return { verdict: await work.end(stores[0]), safeAt, healedAt };
}

async function serve(settings: Readonly<Record<string, string>>): Promise<RedisServer> {
  const server = await startRedis({ "repl-diskless-sync-delay": "0", ...settings });
  ends.push(() => server.stop());
  return server;
}

async function proxyTo({ host, port }: RedisServer): Promise<TcpProxy & { readonly host: string }> {
  const proxy = await startTcpProxy(port);
  ends.push(() => proxy.close());
  return Object.assign(proxy, { host });
}

/** Another one is promoted, and the primary becomes its replica: what the other did not have is gone. */
async function turnRound(primary: RedisServer, other: RedisServer): Promise<void> {
  await other.admin.call("REPLICAOF", "NO", "ONE");
  await primary.admin.call("REPLICAOF", other.host, `${other.port}`);
  await replicasOf(other, 1);
}

/** From now on whoever connects through it is at another server. */
function lead(proxy: TcpProxy, { port }: RedisServer): void {
  proxy.upstream = port;
  proxy.cut();
}

async function replicasOf({ admin }: RedisServer, count: number): Promise<void> {
  await until("the replicas are there", async () => {
    const online = (await admin.info("replication")).match(/state=online/g) ?? [];
    return online.length === count;
  });
}

async function storesAt(
  [first, second]: readonly [TcpProxy, TcpProxy],
  confirm: RedisStoreOptions["confirm"],
): Promise<[SessionStore, SessionStore]> {
  const rest = confirm === undefined ? {} : { confirm };
  return [
    redisStore({ client: ioredisAt(first), ...rest }),
    redisStore({ client: await nodeRedisAt(second), ...rest }),
  ];
}

function ioredisAt({ port }: { readonly port: number }): Redis {
  const client = new Redis(port, "127.0.0.1", {
    retryStrategy: () => 20,
    maxRetriesPerRequest: null,
  });
  client.on("error", () => undefined);
  ends.push(() => client.disconnect());
  return client;
}

async function nodeRedisAt({ port }: TcpProxy): Promise<NodeRedisClient> {
  const url = `redis://127.0.0.1:${port}`;
  const client = createClient({ url, socket: { reconnectStrategy: 20 } });
  client.on("error", () => undefined);
  await client.connect();
  ends.push(() => client.destroy());
  return client;
}

/** Nothing is lost but what was acknowledged while there were two primaries, and something is. */
function losesOnlyTheSplit({ verdict, safeAt, healedAt }: SplitBrain): void {
  const isWithin = (at: number): boolean => safeAt <= at && at <= healedAt;
  expect(verdict.lost.filter(({ acknowledgedAt }) => !isWithin(acknowledgedAt))).toEqual([]);
  expect(verdict.revived.filter(({ endedAt }) => !isWithin(endedAt))).toEqual([]);
  expect(verdict.strangers).toEqual([]);
  expect(verdict.lost.length).toBeGreaterThan(0);
}

const confirm = { replicas: 1, timeout: 50 };

describeWith(redisPrograms, "a primary that is cut off and goes on serving", () => {
  it("P5 without confirmation loses what it acknowledged meanwhile, ends too, and nothing else", async () => {
    const split = await splitBrain(undefined, 1);
    report("Redis, split brain", split.verdict, "asynchronous replication");
    losesOnlyTheSplit(split);
    // Else this was no split.
    expect(split.verdict.revived.length).toBeGreaterThan(0);
  });

  it("P5 with confirmation loses no end that it acknowledged", async () => {
    const split = await splitBrain(confirm, 1);
    report("Redis, split brain, confirm", split.verdict, "asynchronous replication");
    losesOnlyTheSplit(split);
    expect(split.verdict.revived).toEqual([]);
  });

  it("P5 shows whoever is left there what has ended elsewhere, and nobody once that is over", async () => {
    const split = await splitBrain(confirm, 2);
    report("Redis, split brain, confirm, 2 replicas", split.verdict, "asynchronous replication");
    losesOnlyTheSplit(split);
    const later = split.verdict.revived.filter(({ readAt }) => readAt > split.healedAt);
    expect(later).toEqual([]);
  });

  it("P5 acknowledges no end that the replicas of another primary have confirmed", async () => {
    const [lonely, other] = [await serve({}), await serve({})];
    await serve({ replicaof: `${other.host} ${other.port}` });
    await replicasOf(other, 1);
    const proxy = await proxyTo(lonely);
    const connection = new Redis(proxy.port, proxy.host, { retryStrategy: () => 20 });
    ends.push(() => connection.disconnect());
    const cut = (store: SessionStore): Promise<number> =>
      store.cutOff("ada", { keepUntil: Date.now() + 60_000 }, Date.now());
    // From here on the scripts are known, and the key of homes is there.
    await cut(redisStore({ client: connection }));
    // A failover between the two commands of an end.
    const client: IoredisClient = {
      async call(command, ...args) {
        const reply = await connection.call(command, ...args);
        if (command === "EVALSHA" && args.includes("ada")) {
          lead(proxy, other);
          await once(connection, "ready");
        }
        return reply;
      },
    };
    await expect(cut(redisStore({ client, confirm }))).rejects.toThrow(
      "the write was made, but its connection or its primary was lost before replicas had confirmed it",
    );
  });

  it("P5 acknowledges no end that it lost when it was a replica in between, on the same connection", async () => {
    const [primary, other] = [await serve({}), await serve({})];
    const connection = ioredisAt(primary);
    const cut = (store: SessionStore): Promise<number> =>
      store.cutOff("ada", { keepUntil: Date.now() + 60_000 }, Date.now());
    await cut(redisStore({ client: connection }));
    // More than the primary has, so that a replica seems to be further than the end that is to be confirmed.
    await other.admin.set("history", "x".repeat(10_000));
    const client: IoredisClient = {
      async call(command, ...args) {
        const reply = await connection.call(command, ...args);
        if (command === "EVALSHA" && args.includes("ada")) {
          await turnRound(primary, other);
          await turnRound(other, primary);
        }
        return reply;
      },
    };
    await expect(
      cut(redisStore({ client, confirm: { replicas: 1, timeout: 1000 } })),
    ).rejects.toThrow(
      "the write was made, but its connection or its primary was lost before replicas had confirmed it",
    );
  });

  it("P5 hides no revocation of meanwhile from who asked before and after, whatever the clocks say", async () => {
    const [primary, other] = [await serve({}), await serve({})];
    const [store, others] = [primary, other].map((server) =>
      redisStore({ client: ioredisAt(server) }),
    ) as [ReturnType<typeof redisStore>, ReturnType<typeof redisStore>];
    const at = Date.now();
    // As a server numbers what it takes whose clock is a minute ahead.
    const addAhead = async (id: string, ms: number): Promise<void> => {
      const entry = { kind: "session", id, at, until: at + HOUR };
      const fields = ["until", `${entry.until}`, "entry", JSON.stringify(entry)];
      await primary.admin.xadd("coatcheck:feed", `${at + ms}-0`, ...fields);
    };
    await addAhead("lost with the first failover", 60_000);
    const { cursor } = await store.since(undefined);
    await turnRound(primary, other);
    await others.add({ kind: "session", id: "ended meanwhile", at, until: at + HOUR });
    await replicated(other, 1);
    await turnRound(other, primary);
    await addAhead("ended later", 70_000);
    const { revocations } = await store.since(cursor);
    expect(revocations.map(({ id }) => id)).toEqual(["ended meanwhile", "ended later"]);
  });

  it.each(["ioredis", "redis"])(
    "P5 acknowledges no end that was to be confirmed on a connection that is lost: %s",
    async (name) => {
      const primary = await serve({});
      const replica = await serve({ replicaof: `${primary.host} ${primary.port}` });
      await replicasOf(primary, 1);
      const proxy = await proxyTo(primary);
      const client = name === "ioredis" ? ioredisAt(proxy) : await nodeRedisAt(proxy);
      const store = redisStore({ client, confirm: { replicas: 1, timeout: 3000 } });
      const cut = () => store.cutOff("ada", { keepUntil: Date.now() + 60_000 }, Date.now());
      expect(await cut()).toBeGreaterThan(0);
      replica.signal("SIGSTOP");
      ends.push(() => replica.signal("SIGCONT"));
      const end = cut();
      end.catch(() => undefined);
      await until("it waits for the replica", async () => {
        return (await primary.admin.info("clients")).includes("blocked_clients:1");
      });
      // A client that sends what was not answered again asks on a connection that has written nothing.
      proxy.cut();
      await expect(end).rejects.toThrow();
    },
  );
});
