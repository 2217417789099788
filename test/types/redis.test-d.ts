/**
 * What a Redis store takes as a client: the oldest and the newest typings of each package.
 *
 * @module
 */

import type { GlideClient, GlideClusterClient } from "@valkey/valkey-glide";
import type { Cluster, Redis } from "ioredis";
import type { Cluster as Cluster5, Redis as Redis5 } from "ioredis5";
import type { Redis as Iovalkey, Cluster as IovalkeyCluster } from "iovalkey";
import type { createClient, createCluster, createSentinel } from "redis";
import type { createClient as createClient4, createCluster as createCluster4 } from "redis4";
import { expectTypeOf, test } from "vitest";
import type { RedisClient, RedisSubscriber } from "../../src/stores/redis.ts";

test("every client of every package is one", () => {
  expectTypeOf<Redis>().toExtend<RedisClient>();
  expectTypeOf<Cluster>().toExtend<RedisClient>();
  expectTypeOf<Redis5>().toExtend<RedisClient>();
  expectTypeOf<Cluster5>().toExtend<RedisClient>();
  expectTypeOf<Iovalkey>().toExtend<RedisClient>();
  expectTypeOf<IovalkeyCluster>().toExtend<RedisClient>();
  expectTypeOf<ReturnType<typeof createClient>>().toExtend<RedisClient>();
  expectTypeOf<ReturnType<typeof createCluster>>().toExtend<RedisClient>();
  expectTypeOf<ReturnType<typeof createSentinel>>().toExtend<RedisClient>();
  expectTypeOf<ReturnType<typeof createClient4>>().toExtend<RedisClient>();
  expectTypeOf<ReturnType<typeof createCluster4>>().toExtend<RedisClient>();
  expectTypeOf<GlideClient>().toExtend<RedisClient>();
  expectTypeOf<GlideClusterClient>().toExtend<RedisClient>();
});

test("every client that can listen is a subscriber", () => {
  expectTypeOf<Redis>().toExtend<RedisSubscriber>();
  expectTypeOf<Cluster>().toExtend<RedisSubscriber>();
  expectTypeOf<Redis5>().toExtend<RedisSubscriber>();
  expectTypeOf<Cluster5>().toExtend<RedisSubscriber>();
  expectTypeOf<Iovalkey>().toExtend<RedisSubscriber>();
  expectTypeOf<IovalkeyCluster>().toExtend<RedisSubscriber>();
  expectTypeOf<ReturnType<typeof createClient>>().toExtend<RedisSubscriber>();
  expectTypeOf<ReturnType<typeof createCluster>>().toExtend<RedisSubscriber>();
  expectTypeOf<ReturnType<typeof createClient4>>().toExtend<RedisSubscriber>();
  expectTypeOf<ReturnType<typeof createCluster4>>().toExtend<RedisSubscriber>();
});

test("what is none is refused", () => {
  expectTypeOf<Map<string, string>>().not.toExtend<RedisClient>();
});
