/**
 * Removes what is over from the folder of a file store, and what killed processes have left behind.
 *
 * @module
 */

import { setImmediate } from "node:timers/promises";
import type { Revocations, SessionRecord } from "./contract.ts";
import type { CutOffs } from "./file-cut-offs.ts";
import type { Disk } from "./file-disk.ts";
import { unreadable } from "./file-log.ts";
import {
  CUT_OFFS,
  DRAFTS,
  DUE,
  dueBucket,
  duePath,
  FEED,
  SESSIONS,
  sessionPath,
} from "./file-paths.ts";
import type { SessionFiles } from "./file-sessions.ts";
import { recordIn } from "./file-sessions.ts";

/** By then whoever was writing a draft, or making a session, is gone. */
export const LEFT_BEHIND_MS = 3_600_000;
// Looked at before other events get their turn: some milliseconds.
const LOOKS_IN_A_ROW = 50;

/** Makes what `sweep` does. */
export function sweeperOn(
  disk: Disk,
  sessions: SessionFiles,
  cutOffs: CutOffs,
  feed: Revocations & { tidy(): Promise<void> },
): (limit: number, now: number) => Promise<number> {
  let tidied = 0;

  /** Looks at a session whose mark is due. Returns whether it was removed by this call. */
  async function lookAt(bucket: string, name: string, now: number): Promise<boolean> {
    const removed = await sessions.withLog(name, async (log) => {
      const { isRemoved } = log.state;
      const record = recordIn(log);
      if (!isRemoved && record.expiresAt > now) return lookLater(record, bucket, name);
      const told = isRemoved ? "refused" : await log.add({ removed: now });
      if (told === "moved" || !log.state.isRemoved) return "later";
      // From here on it is gone. Whoever comes to a step that is taken already goes on.
      const first = dueBucket(log.state.firstEnd);
      if (first > bucket) await unmarkEarly(duePath(first, name), name);
      await disk.remove(sessionPath(name), log.file);
      if (record.userId !== undefined) await sessions.leaveUser(record.userId, name);
      return typeof told === "object" ? "removed" : "gone";
    });
    // With the session, or before it: whoever makes one looks whether its mark is still there.
    if (removed !== "later") await disk.unmark(duePath(bucket, name));
    return removed === "removed";
  }

  /** The mark that a session had before it was told to end sooner. */
  async function unmarkEarly(path: string, name: string): Promise<void> {
    await disk.unmark(path);
    // Another sweep may have removed the session, and somebody made one of the same id that is due there too.
    const again = await sessions.read(name);
    if (again !== undefined) await sessions.keepMarked(duePath(dueBucket(again.expiresAt), name));
  }

  async function lookLater(
    { expiresAt }: SessionRecord,
    bucket: string,
    name: string,
  ): Promise<"later"> {
    const next = dueBucket(expiresAt);
    if (next <= bucket) return "later";
    await disk.mark(duePath(next, name));
    await disk.unmark(duePath(bucket, name));
    // It may have been told meanwhile to end sooner, by somebody who found this mark still there.
    const now = await sessions.read(name);
    const sooner = now === undefined ? next : dueBucket(now.expiresAt);
    if (sooner < next) await disk.mark(duePath(sooner, name));
    return "later";
  }

  async function sweepSessions(limit: number, now: number): Promise<number> {
    let removed = 0;
    let looked = 0;
    let failure: unknown;
    for (const bucket of await disk.list(DUE)) {
      if (bucket > dueBucket(now)) break;
      for (const name of await disk.list(`${DUE}/${bucket}`)) {
        if (removed === limit) return removed;
        looked += 1;
        if (looked % LOOKS_IN_A_ROW === 0) await setImmediate();
        try {
          // One that is damaged stays: whoever asks for it is told.
          if ((await lookAt(bucket, name, now).catch(unreadable)) === true) removed += 1;
        } catch (error) {
          // On a full disk the next one may fit, and make room for this one.
          failure ??= error;
        }
      }
      await disk.removeFolder(`${DUE}/${bucket}`);
    }
    if (failure !== undefined && removed === 0) throw failure;
    return removed;
  }

  /** Removes what was left behind by processes that were killed, from one folder each time. */
  async function tidy(): Promise<void> {
    const shards = await disk.list(SESSIONS);
    const folders = [DRAFTS, CUT_OFFS, ".", ...shards.map((shard) => `${SESSIONS}/${shard}`)];
    const folder = folders[tidied++ % folders.length] as string;
    for (const name of await disk.list(folder)) {
      if (folder !== DRAFTS && !name.includes("~")) continue;
      const path = `${folder}/${name}`;
      if ((await disk.age(path)) < LEFT_BEHIND_MS) continue;
      if (folder === DRAFTS) await disk.remove(path);
      // Beside a damaged file it may be all there is of what that held.
      else await removeUnlessNamed(path).catch(unreadable);
    }
  }

  /** A log that was to move here has either moved, under its own name, or never will. */
  async function removeUnlessNamed(path: string): Promise<void> {
    const base = path.slice(0, path.indexOf("~"));
    // Opening takes the last step of a move that was begun.
    if (base.startsWith(CUT_OFFS)) await cutOffs.settle(base);
    else if (base.endsWith(FEED)) await feed.since(undefined);
    else await sessions.read(base.slice(base.lastIndexOf("/") + 1));
    await disk.remove(path);
  }

  return async (limit, now) => {
    const removed = await sweepSessions(limit, now);
    const forgotten = await cutOffs.sweep(limit - removed, now);
    await feed.tidy();
    await tidy();
    return removed + forgotten;
  };
}
