import { Redis } from "ioredis";
import { redisSuite, startRedisGround } from "../../support/redis-suites.ts";

redisSuite("redis, ioredis", startRedisGround, async ({ server }) => {
  const client = new Redis(server.url);
  const other = new Redis(server.url, { enableAutoPipelining: true });
  const subscriber = new Redis(server.url);
  return {
    client,
    other,
    subscriber,
    wired: (wire) => ({
      call: (command: string, ...args: string[]) =>
        wire(command, () => client.call(command, ...args)),
    }),
    close: async () => {
      for (const each of [client, other, subscriber]) each.disconnect();
    },
  };
});
