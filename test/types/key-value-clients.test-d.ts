import type { RedisStore } from "connect-redis";
import type { MemoryStore, Store } from "express-session";
import type Keyv5 from "keyv";
import type Keyv4 from "keyv4";
import type { Keyv as Keyv6 } from "keyv6";
import type { MemcacheClient } from "memcache-client";
import type Memcached from "memcached";
import type sessionFileStore from "session-file-store";
import type { Storage } from "unstorage";
import type { Storage as OldestStorage } from "unstorage-oldest";
import { expectTypeOf, test } from "vitest";
import type { ExpressSessionStoreLike } from "../../src/stores/express-session.ts";
import type { KeyvLike } from "../../src/stores/keyv.ts";
import type { MemcacheClientLike, MemcachedLike } from "../../src/stores/memcached.ts";
import type { UnstorageLike } from "../../src/stores/unstorage.ts";

test("every Keyv from 4.5 to 6 fits", () => {
  expectTypeOf<Keyv4>().toExtend<KeyvLike>();
  expectTypeOf<Keyv5>().toExtend<KeyvLike>();
  expectTypeOf<Keyv5<string>>().toExtend<KeyvLike>();
  expectTypeOf<Keyv6>().toExtend<KeyvLike>();
  expectTypeOf<Keyv6<string>>().toExtend<KeyvLike>();
  expectTypeOf<Map<string, string>>().not.toExtend<KeyvLike>();
});

test("every storage of unstorage 1 fits", () => {
  expectTypeOf<Storage>().toExtend<UnstorageLike>();
  expectTypeOf<Storage<string>>().toExtend<UnstorageLike>();
  expectTypeOf<OldestStorage>().toExtend<UnstorageLike>();
  expectTypeOf<Keyv5>().not.toExtend<UnstorageLike>();
});

test("every store of express-session fits", () => {
  expectTypeOf<Store>().toExtend<ExpressSessionStoreLike>();
  expectTypeOf<MemoryStore>().toExtend<ExpressSessionStoreLike>();
  expectTypeOf<RedisStore>().toExtend<ExpressSessionStoreLike>();
  expectTypeOf<
    InstanceType<ReturnType<typeof sessionFileStore>>
  >().toExtend<ExpressSessionStoreLike>();
  expectTypeOf<Keyv5>().not.toExtend<ExpressSessionStoreLike>();
});

test("the clients of Memcached fit", () => {
  expectTypeOf<MemcacheClient>().toExtend<MemcacheClientLike>();
  expectTypeOf<Memcached>().toExtend<MemcachedLike>();
});
