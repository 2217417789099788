/**
 * What stands between the verbs of a SQL store and its database: nothing is sent before the tables are
 * known to be there, or after the store is closed, and errors hold no values.
 *
 * A statement that the database has rolled back for the sake of another one (a deadlock, a serialization
 * failure) has done nothing: it is run again, and the next try sees what the other one did.
 *
 * @module
 */

import { jitter } from "../lib/jitter.ts";
import { withoutValues } from "../lib/plain-error.ts";

export interface SqlGate {
  run<Result>(work: () => Promise<Result>): Promise<Result>;
  /** Refuses everything from now on. */
  close(): void;
}

export interface SqlGateOptions {
  /** The store's name, for people. */
  readonly name: string;
  /** Why the tables cannot be used, if so. */
  whyNotReady(): Promise<string | undefined>;
  /** Whether an error says that nothing was done, and that another try may succeed. */
  isRolledBack(error: unknown): boolean;
}

// Whoever waits for the answer has given up long before: the core after seconds.
const MOST_TRIES = 40;
const LONGEST_PAUSE_MS = 64;
const ASKED_AGAIN_MS = 1000;

export function sqlGate({ name, whyNotReady, isRolledBack }: SqlGateOptions): SqlGate {
  let isOpen = true;
  let ready: Promise<void> | undefined;
  let isReady = false;
  let askedAt = 0;

  async function requireTables(): Promise<void> {
    const problem = await whyNotReady();
    if (problem !== undefined) throw new Error(problem);
    isReady = true;
  }

  /** Asked by the first call; by a later one where the answer hangs, as on a connection that is dead. */
  function tables(): Promise<void> {
    if (ready === undefined || (!isReady && performance.now() - askedAt >= ASKED_AGAIN_MS)) {
      askedAt = performance.now();
      ready = requireTables();
    }
    return ready;
  }

  async function retried<Result>(attempt: () => Promise<Result>): Promise<Result> {
    for (let tries = 1; ; tries += 1) {
      try {
        return await attempt();
      } catch (error) {
        if (tries === MOST_TRIES || !isRolledBack(error)) throw error;
      }
      await jitter(tries, LONGEST_PAUSE_MS);
    }
  }

  return {
    async run(work) {
      if (!isOpen) throw new Error(`the ${name} store is closed`);
      const asked = tables();
      try {
        await asked;
      } catch (error) {
        // Asked again with the next call: the tables may be there by then.
        if (ready === asked) ready = undefined;
        throw error;
      }
      try {
        return await retried(work);
      } catch (error) {
        throw withoutValues(error);
      }
    },
    close() {
      isOpen = false;
    },
  };
}
