/**
 * Writes changes of one session over the revision they were made from.
 *
 * Commits of one session queue within a process and fold into one write while they wait. Across
 * processes a refused write reads again, applies the changes to what is there now, and retries with
 * jitter until its deadline. Each write carries a commit id, so that a reply that was lost (or a
 * client that silently sent a write twice) is told from another writer: never a second effect.
 *
 * @module
 */

import {
  CoatcheckError,
  SessionConflictError,
  SessionTooLargeError,
  StoreUnavailableError,
} from "../errors.ts";
import { encodeBase64url } from "../lib/base64url.ts";
import { utf8Length } from "../lib/bytes.ts";
import { jitter } from "../lib/jitter.ts";
import { randomBytes } from "../lib/random.ts";
import type { Answer, RecordUpdate, SessionRecord } from "../stores/contract.ts";
import type { StoredCore } from "./core.ts";
import { readRecord } from "./core.ts";
import { judge } from "./judge.ts";
import type { Queue } from "./queues.ts";
import { createQueues } from "./queues.ts";
import type { Content } from "./record.ts";
import { encodeContent, fateOf, Kept, Updated, withCommit } from "./record.ts";
import { deadline } from "./timeouts.ts";
import type { DataTree } from "./tree.ts";
import { memberOf } from "./tree.ts";

/** What a job does to the content it finds: gives a new one, or the same when there is nothing to write. */
export type Apply = (content: Content, record: SessionRecord) => Answer<Content>;

/** How a job ended. `"gone"`: the session ended meanwhile and nothing was written. */
export type Written = Kept | "gone";

export interface Writer {
  /** Applies one job, atomically. `kept` is what the request has read. */
  write(kept: Kept, apply: Apply): Answer<Written>;
}

interface Job {
  readonly kept: Kept;
  readonly apply: Apply;
  readonly due: number;
  /** Whether its caller still waits: a job that was answered must have no effect any more. */
  waiting: boolean;
  readonly resolve: (written: Written) => void;
  readonly reject: (error: unknown) => void;
}

/** A write that was refused, or of which it is unclear whether it has landed. */
interface Missed {
  readonly commitId: string;
  readonly revision: number;
  readonly unclear: StoreUnavailableError | undefined;
}

const LONGEST_PAUSE_MS = 100;

