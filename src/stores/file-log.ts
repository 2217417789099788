/**
 * A file that is only added to: whoever reads it from the beginning knows what holds.
 *
 * The kernel puts what several processes add one after the other, and so decides who was first. Each
 * line says what it takes for granted (a revision, that a session is live). Where that no longer holds
 * when its turn comes, everyone who reads it skips it, its writer too, who thereby knows that it was
 * refused. That is compare-and-set without a lock: nobody can die while holding one. A line that was cut
 * off, by a full disk or by the end of a process, has a wrong checksum and is skipped as well.
 *
 * A file that has become long moves: what holds is written to a new file, then a last line is added to
 * the old one that names it, then the new one takes the old one's name. Whoever finds the last line and
 * not the new name takes that step itself. It can be taken once only, however late somebody is.
 *
 * @module
 */

import { crc32 } from "node:zlib";
import type { Disk, DiskFile } from "./file-disk.ts";
import { randomName } from "./file-disk.ts";

/** What a log is about. */
export interface LogKind<State, Entry, Result> {
  /** What holds before the first line. */
  begin(): State;
  /** What a line does to what held before; it may change and return that very object. */
  apply(state: State, entry: Entry): Applied<State, Result>;
  /** The lines that lead from the beginning to here. */
  snapshot(state: State): readonly Entry[];
}

/** What holds after a line, and what its writer is told. `"refused"` when it came too late. */
export type Applied<State, Result> = { readonly state: State; readonly result: Result } | "refused";

/** A log as far as it was read. */
export interface Log<State, Entry, Result> {
  readonly path: string;
  readonly file: DiskFile;
  readonly state: State;
  /** Bytes that it has on the disk. */
  readonly size: number;
  /** Reads what has been added since. */
  catchUp(): Promise<void>;
  /** The name of the file that it has moved to. */
  readonly movedTo: string | undefined;
  /** Adds a line and waits for the disk. `"moved"` when there is nothing to be added any more. */
  add(entry: Entry): Promise<Told<Result>>;
  /** Moves to a new file with nothing but what holds. `false` when somebody else has added a line. */
  compact(): Promise<boolean>;
}

/** What became of a line. */
export type Told<Result> = { readonly result: Result } | "refused" | "moved" | "done";

interface Move {
  readonly to: string;
  /** After how many lines that counted: the new file holds these and no more. */
  readonly after: number;
}

/** What logs came to, by their very bytes. */
export interface LogMemo<State> {
  /** What is known about a file that begins as it did then. */
  recall(path: string, bytes: Buffer): Known<State> | undefined;
  keep(path: string, known: Known<State>): void;
}

interface Known<State> {
  readonly bytes: Buffer;
  readonly state: State;
  readonly counted: number;
}

/** What a file holds is not a log, or not all of one. */
export class DamagedError extends Error {
  constructor(path: string, problem: string) {
    super(`${path} is damaged: ${problem}`);
  }
}

/** For whoever goes along many files: what is wrong with one alone. @throws anything else */
export function unreadable(error: unknown): "unreadable" {
  const { code = "", syscall } = error as NodeJS.ErrnoException;
  const isDenied = syscall === "open" && ["EACCES", "EPERM", "EISDIR"].includes(code);
  if (!isDenied && !(error instanceof DamagedError)) throw error;
  return "unreadable";
}

// Beside twice what it has to hold.
const SLACK = 16 * 1024;
const MOST_KNOWN_BYTES = 4 * 1024 * 1024;
const SUM_DIGITS = 8;
const NEWLINE = 10;

/** The content of a file that begins with these lines. */
export function newLog<Entry>(entries: readonly Entry[]): string {
  return entries.map((entry) => line("", JSON.stringify(entry))).join("");
}

/**
 * Opens a log and reads it, wherever it has moved to. `undefined` when there is none.
 *
 * @param memo - saves parsing what was parsed before, where states are never changed
 */
export async function openLog<State, Entry, Result>(
  disk: Disk,
  path: string,
  kind: LogKind<State, Entry, Result>,
  memo?: LogMemo<State>,
): Promise<Log<State, Entry, Result> | undefined> {
  for (let tries = 0; tries < MOST_MOVES; tries += 1) {
    const file = await disk.open(path);
    if (file === undefined) return undefined;
    try {
      const log = await logOf(disk, path, file, kind, memo);
      if (log.movedTo === undefined) return log;
      await disk.rename(log.movedTo, path);
    } catch (error) {
      file.close();
      throw error;
    }
    file.close();
  }
  throw new DamagedError(path, "it has moved to a file that is not there");
}

// Far more than other processes can be ahead by between two steps.
const MOST_MOVES = 1000;

