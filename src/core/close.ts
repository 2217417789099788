/**
 * Ends a stored session: its record becomes a closed one, remembered for a minute, so that late
 * requests are told apart. There is no delete.
 *
 * @module
 */

import { SessionConflictError, StoreUnavailableError } from "../errors.ts";
import { encodeBase64url } from "../lib/base64url.ts";
import { randomBytes } from "../lib/random.ts";
import type { StoredCore } from "./core.ts";
import { readRecord } from "./core.ts";
import { judge, REMEMBERED_FOR } from "./judge.ts";
import type { Kept } from "./record.ts";
import { closedContent, encodeContent } from "./record.ts";

/** How a closing went: done, moot, or too late because another request has closed it. */
export type Closing = "closed" | "gone" | "late";

/**
 * Closes a session, perhaps with a successor.
 *
 * @param mode - `"once"` gives back what was written meanwhile instead of closing that as well.
 * @returns `"gone"` when it has run out, `"late"` when somebody else has ended it; or the newer session.
 */
export async function closeSession(
  core: StoredCore,
  kept: Kept,
  successor: string | undefined,
  mode: "once",
): Promise<Closing | Kept>;
export async function closeSession(
  core: StoredCore,
  kept: Kept,
  successor: string | undefined,
): Promise<Closing>;
export async function closeSession(
  core: StoredCore,
  kept: Kept,
  successor: string | undefined,
  mode?: "once",
): Promise<Closing | Kept> {
  const { store, calls, settings } = core;
  const { id } = kept.record;
  const due = performance.now() + settings.commitDeadline;
  // Tells our own closing from somebody else's, when a reply was lost or a client sent it twice.
  const closingId = encodeBase64url(randomBytes(6));
  let current = kept;
  let unclear: unknown;
  for (;;) {
    const now = settings.clock();
    const { revision } = current.record;
    const next = {
      body: encodeContent(closedContent(current.content, closingId, successor)),
      lastSeenAt: current.record.lastSeenAt,
      expiresAt: now + REMEMBERED_FOR,
      close: true,
    };
    try {
      if (await calls.run("update", () => store.update(id, revision, next, now))) {
        core.closed(id);
        return "closed";
      }
      unclear = undefined;
    } catch (error) {
      // The write may have landed: read before trying again, and only once.
      if (!(error instanceof StoreUnavailableError) || unclear !== undefined) throw error;
      unclear = error;
    }
    const loaded = await calls.run("load", () => store.load(id));
    if (loaded === undefined) return "gone";
    const found = readRecord(core, loaded.record);
    if (loaded.record.closed) {
      core.closed(id);
      if (found.content.commits !== closingId) return "late";
      // It has landed, but whether it will last is what the error may have been about: a store that lets
      // replicas confirm an end is asked once more, and any other refuses what is closed already.
      if (unclear !== undefined)
        await calls.run("update", () => store.update(id, revision, next, now));
      return "closed";
    }
    const verdict = judge(found, loaded.cutOff, settings.timeouts, core.everyoneAt, now);
    // One that timed out can't be written any more. One that was cut off is over too, but lies there with
    // its data: it is closed all the same, only nothing may follow it.
    const isOver = verdict.refusal !== undefined;
    if (isOver && (verdict.refusal !== "revoked" || mode === "once")) return "gone";
    if (performance.now() > due) {
      throw new SessionConflictError("other requests kept writing until the deadline");
    }
    current = found;
    if (mode === "once" && loaded.record.revision !== revision) return current;
  }
}
