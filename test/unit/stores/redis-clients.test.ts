import { inspect } from "node:util";
import { GlideClient } from "@valkey/valkey-glide";
import { Cluster, Redis } from "ioredis";
import { Cluster as Cluster5, Redis as Redis5 } from "ioredis5";
import { Redis as Iovalkey, Cluster as IovalkeyCluster } from "iovalkey";
import { createClient, createClientPool } from "redis";
import { createClient as createClient4 } from "redis4";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { Answer } from "../../../src/stores/contract.ts";
import type { RedisClient, RedisSubscriber } from "../../../src/stores/redis.ts";
import { redisStore } from "../../../src/stores/redis.ts";
import { describeWith } from "../../support/needs.ts";
import type { RedisCluster, RedisServer } from "../../support/redis-servers.ts";
import { redisPrograms, startCluster, startRedis } from "../../support/redis-servers.ts";
import { until } from "../../support/until.ts";

const HOUR = 3_600_000;

interface Connected {
  readonly client: RedisClient;
  /** A second connection, where it can listen. */
  readonly subscriber?: RedisSubscriber;
  readonly isPool?: boolean;
  close(): unknown;
}

const CLIENTS: Readonly<Record<string, (server: RedisServer) => Promise<Connected>>> = {
  "ioredis 6": async ({ url }) => ioredis(new Redis(url), new Redis(url)),
  "ioredis 6 with auto-pipelining": async ({ url }) =>
    ioredis(new Redis(url, { enableAutoPipelining: true }), new Redis(url)),
  "ioredis 5.4": async ({ url }) => ioredis(new Redis5(url), new Redis5(url)),
  iovalkey: async ({ url }) => ioredis(new Iovalkey(url), new Iovalkey(url)),
  "node-redis 6": async ({ url }) => {
    const client = await createClient({ url }).connect();
    const subscriber = await createClient({ url }).connect();
    return { client, subscriber, close: () => [client.destroy(), subscriber.destroy()] };
  },
  "node-redis 6, a pool": async ({ url }) => {
    const client = createClientPool({ url });
    await client.connect();
    return { client, isPool: true, close: () => client.destroy() };
  },
  "node-redis 4.7": async ({ url }) => {
    const [client, subscriber] = [createClient4({ url }), createClient4({ url })];
    await Promise.all([client.connect(), subscriber.connect()]);
    return { client, subscriber, close: () => [client.disconnect(), subscriber.disconnect()] };
  },
  "valkey-glide": async ({ host, port }) => {
    const client = await GlideClient.createClient({ addresses: [{ host, port }] });
    return { client, close: () => client.close() };
  },
};

function ioredis<Client extends RedisClient & RedisSubscriber & { disconnect(): void }>(
  client: Client,
  subscriber: Client,
): Connected {
  return { client, subscriber, close: () => [client.disconnect(), subscriber.disconnect()] };
}