export function logMemo<State>(): LogMemo<State> {
  const all = new Map<string, Known<State>>();
  let total = 0;

  function forget(path: string): void {
    total -= all.get(path)?.bytes.length ?? 0;
    all.delete(path);
  }

  return {
    recall(path, bytes) {
      const known = all.get(path);
      const length = known?.bytes.length ?? 0;
      return known?.bytes.equals(bytes.subarray(0, length)) === true ? known : undefined;
    },
    keep(path, known) {
      if (all.get(path)?.state === known.state) return;
      forget(path);
      // A copy: the bytes lie in a larger piece of memory, which they would keep.
      const bytes = Buffer.allocUnsafeSlow(known.bytes.length);
      known.bytes.copy(bytes);
      all.set(path, { ...known, bytes });
      total += bytes.length;
      // Those that were not asked for the longest.
      for (const oldest of all.keys()) {
        if (total <= MOST_KNOWN_BYTES) break;
        forget(oldest);
      }
    },
  };
}

/** Whether a log has grown by enough for another look at how long it is. */
export function isWorthALook(size: number, before: number): boolean {
  return Math.floor(size / SLACK) > Math.floor(before / SLACK);
}

/** Whether a log takes so much more than it has to that it should move. */
export function isLong(size: number, needed: number): boolean {
  return size > 2 * needed + SLACK;
}

async function logOf<State, Entry, Result>(
  disk: Disk,
  path: string,
  file: DiskFile,
  kind: LogKind<State, Entry, Result>,
  memo: LogMemo<State> | undefined,
): Promise<Log<State, Entry, Result>> {
  let state = kind.begin();
  let read = 0;
  let size = 0;
  let counted = 0;
  let movedTo: string | undefined;
  // What the lines came to that this process has added and not yet read.
  const mine = new Map<string, Told<Result> | undefined>();

  function takeLine(text: string): boolean {
    if (
      text.length < SUM_DIGITS ||
      checksum(text.slice(SUM_DIGITS + 1)) !== text.slice(0, SUM_DIGITS)
    ) {
      return false;
    }
    const nameEnd = text.indexOf(" ", SUM_DIGITS + 1);
    const name = text.slice(SUM_DIGITS + 1, nameEnd);
    const json = text.slice(nameEnd + 1);
    const told = movedTo === undefined ? apply(JSON.parse(json) as Entry | Move) : "moved";
    if (mine.has(name)) mine.set(name, told);
    return true;
  }

  function apply(entry: Entry | Move): Told<Result> {
    const outcome = isMove(entry) ? move(entry) : kind.apply(state, entry);
    if (outcome === "refused" || outcome === "done") return outcome;
    state = outcome.state;
    counted += 1;
    return { result: outcome.result };
  }

  function move({ to, after }: Move): "done" | "refused" {
    if (after !== counted) return "refused";
    movedTo = to;
    return "done";
  }

  async function catchUp(): Promise<Buffer> {
    let from: number;
    let bytes: Buffer;
    do {
      from = read;
      bytes = await file.read(from);
      // Somebody else of this process may have read on meanwhile.
    } while (from !== read);
    size = read + bytes.length;
    const known = read === 0 ? memo?.recall(path, bytes) : undefined;
    if (known !== undefined) {
      ({ state, counted } = known);
      read = known.bytes.length;
    }
    takeLines(bytes.subarray(known?.bytes.length ?? 0));
    return bytes;
  }

  function takeLines(bytes: Buffer): void {
    const last = bytes.lastIndexOf(NEWLINE);
    if (last < 0) return;
    for (const text of bytes.toString("utf8", 0, last).split("\n")) takeLine(text);
    // The last one may still be on its way: it is looked at again next time.
    read += takeLine(bytes.toString("utf8", last + 1)) ? bytes.length : last;
  }

  async function addLine(entry: Entry | Move): Promise<Told<Result>> {
    const name = randomName();
    mine.set(name, undefined);
    try {
      await file.append(line(name, JSON.stringify(entry)));
      await file.sync();
      await catchUp();
      const told = mine.get(name);
      if (told === undefined) throw new DamagedError(path, "what was added is not there");
      return told;
    } finally {
      mine.delete(name);
    }
  }

  const beginning = await catchUp();
  if (movedTo === undefined)
    memo?.keep(path, { bytes: beginning.subarray(0, read), state, counted });
  return {
    path,
    file,
    get state() {
      return state;
    },
    get size() {
      return size;
    },
    get movedTo() {
      return movedTo;
    },
    async catchUp() {
      await catchUp();
    },
    add: addLine,
    async compact() {
      const after = counted;
      const to = `${path}~${randomName()}`;
      await disk.write(to, newLog(kind.snapshot(state)));
      // A process that slept here for hours may find it tidied away.
      if (!(await disk.exists(to))) return false;
      if ((await addLine({ to, after })) === "done") {
        await disk.rename(to, path);
        return true;
      }
      await disk.remove(to);
      return false;
    },
  };
}

function isMove(entry: unknown): entry is Move {
  return typeof (entry as Partial<Move>).after === "number";
}

/** The newline comes first, so that a line stands alone also behind one that was cut off. */
function line(name: string, json: string): string {
  const rest = `${name} ${json}`;
  return `\n${checksum(rest)} ${rest}`;
}

function checksum(text: string): string {
  return crc32(text).toString(16).padStart(SUM_DIGITS, "0");
}
