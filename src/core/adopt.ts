/**
 * Takes over live sessions of other libraries.
 *
 * A foreign session becomes a session of ours once: a closed record, whose id is an HMAC of the foreign
 * one, remembers which. Whoever finds it there follows the successor or stays out; so two requests that
 * adopt at once end in one session, and what was ended here is not adopted again. Until the browser has
 * shown its new ticket, its foreign cookie counts as the ticket of before: an answer that was lost is
 * made up for as it is at a rotation.
 *
 * @module
 */

import { SignInRefusedError } from "../errors.ts";
import type { ForeignCookie, ForeignSession } from "../interop/source.ts";
import type { Ticket } from "../token/ticket.ts";
import { closeSession } from "./close.ts";
import type { StoredCore } from "./core.ts";
import { beginContent, decodeRecord } from "./core.ts";
import { createSession } from "./create.ts";
import { latestCookies, setForeignCookies } from "./foreign.ts";
import { judge, REMEMBERED_FOR } from "./judge.ts";
import { createMarkers } from "./markers.ts";
import type { Found, Visit } from "./method.ts";
import { live, NOTHING_FOUND } from "./method.ts";
import type { Neighbour, Taken } from "./neighbour.ts";
import { createNeighbour, genuine } from "./neighbour.ts";
import type { Content, Kept } from "./record.ts";
import { header } from "./request.ts";
import { recognise } from "./rotation.ts";
import type { Refusal } from "./session.ts";
import type { WriteBack } from "./write-back.ts";
import { createWriteBack } from "./write-back.ts";

/** What the method of stored sessions lends. */
export interface Host {
  setTicket(visit: Visit, kept: Kept, ticket: Ticket): void;
  reload(visit: Visit, kept: Kept): Promise<Found>;
  refused(refusal: Refusal, sessionId: string | undefined, blocked: boolean): Found;
}

/** Takes over what other libraries have kept. */
export interface Adopter {
  /** Where the other library is to see what happens here. */
  readonly back: WriteBack | undefined;
  /** The session of a request that brings no ticket of ours. */
  find(visit: Visit): Promise<Found>;
  /** The answer brings a ticket: the foreign cookies that it was made of are not needed any more. */
  ticketSet(visit: Visit): void;
  /** After a sign-out. */
  ended(visit: Visit): Promise<void>;
  close(): void;
}

/** Stands for the foreign cookie where a ticket secret of before is asked for. No verifier is like it. */
const FOREIGN = "adopted";

