import { nodeRedis } from "../../support/redis-packages.ts";
import { redisSuite, startRedisGround } from "../../support/redis-suites.ts";

redisSuite("redis, node-redis", startRedisGround, nodeRedis, { races: false });