export function createWriter(core: StoredCore): Writer {
  const { store, calls, settings, memo } = core;
  const { clock, timeouts, commitDeadline } = settings;
  const queues = createQueues<Job>();
  // Drawn at the first commit: some platforms have no randomness before the first request.
  let writerId: string | undefined;
  let commits = 0;

  function nextCommitId(): string {
    writerId ??= encodeBase64url(randomBytes(6));
    commits += 1;
    return `${writerId}.${commits}`;
  }

  function queued(
    kept: Kept,
    apply: Apply,
    due: number,
    take: (job: Job) => void,
  ): Promise<Written> {
    return new Promise((resolve, reject) => {
      take({ kept, apply: inOwnContext(apply), due, waiting: true, resolve, reject });
    });
  }

  /** Nobody else in this process is writing the session: most writes come and go through here. */
  function writeAlone(kept: Kept, apply: Apply): Answer<Written> {
    const applied = apply(kept.content, kept.record);
    const trying =
      applied instanceof Promise
        ? applied.then((content) => tryFirst(kept, content))
        : tryFirst(kept, applied);
    if (!(trying instanceof Promise) && "record" in trying) return trying;
    return writeFirst(queues.begin(kept.record.id), kept, apply, trying);
  }

  function tryFirst(kept: Kept, content: Content): Answer<Kept | Missed> {
    return content === kept.content ? kept : tryWrite(kept, content, nextCommitId());
  }

  /** Others wait while the first write is under way. */
  async function writeFirst(
    queue: Queue<Job>,
    kept: Kept,
    apply: Apply,
    trying: Answer<Kept | Missed>,
  ): Promise<Written> {
    const due = performance.now() + commitDeadline;
    try {
      const outcome = await trying;
      if ("record" in outcome) {
        queue.latest = outcome;
        return outcome;
      }
      return await queued(kept, apply, due, (job) => void answer(queue, [job], outcome));
    } finally {
      if (queue.jobs.length === 0) rest(queue);
      else void drain(queue);
    }
  }

  async function drain(queue: Queue<Job>): Promise<void> {
    while (queue.jobs.length > 0) {
      const batch = queue.jobs;
      queue.jobs = [];
      await answer(queue, batch, undefined);
    }
    rest(queue);
  }

  function rest(queue: Queue<Job>): void {
    queue.busy = false;
    queue.latest = undefined;
  }

  /** Writes the jobs as one, and answers each of them. */
  async function answer(
    queue: Queue<Job>,
    batch: readonly Job[],
    missed: Missed | undefined,
  ): Promise<void> {
    try {
      await writeTogether(queue, batch, missed);
    } catch (error) {
      const waiting = batch.filter(isWaiting);
      // One job that is too large or ill-typed must not take the others with it.
      const mayBeOneJob = error instanceof CoatcheckError && error.status === 500;
      if (waiting.length > 1 && mayBeOneJob) {
        for (const job of waiting) await answer(queue, [job], undefined);
      } else {
        for (const job of waiting) refuse(job, error);
      }
    }
  }

  async function writeTogether(
    queue: Queue<Job>,
    batch: readonly Job[],
    first: Missed | undefined,
  ): Promise<void> {
    const commitId = first?.commitId ?? nextCommitId();
    let missed = first;
    let base = missed === undefined ? newest(queue.latest, batch) : undefined;
    for (let tries = 0; ; tries += 1) {
      if (base === undefined) {
        if (tries > 1 && missed?.unclear === undefined) await jitter(tries, LONGEST_PAUSE_MS);
        const found = await readAgain(batch[0] as Job, missed);
        if (found.done !== undefined) {
          for (const job of batch.filter(isWaiting)) settle(job, found.done);
          return;
        }
        base = found.base;
        refuseLate(batch, missed?.unclear);
      }
      const content = await applyAll(batch, base);
      const jobs = batch.filter(isWaiting);
      if (jobs.length === 0) return;
      const outcome = content === base.content ? base : await tryWrite(base, content, commitId);
      if ("record" in outcome) {
        queue.latest = outcome;
        for (const job of jobs) settle(job, outcome);
        return;
      }
      // Twice without an answer: whoever asks again may find the store back.
      if (outcome.unclear !== undefined && missed?.unclear !== undefined) throw outcome.unclear;
      missed = outcome;
      base = undefined;
    }
  }

  /** What there is to go on from, or how the jobs have ended already. */
  async function readAgain(
    { kept: { record } }: Job,
    missed: Missed | undefined,
  ): Promise<
    | { readonly done: Written; readonly base?: undefined }
    | { readonly done?: undefined; readonly base: Kept }
  > {
    const { id } = record;
    const loaded = await calls.run("load", () => store.load(id));
    if (loaded === undefined) return { done: "gone" };
    const base = readRecord(core, loaded.record);
    const fate = missed && fateOf(missed.commitId, base, missed.revision);
    if (fate === "kept") return { done: base };
    const { refusal } = judge(base, loaded.cutOff, timeouts, core.everyoneAt, clock());
    if (refusal !== undefined) return { done: "gone" };
    if (fate === "unknown") {
      throw new SessionConflictError("it cannot be told whether the change was kept");
    }
    return { base };
  }

  /** One write over the revision of `base`, of a content that nobody else has yet. */
  function tryWrite(base: Kept, content: Content, commitId: string): Answer<Kept | Missed> {
    const { id, revision, userId, lastSeenAt: seenBefore } = base.record;
    const now = clock();
    content.commits = withCommit(base.content.commits, commitId);
    const body = encodeContent(content);
    checkSize(core, body, content.data);
    const lastSeenAt = Math.max(now, seenBefore);
    const expiresAt = deadline(timeouts, userId, content, lastSeenAt);
    const update = { body, lastSeenAt, expiresAt };
    const updating = calls.run("update", () => store.update(id, revision, update, now));
    return updating instanceof Promise
      ? triedLater(updating, base, content, commitId, update)
      : tried(updating, base, content, commitId, update);
  }

  function tried(
    isDone: boolean,
    { record }: Kept,
    content: Content,
    commitId: string,
    update: RecordUpdate,
  ): Kept | Missed {
    if (!isDone) return { commitId, revision: record.revision, unclear: undefined };
    memo.renew(record.id, update.body, content);
    return new Kept(new Updated(record, update), content);
  }

  async function triedLater(
    updating: Promise<boolean>,
    base: Kept,
    content: Content,
    commitId: string,
    update: RecordUpdate,
  ): Promise<Kept | Missed> {
    try {
      return tried(await updating, base, content, commitId, update);
    } catch (error) {
      if (!(error instanceof StoreUnavailableError)) throw error;
      return { commitId, revision: base.record.revision, unclear: error };
    }
  }

  return {
    write(kept, apply) {
      const queue = queues.find(kept.record.id);
      if (queue === undefined) return writeAlone(kept, apply);
      const due = performance.now() + commitDeadline;
      return queued(kept, apply, due, (job) => queue.jobs.push(job));
    },
  };
}