describeWith(redisPrograms, "a Redis store", () => {
  let server: RedisServer;
  beforeAll(async () => {
    server = await startRedis();
  });
  afterAll(() => server?.stop());

  it("P10 refuses a client of node-redis 4 that answers by callbacks, and takes its like that does not", async () => {
    const client = createClient4({ url: server.url, legacyMode: true });
    expect(() => redisStore({ client })).toThrow(/option `client` has the option `legacyMode`/);
    const other = client.duplicate({ legacyMode: false });
    await other.connect();
    try {
      const id = "legacy--0123456789abcdef";
      const times = { lastSeenAt: 1, expiresAt: Date.now() + HOUR };
      const record = { id, userId: undefined, ...times, closed: false, body: "b" };
      const store = redisStore({ client: other });
      expect(await store.create(record, 0, Date.now())).toBe("created");
      expect((await store.load(id))?.record.body).toBe("b");
    } finally {
      await other.disconnect();
    }
  });

  describe.each(Object.entries(CLIENTS))("with %s", (_name, connect) => {
    let connected: Connected;
    beforeAll(async () => {
      await server.admin.flushall();
      connected = await connect(server);
    });
    afterAll(() => connected?.close());

    it("does every verb on a server that does not know its scripts", async () => {
      const { client } = connected;
      const store = redisStore({ client });
      const now = Date.now();
      const id = `${await store.home?.("ada")}0123456789abcdef`;
      const times = { lastSeenAt: now, expiresAt: now + HOUR };
      const record = { id, userId: "ada", ...times, closed: false, body: "{🧥}" };
      const flushed = async <Result>(verb: () => Answer<Result>): Promise<Result> => {
        await server.admin.script("FLUSH");
        return await verb();
      };
      expect(await flushed(() => store.create(record, 0, now))).toBe("created");
      expect((await flushed(() => store.load(id)))?.record.body).toBe("{🧥}");
      expect(await flushed(() => store.touch(id, now + 1, now + HOUR, now))).toBe(true);
      expect(await flushed(() => store.update(id, 1, { body: "2", ...times }, now))).toBe(true);
      for (const userId of ["ada", undefined]) {
        const page = await flushed(() => store.list({ userId, limit: 10 }, now));
        expect(page.records.map(({ body }) => body)).toEqual(["2"]);
      }
      const revocation = { kind: "user", id: "ada", at: now, until: now + HOUR } as const;
      await flushed(() => store.add(revocation));
      expect((await flushed(() => store.since(undefined))).revocations).toEqual([revocation]);
      const cutOff = await flushed(() => store.cutOff("ada", { keepUntil: now + HOUR }, now));
      expect((await store.load(id))?.cutOff).toBe(cutOff);
      expect(await flushed(() => store.sweep(10, now + HOUR))).toBe(2);
    });

    it("P13 says what the server refused, and nothing of what was to be written", async () => {
      const store = redisStore({ client: connected.client });
      const now = Date.now();
      const times = { lastSeenAt: now, expiresAt: now + HOUR };
      await server.admin.lpush("coatcheck:{damaged-}", "not ours");
      const id = "damaged-0123456789abcdef";
      const body = "what nobody else may read";
      const refusal = await store
        .create({ id, userId: undefined, ...times, closed: false, body }, 0, now)
        .catch((error: unknown) => error);
      const shown = inspect(refusal, { depth: 9, showHidden: true });
      expect(shown).toContain("WRONGTYPE");
      expect(shown).not.toContain(body);
    });

    it("says so when too few replicas confirm an end, which is made all the same", async () => {
      const { client, isPool = false } = connected;
      const confirm = { replicas: 1, timeout: 10 };
      if (isPool) {
        expect(() => redisStore({ client, confirm })).toThrow("not a pool of them");
        return;
      }
      const store = redisStore({ client, confirm });
      const now = Date.now();
      const id = `${await store.home?.("bob")}0123456789abcdef`;
      const times = { lastSeenAt: now, expiresAt: now + HOUR };
      await store.create({ id, userId: "bob", ...times, closed: false, body: "" }, 0, now);
      await expect(store.cutOff("bob", { keepUntil: now + HOUR }, now)).rejects.toThrow(
        "the write was made, but 0 of 1 replicas confirmed it in 10 ms",
      );
      expect((await store.load(id))?.cutOff).toBeGreaterThan(0);
      const closing = store.update(id, 1, { body: "", ...times, close: true }, now);
      await expect(closing).rejects.toThrow("0 of 1 replicas");
      expect((await store.load(id))?.record.closed).toBe(true);
    });

    it("P5 tells listeners of changes, and that it hears nothing while its connection is lost", async () => {
      const { client, subscriber } = connected;
      if (subscriber === undefined) return;
      const store = redisStore({ client, subscriber });
      const heard: string[] = [];
      const other: string[] = [];
      const end = store.watch?.(({ kind, id = "" }) => heard.push(`${kind} ${id}`));
      expect(heard).toEqual(["lost "]);
      store.watch?.(() => {
        throw new Error("a listener of little use");
      });
      store.watch?.(({ kind }) => other.push(kind));
      await until("it listens", async () => heard.includes("everything "));
      const now = Date.now();
      await store.cutOff("a\u0000 🧥", { keepUntil: now + HOUR }, now);
      await until("it was told", async () => heard.includes("user a\u0000 🧥"));
      await store.add({ kind: "everyone", at: now, until: now + HOUR });
      await until("it was told", async () => heard.at(-1) === "everything ");
      heard.length = 0;
      await server.admin.call("CLIENT", "KILL", "TYPE", "pubsub");
      await until("it was told", async () => heard.includes("everything "));
      expect(heard[0]).toBe("lost ");
      await store.cutOff("eve", { keepUntil: now + HOUR }, now);
      await until("it listens again", async () => heard.includes("user eve"));
      end?.();
      const before = heard.length;
      other.length = 0;
      await store.cutOff("ada", { keepUntil: now + HOUR }, now);
      await until("the others were told", async () => other.includes("user"));
      expect(heard.length).toBe(before);
      await store.close();
    });
  });
});

interface Options {
  readonly enableAutoPipelining?: true;
  readonly scaleReads?: "slave";
}

const CLUSTERS = {
  "ioredis 6": ({ nodes }: RedisCluster, options: Options) => new Cluster([...nodes], options),
  "ioredis 5.4": ({ nodes }: RedisCluster, options: Options) => new Cluster5([...nodes], options),
  iovalkey: ({ nodes }: RedisCluster, options: Options) => new IovalkeyCluster([...nodes], options),
};

describeWith(redisPrograms, "a Redis store on a cluster", () => {
  let cluster: RedisCluster;
  beforeAll(async () => {
    cluster = await startCluster();
  });
  afterAll(() => cluster?.stop());

  /** How often a client was sent on to another node. */
  async function redirections(): Promise<number> {
    const stats = await Promise.all(cluster.servers.map(({ admin }) => admin.info("errorstats")));
    return stats.reduce((sum, text) => sum + Number(/MOVED:count=(\d+)/.exec(text)?.[1] ?? 0), 0);
  }

  describe.each(Object.entries(CLUSTERS))("with %s", (_name, connect) => {
    it.each<Options>([{}, { enableAutoPipelining: true }, { scaleReads: "slave" }])(
      "asks only the primary that has a session, also whether its replicas have it (%o)",
      async (options) => {
        await cluster.flush();
        const client = connect(cluster, options);
        const store = redisStore({ client, confirm: { replicas: 1, timeout: 5000 } });
        const before = await redirections();
        const now = Date.now();
        const times = { lastSeenAt: now, expiresAt: now + HOUR };
        const ids = Array.from({ length: 20 }, (_, home) => `home--${home + 10}0123456789abcdef`);
        const all = <Result>(verb: (id: string) => Answer<Result>) => Promise.all(ids.map(verb));
        const record = { userId: undefined, ...times, closed: false, body: "b" };
        expect(await all((id) => store.create({ id, ...record }, 0, now))).not.toContain("taken");
        expect(await all(async (id) => (await store.load(id))?.record.body)).not.toContain(
          undefined,
        );
        const closing = { body: "", ...times, close: true };
        expect(await all((id) => store.update(id, 1, closing, now))).not.toContain(false);
        expect((await redirections()) - before).toBe(0);
        client.disconnect();
      },
    );
  });
});
