import { glide, iovalkey, nodeRedis } from "../../support/redis-packages.ts";
import { valkeyPrograms, valkeyServer } from "../../support/redis-servers.ts";
import { redisSuite, sharedGround, startRedisGround } from "../../support/redis-suites.ts";

const start = sharedGround(() => startRedisGround({ program: valkeyServer }), 3);
const options = { programs: valkeyPrograms, races: false };

redisSuite("redis on Valkey, iovalkey", start, iovalkey, options);
redisSuite("redis on Valkey, valkey-glide", start, glide, options);
redisSuite("redis on Valkey, node-redis", start, nodeRedis, options);
