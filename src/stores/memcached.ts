/**
 * Keeps sessions in Memcached, which forgets: what it has forgotten is signed out, and never comes back.
 *
 * @module
 */

import { requireName, section } from "../errors.ts";
import type { SessionStore } from "./contract.ts";
import { storeOfCells } from "./key-value.ts";
import { memcachedCells } from "./memcached-cells.ts";
import type { MemcacheClientLike, MemcachedLike } from "./memcached-clients.ts";
import { memcachedCommands } from "./memcached-clients.ts";

export type { MemcacheClientLike, MemcachedLike } from "./memcached-clients.ts";

export interface MemcachedStoreOptions {
  /** A client of `memcache-client` or `memcached`. The store never closes it. */
  readonly client: MemcacheClientLike | MemcachedLike;
  /**
   * Put before every key: up to 64 letters, digits, or any of `_.:-`. Change it when two apps share a
   * server.
   *
   * @default "coatcheck:"
   */
  readonly prefix?: string | undefined;
}

// A value may have 1 MiB, and text within text gets up to twice as long.
const MAX_BODY_BYTES = 500_000;
const BUCKETS = 128;

/**
 * Creates a store on Memcached 1.6 or later.
 *
 * @throws {ConfigError} when `client` is no supported client, or one that moves sessions between
 *   servers by itself.
 * @example
 * ```ts
 * const client = new MemcacheClient({ server: "127.0.0.1:11211" });
 * const store = memcachedStore({ client });
 * ```
 */
export function memcachedStore(options: MemcachedStoreOptions): SessionStore {
  const { client, prefix = "coatcheck:" } = section("options", options, ["client", "prefix"]);
  requireName("prefix", prefix);
  return storeOfCells({
    name: "memcached",
    traits: {
      maxBodyBytes: MAX_BODY_BYTES,
      ownClock: false,
      conditionalWrites: true,
      forgets: ["restart", "eviction"],
      shared: true,
    },
    cells: memcachedCells(memcachedCommands(client)),
    prefix,
    readsTogether: true,
    buckets: BUCKETS,
  });
}
