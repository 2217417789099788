/**
 * Keeps sessions in anything that Keyv reaches. Without conditional writes: for one process.
 *
 * @module
 */

import { ConfigError } from "../errors.ts";
import type { Revocations, SessionStore } from "./contract.ts";
import type { BridgeOptions } from "./key-value-bridge.ts";
import { bridgeOptions, bridgeTo, requireMethods } from "./key-value-bridge.ts";

/** What is used of a `Keyv`. */
export interface KeyvLike {
  get(key: string): Promise<unknown>;
  set(key: string, value: string, ttl?: number): Promise<unknown>;
  delete(key: string): Promise<unknown>;
  on?(event: "error", listener: (error: unknown) => void): unknown;
  off?(event: "error", listener: (error: unknown) => void): unknown;
}

export interface KeyvStoreOptions extends BridgeOptions {
  /** A `Keyv` that throws what goes wrong. The store never connects it and never closes it. */
  readonly client: KeyvLike;
}

/**
 * Creates a store on a `Keyv`: for one process, and for an app that accepts
 * `acceptUnconditionalStore: true`.
 *
 * @throws {ConfigError} when `client` is no `Keyv`, or one that hides errors.
 * @example
 * ```ts
 * const client = new Keyv({ store: adapter, throwOnErrors: true });
 * const store = keyvStore({ client });
 * ```
 */
export function keyvStore(options: KeyvStoreOptions): SessionStore & Revocations {
  const { client, prefix = "coatcheck:", ...rest } = bridgeOptions(options);
  requireMethods(client, ["get", "set", "delete"], "a Keyv");
  // One of Memcached has these as well, and without a callback gives nothing: everyone would be signed out.
  if ("gets" in client) throw new ConfigError("client", "must be a Keyv: see `memcachedStore`");
  requireErrors(client);
  // Keyv 6 tells of errors in no other way, and then gives what it gives for an absent key.
  let errors = 0;
  let last: unknown;
  const noted = (error: unknown): void => {
    errors += 1;
    last = error;
  };

  /** What is missing after an error of any call may be there: better an error than "signed out". */
  async function told<Value>(call: () => Promise<Value>, isFailure: (value: Value) => boolean) {
    const before = errors;
    const value = await call();
    if (isFailure(value) && errors !== before) throw last;
    return value;
  }

  const backend = {
    async get(key: string): Promise<string | undefined> {
      const value = await told(
        () => client.get(key),
        (found) => found === undefined || found === null,
      );
      if (value === undefined || value === null) return undefined;
      if (typeof value !== "string") throw new Error(`Keyv gave a ${typeof value} for a text`);
      return value;
    },
    async set(key: string, text: string, lifetime: number | undefined): Promise<void> {
      // 0 and not absent: else Keyv's own default lifetime would take its place.
      const done = await client.set(key, text, lifetime ?? 0);
      if (done === false) throw new Error("Keyv could not write");
    },
    async remove(key: string): Promise<void> {
      await told(
        () => client.delete(key),
        (isDone) => isDone === false,
      );
    },
  };
  const store = bridgeTo("keyv", client, backend, { ...rest, prefix });
  client.on?.("error", noted);
  return {
    ...store,
    async close() {
      await store.close();
      client.off?.("error", noted);
    },
  };
}

/** A Keyv 5, or an adapter of it that hides errors would let an outage pass for "signed out". */
function requireErrors(client: KeyvLike): void {
  const keyv = client as { throwOnErrors?: unknown; store?: { throwOnErrors?: unknown } | null };
  if (keyv.throwOnErrors === false) {
    throw new ConfigError(
      "client",
      "must throw what goes wrong: new Keyv({ throwOnErrors: true })",
    );
  }
  if (keyv.store?.throwOnErrors === false) {
    throw new ConfigError(
      "client",
      "has an adapter that hides what goes wrong: give that one `throwOnErrors: true` as well",
    );
  }
}