/** Applies the jobs one after the other. One whose function throws is refused and has no effect. */
async function applyAll(jobs: readonly Job[], base: Kept): Promise<Content> {
  let content = base.content;
  for (const job of jobs) {
    if (!job.waiting) continue;
    try {
      content = await job.apply(content, base.record);
    } catch (error) {
      refuse(job, error);
    }
  }
  return content;
}

/**
 * Whoever writes for others runs their functions too. Each is to find the async context of its own request
 * (`AsyncLocalStorage`), which a callback of a promise keeps from where it was given.
 */
function inOwnContext(apply: Apply): Apply {
  let run: (args: Parameters<Apply>) => void;
  let running: Promise<Content>;
  async function ready(): Promise<Content> {
    const args = await new Promise<Parameters<Apply>>((resolve) => {
      run = resolve;
    });
    // For another try.
    running = ready();
    return apply(...args);
  }
  running = ready();
  return (...args) => {
    run(args);
    return running;
  };
}

function newest(latest: Kept | undefined, jobs: readonly Job[]): Kept | undefined {
  let best = latest;
  for (const { kept } of jobs) {
    if (best === undefined || kept.record.revision > best.record.revision) best = kept;
  }
  return best;
}

function refuseLate(jobs: readonly Job[], unclear: StoreUnavailableError | undefined): void {
  const now = performance.now();
  for (const job of jobs) {
    if (!job.waiting || job.due > now) continue;
    const problem = "other requests kept writing until the deadline";
    refuse(job, unclear ?? new SessionConflictError(problem));
  }
}

const isWaiting = (job: Job): boolean => job.waiting;

function settle(job: Job, written: Written): void {
  job.waiting = false;
  job.resolve(written);
}

function refuse(job: Job, error: unknown): void {
  job.waiting = false;
  job.reject(error);
}

/** @throws {SessionTooLargeError} before the store is asked. */
export function checkSize({ store }: StoredCore, body: string, data: DataTree): void {
  const { maxBodyBytes } = store.traits;
  // A UTF-16 unit is at most three bytes: most bodies need no counting.
  if (body.length * 3 <= maxBodyBytes) return;
  const size = utf8Length(body);
  if (size <= maxBodyBytes) return;
  throw new SessionTooLargeError(`the ${store.name} store`, size, maxBodyBytes, bytesByKey(data));
}

/** How many bytes each key takes, the largest first. */
export function bytesByKey(data: DataTree): Record<string, number> {
  const sizes = data.map((cell, key) => [key, utf8Length(memberOf(cell, key))] as const);
  return Object.fromEntries(sizes.sort(([, a], [, b]) => b - a));
}
