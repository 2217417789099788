/**
 * Python pickles, as plain data and nothing else: nothing is ever executed.
 *
 * @module
 */

export type { ReadLimits } from "./python/limits.ts";
export { readPickle } from "./python/pickle-read.ts";
export { writePickle } from "./python/pickle-write.ts";
export type { Taken } from "./python/refusal.ts";
export type { Markup, PlainDate, TimeDelta, Uuid } from "./python/values.ts";
export {
  isMarkup,
  isNaive,
  isPlainDate,
  isTimeDelta,
  isTuple,
  isUuid,
  markup,
  naiveDate,
  plain,
  plainDate,
  timeDelta,
  tuple,
  uuid,
} from "./python/values.ts";
export type { RefusalReason, Refused } from "./source.ts";
export { isRefused } from "./source.ts";
