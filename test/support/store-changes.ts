/**
 * What a process says that it changes in a store, and what must then be found there.
 *
 * @module
 */

import { expect } from "vitest";
import type { Revocations, SessionStore } from "../../src/stores/contract.ts";
import { entriesOf } from "../../src/stores/layers/moving-feed.ts";

/** One change; the lane it belongs to has no other under way. */
export type Change = { readonly lane: string } & (
  | { readonly kind: "create"; readonly id: string; readonly userId: string; readonly body: string }
  | {
      readonly kind: "update" | "close";
      readonly id: string;
      readonly revision: number;
      readonly body: string;
    }
  | { readonly kind: "cut-off"; readonly userId: string }
  | { readonly kind: "revoke"; readonly id: string }
  | { readonly kind: "nothing" }
);

interface Known {
  readonly userId: string;
  readonly revision: number;
  readonly body: string;
  readonly closed: boolean;
  readonly cut: boolean;
}

/** What a store must hold after processes were killed. */
export interface Ledger {
  /** How many changes were acknowledged. */
  readonly acknowledged: number;
  /** Takes down the lines of a process that has ended. */
  read(lines: readonly string[]): void;
  /**
   * Compares. Of a change that was under way when its process was killed either all is there or
   * nothing, and what was found is taken down.
   */
  check(store: SessionStore & Revocations): Promise<void>;
}

export function ledger(): Ledger {
  const sessions = new Map<string, Known>();
  const revoked = new Set<string>();
  let underWay: Change[] = [];
  let acknowledged = 0;

  function apply(change: Change): void {
    if (change.kind === "create") {
      const { userId, body } = change;
      sessions.set(change.id, { userId, revision: 1, body, closed: false, cut: false });
    } else if (change.kind === "update" || change.kind === "close") {
      const { revision, body } = change;
      const known = sessions.get(change.id) as Known;
      sessions.set(change.id, { ...known, revision, body, closed: change.kind === "close" });
    } else if (change.kind === "cut-off") {
      for (const [id, known] of sessions) {
        if (known.userId === change.userId) sessions.set(id, { ...known, cut: true });
      }
    } else if (change.kind === "revoke") {
      revoked.add(change.id);
    }
  }

  async function hasHappened(
    change: Change,
    store: SessionStore,
    feed: ReadonlySet<string | undefined>,
  ): Promise<boolean> {
    if (change.kind === "create") return (await store.load(change.id)) !== undefined;
    if (change.kind === "revoke") return feed.has(change.id);
    if (change.kind === "update" || change.kind === "close") {
      return (await store.load(change.id))?.record.revision === change.revision;
    }
    if (change.kind !== "cut-off") return false;
    for (const [id, { userId, cut, closed }] of sessions) {
      if (userId !== change.userId || cut || closed) continue;
      const loaded = await store.load(id);
      return loaded !== undefined && loaded.record.mark <= loaded.cutOff;
    }
    return false;
  }

  return {
    get acknowledged() {
      return acknowledged;
    },

    read(lines) {
      const begun = new Map<string, Change>();
      for (const line of lines) {
        const [word, text = ""] = line.split(/ (.*)/s);
        const change = JSON.parse(text) as Change;
        if (word === "begin") begun.set(change.lane, change);
        if (word !== "done") continue;
        begun.delete(change.lane);
        acknowledged += 1;
        apply(change);
      }
      underWay = [...begun.values()];
    },

    async check(store) {
      const feed = new Set((await entriesOf(store)).map(({ id }) => id));
      for (const change of underWay) if (await hasHappened(change, store, feed)) apply(change);
      underWay = [];
      for (const id of revoked) expect(feed.has(id), `the revocation of ${id}`).toBe(true);
      for (const [id, known] of sessions) {
        const loaded = await store.load(id);
        expect(loaded?.record, `session ${id}`).toMatchObject({
          revision: known.revision,
          body: known.body,
          closed: known.closed,
        });
        const isAbove = (loaded?.record.mark ?? 0) > (loaded?.cutOff ?? 0);
        if (!known.closed) expect(isAbove, `session ${id} is above the cut-off`).toBe(!known.cut);
      }
      await checkLists(store);
    },
  };

  /** The index and the sessions must tell the same. */
  async function checkLists(store: SessionStore): Promise<void> {
    const live = new Map<string, Set<string>>();
    for (const [id, { userId, closed, cut }] of sessions) {
      if (!live.has(userId)) live.set(userId, new Set());
      if (!closed && !cut) live.get(userId)?.add(id);
    }
    for (const [userId, ids] of live) {
      const { records } = await store.list({ userId, limit: 10_000 }, Date.now());
      expect(new Set(records.map(({ id }) => id)), `the list of ${userId}`).toEqual(ids);
    }
  }
}
