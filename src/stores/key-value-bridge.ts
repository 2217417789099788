/**
 * What the stores on other libraries' key-value interfaces share: traits, options, and a feed.
 *
 * @module
 */

import { ConfigError, requireName, section } from "../errors.ts";
import { dateNow } from "../lib/clock.ts";
import { withoutValues } from "../lib/plain-error.ts";
import type { Revocations, SessionStore, StoreTraits } from "./contract.ts";
import { storeOfCells } from "./key-value.ts";
import type { PlainBackend } from "./key-value-cells.ts";
import { queuedCells } from "./key-value-cells.ts";
import { keyValueFeed } from "./key-value-feed.ts";
import { keyValueKeys } from "./key-value-texts.ts";

export interface BridgeOptions {
  /** Put before every key: sets apart what else uses the backend. Letters, digits, `_`, `.`, `:`, `-`. */
  readonly prefix?: string | undefined;
  /**
   * What makes acknowledged writes of the backend disappear. Only you know it; say `[]` for a database
   * that keeps what it has acknowledged.
   *
   * @default ["restart", "eviction", "failover"]
   */
  readonly forgets?: StoreTraits["forgets"] | undefined;
  /** Tells which revocations are over, in milliseconds since the epoch. @default Date.now */
  readonly clock?: (() => number) | undefined;
}

const MAX_BODY_BYTES = 1024 * 1024;
const FORGETS = ["restart", "eviction", "failover"] as const;
const BUCKETS = 16;

/** @throws {ConfigError} for options that no bridge has. */
export function bridgeOptions<Client>(
  options: BridgeOptions & { readonly client: Client },
): typeof options {
  return section("options", options, ["client", "prefix", "forgets", "clock"]);
}

/** Makes a store without conditional writes: changes wait for each other in this process only. */
export function bridgeTo(
  name: string,
  client: object,
  backend: PlainBackend,
  options: BridgeOptions & { readonly prefix: string },
): SessionStore & Revocations {
  const { prefix, forgets = FORGETS, clock = dateNow } = options;
  requireName("prefix", prefix);
  if (!Array.isArray(forgets) || !forgets.every((event) => FORGETS.includes(event))) {
    throw new ConfigError("forgets", 'must be a list of "restart", "eviction", "failover"');
  }
  if (typeof clock !== "function") throw new ConfigError("clock", "must be a function");
  const cells = queuedCells(client, {
    get: (key) => backend.get(key).catch(refuse),
    set: (key, text, lifetime) => backend.set(key, text, lifetime).catch(refuse),
    remove: (key) => backend.remove(key).catch(refuse),
  });
  const store = storeOfCells({
    name,
    traits: {
      maxBodyBytes: MAX_BODY_BYTES,
      ownClock: false,
      conditionalWrites: false,
      forgets: [...forgets],
      shared: false,
    },
    cells,
    prefix,
    readsTogether: false,
    buckets: BUCKETS,
  });
  const feed = keyValueFeed(cells, keyValueKeys(prefix), clock);
  let isOpen = true;

  function requireOpen(): void {
    if (!isOpen) throw new Error(`the ${name} store is closed`);
  }

  return {
    ...store,
    async sweep(limit, now) {
      const removed = await store.sweep(limit, now);
      await feed.sweep(now);
      return removed;
    },
    async close() {
      isOpen = false;
      await store.close();
    },
    async add(revocation) {
      requireOpen();
      await feed.add(revocation);
    },
    async since(cursor) {
      requireOpen();
      return await feed.since(cursor);
    },
  };
}

/** What lies behind the library may be a client that puts what was to be written on its errors. */
function refuse(error: unknown): never {
  throw withoutValues(error);
}

/** @throws {ConfigError} when a client lacks one of these methods. */
export function requireMethods(
  client: unknown,
  methods: readonly string[],
  what: string,
): asserts client is object {
  const candidate = client as Record<string, unknown> | null | undefined;
  const isObject = typeof candidate === "object" && candidate !== null;
  const missing = isObject
    ? methods.filter((method) => typeof candidate[method] !== "function")
    : methods;
  if (missing.length > 0) {
    throw new ConfigError("client", `must be ${what}: it has no ${missing.join(", no ")}`);
  }
}
