import { createClient } from "redis";
import { redisSuite, startRedisGround } from "../../support/redis-suites.ts";

redisSuite(
  "redis, node-redis",
  startRedisGround,
  async ({ server: { url } }) => {
    const client = await createClient({ url }).connect();
    const other = await createClient({ url, RESP: 2 }).connect();
    const subscriber = await createClient({ url }).connect();
    return {
      client,
      other,
      subscriber,
      close: async () => {
        for (const each of [client, other, subscriber]) each.destroy();
      },
    };
  },
  { races: false },
);
