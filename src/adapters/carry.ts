/**
 * What adapters are given: what `createSessions` gives, and requests that may carry a session already.
 *
 * @module
 */

import type { Sessions } from "../core/sessions.ts";
import { UsageError } from "../errors.ts";

/** @throws {UsageError} for what `createSessions` did not make, and so cannot be used at any request. */
export function requireSessions(sessions: unknown): void {
  if (typeof (sessions as Partial<Sessions> | null | undefined)?.attach === "function") return;
  throw new UsageError("coatcheck takes what createSessions gives: `coatcheck(sessions)`");
}

/**
 * Whether the handle of this app is there, so that an adapter installed twice gives one handle.
 *
 * @param carried - what is found under the name `session`
 * @throws {UsageError} when it is something else: one of the two would be lost without a word.
 */
export function isCarried<Data extends object>(
  sessions: Sessions<Data>,
  carried: unknown,
): boolean {
  if (carried === undefined) return false;
  try {
    sessions.of({ session: carried });
    return true;
  } catch {
    throw new UsageError(
      "`session` is taken on this request, by another library or by other sessions: install one of " +
        "the two, or open the second by hand with `sessions.open(request)`, and commit it by hand",
    );
  }
}