export function createAdopter(core: StoredCore, host: Host): Adopter | undefined {
  const { settings, store, calls, mirror, events } = core;
  const { adoptions, clock, timeouts } = settings;
  if (adoptions.length === 0) return undefined;
  const markers = createMarkers(core);
  const neighbours = adoptions.map((each) => createNeighbour(core, each));
  const writtenTo = neighbours.find(({ writeBack }) => writeBack);
  const back = writtenTo && createWriteBack(core, markers, writtenTo, host.reload);
  // What deletes their foreign cookies.
  const deletions = new WeakMap<Visit, readonly ForeignCookie[]>();

  async function find(visit: Visit): Promise<Found> {
    back?.aim(visit, "own");
    const text = header(visit.request, "cookie");
    for (const neighbour of neighbours) {
      const opened = await neighbour.open(text);
      if (opened === undefined && neighbour.isLate(visit)) {
        return refuse(visit, "closed", undefined, true);
      }
      if (opened === undefined) continue;
      if (!("refused" in opened)) return adopt(visit, neighbour, opened);
      neighbour.refuse(opened.refused, opened.problem);
    }
    return NOTHING_FOUND;
  }

  async function adopt(
    visit: Visit,
    neighbour: Neighbour,
    foreign: ForeignSession,
  ): Promise<Found> {
    const { from } = neighbour;
    const marker = await markers.find(from, foreign);
    if (marker !== undefined) {
      const found = await follow(visit, neighbour, foreign, marker.successor);
      if (found !== undefined) return found;
    }
    // No ticket could be given.
    if (visit.headSent) return NOTHING_FOUND;
    const taken = await neighbour.taken(foreign);
    if (taken === undefined) {
      back?.aim(visit, "left");
      return NOTHING_FOUND;
    }
    const { userId, tree } = taken;
    // Many libraries give every visitor one, and whoever has a ticket of ours can't come as the user of theirs (P15).
    if (userId === undefined && tree.size === 0) return NOTHING_FOUND;
    await mirror?.ready(clock());
    // Whoever signed everyone out meant this one too. A source that cannot tell counts as from long ago.
    const began = foreign.createdAt ?? (userId === undefined ? clock() : 1);
    const judged = { id: "", userId, mark: began, createdAt: began };
    if (core.everyoneAt(judged) !== undefined) return refuse(visit, "revoked", undefined, false);
    const content = contentOf(visit, foreign, taken);
    let made: { readonly kept: Kept; readonly ticket: Ticket };
    try {
      const owner =
        userId === undefined ? undefined : { userId, startedAt: Math.min(began, clock()) };
      made = await createSession(core, content, owner, FOREIGN);
    } catch (error) {
      if (!(error instanceof SignInRefusedError)) throw error;
      return refuse(visit, "revoked", undefined, false);
    }
    const { kept, ticket } = made;
    const successor =
      marker === undefined ? await markers.claim(from, foreign, kept) : kept.record.id;
    if (successor !== kept.record.id) {
      // Nobody has its ticket: it must not be listed as a device.
      await closeSession(core, kept, undefined).catch(() => undefined);
      return (await follow(visit, neighbour, foreign, successor)) ?? NOTHING_FOUND;
    }
    leave(visit, neighbour, foreign);
    host.setTicket(visit, kept, ticket);
    const told = { sessionId: kept.record.id, userId, source: from.name, dropped: taken.dropped };
    events.emit("adopted", told);
    if (!neighbour.writeBack) neighbour.removeLater(foreign);
    return live(kept);
  }

  function contentOf(
    visit: Visit,
    foreign: ForeignSession,
    { userId, methods = ["adopted"], remember, tree }: Taken,
  ): Content {
    // When they proved it is when the foreign session began: a sensitive page asks again.
    const at = foreign.createdAt ?? 0;
    const beginning = {
      userId,
      remembered: userId !== undefined && (remember ?? foreign.persistent ?? false),
      authentications: userId === undefined ? [] : methods.map((method) => ({ method, at })),
      data: tree,
    };
    return beginContent(settings, visit, beginning);
  }

  /**
   * The session that a foreign one has become, for as long as its ticket may not have arrived; `undefined`
   * where the cookie may just as well be that of another device.
   */
  async function follow(
    visit: Visit,
    neighbour: Neighbour,
    foreign: ForeignSession,
    id: string | undefined,
  ): Promise<Found | undefined> {
    const now = clock();
    const loaded = id === undefined ? undefined : await calls.run("load", () => store.load(id));
    const kept = loaded && decodeRecord(core, loaded.record);
    if (loaded === undefined || kept === undefined) {
      return refuse(visit, "closed", undefined, false);
    }
    await mirror?.ready(now);
    const verdict = judge(kept, loaded.cutOff, timeouts, core.everyoneAt, now, visit.openedAt);
    if (verdict.refusal !== undefined) {
      return refuse(visit, verdict.refusal, id, verdict.blocked);
    }
    const as = recognise(kept.content.verifiers, FOREIGN, visit.openedAt, settings.rotationGrace);
    // Where it says nothing of whose browser it is, whoever has another device must not be signed out.
    if (as !== "previous" && foreign.isAmbiguous === true) return undefined;
    // A foreign cookie that comes back is a copy, or a deletion that a browser has missed: no more than that.
    if (as !== "previous") {
      // Late at first, when its browser has the ticket by now; later it has lost it, and may begin anew.
      const { confirmedAt, rotatedAt } = kept.content.verifiers;
      const since = (confirmedAt ?? rotatedAt) + settings.rotationGrace;
      return refuse(visit, "superseded", id, visit.openedAt < since + REMEMBERED_FOR);
    }
    visit.verifier = FOREIGN;
    leave(visit, neighbour, foreign);
    return live(kept);
  }

  function refuse(
    visit: Visit,
    refusal: Refusal,
    id: string | undefined,
    isBlocked: boolean,
  ): Found {
    back?.aim(visit, "none");
    return host.refused(refusal, id, isBlocked);
  }

  /**
   * The foreign cookies are not needed any more once there is a ticket, unless the other library still goes by them.
   * An answer without one leaves them: that of before, which had it, may have been lost (P16).
   */
  function leave(visit: Visit, { writeBack, from }: Neighbour, foreign: ForeignSession): void {
    if (!writeBack) deletions.set(visit, from.deletion(foreign.cookieNames));
  }

  return {
    back,
    find,
    ticketSet(visit) {
      setForeignCookies(visit, deletions.get(visit) ?? []);
    },
    async ended(visit) {
      for (const { from, writeBack, open, end } of neighbours) {
        const text = header(visit.request, "cookie") ?? "";
        try {
          const opened = await open(writeBack ? latestCookies(visit, text) : text);
          if (opened === undefined) continue;
          const foreign = genuine(opened);
          // What only they can read is over as well: whoever signs out is not to be signed in there.
          setForeignCookies(visit, from.deletion(foreign?.cookieNames));
          if (foreign !== undefined) await end(visit, foreign);
        } catch (error) {
          // Its record cannot be found now. The browser is to forget it all the same.
          setForeignCookies(visit, from.deletion());
          events.emit("foreignFailed", { source: from.name, operation: "remove", error });
        }
      }
    },
    close() {
      for (const neighbour of neighbours) neighbour.close();
    },
  };
}
