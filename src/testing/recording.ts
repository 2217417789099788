/**
 * Counts what a store is asked, for tests that promise a number of calls.
 *
 * @module
 */

import type { Revocations, SessionStore } from "../stores/contract.ts";
import type { StoreCall, Verb } from "./verbs.ts";
import { aroundVerbs } from "./verbs.ts";

/** A store and the calls it got. */
export interface Recording<Store> {
  /** Give this one to whoever is to be watched. */
  readonly store: Store;
  /** In order of arrival, since the last `clear`. */
  readonly calls: readonly StoreCall[];
  /** How many calls there were, of one verb or of all. */
  count(verb?: Verb): number;
  clear(): void;
}

/**
 * Records every call of a verb.
 *
 * @example
 * ```ts
 * const recorded = recording(memoryStore());
 * const sessions = createSessions({ secrets, store: recorded.store });
 * // … one request that reads …
 * assert.equal(recorded.count(), 1);
 * ```
 */
export function recording<Store extends SessionStore & Partial<Revocations>>(
  store: Store,
): Recording<Store> {
  const calls: StoreCall[] = [];
  return {
    store: aroundVerbs(store, (call, invoke) => {
      calls.push(call);
      return invoke();
    }),
    calls,
    count(verb) {
      return verb === undefined ? calls.length : calls.filter((call) => call.verb === verb).length;
    },
    clear() {
      calls.length = 0;
    },
  };
}
