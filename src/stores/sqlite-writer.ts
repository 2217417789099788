/**
 * Takes turns with everyone else who uses a SQLite file: what arrives together is one transaction, and
 * waiting for another process blocks nobody in this one.
 *
 * @module
 */

import { setImmediate, setTimeout } from "node:timers/promises";
import type { SqliteDatabase } from "./sqlite-database.ts";
import { isBusy, isInTransaction, reasonOf } from "./sqlite-database.ts";

/** Reads and writes of one connection. */
export interface SqliteTurns {
  /** Runs one statement or several that need not agree with each other. */
  read<Result>(work: () => Result): Promise<Result>;
  /**
   * Runs inside a transaction, maybe together with others, and resolves when it is on the disk. The
   * work may run again when the file was busy.
   *
   * @param bytes - about how much it writes
   */
  write<Result>(bytes: number, work: () => Result): Promise<Result>;
  /** Resolves when nothing is under way. */
  settled(): Promise<void>;
}

interface Job {
  readonly bytes: number;
  readonly work: () => unknown;
  readonly resolve: (result: unknown) => void;
  readonly reject: (error: unknown) => void;
}

// A transaction holds up all other writers, and its end this process until the disk is done.
const JOBS_PER_TRANSACTION = 200;
const BYTES_PER_TRANSACTION = 1024 * 1024;
const LONGEST_WAIT = 10_000;
const LONGEST_PAUSE = 16;

/** @param where - names the file in errors */
export function sqliteTurns(database: SqliteDatabase, where: string): SqliteTurns {
  const begin = database.prepare("BEGIN IMMEDIATE");
  const commit = database.prepare("COMMIT");
  const rollback = database.prepare("ROLLBACK");
  const waiting: Job[] = [];
  let running: Promise<void> | undefined;

  /** Repeats what finds the file busy. @throws {Error} with what has failed, in words. */
  async function inTurn<Result>(action: string, work: () => Result): Promise<Result> {
    const until = performance.now() + LONGEST_WAIT;
    for (let pause = 1; ; pause = Math.min(pause * 2, LONGEST_PAUSE)) {
      try {
        // Inside a transaction of the app's nothing would be on the disk before that one ends.
        if (!isInTransaction(database)) return work();
        if (performance.now() > until) throw new Error("a transaction of the app's does not end");
      } catch (error) {
        const isOver = !isBusy(error) || performance.now() > until;
        if (isOver) throw failureOf(error, action);
      }
      // Not all at the same time, or they would meet again.
      await setTimeout(pause * (0.5 + jitter()));
    }
  }

  function failureOf(error: unknown, action: string): Error {
    const why = isBusy(error) ? "other connections keep it locked" : reasonOf(error);
    return new Error(`${where} cannot be ${action}: ${why}`, { cause: error });
  }

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

  /** All of them or none. @returns `undefined` when one of several failed, and none has happened. */
  function runTogether(jobs: readonly Job[]): unknown[] | undefined {
    begin.run();
    let isAtWork = true;
    try {
      const results = jobs.map(({ work }) => work());
      isAtWork = false;
      commit.run();
      return results;
    } catch (error) {
      try {
        rollback.run();
      } catch {
        // SQLite has done it.
      }
      // What fails at its end must not be tried again: who knows what is on the disk.
      if (isAtWork && jobs.length > 1 && !isBusy(error)) return undefined;
      throw error;
    }
  }

  async function runJobs(jobs: readonly Job[]): Promise<void> {
    try {
      const results = await inTurn("written", () => runTogether(jobs));
      if (results === undefined) {
        // One of them is to blame, and the others are not.
        for (const job of jobs) await runJobs([job]);
        return;
      }
      for (const [index, job] of jobs.entries()) job.resolve(results[index]);
    } catch (failure) {
      for (const job of jobs) job.reject(failure);
    }
  }

  async function runAll(): Promise<void> {
    while (waiting.length > 0) {
      // What the other events of this turn ask for comes along.
      await setImmediate();
      await runJobs(take());
    }
    running = undefined;
  }

  return {
    read: (work) => inTurn("read", work),
    write<Result>(bytes: number, work: () => Result): Promise<Result> {
      return new Promise<Result>((resolve, reject) => {
        waiting.push({ bytes, work, resolve: resolve as (result: unknown) => void, reject });
        running ??= runAll();
      });
    },
    async settled() {
      while (running !== undefined) await running;
    },
  };
}

function jitter(): number {
  return (crypto.getRandomValues(new Uint8Array(1))[0] as number) / 256;
}
