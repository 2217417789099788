import { Redis } from "iovalkey";
import { redisSuite, startRedisGround } from "../../support/redis-suites.ts";

redisSuite(
  "redis, iovalkey",
  startRedisGround,
  async ({ server: { url } }) => {
    const [client, other, subscriber] = [new Redis(url), new Redis(url), new Redis(url)];
    return {
      client,
      other,
      subscriber,
      close: async () => {
        for (const each of [client, other, subscriber]) each.disconnect();
      },
    };
  },
  { races: false },
);
