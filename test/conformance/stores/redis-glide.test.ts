import { glide } from "../../support/redis-packages.ts";
import { redisSuite, startRedisGround } from "../../support/redis-suites.ts";

redisSuite("redis, valkey-glide", startRedisGround, glide, { races: false });
