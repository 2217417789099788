/**
 * Cells: texts under keys, each of which is read and changed in one step. It is all that sessions need of
 * a backend which can do nothing with several keys at once.
 *
 * @module
 */

/** The texts of one backend. */
export interface Cells {
  /** Their texts, none of them read before one that stands before it. */
  read(keys: readonly string[]): Promise<readonly (string | undefined)[]>;
  /** Reads a text and writes what becomes of it, in one step. `decide` may run again: it does nothing else. */
  change<Result>(key: string, decide: Decide<Result>, expect?: Expectation): Promise<Result>;
  /** Adds to the end of a text in one step; begins one where there is none. */
  append(key: string, text: string): Promise<void>;
  /** The same with another text where there is none, and a look at what is there then. */
  extend(key: string, text: Extension): Promise<Extended>;
}

export interface Extension {
  /** What is added. */
  readonly added: string;
  /** What it begins with where nothing is there. */
  readonly begun: string;
  /** Whether something is probably there. */
  readonly isThere: boolean;
}

export interface Extended {
  /**
   * What was there then. Where a backend answers out of turn it may be from before, but not from before
   * the call.
   */
  readonly text: string | undefined;
  /** Whether there was nothing before. */
  readonly isNew: boolean;
}

/** A text would be longer than the backend takes, or the backend has no room for it. */
export class NoRoomError extends Error {}

export type Decide<Result> = (text: string | undefined) => Decision<Result>;

/** What becomes of a text. */
export type Decision<Result> =
  | { readonly does: "keep"; readonly result: Result }
  | { readonly does: "remove"; readonly result: Result }
  | {
      readonly does: "write";
      readonly text: string;
      /** How long it has to be kept, in milliseconds; absent for as long as the backend can. */
      readonly lifetime?: number | undefined;
      readonly result: Result;
    };

/** What is probably there, so that a backend with conditions need not look first. */
export type Expectation = "absent" | "as read";

/** A backend without conditions: what most key-value libraries have in common. */
export interface PlainBackend {
  get(key: string): Promise<string | undefined>;
  set(key: string, text: string, lifetime: number | undefined): Promise<void>;
  remove(key: string): Promise<void>;
}

/** A change that waits for its turn. */
interface Waiting {
  decide: Decide<unknown>;
  resolve(result: unknown): void;
  reject(error: unknown): void;
}

/** The changes of one key. */
interface Queue {
  readonly waiting: Waiting[];
  /** Since when the backend owes an answer, by the machine's own clock. */
  askedAt: number;
  isWriting: boolean;
}

// Far longer than the core waits. There is no timer: whoever comes next finds out.
const PATIENCE = 10_000;

// Whoever works on one client shares its queues: stores that are made twice get in nobody's way.
const queuesOf = new WeakMap<object, Map<string, Queue>>();

/**
 * Cells on a backend without conditions. Who reads or changes one key waits for those before, in this
 * process, and all that wait become one read and one write. Another process is not seen: its changes
 * are lost or lose ours. A read that is never answered is given up; behind a write that is not, all is refused.
 *
 * @param client - what the backend is reached through; two stores on one client share their queues
 */
export function queuedCells(client: object, backend: PlainBackend): Cells {
  const queues = queuesOf.get(client) ?? new Map<string, Queue>();
  queuesOf.set(client, queues);

  function change<Result>(key: string, decide: Decide<Result>): Promise<Result> {
    return new Promise<Result>((resolve, reject) => {
      const job: Waiting = { decide, resolve: resolve as Waiting["resolve"], reject };
      const queue = queues.get(key);
      if (queue === undefined) {
        begin(key, [job]);
        return;
      }
      queue.waiting.push(job);
      if (performance.now() - queue.askedAt < PATIENCE) return;
      const waiting = queue.waiting.splice(0);
      // What was only to be read is read anew.
      if (!queue.isWriting) begin(key, waiting);
      // A write that comes late would undo what goes before it.
      else
        for (const { reject } of waiting) reject(new Error("an earlier write has no answer yet"));
    });
  }

  function begin(key: string, waiting: Waiting[]): void {
    const queue: Queue = { waiting, askedAt: performance.now(), isWriting: false };
    queues.set(key, queue);
    void work(key, queue);
  }

  async function work(key: string, queue: Queue): Promise<void> {
    // What is asked of one key in the same turn goes together, from the first on.
    await undefined;
    for (;;) {
      const jobs = queue.waiting.splice(0);
      if (jobs.length === 0) break;
      try {
        const answers = await workOff(key, queue, jobs);
        for (const answer of answers) answer();
      } catch (error) {
        // Some may have seen what others wanted to write, and whether that is written nobody knows.
        for (const { reject } of jobs) reject(error);
      }
    }
    if (queues.get(key) === queue) queues.delete(key);
  }

  /** @returns the answers, to be given when all is written. */
  async function workOff(
    key: string,
    queue: Queue,
    jobs: readonly Waiting[],
  ): Promise<(() => void)[]> {
    queue.askedAt = performance.now();
    queue.isWriting = false;
    let text = await backend.get(key);
    if (queues.get(key) !== queue) throw new Error("the answer came too late: others went on");
    let write: (() => Promise<void>) | undefined;
    const answers = jobs.map(({ decide, resolve, reject }) => {
      try {
        const decision = decide(text);
        if (decision.does === "write") {
          text = decision.text;
          write = () => backend.set(key, decision.text, decision.lifetime);
        } else if (decision.does === "remove") {
          text = undefined;
          write = () => backend.remove(key);
        }
        return () => resolve(decision.result);
      } catch (error) {
        return () => reject(error);
      }
    });
    if (write === undefined) return answers;
    queue.askedAt = performance.now();
    queue.isWriting = true;
    await write();
    return answers;
  }

  return {
    // In turn as well: a backend may show half of what is being written, as files do.
    async read(keys) {
      const texts: (string | undefined)[] = [];
      for (const key of keys) {
        texts.push(await change(key, (text) => ({ does: "keep", result: text })));
      }
      return texts;
    },

    change,

    append(key, text) {
      return change(key, (before = "") => {
        return { does: "write", text: before + text, result: undefined };
      });
    },

    extend(key, { added, begun }) {
      return change(key, (before) => {
        const text = before === undefined ? begun : before + added;
        return { does: "write", text, result: { text, isNew: before === undefined } };
      });
    },
  };
}

/** What they come to, or the first error, when none of them is under way any more. */
export async function settled<const All extends readonly unknown[]>(
  all: All,
): Promise<{ -readonly [Index in keyof All]: Awaited<All[Index]> }> {
  await Promise.allSettled(all);
  return Promise.all(all);
}
