/**
 * An LMDB file: opened once per process, written in groups.
 *
 * Writes that arrive while one is on its way to the disk go together in the next transaction, so
 * that a hundred cost one wait for the disk. Each is acknowledged after its transaction is on the
 * disk, and nobody reads it before.
 *
 * @module
 */

import { setImmediate, setTimeout } from "node:timers/promises";
import type { Database } from "lmdb";
import { isBehind, isFull, makeFolder, messageOf, openCurrent } from "./lmdb-open.ts";

/** A sorted table of bytes. */
export type LmdbTable = Database<Buffer, Buffer>;

export interface LmdbFile {
  /** All that is in the file. To be written inside {@link write} only. Not to be kept: it is renewed. */
  readonly table: LmdbTable;
  /** What is read after it without a pause is read as of one moment, not before this one. */
  beginRead(): Promise<void>;
  /**
   * Runs some reads and writes as one step: alone among all processes, all of it or nothing.
   *
   * @param bytes - about how much it writes: a transaction takes a bounded amount.
   * @param work - reads and decides first, then writes. It must not wait for anything.
   * @returns what `work` returned, once it is on the disk.
   */
  write<Result>(bytes: number, work: () => Result): Promise<Result>;
  /** Frees what processes left behind that were killed while they read. */
  clearStaleReaders(): void;
  /** Waits for what is on its way, and closes the file when nobody else in the process uses it. */
  release(): Promise<void>;
}

interface Job {
  readonly bytes: number;
  readonly work: () => unknown;
  readonly resolve: (result: unknown) => void;
  readonly reject: (error: unknown) => void;
}

interface OpenFile {
  readonly file: LmdbFile;
  readonly users: number;
}

// A transaction holds every other writer up, and its work runs on the main thread.
const JOBS_PER_TRANSACTION = 100;
const BYTES_PER_TRANSACTION = 4 * 1024 * 1024;
// How often and how long to wait until whoever has turned the file back puts it right.
const LOOKS_BEHIND = 10;
const LOOK_BEHIND_MS = 5;
const BROKEN_FOR_MS = 1000;

const openFiles = new Map<string, OpenFile>();

/**
 * Opens the LMDB file in a folder, and creates both when they are absent, for the owner only.
 *
 * @throws {ConfigError} when the path cannot be a folder of this process.
 */
export function openLmdbFile(path: string): LmdbFile {
  const folder = makeFolder(path);
  // LMDB allows for one handle only: closing a second one would let go of the locks of the first.
  const known = openFiles.get(folder);
  const file = known?.file ?? lmdbFile(folder);
  openFiles.set(folder, { file, users: (known?.users ?? 0) + 1 });
  return file;
}

function lmdbFile(folder: string): LmdbFile {
  let root = openCurrent(folder);
  const waiting: Job[] = [];
  let running: Promise<void> | undefined;
  let reopening: Promise<void> | undefined;
  // It was closed, and could not be opened again.
  let broken: { readonly error: unknown; readonly until: number } | undefined;

  function take(): Job[] {
    let bytes = 0;
    let count = 0;
    while (
      count < waiting.length &&
      count < JOBS_PER_TRANSACTION &&
      bytes < BYTES_PER_TRANSACTION
    ) {
      bytes += (waiting[count] as Job).bytes;
      count += 1;
    }
    return waiting.splice(0, count);
  }

  async function runAll(): Promise<void> {
    let timesBehind = 0;
    while (waiting.length > 0) {
      let jobs: Job[] = [];
      let answers: (() => void)[] = [];
      try {
        await opened();
        const wasBehind = await root.transaction(() => {
          if (isBehind(root)) return true;
          // Only now: what has arrived while the transaction was waiting for its turn comes along.
          jobs = take();
          answers = jobs.map(answerOf);
          return false;
        });
        timesBehind = wasBehind ? timesBehind + 1 : 0;
        if (wasBehind) await catchUp(timesBehind);
      } catch (error) {
        const failure = await failureOf(error, folder);
        // The transaction may not even have begun.
        if (jobs.length === 0) jobs = take();
        answers = jobs.map((job) => () => job.reject(failure));
      }
      for (const answer of answers) answer();
    }
    running = undefined;
  }

  async function catchUp(times: number): Promise<void> {
    if (times % LOOKS_BEHIND !== 0) return setTimeout(LOOK_BEHIND_MS);
    // Whoever it was has died over it. To open the file again is what puts it right.
    await reopen();
  }

  function reopen(): Promise<void> {
    reopening ??= openAgain().finally(() => {
      reopening = undefined;
    });
    return reopening;
  }

  async function openAgain(): Promise<void> {
    if (broken === undefined) await root.close();
    try {
      root = openCurrent(folder);
      broken = undefined;
    } catch (error) {
      broken = { error, until: performance.now() + BROKEN_FOR_MS };
      throw error;
    }
  }

  /** What closed the file may be over: a call tries to open it again, but not each of them. */
  async function opened(): Promise<void> {
    if (reopening !== undefined) await reopening;
    if (broken === undefined) return;
    if (performance.now() < broken.until) throw broken.error;
    await reopen();
  }

  const file: LmdbFile = {
    get table() {
      return root;
    },
    async beginRead() {
      await opened();
      root.resetReadTxn();
    },
    write<Result>(bytes: number, work: () => Result): Promise<Result> {
      return new Promise<Result>((resolve, reject) => {
        waiting.push({ bytes, work, resolve: resolve as (result: unknown) => void, reject });
        running ??= runAll();
      });
    },
    clearStaleReaders() {
      root.readerCheck();
    },
    async release() {
      // Writes keep their order, so all that were asked for are done when this one is.
      if (running !== undefined) await file.write(0, () => undefined).catch(() => undefined);
      // What was asked to read has read when the event loop has taken a turn. On a file that is closed it would
      // end the process.
      await reopening?.catch(() => undefined);
      await setImmediate();
      const others = (): number => (openFiles.get(folder)?.users ?? 1) - 1;
      while (others() === 0 && running !== undefined) await running;
      if (others() > 0) {
        openFiles.set(folder, { file, users: others() });
        return;
      }
      openFiles.delete(folder);
      if (broken === undefined) await root.close();
    },
  };
  return file;
}

/** Does the work, and returns what tells its caller once the transaction is on the disk. */
function answerOf(job: Job): () => void {
  try {
    const result = job.work();
    return () => job.resolve(result);
  } catch (error) {
    return () => job.reject(error);
  }
}

async function failureOf(error: unknown, folder: string): Promise<Error> {
  let cause = error;
  try {
    // The reason is in a promise of its own, rejected together with this one; left alone, that would
    // end the process.
    const { commitError } = error as { readonly commitError?: Promise<never> };
    await Promise.race([commitError, setImmediate()]);
  } catch (reason) {
    cause = reason;
  }
  const why = isFull(folder) ? "the disk is full" : messageOf(cause);
  return new Error(`the LMDB file in ${folder} cannot be written: ${why}`, { cause });
}
