import { GlideClusterClient } from "@valkey/valkey-glide";
import { Cluster } from "ioredis";
import { createCluster } from "redis";
import { redisSuite, sharedGround, startClusterGround } from "../../support/redis-suites.ts";

// One cluster for all of them: it takes its time to find together.
const startShared = sharedGround(startClusterGround, 3);

redisSuite(
  "redis, cluster, ioredis",
  startShared,
  async ({ cluster: { nodes } }) => {
    const [client, other, subscriber] = [1, 2, 3].map(() => new Cluster([...nodes])) as [
      Cluster,
      Cluster,
      Cluster,
    ];
    return {
      client,
      other,
      subscriber,
      close: async () => {
        for (const each of [client, other, subscriber]) each.disconnect();
      },
    };
  },
  { sequences: 2 },
);

redisSuite(
  "redis, cluster, node-redis",
  startShared,
  async ({ cluster: { nodes } }) => {
    const rootNodes = nodes.map(({ host, port }) => ({ url: `redis://${host}:${port}` }));
    const client = createCluster({ rootNodes });
    const other = createCluster({ rootNodes });
    const subscriber = createCluster({ rootNodes });
    for (const each of [client, other, subscriber]) await each.connect();
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

redisSuite(
  "redis, cluster, valkey-glide",
  startShared,
  async ({ cluster: { nodes } }) => {
    const options = {
      addresses: [...nodes],
      requestTimeout: 30_000,
      inflightRequestsLimit: 5000,
    };
    const client = await GlideClusterClient.createClient(options);
    const other = await GlideClusterClient.createClient(options);
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
