/**
 * The session of a request in express-session's API: its data, and methods that are not enumerable.
 *
 * @module
 */

import type { CookieInside, SessionRequest, Session as SessionType } from "./types.ts";

type WithRequest = SessionType & { readonly req: SessionRequest };

export type Session = SessionType;

// A function, since stores and tests call it in the ways that a class of the language forbids.
/** Makes the session of a request, with this data. Names of methods are not taken from the data. */
export const Session: {
  new (request: SessionRequest, data?: object): SessionType;
  prototype: SessionType;
} = function Session(this: SessionType, request: SessionRequest, data?: object): void {
  Object.defineProperty(this, "req", { value: request });
  Object.defineProperty(this, "id", { value: request.sessionID });
  if (typeof data !== "object" || data === null) return;
  for (const [key, value] of Object.entries(data)) {
    if (!(key in this)) Reflect.set(this, key, value);
  }
} as never;

const methods: Partial<SessionType> & ThisType<WithRequest> = {
  touch() {
    return this.resetMaxAge();
  },
  resetMaxAge() {
    (this.cookie as CookieInside).maxAge = this.cookie.originalMaxAge;
    return this;
  },
  save(callback = ignore) {
    this.req.sessionStore.set(this.id, this, callback);
    return this;
  },
  reload(callback) {
    const { req } = this;
    const store = req.sessionStore;
    store.get(this.id, (error: unknown, session: unknown) => {
      if (error) return callback(error);
      if (!session) return callback(new Error("failed to load session"));
      store.createSession(req, session);
      callback();
    });
    return this;
  },
  destroy(callback) {
    delete this.req.session;
    this.req.sessionStore.destroy(this.id, callback);
    return this;
  },
  regenerate(callback) {
    this.req.sessionStore.regenerate(this.req, callback);
    return this;
  },
};

for (const [name, value] of Object.entries(methods)) {
  Object.defineProperty(Session.prototype, name, { configurable: true, writable: true, value });
}

function ignore(): void {
  // Whoever gives no callback does not want to know.
}
