/**
 * The options of a Redis store, and the same checked and with every default.
 *
 * @module
 */

import { ConfigError, section } from "../errors.ts";
import { dateNow } from "../lib/clock.ts";
import type { StoreTraits } from "./contract.ts";
import type { RedisClient, RedisLink } from "./redis-client.ts";
import { isPool, redisLink } from "./redis-client.ts";
import type { Confirmation } from "./redis-run.ts";
import type { RedisSubscriber } from "./redis-watch.ts";

export interface RedisStoreOptions {
  /**
   * A connected client of redis, ioredis, iovalkey or @valkey/valkey-glide. The store never configures
   * and never closes it.
   */
  readonly client: RedisClient;
  /** Begins every key. Sets apart apps that share a server. @default "coatcheck" */
  readonly namespace?: string | undefined;
  /**
   * A second connected client, which does nothing but listen: with it the store has `watch`, and
   * publishes what it changes. Give one in every process of the app, or in none.
   *
   * @default none: nothing is published
   */
  readonly subscriber?: RedisSubscriber | undefined;
  /**
   * How many replicas must have a revocation, a sign-out or a cut-off before it is acknowledged.
   *
   * One that too few have confirmed in time is an error. It was made all the same.
   *
   * @default none: they are acknowledged when the primary has them
   */
  readonly confirm?:
    | {
        /** At least 1. */
        readonly replicas: number;
        /** In milliseconds. @default 1000 */
        readonly timeout?: number | undefined;
      }
    | undefined;
  /**
   * What makes acknowledged writes disappear in your deployment. Leave out `"restart"` when every write
   * is on the disk first (`appendfsync always`), `"eviction"` when `maxmemory-policy` is `noeviction`, and
   * `"failover"` where there are no replicas.
   *
   * @default ["restart", "eviction", "failover"]
   */
  readonly forgets?: StoreTraits["forgets"] | undefined;
  /** Tells which revocations are over, in milliseconds since the epoch. @default Date.now */
  readonly clock?: (() => number) | undefined;
}

/** What the store works with. */
export interface RedisSettings {
  readonly link: RedisLink;
  readonly namespace: string;
  readonly subscriber: RedisSubscriber | undefined;
  readonly confirm: Confirmation | undefined;
  readonly forgets: StoreTraits["forgets"];
  readonly clock: () => number;
}

const KNOWN = ["client", "namespace", "subscriber", "confirm", "forgets", "clock"] as const;
const CONFIRM = ["replicas", "timeout"] as const;
const FORGETTING = ["restart", "eviction", "failover"] as const;

/** @throws {ConfigError} when an option cannot work. */
export function redisSettings(options: RedisStoreOptions): RedisSettings {
  const {
    client,
    namespace = "coatcheck",
    subscriber,
    confirm,
    forgets = FORGETTING,
    clock = dateNow,
  } = section("options", options, KNOWN);
  if (typeof namespace !== "string" || !/^[\w.:-]{1,64}$/.test(namespace)) {
    throw new ConfigError("namespace", "must be 1 to 64 letters, digits, or any of `_.:-`");
  }
  const { replicas = 1, timeout = 1000 } = section("confirm", confirm, CONFIRM);
  if (!Number.isSafeInteger(replicas) || replicas < 1) {
    throw new ConfigError("confirm.replicas", "must be a whole number from 1 on");
  }
  if (!Number.isSafeInteger(timeout) || timeout < 1) {
    throw new ConfigError("confirm.timeout", "must be a whole number of milliseconds from 1 on");
  }
  if (!Array.isArray(forgets) || !forgets.every((what) => FORGETTING.includes(what))) {
    throw new ConfigError("forgets", 'must be an array of "restart", "eviction" and "failover"');
  }
  if (typeof clock !== "function") throw new ConfigError("clock", "must be a function");
  const link = redisLink(client);
  if (confirm !== undefined && isPool(client)) {
    throw new ConfigError("confirm", "needs a client with one connection, not a pool of them");
  }
  if (Object.is(subscriber, client)) {
    throw new ConfigError("subscriber", "must be another client than `client`");
  }
  const wanted = confirm && { replicas, timeout };
  return { link, namespace, subscriber, confirm: wanted, forgets: [...forgets], clock };
}
