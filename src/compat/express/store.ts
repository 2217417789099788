/**
 * The base of all stores in express-session's API: it emits events, and makes sessions of what it reads.
 *
 * @module
 */

import { EventEmitter } from "node:events";
import { Cookie } from "./cookie.ts";
import { passOrigin } from "./origins.ts";
import { Session } from "./session.ts";
import type {
  GeneratingStore,
  SessionData,
  SessionRequest,
  Store as StoreType,
  Untyped,
} from "./types.ts";

/** The constructor that stores extend: they add `get`, `set` and `destroy`. */
export interface StoreConstructor {
  new (options?: Untyped): StoreBase;
  prototype: StoreBase;
}

/** What the base gives: events, and the methods over `get` and `destroy`. */
export type StoreBase = EventEmitter & Pick<StoreType, "regenerate" | "load" | "createSession">;

export type Store = StoreType;

// A function, since stores of every age inherit from it with `util.inherits` and call it.
export const Store: StoreConstructor = function Store(this: EventEmitter): void {
  EventEmitter.call(this);
} as never;

Object.setPrototypeOf(Store, EventEmitter);
Object.setPrototypeOf(Store.prototype, EventEmitter.prototype);

const methods: Pick<StoreType, "regenerate" | "load" | "createSession"> &
  ThisType<GeneratingStore> = {
  regenerate(request: SessionRequest, callback) {
    this.destroy(request.sessionID as string, (error) => {
      this.generate(request);
      callback(error);
    });
  },
  load(sid, callback) {
    this.get(sid, (error, session) => {
      if (error) return callback(error);
      if (!session) return callback(undefined);
      callback(null, this.createSession({ sessionID: sid, sessionStore: this }, session));
    });
  },
  createSession(request: SessionRequest, session: SessionData) {
    const expires: unknown = session.cookie.expires;
    const originalMaxAge = session.cookie.originalMaxAge;
    session.cookie = new Cookie(session.cookie);
    if (typeof expires === "string") session.cookie.expires = new Date(expires);
    // Setting the expiry has changed it.
    session.cookie.originalMaxAge = originalMaxAge;
    const made = new Session(request, session);
    passOrigin(session, made);
    request.session = made;
    return made as never;
  },
};

for (const [name, value] of Object.entries(methods)) {
  Object.defineProperty(Store.prototype, name, { configurable: true, writable: true, value });
}
