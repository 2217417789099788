/**
 * Puts a function around every call of a store: what faults, recordings and yield points are made of.
 *
 * @module
 */

import type { Revocations, SessionStore } from "../stores/contract.ts";

/** Those that every store has. */
export const VERBS_OF_ALL = [
  "load",
  "create",
  "update",
  "touch",
  "cutOff",
  "list",
  "sweep",
] as const;

/** A method of a store, or of its feed of revocations, that asks the backend. */
export type Verb = (typeof VERBS_OF_ALL)[number] | "refresh" | "home" | "add" | "since";

const VERBS: readonly Verb[] = [...VERBS_OF_ALL, "refresh", "home", "add", "since"];

export function isVerb(name: unknown): name is Verb {
  return (VERBS as readonly unknown[]).includes(name);
}

/** One call of a verb. */
export interface StoreCall {
  readonly verb: Verb;
  /** As they were given, in the order of the contract. */
  readonly args: readonly unknown[];
}

/** Decides about one call: `invoke` is the call itself and may run never, once or more often. */
export type AroundCall = (call: StoreCall, invoke: () => Promise<unknown>) => Promise<unknown>;

/**
 * The same store with `around` about each of its verbs. `name`, `traits`, `close`, `watch` and
 * whatever else it has stay as they are.
 */
export function aroundVerbs<Store extends SessionStore & Partial<Revocations>>(
  store: Store,
  around: AroundCall,
): Store {
  // Methods are called on the store itself, so that one with private fields works as well.
  const wrapped: Record<string, unknown> = {};
  for (const verb of VERBS) {
    const method = store[verb] as ((...args: unknown[]) => Promise<unknown>) | undefined;
    if (method === undefined) continue;
    wrapped[verb] = async (...args: unknown[]): Promise<unknown> =>
      await around({ verb, args }, async () => await method.apply(store, args));
  }
  return new Proxy(store, {
    get(target, key) {
      if (typeof key === "string" && Object.hasOwn(wrapped, key)) return wrapped[key];
      const value: unknown = Reflect.get(target, key, target);
      return typeof value === "function" ? value.bind(target) : value;
    },
  });
}
