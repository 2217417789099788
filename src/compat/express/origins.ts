/**
 * What a session object was read from, so that a save can tell what its request has changed.
 *
 * express-session's `set` is given a whole session and nothing else. Between two requests the later
 * `set` would take back what the earlier one has written, and bring back a session that has ended.
 *
 * @module
 */

/** Where a session object comes from. */
export interface Origin {
  /** The store that gave it. */
  readonly store: object;
  readonly sid: string;
  /** Its JSON as it was read, or last written by this very object. */
  readonly text: string;
  /** What lies in the store, as far as is known, and at which revision. */
  readonly revision: number;
  readonly current: string;
  /** Until when it lies there, as far as is known. */
  readonly expiresAt: number;
}

const origins = new WeakMap<object, Origin>();
const ended = new WeakMap<object, Pick<Origin, "store" | "sid">>();

export function setOrigin(session: object, origin: Origin): void {
  origins.set(session, origin);
}

/** The origin of a session object of this store and id. */
export function originOf(session: object, store: object, sid: string): Origin | undefined {
  const origin = origins.get(session);
  return origin?.store === store && origin.sid === sid ? origin : undefined;
}

/** Hands the origin of what a store has read on to the session that is made of it. */
export function passOrigin(from: object, to: object): void {
  const origin = origins.get(from);
  if (origin !== undefined) origins.set(to, origin);
}

/** Remembers that the session of this object is over: there nothing of it is written any more. */
export function markEnded(session: object, store: object, sid: string): void {
  ended.set(session, { store, sid });
}

/** Takes that back: its end has failed. */
export function unmarkEnded(session: object): void {
  ended.delete(session);
}

export function hasEnded(session: object, store: object, sid: string): boolean {
  const end = ended.get(session);
  return end?.store === store && end.sid === sid;
}

const asked = new WeakSet<object>();

/**
 * Makes the next write of this session ask the store, also where it could be left out: the answer sets
 * the session's cookie, and must not when the session has ended meanwhile.
 */
export function askStore(session: object): void {
  asked.add(session);
}

export function mustAskStore(session: object): boolean {
  return asked.has(session);
}
