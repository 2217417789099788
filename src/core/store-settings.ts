/**
 * The options about where sessions, and revocations, are kept, with every default filled in; and those that
 * would have no effect there.
 *
 * @module
 */

import { ConfigError, section } from "../errors.ts";
import type { Revocations, SessionStore } from "../stores/contract.ts";
import { POLICY } from "./names.ts";
import { choice, flag, refuseUseless, wait } from "./option-checks.ts";
import type { SessionsOptions } from "./options.ts";
import type { OutagePolicy } from "./session.ts";

const SEALED = ["revocations", "revocationDelay", "overflow", "update"] as const;
// What only stored sessions have.
const STORED = [
  "rotateEvery",
  "rotationGrace",
  "onReuse",
  "onOverwrite",
  "commitDeadline",
] as const;
const ROTATION = ["rotationGrace", "onReuse"] as const;
// What the other library decides for shared ones.
const THEIRS = ["cookie", "version", "migrate"] as const;
const ON_SHARED = "on shared sessions";

export type KeepingMethod = "stored" | "sealed" | "shared";

/** Where sessions and revocations are kept. Durations are milliseconds. */
export interface StoreSettings {
  readonly store: SessionStore | undefined;
  readonly revocations: Revocations | undefined;
  readonly revocationDelay: number;
  readonly overflow: "chunks" | "store";
  readonly sealedUpdates: boolean;
}

/** @throws {ConfigError} naming the option that cannot work. */
export function resolveStores<Data extends object>(
  options: SessionsOptions<Data>,
  method: KeepingMethod,
): StoreSettings {
  const { store } = options;
  const sealed = section("sealed", options.sealed, SEALED);
  if (store !== undefined && !isStore(store)) {
    throw new ConfigError("store", "is no session store: call its factory, as in memoryStore()");
  }
  if (method === "stored") {
    if (store === undefined) {
      throw new ConfigError(
        "store",
        'is required: forgetting one must not mean "in memory". Take lmdbStore({ path }), or memoryStore() for tests',
      );
    }
    const onlySealed = ["revocations", "overflow", "update"] as const;
    refuseUseless(sealed, onlySealed, 'without `method: "sealed"`', "sealed.");
  }
  const isAccepted = flag("acceptUnconditionalStore", options.acceptUnconditionalStore);
  if (store?.traits.conditionalWrites === false && !isAccepted) {
    throw new ConfigError(
      "store",
      `cannot write conditionally (${store.name}): updates can be lost and sessions can come back. ` +
        "Take another store, or accept that with `acceptUnconditionalStore: true`",
    );
  }
  if (method === "shared") {
    refuseUseless(sealed, ["overflow"], ON_SHARED, "sealed.");
    refuseUseless(options, [...STORED, ...THEIRS], ON_SHARED);
  } else if (method !== "stored" && sealed.overflow !== "store") {
    refuseUseless(options, STORED, 'on sealed sessions without `overflow: "store"`');
  }
  if (options.rotateEvery === undefined) {
    // An adopted session's foreign cookie has the same grace.
    const names = options.adopt === undefined ? ROTATION : (["onReuse"] as const);
    refuseUseless(options, names, "without `rotateEvery`");
  }
  const overflow = choice("sealed.overflow", sealed.overflow, ["chunks", "store"]);
  if (overflow === "store" && store === undefined) {
    throw new ConfigError("sealed.overflow", 'is "store", and there is no `store`');
  }
  const revocations = resolveRevocations(store, sealed.revocations, method);
  if (revocations === undefined) {
    refuseUseless(sealed, ["revocationDelay"], "where no revocations are kept", "sealed.");
  }
  return {
    store,
    revocations,
    revocationDelay: wait("sealed.revocationDelay", sealed.revocationDelay, 10_000),
    overflow,
    sealedUpdates:
      choice("sealed.update", sealed.update, ["refuse", "accept-lost-updates"]) !== "refuse",
  };
}

function resolveRevocations(
  store: SessionStore | undefined,
  given: Revocations | "accept-replay" | undefined,
  method: KeepingMethod,
): Revocations | undefined {
  if (given === "accept-replay") return undefined;
  if (given !== undefined) {
    if (!keepsRevocations(given)) {
      throw new ConfigError("sealed.revocations", "must have the methods `add` and `since`");
    }
    return given;
  }
  if (store !== undefined && keepsRevocations(store)) return store;
  if (method === "stored") return undefined;
  throw new ConfigError(
    "sealed.revocations",
    "is required: without it nobody can be signed out. Give a `store` that keeps revocations " +
      '(memoryStore, lmdbStore), or accept replay after sign-out with "accept-replay"',
  );
}

function isStore(store: unknown): store is SessionStore {
  const verbs = ["load", "create", "update", "touch", "cutOff", "list", "sweep", "close"] as const;
  const candidate = store as Partial<SessionStore> | null;
  return (
    typeof candidate === "object" &&
    candidate !== null &&
    verbs.every((verb) => typeof candidate[verb] === "function") &&
    typeof candidate.traits === "object"
  );
}

function keepsRevocations(store: object | null): store is Revocations {
  const { add, since } = (store ?? {}) as Partial<Revocations>;
  return typeof add === "function" && typeof since === "function";
}

/** @throws {ConfigError} for a policy that these sessions cannot keep. */
export function resolveOutage(
  given: OutagePolicy | undefined,
  store: SessionStore | undefined,
  isStored: boolean,
): OutagePolicy {
  const policy = choice("outage", given, POLICY);
  if (policy === "stale" && !isStored) {
    throw new ConfigError("outage", 'cannot be "stale" for sealed sessions: they need no store');
  }
  if (policy === "stale" && store?.recall === undefined) {
    throw new ConfigError(
      "outage",
      'is "stale", and the store remembers nothing: put `cached(store, { staleFor: "60s" })` before it',
    );
  }
  return policy;
}
