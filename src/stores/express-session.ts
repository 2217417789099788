/**
 * Keeps sessions in a store that was made for express-session. Without conditional writes: for one
 * process.
 *
 * @module
 */

import type { Revocations, SessionStore } from "./contract.ts";
import type { BridgeOptions } from "./key-value-bridge.ts";
import { bridgeOptions, bridgeTo, requireMethods } from "./key-value-bridge.ts";

/** What is used of an express-session store: `connect-redis`, `connect-pg-simple`, `session-file-store`, … */
export interface ExpressSessionStoreLike {
  get(sid: string, callback: (error?: unknown, session?: unknown) => void): unknown;
  set(sid: string, session: unknown, callback: (error?: unknown) => void): unknown;
  destroy(sid: string, callback: (error?: unknown) => void): unknown;
}

export interface ExpressSessionStoreOptions extends BridgeOptions {
  /** A store as express-session takes it. It is never closed, and should be used by nobody else. */
  readonly client: ExpressSessionStoreLike;
}

// For what has no end: these stores have defaults of a day or less.
const LONGEST = 10 * 365 * 24 * 60 * 60 * 1000;

/**
 * Creates a store on one of express-session's: for one process, and for an app that accepts
 * `acceptUnconditionalStore: true`.
 *
 * @throws {ConfigError} when `client` is no such store.
 * @example
 * ```ts
 * const store = expressSessionStore({ client: new RedisStore({ client: redis }) });
 * ```
 */
export function expressSessionStore(
  options: ExpressSessionStoreOptions,
): SessionStore & Revocations {
  const { client, prefix = "coatcheck-", ...rest } = bridgeOptions(options);
  requireMethods(client, ["get", "set", "destroy"], "a store of express-session");
  const backend = {
    async get(key: string): Promise<string | undefined> {
      const session = await answer((done) => client.get(key, done), "may be missing");
      if (session === undefined || session === null) return undefined;
      const { coatcheck: text } = session as Partial<Foreign>;
      if (typeof text !== "string") {
        throw new Error("the store gave something that coatcheck did not write");
      }
      return text;
    },
    async set(key: string, text: string, lifetime: number | undefined): Promise<void> {
      await answer((done) => client.set(key, foreign(text, lifetime ?? LONGEST), done));
    },
    async remove(key: string): Promise<void> {
      await answer((done) => client.destroy(key, done), "may be missing");
    },
  };
  return bridgeTo("express-session", client, backend, { ...rest, prefix });
}

/** A text as a session of express-session, whose cookie says how long it is to be kept. */
interface Foreign {
  readonly cookie: object;
  readonly coatcheck: string;
}

function foreign(text: string, lifetime: number): Foreign {
  const expires = new Date(Date.now() + lifetime);
  // Some go by the moment, some by one of the two durations.
  return { cookie: { expires, maxAge: lifetime, originalMaxAge: lifetime }, coatcheck: text };
}

async function answer(
  call: (done: (error?: unknown, value?: unknown) => void) => unknown,
  what?: "may be missing",
): Promise<unknown> {
  try {
    return await new Promise<unknown>((resolve, reject) => {
      const done = (error?: unknown, value?: unknown): void => {
        if (error) reject(error);
        else resolve(value);
      };
      // Some of them throw, or reject, instead of calling back.
      new Promise((settle) => settle(call(done))).catch(reject);
    });
  } catch (error) {
    // express-session takes a missing file for a missing session, and so do its stores.
    if (what === "may be missing" && isMissing(error)) return undefined;
    throw error;
  }
}

function isMissing(error: unknown): boolean {
  return (error as { code?: unknown } | null | undefined)?.code === "ENOENT";
}
