/**
 * A `watch` for stores that have none: handles of one backend tell each other of their writes, as a
 * server would, and the line between them can be cut.
 *
 * @module
 */

import type { Revocations, SessionStore, StoreChange } from "../../src/stores/contract.ts";
import { aroundVerbs } from "../../src/testing/verbs.ts";

type Store = SessionStore & Revocations;

export interface Line {
  /** A handle that tells what it has written before it says so, and hears what the others tell. */
  connect(store: Store): Store;
  /** What is told from now on is lost; `noticed`: and the handles say so. */
  cut(noticed: boolean): void;
  /** It works again, and the handles say so. */
  mend(): void;
  /** How many listen. */
  listeners(): number;
}

export function tellingLine(): Line {
  const listeners = new Set<(change: StoreChange) => void>();
  let isCut = false;

  function tell(change: StoreChange): void {
    for (const listener of listeners) listener(change);
  }

  return {
    connect(store) {
      const telling = aroundVerbs(store, async ({ verb, args }, invoke) => {
        try {
          return await invoke();
        } finally {
          const change = changeOf(verb, args);
          if (change !== undefined && !isCut) tell(change);
        }
      });
      return {
        ...allOf(telling),
        watch(listener) {
          listeners.add(listener);
          return () => {
            listeners.delete(listener);
          };
        },
      };
    },
    cut(noticed) {
      isCut = true;
      if (noticed) tell({ kind: "lost" });
    },
    mend() {
      isCut = false;
      tell({ kind: "everything" });
    },
    listeners: () => listeners.size,
  };
}

function changeOf(verb: string, args: readonly unknown[]): StoreChange | undefined {
  const [first] = args as [string | { id: string }];
  if (verb === "update" || verb === "touch") return { kind: "session", id: first as string };
  if (verb === "create") return { kind: "session", id: (first as { id: string }).id };
  if (verb === "cutOff") return { kind: "user", id: first as string };
  // By a node whose clock is ahead: to the others what it removes is not over yet.
  if (verb === "sweep") return { kind: "everything" };
  return undefined;
}

/** The verbs of a proxied store as an object of their own. */
export function allOf(store: Store): Store {
  const { name, traits, load, create, update, touch, cutOff, list, sweep, close, add, since } =
    store;
  return {
    ...{ name, traits, load, create, update, touch, cutOff, list, sweep, close, add, since },
  };
}

/**
 * Handles of one store in memory, with its own `watch`. To close one leaves the store open. Sweeps are
 * told as well: one by a node whose clock is ahead removes what is not over yet to the others.
 */
export function handlesOf(store: Store): () => Store {
  const listeners = new Set<(change: StoreChange) => void>();
  return () => ({
    ...allOf(store),
    async sweep(limit, now) {
      const removed = await store.sweep(limit, now);
      for (const listener of listeners) listener({ kind: "everything" });
      return removed;
    },
    watch(listener) {
      const end = store.watch?.(listener);
      listeners.add(listener);
      return () => {
        end?.();
        listeners.delete(listener);
      };
    },
    close: async () => undefined,
  });
}
