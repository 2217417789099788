/**
 * The store contract as the simplest program that keeps it: what other stores are compared with.
 *
 * Every verb does its whole work before it returns, so each is one step. It scans where a real
 * store has an index, and forgets everything with the process: a measure, not a store for an app.
 *
 * @module
 */

import type {
  Revocation,
  Revocations,
  SessionRecord,
  SessionStore,
  StoreChange,
} from "../stores/contract.ts";

/** What lies in a model. Two models on one state are two handles on one backend. */
export interface ModelState {
  readonly records: Map<string, SessionRecord>;
  readonly cutOffs: Map<string, { readonly at: number; readonly keepUntil: number }>;
  readonly feed: Revocation[];
  readonly listeners: Set<(change: StoreChange) => void>;
}

export interface ModelOptions {
  /** @default an empty one */
  readonly state?: ModelState;
  /** Makes it a store with a clock of its own. @default none */
  readonly clock?: () => number;
}

/** An empty state. */
export function modelState(): ModelState {
  return { records: new Map(), cutOffs: new Map(), feed: [], listeners: new Set() };
}

/** Creates a store that keeps the contract by being too simple not to. */
export function modelStore(options: ModelOptions = {}): SessionStore & Revocations {
  const { state = modelState(), clock } = options;
  const { records, cutOffs, feed, listeners } = state;
  const cutOffOf = (userId: string | undefined): number =>
    userId === undefined ? 0 : (cutOffs.get(userId)?.at ?? 0);

  function changed(kind: "session" | "user", id: string): void {
    for (const listener of listeners) {
      try {
        listener({ kind, id });
      } catch {
        // Its own trouble.
      }
    }
  }

  return {
    name: "model",
    traits: {
      maxBodyBytes: 1024 * 1024,
      ownClock: clock !== undefined,
      conditionalWrites: true,
      forgets: ["restart"],
      shared: false,
    },

    async load(id) {
      const record = records.get(id);
      return record && { record: { ...record }, cutOff: cutOffOf(record.userId) };
    },

    async create(record, startedAgo, now) {
      const { id, userId, lastSeenAt, expiresAt, closed, body } = record;
      if (records.has(id)) return "taken";
      const mark = userId === undefined ? 0 : (clock?.() ?? now) - startedAgo;
      if (userId !== undefined && mark <= cutOffOf(userId)) return "cut-off";
      records.set(id, { id, revision: 1, userId, mark, lastSeenAt, expiresAt, closed, body });
      changed("session", id);
      return "created";
    },

    async update(id, revision, next, now) {
      const record = records.get(id);
      if (!isWritable(record, now) || record.revision !== revision) return false;
      const { body, expiresAt, close = false } = next;
      records.set(id, {
        ...record,
        revision: revision + 1,
        userId: close ? undefined : record.userId,
        lastSeenAt: Math.max(record.lastSeenAt, next.lastSeenAt),
        expiresAt,
        closed: close,
        body,
      });
      changed("session", id);
      return true;
    },

    async touch(id, lastSeenAt, expiresAt, now) {
      const record = records.get(id);
      if (!isWritable(record, now)) return false;
      records.set(id, {
        ...record,
        lastSeenAt: Math.max(record.lastSeenAt, lastSeenAt),
        expiresAt: Math.max(record.expiresAt, expiresAt),
      });
      changed("session", id);
      return true;
    },

    async cutOff(userId, { except, keepUntil }, now) {
      const before = cutOffOf(userId);
      const at = Math.max(clock?.() ?? now, before + 1);
      const kept = cutOffs.get(userId)?.keepUntil ?? 0;
      cutOffs.set(userId, { at, keepUntil: Math.max(keepUntil, kept) });
      const record = except === undefined ? undefined : records.get(except);
      // A session that an earlier cut-off has ended must not come back with this one.
      if (isWritable(record, now) && record.userId === userId && record.mark > before) {
        records.set(record.id, { ...record, mark: Math.max(record.mark, at + 1) });
      }
      changed("user", userId);
      return at;
    },

    async list({ userId, cursor = "", limit }, now) {
      const left = [...records.values()]
        .filter((record) => isWritable(record, now) && record.id > cursor)
        .filter((record) => record.userId === undefined || record.mark > cutOffOf(record.userId))
        .filter((record) => userId === undefined || record.userId === userId)
        .sort((a, b) => (a.id < b.id ? -1 : 1));
      const page = left.slice(0, limit).map((record) => ({ ...record }));
      return left.length > limit
        ? { records: page, cursor: page.at(-1)?.id ?? cursor }
        : { records: page };
    },

    async sweep(limit, now) {
      const ids = [...records.values()].filter((record) => record.expiresAt <= now);
      const users = [...cutOffs].filter(([, { keepUntil }]) => keepUntil <= now);
      const over = [
        ...ids.map(
          ({ id }) =>
            () =>
              records.delete(id),
        ),
        ...users.map(
          ([userId]) =>
            () =>
              cutOffs.delete(userId),
        ),
      ].slice(0, limit);
      for (const remove of over) remove();
      return over.length;
    },

    async close() {},

    watch(listener) {
      listeners.add(listener);
      return () => {
        listeners.delete(listener);
      };
    },

    async add(revocation) {
      feed.push({ ...revocation });
    },

    async since(cursor = "0") {
      const now = clock?.() ?? Date.now();
      const revocations = feed.slice(Number(cursor)).filter(({ until }) => until > now);
      return { revocations: revocations.map((entry) => ({ ...entry })), cursor: `${feed.length}` };
    },
  };
}

/** Live as far as a store can tell: the cut-off is judged by the core. */
function isWritable(record: SessionRecord | undefined, now: number): record is SessionRecord {
  return record !== undefined && !record.closed && record.expiresAt > now;
}
