/**
 * MessagePack, as Flask-Session 0.7 and later keep their records (through msgspec).
 *
 * nil, booleans, numbers, text, bytes, arrays, maps, and the timestamp extension. Integers above 2^53
 * are `bigint`. Other extensions are refused.
 *
 * @see https://github.com/msgpack/msgpack/blob/master/spec.md
 * @module
 */

export type { ReadLimits } from "./python/limits.ts";
export { readMsgpack } from "./python/msgpack-read.ts";
export { writeMsgpack } from "./python/msgpack-write.ts";
export type { Taken } from "./python/refusal.ts";
export type { RefusalReason, Refused } from "./source.ts";
export { isRefused } from "./source.ts";
