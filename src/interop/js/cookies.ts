/**
 * The cookies of foreign libraries, and the options that they share.
 *
 * @module
 */

import { checkCookieSize } from "../../cookie/write.ts";
import type { ForeignAttributes, ForeignCookie } from "../source.ts";

export type { ForeignCookieOptions } from "../options.ts";
export { COOKIE, foreignAttributes } from "../options.ts";

/** A cookie to be set. @throws {SessionTooLargeError} when a browser would drop it. */
export function foreignCookie(
  name: string,
  value: string,
  attributes: ForeignAttributes,
  expiresAt: number | undefined,
): ForeignCookie {
  checkCookieSize(name, value);
  return { name, value, attributes, ...(expiresAt === undefined ? {} : { expiresAt }) };
}

/** The cookies that delete these. */
export function deletions(
  names: readonly string[],
  attributes: ForeignAttributes,
): readonly ForeignCookie[] {
  return names.map((name) => ({ name, value: "", attributes, expiresAt: 0 }));
}
