/**
 * How a reader gives up: it throws a refusal deep inside, and its public function answers with it.
 *
 * @module
 */

import type { RefusalReason, Refused } from "../source.ts";
import { isRefused } from "../source.ts";

/** What was read, wrapped, so that nothing that lies in it can pass for a refusal. */
export interface Taken<Value> {
  readonly value: Value;
}

/** Leaves a reader. It never leaves this package: {@link answer} catches it. @internal */
class RefusalSignal extends Error {
  readonly refusal: Refused;

  constructor(refusal: Refused) {
    super(refusal.problem);
    this.refusal = refusal;
  }
}

/** Gives up on a foreign value. The problem is said in words that hold nothing of the value. */
export function refuse(reason: RefusalReason, problem: string): never {
  throw new RefusalSignal({ refused: reason, problem });
}

/** What was read, or the refusal with which the work gave up. Errors of other kinds come through. */
export async function answer<Result>(work: () => Promise<Result>): Promise<Result | Refused> {
  try {
    return await work();
  } catch (error) {
    return refusalIn(error);
  }
}

/** The same for work that waits for nothing. */
export function answerNow<Result>(work: () => Result): Result | Refused {
  try {
    return work();
  } catch (error) {
    return refusalIn(error);
  }
}

/** The result of another reader; gives up with its refusal. */
export function taken<Result extends object>(result: Result | Refused): Exclude<Result, Refused> {
  if (isRefused(result)) throw new RefusalSignal(result);
  return result as Exclude<Result, Refused>;
}

function refusalIn(error: unknown): Refused {
  if (error instanceof RefusalSignal) return error.refusal;
  throw error;
}
