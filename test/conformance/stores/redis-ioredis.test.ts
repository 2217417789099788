import { ioredis } from "../../support/redis-packages.ts";
import { redisSuite, startRedisGround } from "../../support/redis-suites.ts";

redisSuite("redis, ioredis", startRedisGround, ioredis);
