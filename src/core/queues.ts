/**
 * One queue per session that is being written, so that commits of one session wait for each other.
 *
 * @module
 */

import type { Kept } from "./record.ts";

export interface Queue<Job> {
  /** Somebody is writing: whoever comes now leaves a job. */
  busy: boolean;
  jobs: Job[];
  /** What was written last while the queue was busy. */
  latest: Kept | undefined;
}

const GENERATION = 1024;

/**
 * Finds or makes the queue of a session.
 *
 * Queues are not taken out one by one: a map that something is put in and taken out of at every
 * request keeps its garbage alive in V8. A generation of idle ones is dropped as a whole.
 */
export function createQueues<Job>(): (id: string) => Queue<Job> {
  let young = new Map<string, Queue<Job>>();
  let old = new Map<string, Queue<Job>>();

  function age(): void {
    const next = new Map<string, Queue<Job>>();
    for (const [id, queue] of old) if (queue.busy) next.set(id, queue);
    old = young;
    young = next;
  }

  return (id) => {
    const known = young.get(id) ?? old.get(id);
    if (known !== undefined) return known;
    if (young.size >= GENERATION) age();
    const queue: Queue<Job> = { busy: false, jobs: [], latest: undefined };
    young.set(id, queue);
    return queue;
  };
}
