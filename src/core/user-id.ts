/**
 * What a user id may be.
 *
 * @module
 */

import { UsageError } from "../errors.ts";

const LONGEST = 1024;
const LONE_SURROGATE = /\p{Surrogate}/u;

/**
 * Refuses what is no user id.
 *
 * Half a surrogate pair is lost on the way into UTF-8, and two users would become one.
 *
 * @param call - what was called with it.
 * @throws {UsageError}
 */
export function checkUserId(call: string, userId: unknown): asserts userId is string {
  const isText = typeof userId === "string" && userId !== "" && userId.length <= LONGEST;
  if (isText && !LONE_SURROGATE.test(userId)) return;
  throw new UsageError(`${call} takes a user id: well-formed text of 1 to ${LONGEST} characters`);
}
