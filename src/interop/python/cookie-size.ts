/**
 * How long a cookie may be.
 *
 * @module
 */

import { SessionTooLargeError } from "../../errors.ts";

/** Browsers drop a cookie whose name and value take more (RFC 6265bis §5.7). */
const MAX_COOKIE_BYTES = 4096;

/** @throws {SessionTooLargeError} when a browser would drop the cookie. */
export function checkSize(name: string, value: string): void {
  const size = name.length + value.length;
  if (size > MAX_COOKIE_BYTES) throw new SessionTooLargeError("one cookie", size, MAX_COOKIE_BYTES);
}
