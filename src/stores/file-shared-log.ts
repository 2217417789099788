/**
 * A log that all sessions share. It stays open, so that only what is new in it is read, and is never
 * removed.
 *
 * @module
 */

import type { Disk } from "./file-disk.ts";
import type { Log, LogKind } from "./file-log.ts";
import { isLong, newLog, openLog } from "./file-log.ts";

/** A log that stays open. */
export interface SharedLog<State, Entry, Result> {
  /** What holds now. */
  read(): Promise<State>;
  add(entry: Entry): Promise<Result | "refused">;
  /** Moves to a new file when that would be much shorter. */
  tidy(): Promise<void>;
  close(): void;
}

interface Held<State, Entry, Result> extends Log<State, Entry, Result> {
  users: number;
  /** Its size when it was last found to be not too long. */
  lookedAt: number;
}

export function sharedLog<State, Entry, Result>(
  disk: Disk,
  path: string,
  kind: LogKind<State, Entry, Result>,
): SharedLog<State, Entry, Result> {
  type ThisLog = Held<State, Entry, Result>;
  let held: ThisLog | undefined;
  let isClosed = false;

  function closeUnused(log: ThisLog): void {
    if (log !== held && log.users === 0) log.file.close();
  }

  function release(log: ThisLog): void {
    log.users -= 1;
    closeUnused(log);
  }

  /** The held log if it is still the one, read to its end. */
  async function takeHeld(log: ThisLog): Promise<boolean> {
    log.users += 1;
    let isCurrent = false;
    try {
      if (await log.file.isAt(path)) await log.catchUp();
      else return false;
      isCurrent = log.movedTo === undefined;
      return isCurrent;
    } finally {
      if (!isCurrent) release(log);
    }
  }

  /** The log as it is now, to be released. `undefined` when there is none. */
  async function take(): Promise<ThisLog | undefined> {
    for (;;) {
      const known = held;
      if (known !== undefined && (await takeHeld(known))) return known;
      const opened = await openLog(disk, path, kind);
      if (opened === undefined) return undefined;
      if (held === known && !isClosed) {
        held = Object.assign(opened, { users: 1, lookedAt: 0 });
        if (known !== undefined) closeUnused(known);
        return held;
      }
      // Somebody else of this process was faster.
      opened.file.close();
      if (isClosed) throw new Error("the file store is closed");
    }
  }

  async function shorten(log: ThisLog): Promise<void> {
    log.lookedAt = log.size;
    const needed = Buffer.byteLength(newLog(kind.snapshot(log.state)));
    // It can wait: all the lines are there.
    if (isLong(log.size, needed)) await log.compact().catch(() => false);
  }

  return {
    async read() {
      const log = await take();
      if (log === undefined) return kind.begin();
      const { state } = log;
      release(log);
      return state;
    },

    async add(entry) {
      for (;;) {
        const log = await take();
        if (log === undefined) {
          await disk.create(path, "");
          continue;
        }
        try {
          const told = await log.add(entry);
          if (isLong(log.size, log.lookedAt)) await shorten(log);
          if (typeof told === "object") return told.result;
          if (told === "refused") return told;
        } finally {
          release(log);
        }
      }
    },

    async tidy() {
      const log = await take();
      if (log === undefined) return;
      if (isLong(log.size, 0)) await shorten(log);
      release(log);
    },

    close() {
      isClosed = true;
      const log = held;
      held = undefined;
      if (log !== undefined) closeUnused(log);
    },
  };
}
