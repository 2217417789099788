/**
 * What all layers have in common: the verbs handed on as they are, also those that not every store has.
 *
 * @module
 */

import { ConfigError } from "../../errors.ts";
import type { Revocations, SessionStore } from "../contract.ts";

/** A store, with or without a feed of revocations. */
export type AnyStore = SessionStore & Partial<Revocations>;

/** A store with something around it: it keeps revocations if the store does. */
export type Layered<Store> = SessionStore &
  (Store extends Revocations ? Revocations : Partial<Revocations>);

const VERBS = ["load", "create", "update", "touch", "cutOff", "list", "sweep", "close"] as const;

/**
 * A store that hands every call on, for a layer to put its own verbs over. What the store does not
 * have, it does not have either: that is how the core sees what a store can do.
 *
 * @param option - what it is called when it is none.
 * @throws {ConfigError} when it is none.
 */
export function handOn<Store extends AnyStore>(store: Store, option = "store"): Layered<Store> {
  const isStore = VERBS.every(
    (verb) => typeof (store as AnyStore | undefined)?.[verb] === "function",
  );
  if (!isStore) {
    throw new ConfigError(option, "is no session store: call its factory, as in memoryStore()");
  }
  const { home, watch, refresh, recall, add, since } = store as AnyStore;
  const handed: AnyStore = {
    name: store.name,
    traits: store.traits,
    load: (id) => store.load(id),
    create: (record, startedAgo, now) => store.create(record, startedAgo, now),
    update: (id, revision, next, now) => store.update(id, revision, next, now),
    touch: (id, lastSeenAt, expiresAt, now) => store.touch(id, lastSeenAt, expiresAt, now),
    cutOff: (userId, options, now) => store.cutOff(userId, options, now),
    list: (query, now) => store.list(query, now),
    sweep: (limit, now) => store.sweep(limit, now),
    close: () => store.close(),
    ...(home !== undefined && { home: (userId) => home.call(store, userId) }),
    ...(watch !== undefined && { watch: (listener) => watch.call(store, listener) }),
    ...(refresh !== undefined && { refresh: (id) => refresh.call(store, id) }),
    ...(recall !== undefined && { recall: (id) => recall.call(store, id) }),
    ...(add !== undefined && { add: (revocation) => add.call(store, revocation) }),
    ...(since !== undefined && { since: (cursor) => since.call(store, cursor) }),
  };
  return handed as Layered<Store>;
}
