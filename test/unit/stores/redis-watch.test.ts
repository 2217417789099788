import { Redis } from "ioredis";
import { createClient } from "redis";
import { afterAll, afterEach, beforeAll, expect, it, vi } from "vitest";
import type { RedisSubscriber, RedisWatch } from "../../../src/stores/redis-watch.ts";
import { PULSE, redisWatch } from "../../../src/stores/redis-watch.ts";
import { describeWith } from "../../support/needs.ts";
import type { RedisProxy } from "../../support/redis-proxy.ts";
import { startRedisProxy } from "../../support/redis-proxy.ts";
import type { RedisServer } from "../../support/redis-servers.ts";
import { redisPrograms, startRedis } from "../../support/redis-servers.ts";

const CHANNEL = "changes";
const PATIENCE = { timeout: 10_000, interval: 10 };

const CLIENTS: readonly [string, (url: string) => Promise<RedisSubscriber>][] = [
  [
    "ioredis",
    async (url) => {
      const client = new Redis(url, { retryStrategy: () => 20 });
      client.on("error", () => undefined);
      ends.push(() => client.disconnect());
      return client;
    },
  ],
  [
    "node-redis",
    async (url) => {
      const client = createClient({ url, socket: { reconnectStrategy: 20 } });
      client.on("error", () => undefined);
      await client.connect();
      ends.push(() => client.destroy());
      return client;
    },
  ],
];

const ends: (() => unknown)[] = [];
afterEach(async () => {
  for (const end of ends.splice(0).reverse()) await end();
});

describeWith(redisPrograms, "a connection of Redis that listens", () => {
  let server: RedisServer;
  let proxy: RedisProxy;
  beforeAll(async () => {
    server = await startRedis();
    proxy = await startRedisProxy(server.port);
  });
  afterAll(async () => {
    await proxy?.close();
    await server?.stop();
  });

  const publish = (message: string) => server.admin.publish(CHANNEL, message);

  function listenTo(subscriber: RedisSubscriber): { watch: RedisWatch; heard: string[] } {
    const watch = redisWatch(subscriber, CHANNEL, () => publish(PULSE), 200);
    const heard: string[] = [];
    ends.push(() => watch.close());
    return { watch, heard };
  }

  it.each(CLIENTS)("is lost, and asks for nothing, once it is closed (%s)", async (_, to) => {
    const { watch, heard } = listenTo(await to(proxy.url));
    watch.close();
    const end = watch.add(({ kind }) => heard.push(kind));
    // Else it would be there by now.
    await publish("session a");
    await new Promise((resolve) => setTimeout(resolve, 300));
    expect(heard).toEqual(["lost"]);
    expect(await server.admin.pubsub("NUMSUB", CHANNEL)).toEqual([CHANNEL, 0]);
    end();
  });

  it.each(CLIENTS)(
    "P5 says when nothing comes any more, although it seems alive (%s)",
    async (_, to) => {
      const { watch, heard } = listenTo(await to(proxy.url));
      watch.add(({ kind }) => heard.push(kind));
      await vi.waitUntil(() => heard.at(-1) === "everything", PATIENCE);
      proxy.weather = "deaf";
      await vi.waitUntil(() => heard.at(-1) === "lost", PATIENCE);
      proxy.weather = "fair";
      proxy.cut();
      await vi.waitUntil(() => heard.at(-1) === "everything", PATIENCE);
      await publish("session b");
      await vi.waitUntil(() => heard.includes("session"), PATIENCE);
      expect(heard.slice(0, 2)).toEqual(["lost", "everything"]);
    },
  );

  it.each(CLIENTS)("hears whoever begins as the last one ends (%s)", async (_, to) => {
    const { watch, heard } = listenTo(await to(server.url));
    const end = watch.add(() => undefined);
    end();
    watch.add(({ kind }) => heard.push(kind));
    await vi.waitUntil(() => heard.includes("everything"), PATIENCE);
    await vi.waitUntil(async () => {
      await publish("user ada");
      return heard.includes("user");
    }, PATIENCE);
  });
});
