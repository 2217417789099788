import { glideCluster, iovalkeyCluster } from "../../support/redis-packages.ts";
import { valkeyPrograms, valkeyServer } from "../../support/redis-servers.ts";
import { redisSuite, sharedGround, startClusterGround } from "../../support/redis-suites.ts";

const start = sharedGround(() => startClusterGround({ program: valkeyServer }), 2);
const options = { programs: valkeyPrograms, races: false };

redisSuite("redis, cluster on Valkey, iovalkey", start, iovalkeyCluster, options);
redisSuite("redis, cluster on Valkey, valkey-glide", start, glideCluster, options);
