/**
 * Refusals: the answer to a foreign value that is not taken.
 *
 * @module
 */

import type { RefusalReason, Refused } from "../source.ts";

/** A refusal, in words that hold nothing of the value. */
export function refuse(refused: RefusalReason, problem: string): Refused {
  return { refused, problem };
}
