/**
 * Sessions in this process's memory, in express-session's API: for development and tests.
 *
 * @module
 */

import { merge, namesOfChanges } from "./merge.ts";
import { markEnded, originOf, setOrigin } from "./origins.ts";
import type { StoreBase } from "./store.ts";
import { Store } from "./store.ts";
import type { SessionData, Store as StoreType } from "./types.ts";

/** Keeps sessions in memory, without a bound. */
export type MemoryStore = StoreBase &
  Required<StoreType> & {
    /** The JSON of each session, by its id. */
    sessions: Record<string, string>;
  };

/**
 * Makes a store in memory. Unlike express-session's it merges what requests at the same time have
 * changed, and brings no session back that has ended meanwhile.
 */
export const MemoryStore: { new (): MemoryStore; prototype: MemoryStore } = function MemoryStore(
  this: MemoryStore,
): void {
  (Store as never as (this: object) => void).call(this);
  this.sessions = Object.create(null) as Record<string, string>;
} as never;

Object.setPrototypeOf(MemoryStore, Store);
Object.setPrototypeOf(MemoryStore.prototype, Store.prototype);

const methods: Omit<Required<StoreType>, keyof StoreBase> & ThisType<MemoryStore> = {
  get(sid, callback) {
    const text = liveText(this, sid);
    let session: SessionData | undefined;
    if (text !== undefined) {
      session = JSON.parse(text) as SessionData;
      setOrigin(session, { store: this, sid, text, ...NOT_NEEDED, current: text });
    }
    setImmediate(callback, null, session);
  },
  set(sid, session, callback = ignore) {
    write(this, sid, session);
    setImmediate(callback);
  },
  touch(sid, session, callback = ignore) {
    const text = liveText(this, sid);
    if (text === undefined) markEnded(session, this, sid);
    else this.sessions[sid] = JSON.stringify({ ...JSON.parse(text), cookie: session.cookie });
    setImmediate(callback);
  },
  destroy(sid, callback = ignore) {
    delete this.sessions[sid];
    setImmediate(callback);
  },
  clear(callback = ignore) {
    this.sessions = Object.create(null) as Record<string, string>;
    setImmediate(callback);
  },
  all(callback) {
    const found: Record<string, unknown> = Object.create(null);
    for (const sid of Object.keys(this.sessions)) {
      const text = liveText(this, sid);
      if (text !== undefined) found[sid] = JSON.parse(text);
    }
    setImmediate(callback, null, found);
  },
  length(callback) {
    this.all((error, sessions) => callback(error, Object.keys(sessions).length));
  },
};

Object.assign(MemoryStore.prototype, methods);

// In memory nothing is written by revision.
const NOT_NEEDED = { revision: 0, expiresAt: 0 } as const;

function write(store: MemoryStore, sid: string, session: SessionData): void {
  const mine = JSON.stringify(session);
  const origin = originOf(session, store, sid);
  const theirs = liveText(store, sid);
  if (origin !== undefined && theirs === undefined) {
    markEnded(session, store, sid);
    const keys = namesOfChanges(origin.text, mine);
    if (keys.length > 0) store.emit("dropped", { keys });
    return;
  }
  let text = mine;
  if (origin !== undefined && theirs !== undefined && theirs !== origin.text) {
    const merged = merge(origin.text, mine, theirs);
    text = merged.text;
    if (merged.overwritten.length > 0) store.emit("overwritten", { keys: merged.overwritten });
  }
  store.sessions[sid] = text;
  setOrigin(session, { store, sid, text: mine, ...NOT_NEEDED, current: text });
}

function liveText(store: MemoryStore, sid: string): string | undefined {
  const text = store.sessions[sid];
  if (text === undefined) return undefined;
  const { cookie } = JSON.parse(text) as { cookie?: { expires?: string | null } };
  if (!cookie?.expires || Date.parse(cookie.expires) > Date.now()) return text;
  delete store.sessions[sid];
  return undefined;
}

function ignore(): void {
  // Whoever gives no callback does not want to know.
}
