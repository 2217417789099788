import KeyvRedis from "@keyv/redis";
import Keyv from "keyv";
import { afterAll } from "vitest";
import { keyvStore } from "../../../src/stores/keyv.ts";
import { bridgeRedis, redisProgram } from "../../support/bridge-redis.ts";
import { runBridgeSuite } from "../../support/bridges.ts";
import { describeWith, required } from "../../support/needs.ts";

await runBridgeSuite(
  "keyv, in memory,",
  () => {
    const client = new Keyv({ throwOnErrors: true });
    return {
      store: keyvStore({ client }),
      another: async () => keyvStore({ client }),
      elsewhere: async () => keyvStore({ client, prefix: "elsewhere:" }),
    };
  },
  { races: true },
);

if (redisProgram === undefined) {
  describeWith({ "redis-server": redisProgram }, "keyv store, in Redis", () => {
    required("redis-server", redisProgram);
  });
} else {
  const redis = await bridgeRedis();
  let opened = 0;
  afterAll(() => redis.stop());
  await runBridgeSuite("keyv, in Redis,", () => {
    opened += 1;
    const namespace = `t${opened}`;
    const adapter = new KeyvRedis(redis.url, { throwOnErrors: true });
    const client = new Keyv({ store: adapter, namespace, throwOnErrors: true });
    return {
      store: keyvStore({ client, forgets: [] }),
      another: async () => keyvStore({ client, forgets: [] }),
      elsewhere: async () => keyvStore({ client, prefix: "elsewhere:" }),
      dispose: () => client.disconnect(),
    };
  });
}
