/**
 * The sessions of a folder, each a log, and the empty files by which they are found.
 *
 * @module
 */

import type { SessionRecord } from "./contract.ts";
import type { Disk } from "./file-disk.ts";
import type { Log, Told } from "./file-log.ts";
import { DamagedError, isLong, isWorthALook, logMemo, newLog, openLog } from "./file-log.ts";
import { sessionPath, userPath } from "./file-paths.ts";
import type { SessionEntry, SessionState } from "./file-session.ts";
import { sessionLog } from "./file-session.ts";

export type SessionLog = Log<SessionState, SessionEntry, number>;

/** What can be done to sessions, by the name of their files. */
export interface SessionFiles {
  /** The record as it lies, without what a cut-off does to its mark. */
  read(name: string): Promise<SessionRecord | undefined>;
  /** Opens a log for one use. `undefined` when there is none. */
  withLog<Answer>(
    name: string,
    work: (log: SessionLog) => Promise<Answer>,
  ): Promise<Answer | undefined>;
  /**
   * Adds a line if it may still count. `undefined` when it may not, or came too late.
   *
   * @param before - runs before the line is added, with the record as it was read
   */
  change(
    name: string,
    decide: (record: SessionRecord) => SessionEntry | undefined,
    before?: (record: SessionRecord) => Promise<void>,
  ): Promise<{ readonly result: number } | undefined>;
  /** Takes a session out of its user's folder. */
  leaveUser(userId: string, name: string): Promise<void>;
  /** Makes a mark again that somebody has taken for one that was left behind. */
  keepMarked(path: string): Promise<void>;
}

export function sessionsOn(disk: Disk): SessionFiles {
  const memo = logMemo<SessionState>();
  const changing = new Map<string, Promise<unknown>>();

  async function withLog<Answer>(
    name: string,
    work: (log: SessionLog) => Promise<Answer>,
  ): Promise<Answer | undefined> {
    const log = await openLog(disk, sessionPath(name), sessionLog, memo);
    if (log === undefined) return undefined;
    try {
      return await work(log);
    } finally {
      log.file.close();
    }
  }

  async function read(name: string): Promise<SessionRecord | undefined> {
    return withLog(name, async (log) => (log.state.isRemoved ? undefined : recordIn(log)));
  }

  async function change(
    name: string,
    decide: (record: SessionRecord) => SessionEntry | undefined,
    before?: (record: SessionRecord) => Promise<void>,
  ): Promise<{ readonly result: number } | undefined> {
    // One after the other within a process: of two that read the same revision one would be refused,
    // and a log can move only while nobody adds to it.
    while (changing.has(name)) await changing.get(name);
    const changed = changeNow(name, decide, before);
    changing.set(
      name,
      changed.catch(() => undefined),
    );
    try {
      return await changed;
    } finally {
      changing.delete(name);
    }
  }

  async function changeNow(
    name: string,
    decide: (record: SessionRecord) => SessionEntry | undefined,
    before?: (record: SessionRecord) => Promise<void>,
  ): Promise<{ readonly result: number } | undefined> {
    for (;;) {
      const told = await withLog(name, async (log): Promise<Told<number>> => {
        const entry = log.state.isRemoved ? undefined : decide(recordIn(log));
        if (entry === undefined) return "refused";
        await before?.(recordIn(log));
        const { size } = log;
        const answer = await log.add(entry);
        if (isWorthALook(log.size, size)) await shorten(log);
        return answer;
      });
      if (told !== "moved") return typeof told === "object" ? told : undefined;
    }
  }

  async function shorten(log: SessionLog): Promise<void> {
    if (log.state.isRemoved || log.movedTo !== undefined) return;
    const needed = Buffer.byteLength(newLog(sessionLog.snapshot(log.state)));
    // It can wait: all the lines are there.
    if (isLong(log.size, needed)) await log.compact().catch(() => false);
  }

  async function leaveUser(userId: string, name: string): Promise<void> {
    const folder = userPath(userId);
    await disk.unmark(`${folder}/${name}`);
    await disk.removeFolder(folder);
  }

  async function keepMarked(path: string): Promise<void> {
    if (!(await disk.exists(path))) await disk.mark(path);
  }

  return { read, withLog, change, leaveUser, keepMarked };
}

/** @throws when the file has no beginning: it is damaged, which is not the same as absent. */
export function recordIn({ path, state }: SessionLog): SessionRecord {
  if (state.record === undefined) throw new DamagedError(path, "it does not hold a session");
  return state.record;
}
