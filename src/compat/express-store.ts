/**
 * A store of coatcheck's under express-session's API: for express-session itself, for
 * `@fastify/session`, and for `coatcheck/compat/express-session`.
 *
 * @module
 */

import { createEmitter } from "../core/events.ts";
import { createStoreCalls } from "../core/store-calls.ts";
import { ConfigError, section } from "../errors.ts";
import { dateNow } from "../lib/clock.ts";
import type { Duration } from "../lib/duration.ts";
import { DURATION, milliseconds } from "../lib/duration.ts";
import type { SessionStore } from "../stores/contract.ts";
import type { Listed } from "./express/keeper.ts";
import { createKeeper } from "./express/keeper.ts";
import type { StoreBase } from "./express/store.ts";
import { Store } from "./express/store.ts";
import type { GeneratingStore, SessionRequest, Untyped } from "./express/types.ts";

export interface ExpressStoreOptions {
  /**
   * Ends a session whose cookie has no `maxAge` so long after its last use.
   *
   * @default "1d"
   */
  readonly idleTimeout?: Duration | undefined;
  /**
   * How often the end of a session is moved at most, though no less often than ten times in its life.
   * A session may live on for so much longer.
   *
   * @default "1m"
   */
  readonly touchInterval?: Duration | undefined;
  /** How long one call of the store may take. @default "3s" */
  readonly storeDeadline?: Duration | undefined;
  /** In milliseconds since the epoch. @default Date.now */
  readonly clock?: (() => number) | undefined;
}

/** Error-first, and optional: every method also returns a promise. */
type Done = (error?: Untyped, result?: Untyped) => void;

/** What `toExpressStore` gives. Without a callback the promise says what went wrong. */
export interface ExpressStore extends StoreBase {
  get(sid: string, callback?: Done): Promise<Untyped>;
  set(sid: string, session: Untyped, callback?: Done): Promise<void>;
  touch(sid: string, session: Untyped, callback?: Done): Promise<void>;
  destroy(sid: string, callback?: Done): Promise<void>;
  /** Every session, with its id as `id`. */
  all(callback?: Done): Promise<Untyped>;
  ids(callback?: Done): Promise<string[]>;
  length(callback?: Done): Promise<number>;
  /** Ends every session. */
  clear(callback?: Done): Promise<void>;
  /** Removes what is over, `batch` records at a time; how many. @param batch default 1000 */
  sweep(batch?: number): Promise<number>;
}

const KNOWN = ["idleTimeout", "touchInterval", "storeDeadline", "clock"] as const;
const BATCH = 1000;

/**
 * Makes a store for express-session of a store of coatcheck's.
 *
 * A session that was read through it is written over what was read: keys that other requests have
 * changed meanwhile stay, and a session that has ended meanwhile is not written. It emits `"dropped"`
 * with the keys of a write that came after the end, `"overwritten"` with those that two requests have
 * both changed, and `"outage"`.
 *
 * Give the sessions a namespace of their own in the store: coatcheck's own lists would stumble over them.
 *
 * @throws {ConfigError} when the store is none of coatcheck's, or an option cannot work.
 * @example
 * ```ts
 * app.use(session({ secret, store: toExpressStore(lmdbStore({ path: "data/sessions" })) }));
 * ```
 */
export function toExpressStore(store: SessionStore, options?: ExpressStoreOptions): ExpressStore {
  const { clock = dateNow, ...given } = section("options", options, KNOWN);
  if (!isSessionStore(store)) {
    throw new ConfigError("store", "must be a store of coatcheck's, such as lmdbStore({ path })");
  }
  if (!store.traits.conditionalWrites) {
    throw new ConfigError("store", `cannot be ${store.name}, which cannot write conditionally`);
  }
  if (typeof clock !== "function") throw new ConfigError("clock", "must be a function");
  const idle = duration("idleTimeout", given.idleTimeout ?? "1d");
  const deadline = duration("storeDeadline", given.storeDeadline ?? "3s");
  const touchInterval = milliseconds(given.touchInterval ?? "1m");
  if (touchInterval === undefined) {
    throw new ConfigError("touchInterval", `must be ${DURATION}, or 0`);
  }

  const self = Object.create(Store.prototype) as ExpressStore & GeneratingStore;
  (Store as never as (this: object) => void).call(self);
  const events = createEmitter();
  events.on("outage", (event) => void self.emit("outage", event));
  const calls = createStoreCalls(store.name, deadline, events);

  const keeper = createKeeper({ store, calls, clock, idle, touchInterval, owner: self });
  const { read, save, prolong, end, everyone, opened } = keeper;

  async function gather<Item>(make: (each: Listed) => Item): Promise<Item[]> {
    const items: Item[] = [];
    for await (const each of everyone()) items.push(make(each));
    return items;
  }

  async function endAll(): Promise<void> {
    for await (const { sid } of everyone()) await end(sid, "destroyed");
  }

  const verbs: Omit<ExpressStore, keyof StoreBase> & Pick<StoreBase, "regenerate"> = {
    get(sid, callback) {
      let followed = false;
      const found = read(sid).then(({ session, isFollowed }) => {
        followed = isFollowed;
        return session;
      });
      // A third argument, for our own `session()`.
      const tell = callback as
        | ((error: unknown, session?: unknown, is?: boolean) => void)
        | undefined;
      return answered(found, tell && ((error, session) => tell(error, session, followed)));
    },
    set: (sid, session, callback) => answered(save(sid, session), callback),
    touch: (sid, session, callback) => answered(prolong(sid, session), callback),
    destroy: (sid, callback) => answered(end(sid, "destroyed"), callback),
    regenerate(request: SessionRequest, callback) {
      return answered(end(request.sessionID as string, "regenerated"), (error) => {
        self.generate(request);
        callback(error);
      });
    },
    all: (callback) =>
      answered(
        gather((each) => ({ ...opened(each), id: each.sid })),
        callback,
      ),
    ids: (callback) =>
      answered(
        gather(({ sid }) => sid),
        callback,
      ),
    length: (callback) =>
      answered(
        gather(({ sid }) => sid).then((ids) => ids.length),
        callback,
      ),
    clear: (callback) => answered(endAll(), callback),
    async sweep(batch = BATCH) {
      let removed = 0;
      for (;;) {
        const some = await calls.run("sweep", () => store.sweep(batch, clock()));
        removed += some;
        if (some < batch) return removed;
      }
    },
  };
  made.add(self);
  return Object.assign(self, verbs);
}

const made = new WeakSet<object>();

/** Whether `toExpressStore` has made it. @internal */
export function isExpressStore(store: object): store is ExpressStore {
  return made.has(store);
}

/** Whether this is a store of the contract, and not one of express-session's. @internal */
export function isSessionStore(store: unknown): store is SessionStore {
  const verbs = ["load", "create", "update", "touch", "list", "sweep"] as const;
  const given = store as Partial<SessionStore> | undefined;
  return given?.traits !== undefined && verbs.every((verb) => typeof given[verb] === "function");
}

function duration(option: string, given: unknown): number {
  const ms = milliseconds(given);
  if (ms !== undefined && ms > 0) return ms;
  throw new ConfigError(option, `must be ${DURATION}`);
}

/** Calls back, and gives a promise that fails only where nobody was called. */
function answered<Result>(outcome: Promise<Result>, callback: Done | undefined): Promise<Result> {
  if (callback === undefined) return outcome;
  // Out of the promise: what the callback throws is uncaught, as with every other store.
  outcome.then(
    (result) => process.nextTick(callback, null, result),
    (error: unknown) => process.nextTick(callback, error),
  );
  return outcome.catch(() => undefined as Result);
}
