import { GlideClient } from "@valkey/valkey-glide";
import { redisSuite, startRedisGround } from "../../support/redis-suites.ts";

redisSuite(
  "redis, valkey-glide",
  startRedisGround,
  async ({ server: { host, port } }) => {
    const options = {
      addresses: [{ host, port }],
      requestTimeout: 30_000,
      inflightRequestsLimit: 5000,
    };
    const client = await GlideClient.createClient(options);
    const other = await GlideClient.createClient(options);
    return {
      client,
      other,
      close: async () => {
        for (const each of [client, other]) each.close();
      },
    };
  },
  { races: false },
);
