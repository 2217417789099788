/**
 * Begins a stored session: a record under a new id, and its ticket.
 *
 * @module
 */

import { StoreUnavailableError } from "../errors.ts";
import type { NewRecord, SessionRecord } from "../stores/contract.ts";
import type { Ticket } from "../token/ticket.ts";
import { mintTicket, newSessionId } from "../token/ticket.ts";
import type { StoredCore } from "./core.ts";
import { signedOutMeanwhile } from "./method.ts";
import type { Verifiers } from "./record.ts";
import { Content, encodeContent, Kept } from "./record.ts";
import { deadline } from "./timeouts.ts";
import { checkSize } from "./writer.ts";

/** Whose a session is. */
export interface Owner {
  readonly userId: string;
  /** When the sign-in began: what has cut the user off since ends it. */
  readonly startedAt: number;
}

/**
 * Creates a session; without an owner a visitor's.
 *
 * @param previous - the verifier of what else counts as its ticket until the new one is seen.
 */
export async function createSession(
  core: StoredCore,
  content: Content,
  owner: Owner | undefined,
  previous?: string,
): Promise<{ readonly kept: Kept; readonly ticket: Ticket }> {
  const { ring, clock, timeouts } = core.settings;
  const userId = owner?.userId;
  const home = userId === undefined ? undefined : await homeOf(core, userId);
  for (let tries = 0; ; tries++) {
    const id = newSessionId(home);
    const ticket = mintTicket(ring, id);
    const now = clock();
    core.mirror?.reached(now);
    const verifiers: Verifiers = { current: ticket.verifier, rotatedAt: now, previous };
    const filled = new Content(content, verifiers, content.data, content.version);
    const body = encodeContent(filled);
    checkSize(core, body, filled.data);
    const record: NewRecord = {
      id,
      userId,
      lastSeenAt: now,
      expiresAt: deadline(timeouts, userId, filled, now),
      closed: false,
      body,
    };
    // A mark that a cut-off has just lifted may lie a millisecond ahead of the clock, not further.
    const startedAgo = owner === undefined ? 0 : Math.max(-1, now - owner.startedAt);
    const outcome = await createOnce(core, record, startedAgo, now, ticket);
    if (outcome === "cut-off") throw signedOutMeanwhile();
    if (outcome !== "taken") {
      const mark = userId === undefined ? 0 : now - startedAgo;
      const kept = outcome ?? { ...record, revision: 1, mark };
      return { kept: new Kept(kept, filled), ticket };
    }
    if (tries === 3) {
      const cause = new Error("four new ids were taken");
      throw new StoreUnavailableError(core.store.name, "create", cause);
    }
  }
}

async function homeOf({ store, calls }: StoredCore, userId: string): Promise<string | undefined> {
  if (store.home === undefined) return undefined;
  return calls.run("home", () => store.home?.(userId) as Promise<string>);
}

/** A reply that was lost is told by the verifier. */
async function createOnce(
  { store, calls, settings }: StoredCore,
  record: NewRecord,
  startedAgo: number,
  now: number,
  ticket: Ticket,
): Promise<SessionRecord | "taken" | "cut-off" | undefined> {
  let unclear: unknown;
  for (let tries = 0; tries < 2; tries++) {
    try {
      // The second time the sign-in began longer ago: a cut-off in between must not be passed.
      const waited = Math.max(0, settings.clock() - now);
      const outcome = await calls.run("create", () =>
        store.create(record, startedAgo + waited, now + waited),
      );
      if (outcome === "created") return undefined;
      if (outcome === "cut-off") return outcome;
    } catch (error) {
      if (!(error instanceof StoreUnavailableError)) throw error;
      unclear = error;
    }
    // "taken" may be the answer to our own call that a client sent twice.
    const loaded = await calls.run("load", () => store.load(record.id));
    if (loaded !== undefined) {
      return loaded.record.body.includes(ticket.verifier) ? loaded.record : "taken";
    }
  }
  throw unclear ?? new StoreUnavailableError(store.name, "create");
}
