import { glideCluster, ioredisCluster, nodeRedisCluster } from "../../support/redis-packages.ts";
import { redisSuite, sharedGround, startClusterGround } from "../../support/redis-suites.ts";

// One cluster for all of them: it takes its time to find together.
const startShared = sharedGround(startClusterGround, 3);

redisSuite("redis, cluster, ioredis", startShared, ioredisCluster, { sequences: 2 });
redisSuite("redis, cluster, node-redis", startShared, nodeRedisCluster, { races: false });
redisSuite("redis, cluster, valkey-glide", startShared, glideCluster, { races: false });
