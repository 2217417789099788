/**
 * One queue per session that is being written, so that commits of one session wait for each other; and turns, for
 * what is to wait and not to be folded.
 *
 * @module
 */

import type { Kept } from "./record.ts";

export interface Queue<Job> {
  /** Somebody is writing: whoever comes now leaves a job. Idle ones are kept for the next time. */
  busy: boolean;
  jobs: Job[];
  /** What was written last while the queue was busy. */
  latest: Kept | undefined;
}

const GENERATION = 1024;

/** The queues of all sessions that are being written. A write that nobody waits for needs none. */
export interface Queues<Job> {
  /** The queue of a session, where somebody is writing it. */
  find(id: string): Queue<Job> | undefined;
  /** Somebody begins to write, and whoever comes from now on finds a queue. */
  begin(id: string): Queue<Job>;
}

/**
 * Queues are not taken out one by one: a map that something is put in and taken out of at every
 * request keeps its garbage alive in V8. A generation of idle ones is dropped as a whole.
 */
export function createQueues<Job>(): Queues<Job> {
  let young = new Map<string, Queue<Job>>();
  let old = new Map<string, Queue<Job>>();
  let room = GENERATION;

  function age(): void {
    const next = new Map<string, Queue<Job>>();
    for (const [id, queue] of old) if (queue.busy) next.set(id, queue);
    old = young;
    young = next;
    // While a store hangs all of them are busy: whoever begins must not copy them each time.
    room = Math.max(GENERATION, next.size * 2);
  }

  const known = (id: string): Queue<Job> | undefined => young.get(id) ?? old.get(id);

  function make(id: string): Queue<Job> {
    if (young.size >= room) age();
    const queue: Queue<Job> = { busy: true, jobs: [], latest: undefined };
    young.set(id, queue);
    return queue;
  }

  return {
    find(id) {
      const queue = known(id);
      return queue?.busy === true ? queue : undefined;
    },
    begin(id) {
      const queue = known(id) ?? make(id);
      queue.busy = true;
      return queue;
    },
  };
}

/** Runs what is asked for under one key one after the other, and keeps nothing of it. */
export function createTurns(): <Result>(
  key: string,
  run: () => Promise<Result>,
) => Promise<Result> {
  const turns = new Map<string, Promise<unknown>>();
  return async (key, run) => {
    const before = turns.get(key);
    const turn = before === undefined ? run() : before.then(run, run);
    turns.set(key, turn);
    try {
      return await turn;
    } finally {
      if (turns.get(key) === turn) turns.delete(key);
    }
  };
}
