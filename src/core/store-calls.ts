/**
 * Every call of a store passes here: it gets a deadline, its failures become
 * {@link StoreUnavailableError}, and a store that keeps failing is left alone for a moment.
 *
 * @module
 */

import { isCoatcheckError, StoreUnavailableError } from "../errors.ts";
import type { Answer } from "../stores/contract.ts";
import type { Emitter } from "./events.ts";

/** Runs calls of one store under a deadline and a breaker. */
export interface StoreCalls {
  /**
   * Runs one call. A late answer is dropped: the caller has to read before it tries again. What fails at
   * once is a promise all the same, one that is rejected.
   */
  run<Result>(operation: string, call: () => Promise<Result>): Promise<Result>;
  run<Result>(operation: string, call: () => Answer<Result>): Answer<Result>;
}

interface Breaker {
  failures: number;
  /** How many calls have had an answer so far. */
  answers: number;
  leftAloneUntil: number;
}

/** A call under way, in a ring of all of them: the oldest after the head, the newest before it. */
interface Pending {
  due: number;
  before: Pending;
  after: Pending;
  expire: () => void;
}

const FAILURES_TO_OPEN = 5;
const OPEN_FOR = 1000;

/** The clock here is the machine's own: an injected clock must not stretch a deadline. */
export function createStoreCalls(store: string, deadline: number, events: Emitter): StoreCalls {
  // One for each operation: a full disk fails the writes and must not keep anyone from reading.
  const breakers = new Map<string, Breaker>();
  const head = {} as Pending;
  head.before = head;
  head.after = head;
  let timer: ReturnType<typeof setTimeout> | undefined;

  function breakerOf(operation: string): Breaker {
    const known = breakers.get(operation);
    if (known !== undefined) return known;
    const fresh: Breaker = { failures: 0, answers: 0, leftAloneUntil: 0 };
    breakers.set(operation, fresh);
    return fresh;
  }

  // All calls have the same deadline, so the ring is in order of due time and one timer is enough.
  function arm(after: number): void {
    const due = performance.now() + after;
    // A process that stood still, or was kept busy, has not read what was answered meanwhile: the time that it lost
    // is given once more.
    wake(() => wake(expireDue, Math.min(performance.now() - due, deadline)), after);
  }

  function wake(then: () => void, after: number): void {
    timer = setTimeout(then, after);
    // A store that never answers must not keep the process alive.
    (timer as { unref?: () => void }).unref?.();
  }

  function expireDue(): void {
    timer = undefined;
    const now = performance.now();
    for (let call = head.after; call !== head; call = head.after) {
      if (call.due > now) {
        arm(call.due - now + 1);
        return;
      }
      call.expire();
    }
  }

  /** @param answersBefore - how many calls had had an answer when this one was made */
  function failed(operation: string, cause: unknown, answersBefore: number): Error {
    // The store's own typed errors (too large, say) are answers, not outages.
    if (isCoatcheckError(cause) && cause.code !== "ERR_STORE_UNAVAILABLE") return cause;
    const breaker = breakerOf(operation);
    // A store that has answered others meanwhile is there. A part of it may hang, such as a primary of a
    // cluster: that must not keep anyone from the rest.
    if (breaker.answers === answersBefore) breaker.failures += 1;
    if (breaker.failures >= FAILURES_TO_OPEN) {
      breaker.leftAloneUntil = performance.now() + OPEN_FOR;
    }
    const error =
      cause instanceof StoreUnavailableError
        ? cause
        : new StoreUnavailableError(store, operation, cause);
    events.emit("outage", { operation, error });
    return error;
  }

  /** Why the store is not asked now, if so. */
  function leftAlone(operation: string, breaker: Breaker): StoreUnavailableError | undefined {
    const now = performance.now();
    if (now < breaker.leftAloneUntil) {
      const cause = new Error(`left alone after ${breaker.failures} failures in a row`);
      return new StoreUnavailableError(store, operation, cause);
    }
    // This call finds out whether the store is back; the others wait for its answer.
    breaker.leftAloneUntil = now + OPEN_FOR;
    return undefined;
  }

  function answered(breaker: Breaker): void {
    breaker.failures = 0;
    breaker.answers += 1;
  }

  /** The answer to a call, if it comes in time. */
  function inTime<Result>(
    operation: string,
    coming: Promise<Result>,
    breaker: Breaker,
    answersBefore: number,
  ): Promise<Result> {
    return new Promise((resolve, reject) => {
      const expire = (): void => {
        takeOut(entry);
        reject(failed(operation, new Error(`no answer within ${deadline} ms`), answersBefore));
      };
      const entry: Pending = {
        due: performance.now() + deadline,
        before: head.before,
        after: head,
        expire,
      };
      head.before.after = entry;
      head.before = entry;
      if (timer === undefined) arm(deadline + 1);
      coming.then(
        (result) => {
          if (!takeOut(entry)) return;
          answered(breaker);
          resolve(result);
        },
        (cause) => {
          if (takeOut(entry)) reject(failed(operation, cause, answersBefore));
        },
      );
    });
  }

  function run<Result>(operation: string, call: () => Promise<Result>): Promise<Result>;
  function run<Result>(operation: string, call: () => Answer<Result>): Answer<Result>;
  function run<Result>(operation: string, call: () => Answer<Result>): Answer<Result> {
    const breaker = breakerOf(operation);
    const { answers } = breaker;
    if (breaker.failures >= FAILURES_TO_OPEN) {
      const refusal = leftAlone(operation, breaker);
      if (refusal !== undefined) return Promise.reject(refusal);
    }
    let answer: Answer<Result>;
    try {
      answer = call();
    } catch (cause) {
      return Promise.reject(failed(operation, cause, answers));
    }
    if (isComing(answer)) return inTime(operation, answer, breaker, answers);
    answered(breaker);
    return answer;
  }

  return { run };
}

// Anything that can be waited for, as `await` sees it: not every client's promises are the engine's own.
function isComing<Result>(answer: Answer<Result>): answer is Promise<Result> {
  return typeof (answer as { then?: unknown } | null | undefined)?.then === "function";
}

/** Whether the call was still in the ring. Out of it, it points to nothing that lives longer. */
function takeOut(entry: Pending): boolean {
  const { before, after } = entry;
  if (before === entry) return false;
  before.after = after;
  after.before = before;
  entry.before = entry;
  entry.after = entry;
  return true;
}
