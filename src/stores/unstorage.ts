/**
 * Keeps sessions in anything that unstorage has a driver for. Without conditional writes: for one process.
 *
 * @module
 */

import type { Revocations, SessionStore } from "./contract.ts";
import type { BridgeOptions } from "./key-value-bridge.ts";
import { bridgeOptions, bridgeTo, requireMethods } from "./key-value-bridge.ts";

/** What is used of a `Storage` of unstorage. */
export interface UnstorageLike {
  getItem(key: string): Promise<unknown>;
  setItem(key: string, value: string, options?: { ttl?: number }): Promise<void>;
  removeItem(key: string): Promise<void>;
}

export interface UnstorageStoreOptions extends BridgeOptions {
  /** What `createStorage` has made. The store never disposes of it. */
  readonly client: UnstorageLike;
}

// In front of each text, with its length: unstorage would make a value of whatever looks like JSON.
const TEXT = "coatcheck ";

/**
 * Creates a store on a storage of unstorage: for one process, and for an app that accepts
 * `acceptUnconditionalStore: true`.
 *
 * @throws {ConfigError} when `client` is no storage.
 * @example
 * ```ts
 * const client = createStorage({ driver: fsDriver({ base: "data/sessions" }) });
 * const store = unstorageStore({ client });
 * ```
 */
export function unstorageStore(options: UnstorageStoreOptions): SessionStore & Revocations {
  const { client, prefix = "coatcheck:", ...rest } = bridgeOptions(options);
  requireMethods(client, ["getItem", "setItem", "removeItem"], "a storage of unstorage");
  const backend = {
    async get(key: string): Promise<string | undefined> {
      const value = await client.getItem(key);
      if (value === undefined || value === null) return undefined;
      if (typeof value !== "string" || !isBegun(value)) {
        throw new Error("the storage gave something that coatcheck did not write");
      }
      const end = value.indexOf(" ", TEXT.length);
      const text = value.slice(end + 1);
      // A file that was begun and not finished when the process ended. What it held is lost.
      const isWhole = end > 0 && Number(value.slice(TEXT.length, end)) === text.length;
      return isWhole ? text : undefined;
    },
    async set(key: string, text: string, lifetime: number | undefined): Promise<void> {
      // In seconds, and only some drivers heed it.
      const ttl = lifetime === undefined ? {} : { ttl: Math.ceil(lifetime / 1000) };
      await client.setItem(key, `${TEXT}${text.length} ${text}`, ttl);
    },
    async remove(key: string): Promise<void> {
      await client.removeItem(key);
    },
  };
  return bridgeTo("unstorage", client, backend, { ...rest, prefix });
}

/** Whether this may be the beginning of a text of ours. */
function isBegun(value: string): boolean {
  return value.startsWith(TEXT) || TEXT.startsWith(value);
}
