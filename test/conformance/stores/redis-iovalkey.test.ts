import { iovalkey } from "../../support/redis-packages.ts";
import { redisSuite, startRedisGround } from "../../support/redis-suites.ts";

redisSuite("redis, iovalkey", startRedisGround, iovalkey, { races: false });
