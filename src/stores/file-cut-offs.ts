/**
 * The cut-offs of users, in a few logs.
 *
 * A cut-off names the session that it excepts, and so lifts its mark in the same line: whoever reads the
 * one reads the other.
 *
 * @module
 */

import type { SessionRecord } from "./contract.ts";
import type { Disk } from "./file-disk.ts";
import type { LogKind } from "./file-log.ts";
import { unreadable } from "./file-log.ts";
import { CUT_OFFS, cutOffPath } from "./file-paths.ts";
import type { SharedLog } from "./file-shared-log.ts";
import { sharedLog } from "./file-shared-log.ts";

/** A user's cut-off. `except` has its mark one above it, whatever its own log says. */
export interface CutOff {
  readonly at: number;
  readonly keepUntil: number;
  readonly except?: string | undefined;
}

/** What a user is cut off with. */
export interface NewCutOff {
  readonly user: string;
  readonly now: number;
  readonly keepUntil: number;
  /** The session that is to stay, and the mark that its own log says. */
  readonly except?: { readonly id: string; readonly mark: number } | undefined;
}

type CutOffEntry =
  | { readonly is: CutOff; readonly user: string }
  | NewCutOff
  | { readonly user: string; readonly over: number };

type CutOffMap = Map<string, CutOff>;

/** Above the cut-off for the one that it excepts. */
export function markOf({ id, mark }: Pick<SessionRecord, "id" | "mark">, cutOff: CutOff): number {
  return id === cutOff.except ? Math.max(mark, cutOff.at + 1) : mark;
}

const NO_CUT_OFF: CutOff = { at: 0, keepUntil: 0 };

const cutOffLog: LogKind<CutOffMap, CutOffEntry, CutOff> = {
  begin: () => new Map(),
  apply(state, entry) {
    const before = state.get(entry.user) ?? NO_CUT_OFF;
    if ("over" in entry) {
      if (!state.has(entry.user) || before.keepUntil > entry.over) return "refused";
      state.delete(entry.user);
      return { state, result: before };
    }
    const after = "is" in entry ? entry.is : cutOffAfter(before, entry);
    state.set(entry.user, after);
    return { state, result: after };
  },
  snapshot: (state) => [...state].map(([user, is]) => ({ user, is })),
};

function cutOffAfter(before: CutOff, { now, keepUntil, except }: NewCutOff): CutOff {
  // One that an earlier cut-off has ended must not come back with this one.
  const stays = except !== undefined && markOf(except, before) > before.at;
  return {
    at: Math.max(now, before.at + 1),
    keepUntil: Math.max(keepUntil, before.keepUntil),
    ...(stays && { except: except.id }),
  };
}

/** All the cut-offs of a folder. */
export interface CutOffs {
  /** The cut-off of a user; at 0 when there is none. */
  of(userId: string | undefined): Promise<CutOff>;
  /** Cuts a user off. Returns the new cut-off, which has `except` if that session stays. */
  add(entry: NewCutOff): Promise<CutOff>;
  /** Forgets at most so many whose time is over. Returns how many. */
  sweep(limit: number, now: number): Promise<number>;
  /** Takes the last step of a move of this log, if one was begun. */
  settle(path: string): Promise<void>;
  close(): void;
}

export function cutOffsOn(disk: Disk): CutOffs {
  const logs = new Map<string, SharedLog<CutOffMap, CutOffEntry, CutOff>>();

  function logAt(path: string): SharedLog<CutOffMap, CutOffEntry, CutOff> {
    const log = logs.get(path) ?? sharedLog(disk, path, cutOffLog);
    logs.set(path, log);
    return log;
  }

  return {
    async of(userId) {
      if (userId === undefined) return NO_CUT_OFF;
      return (await logAt(cutOffPath(userId)).read()).get(userId) ?? NO_CUT_OFF;
    },

    async add(entry) {
      const after = await logAt(cutOffPath(entry.user)).add(entry);
      if (after === "refused") throw new Error("a cut-off cannot be refused");
      return after;
    },

    async sweep(limit, now) {
      let removed = 0;
      for (const name of await disk.list(CUT_OFFS)) {
        if (!/^[0-9a-f]$/.test(name)) continue;
        const log = logAt(`${CUT_OFFS}/${name}`);
        const all = await log.read().catch(unreadable);
        if (all === "unreadable") continue;
        const over = [...all].filter(([, { keepUntil }]) => keepUntil <= now);
        for (const [user] of over) {
          if (removed === limit) return removed;
          if ((await log.add({ user, over: now })) !== "refused") removed += 1;
        }
      }
      return removed;
    },

    async settle(path) {
      await logAt(path).read();
    },

    close() {
      for (const log of logs.values()) log.close();
    },
  };
}
