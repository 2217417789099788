/**
 * Takes over live sessions of other libraries, and for a while writes ours back as theirs.
 *
 * A foreign session becomes a session of ours once: a closed record, whose id is an HMAC of the foreign
 * one, remembers which. Whoever finds it there follows the successor or stays out; so two requests that
 * adopt at once end in one session, and what was ended here is not adopted again. Until the browser has
 * shown its new ticket, its foreign cookie counts as the ticket of before: an answer that was lost is
 * made up for as it is at a rotation.
 *
 * @module
 */

import { SignInRefusedError, StoreUnavailableError, UsageError, ValueError } from "../errors.ts";
import type { ForeignCookie, ForeignSession, ForeignSource } from "../interop/source.ts";
import { utf8Length } from "../lib/bytes.ts";
import type { Loaded, NewRecord } from "../stores/contract.ts";
import type { Key } from "../token/key-ring.ts";
import type { Ticket } from "../token/ticket.ts";
import { closeSession } from "./close.ts";
import type { StoredCore } from "./core.ts";
import { beginContent, decodeRecord } from "./core.ts";
import { createSession } from "./create.ts";
import type { Endings, RefusedForeign } from "./foreign.ts";
import {
  createEndings,
  draftData,
  idFromForeign,
  keepable,
  latestCookies,
  openForeign,
  reservedBy,
  setForeignCookies,
  valuesWithout,
} from "./foreign.ts";
import type { ResolvedAdoption } from "./foreign-settings.ts";
import { judge, REMEMBERED_FOR } from "./judge.ts";
import type { Found, Visit } from "./method.ts";
import { live, NOTHING_FOUND } from "./method.ts";
import type { Adopted } from "./options.ts";
import type { Content } from "./record.ts";
import { closedContent, encodeContent, Kept } from "./record.ts";
import { header } from "./request.ts";
import { recognise } from "./rotation.ts";
import type { Refusal } from "./session.ts";
import { createShape } from "./shape.ts";
import type { StoreCalls } from "./store-calls.ts";
import { createStoreCalls } from "./store-calls.ts";
import type { DataTree } from "./tree.ts";
import { decodeAll, textOf } from "./tree.ts";
import { checkUserId } from "./user-id.ts";

/** What the method of stored sessions lends. */
export interface Host {
  setTicket(visit: Visit, kept: Kept, ticket: Ticket): void;
  reload(visit: Visit, kept: Kept): Promise<Found>;
  refused(refusal: Refusal, sessionId: string | undefined, blocked: boolean): Found;
}

/** Takes over what other libraries have kept. */
export interface Adopter {
  /** Whether the other library is to see what happens here. */
  readonly isWritingBack: boolean;
  /** The session of a request that brings no ticket of ours. */
  find(visit: Visit): Promise<Found>;
  /** The answer brings a ticket: the foreign cookies that it was made of are not needed any more. */
  ticketSet(visit: Visit): void;
  /** After the first write of a new visitor: a session there too. */
  created(visit: Visit, kept: Kept): Promise<void>;
  /** After every write and touch: the same for servers that still run the other library. */
  wrote(visit: Visit, kept: Kept): Promise<void>;
  /** After a sign-in: a new session there too, and the old one is over. */
  signedIn(visit: Visit, kept: Kept): Promise<void>;
  /** After a sign-out. */
  ended(visit: Visit): Promise<void>;
  close(): void;
}

/** Stands for the foreign cookie where a ticket secret of before is asked for. No verifier is like it. */
const FOREIGN = "adopted";
/** What a body holds besides the data takes less. */
const HEAD_BYTES = 4096;

export function createAdopter(core: StoredCore, host: Host): Adopter | undefined {
  const { settings, store, calls, mirror, events } = core;
  const { adoptions, clock, ring, timeouts } = settings;
  if (adoptions.length === 0) return undefined;
  const shape = createShape(settings);
  const sources = new Map(
    adoptions.map(({ from }) => [
      from,
      {
        calls: createStoreCalls(from.name, settings.storeDeadline, events),
        endings: createEndings(from, clock),
      },
    ]),
  );
  const callsOf = (from: ForeignSource): StoreCalls => sources.get(from)?.calls as StoreCalls;
  const endingsOf = (from: ForeignSource): Endings => sources.get(from)?.endings as Endings;
  const back = adoptions.find(({ writeBack }) => writeBack);
  const timers = new Set<ReturnType<typeof setTimeout>>();
  // What a visit may write back to: the foreign session that it came with ("own"), or only one that it has begun
  // itself ("none"): that of before is another session's of ours. "left": it was left as it is.
  const visits = new WeakMap<Visit, "own" | "none" | "left">();
  // What deletes their foreign cookies.
  const deletions = new WeakMap<Visit, readonly ForeignCookie[]>();

  async function find(visit: Visit): Promise<Found> {
    visits.set(visit, "own");
    const text = header(visit.request, "cookie");
    for (const adoption of adoptions) {
      const { from } = adoption;
      const opened = await open(from, text);
      if (opened === undefined && endingsOf(from).isLate(visit)) {
        return refuse(visit, "closed", undefined, true);
      }
      if (opened === undefined) continue;
      if (!("refused" in opened)) return adopt(visit, adoption, opened);
      refuseForeign(from, opened.refused, opened.problem);
    }
    return NOTHING_FOUND;
  }

  function refuseForeign(
    { name: source }: ForeignSource,
    reason: RefusedForeign["refused"],
    problem: string,
  ): undefined {
    events.emit("adoptionRefused", { source, reason, problem });
  }

  /** What is in these cookies of theirs. Throws for an outage only. */
  function open(from: ForeignSource, text: string | undefined) {
    return openForeign(from, callsOf(from), text, clock());
  }

  /** Whether a visitor's write would take somebody's place there (P16): a user's, or what only they can read. */
  async function isTaken(
    { map }: ResolvedAdoption,
    opened: Awaited<ReturnType<typeof openForeign>>,
  ): Promise<boolean> {
    if (opened === undefined) return false;
    if ("refused" in opened) return opened.refused !== "expired";
    return (map === undefined ? opened : await map(opened))?.userId !== undefined;
  }

  async function adopt(
    visit: Visit,
    adoption: ResolvedAdoption,
    foreign: ForeignSession,
  ): Promise<Found> {
    const { from } = adoption;
    const marker = await markerOf(from, foreign);
    if (marker !== undefined) {
      const { successor } = decodeRecord(core, marker.record) ?? {};
      const found = await follow(visit, adoption, foreign, successor);
      if (found !== undefined) return found;
    }
    // No ticket could be given.
    if (visit.headSent) return NOTHING_FOUND;
    const taken = await mapped(adoption, foreign);
    if (taken === undefined) {
      visits.set(visit, "left");
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
      marker === undefined
        ? await claim(kept, markerId(ring.current, from, foreign), foreign.expiresAt)
        : kept.record.id;
    if (successor !== kept.record.id) {
      // Nobody has its ticket: it must not be listed as a device.
      await closeSession(core, kept, undefined).catch(() => undefined);
      return (await follow(visit, adoption, foreign, successor)) ?? NOTHING_FOUND;
    }
    leave(visit, adoption, foreign);
    host.setTicket(visit, kept, ticket);
    const told = { sessionId: kept.record.id, userId, source: from.name, dropped: taken.dropped };
    events.emit("adopted", told);
    if (!adoption.writeBack) removeLater(adoption, foreign);
    return live(kept);
  }

  /** What remembers that a foreign session has become one of ours, under whichever of our secrets. */
  async function markerOf(
    from: ForeignSource,
    foreign: ForeignSession,
  ): Promise<Loaded | undefined> {
    for (const key of ring.keys) {
      const marker = await calls.run("load", () => store.load(markerId(key, from, foreign)));
      if (marker !== undefined) return marker;
    }
    return undefined;
  }

  /** What comes along, checked; `undefined`, with an event, for a session that cannot come. */
  async function mapped(
    { from, map }: ResolvedAdoption,
    foreign: ForeignSession,
  ): Promise<
    (Adopted & { readonly tree: DataTree; readonly dropped: readonly string[] }) | undefined
  > {
    const taken =
      map === undefined
        ? {
            userId: foreign.userId,
            // It may have been shared before.
            data: valuesWithout(foreign.data, reservedBy(from)),
          }
        : await map(foreign);
    if (taken === undefined) return undefined;
    const { tree, dropped } = keepable(taken.data ?? {});
    if (utf8Length(textOf(tree)) > store.traits.maxBodyBytes - HEAD_BYTES) {
      return refuseForeign(from, "too-large", "its data is larger than the store takes");
    }
    try {
      if (taken.userId !== undefined) checkUserId("adopt", taken.userId);
      await shape.check(tree);
    } catch (error) {
      if (!(error instanceof ValueError) && !(error instanceof UsageError)) throw error;
      const problem =
        error instanceof ValueError
          ? `its data does not fit the schema at \`${error.path}\``
          : "its user id is none that can be kept";
      return refuseForeign(from, "unsupported", problem);
    }
    return { ...taken, tree, dropped };
  }

  function contentOf(
    visit: Visit,
    foreign: ForeignSession,
    { userId, methods = ["adopted"], remember, tree }: Adopted & { readonly tree: DataTree },
  ): Content {
    // When they proved it is when the foreign session began: a sensitive page asks again.
    const at = foreign.createdAt ?? 0;
    const beginning = {
      userId,
      remembered: userId !== undefined && (remember ?? foreign.persistent ?? false),
      authentications: userId === undefined ? [] : methods.map((method) => ({ method, at })),
      data: tree,
      version: settings.version,
    };
    return beginContent(settings, visit.request, beginning, clock());
  }

  /** Remembers what the foreign session has become. @returns the id that it has become. */
  async function claim(
    kept: Kept,
    id: string,
    until: number | undefined,
  ): Promise<string | undefined> {
    const now = clock();
    const record: NewRecord = {
      id,
      userId: undefined,
      lastSeenAt: now,
      // For as long as the foreign session could come back; not every store holds infinity.
      expiresAt: Math.max(now + timeouts.longest, Math.min(until ?? 0, 8.64e15)),
      closed: true,
      body: encodeContent(closedContent(kept.content, "", kept.record.id)),
    };
    // Twice: whether a call that was not answered has landed, the second one tells. If it is not answered
    // either, nothing is closed: the session may be the one that is remembered.
    for (let tries = 0; ; tries += 1) {
      try {
        const outcome = await calls.run("create", () => store.create(record, 0, now));
        if (outcome === "created") return kept.record.id;
        break;
      } catch (error) {
        if (!(error instanceof StoreUnavailableError) || tries === 1) throw error;
      }
    }
    const marker = await calls.run("load", () => store.load(id));
    return marker && decodeRecord(core, marker.record)?.successor;
  }

  /**
   * The session that a foreign one has become, for as long as its ticket may not have arrived; `undefined`
   * where the cookie may just as well be that of another device.
   */
  async function follow(
    visit: Visit,
    adoption: ResolvedAdoption,
    foreign: ForeignSession,
    id: string | undefined,
  ): Promise<Found | undefined> {
    const now = clock();
    const loaded = id === undefined ? undefined : await calls.run("load", () => store.load(id));
    const content = loaded && decodeRecord(core, loaded.record);
    if (loaded === undefined || content === undefined) {
      return refuse(visit, "closed", undefined, false);
    }
    await mirror?.ready(now);
    const kept = new Kept(loaded.record, content);
    const verdict = judge(kept, loaded.cutOff, timeouts, core.everyoneAt, now, visit.openedAt);
    if (verdict.refusal !== undefined) {
      return refuse(visit, verdict.refusal, id, verdict.blocked);
    }
    const as = recognise(content.verifiers, FOREIGN, visit.openedAt, settings.rotationGrace);
    // Where it says nothing of whose browser it is, whoever has another device must not be signed out.
    if (as !== "previous" && foreign.isAmbiguous === true) return undefined;
    // A foreign cookie that comes back is a copy, or a deletion that a browser has missed: no more than that.
    if (as !== "previous") {
      // Late at first, when its browser has the ticket by now; later it has lost it, and may begin anew.
      const { confirmedAt, rotatedAt } = content.verifiers;
      const since = (confirmedAt ?? rotatedAt) + settings.rotationGrace;
      return refuse(visit, "superseded", id, visit.openedAt < since + REMEMBERED_FOR);
    }
    visit.verifier = FOREIGN;
    leave(visit, adoption, foreign);
    return live(kept);
  }

  function refuse(
    visit: Visit,
    refusal: Refusal,
    id: string | undefined,
    isBlocked: boolean,
  ): Found {
    visits.set(visit, "none");
    return host.refused(refusal, id, isBlocked);
  }

  /**
   * The foreign cookies are not needed any more once there is a ticket, unless the other library still goes by them.
   * An answer without one leaves them: that of before, which had it, may have been lost (P16).
   */
  function leave(
    visit: Visit,
    { writeBack, from }: ResolvedAdoption,
    foreign: ForeignSession,
  ): void {
    if (!writeBack) deletions.set(visit, from.deletion(foreign.cookieNames));
  }

  function removeLater({ from, grace }: ResolvedAdoption, foreign: ForeignSession): void {
    if (from.remove === undefined) return;
    const timer = setTimeout(() => {
      timers.delete(timer);
      remove(foreign, from).catch(() => undefined);
    }, grace);
    (timer as { unref?: () => void }).unref?.();
    timers.add(timer);
  }

  async function remove(foreign: ForeignSession, from: ForeignSource): Promise<void> {
    try {
      await callsOf(from).run("remove", async () => from.remove?.(foreign));
    } catch (error) {
      events.emit("foreignFailed", { source: from.name, operation: "remove", error });
    }
  }

  function end(visit: Visit, foreign: ForeignSession, from: ForeignSource): Promise<void> {
    endingsOf(from).remember(visit);
    return remove(foreign, from);
  }

  /** Ours is kept already: trouble there is told, and fails nobody's request. */
  async function writeBack(
    visit: Visit,
    kept: Kept,
    adoption: ResolvedAdoption,
    isNew: boolean,
  ): Promise<void> {
    const { from } = adoption;
    const { content, record } = kept;
    try {
      const text = header(visit.request, "cookie") ?? "";
      let opened = await open(from, latestCookies(visit, text));
      const isVisitor = !isNew && record.userId === undefined;
      if (isVisitor && (await isTaken(adoption, opened))) return;
      // Of a visit that was refused only what it has begun itself is its own.
      if (visits.get(visit) === "none") opened = await open(from, latestCookies(visit, ""));
      const foreign = opened === undefined || "refused" in opened ? undefined : opened;
      // What is in the cookie, and what a cookie would have to name, can't be written any more.
      if (visit.headSent && foreign?.recordKey === undefined) return;
      let marker: Loaded | undefined;
      if (isNew) {
        visits.set(visit, "none");
      } else if (foreign !== undefined) {
        // One that was not taken over, and will not be, stays as it is.
        if (visits.get(visit) === "left") return;
        marker = await markerOf(from, foreign);
        if ((marker ?? (await mapped(adoption, foreign))) === undefined) return;
      }
      // A sign-out may have been quicker, and has removed it.
      const isWritten = !isNew && record.revision > 1;
      if (foreign === undefined && isWritten) {
        const { kept: current } = await host.reload(visit, kept);
        if (current === undefined) return;
      }
      const { userId } = record;
      const theirs = isNew ? undefined : foreign?.data;
      // Whether a session that is theirs outlives the browser's run stays as it is.
      const asked = userId === undefined ? undefined : content.remembered;
      const persistent = isNew || foreign === undefined ? asked : foreign.persistent;
      // What was only read may be of an older version.
      const draft = adoption.mapBack?.(
        { userId, data: decodeAll(await shape.read(content)) },
        foreign,
      ) ?? {
        data: draftData(content.data, theirs, keepable(theirs ?? {}).tree, reservedBy(from)),
        ...(userId !== undefined && { userId }),
        ...(persistent !== undefined && { persistent }),
        expiresAt: record.expiresAt,
      };
      const origin = isNew ? undefined : foreign?.origin;
      const sealed = await callsOf(from).run("write", () =>
        from.seal({ ...draft, ...(origin !== undefined && { origin }) }, clock()),
      );
      // Where the cookie is the session, each one is another, and an old server may have begun this one: none of them
      // is to be adopted again, so none goes out that is not remembered.
      if (marker === undefined || sealed.identity !== foreign?.identity) {
        await claim(kept, markerId(ring.current, from, sealed), draft.expiresAt);
      }
      setForeignCookies(visit, sealed.cookies);
      if (isNew && foreign !== undefined) await end(visit, foreign, from);
    } catch (error) {
      events.emit("foreignFailed", { source: from.name, operation: "write back", error });
    }
  }

  return {
    isWritingBack: back !== undefined,
    find,
    ticketSet(visit) {
      setForeignCookies(visit, deletions.get(visit) ?? []);
    },
    async created(visit, kept) {
      // It came with a ticket that is over: its foreign session is of that one.
      if (!visits.has(visit)) visits.set(visit, "none");
      if (back !== undefined) await writeBack(visit, kept, back, false);
    },
    async wrote(visit, kept) {
      if (back !== undefined) await writeBack(visit, kept, back, false);
    },
    async signedIn(visit, kept) {
      if (back !== undefined) await writeBack(visit, kept, back, true);
    },
    async ended(visit) {
      for (const adoption of adoptions) {
        const { from, writeBack: isWritten } = adoption;
        const text = header(visit.request, "cookie") ?? "";
        try {
          const opened = await open(from, isWritten ? latestCookies(visit, text) : text);
          if (opened === undefined) continue;
          const isRead = !("refused" in opened);
          // What only they can read is over as well: whoever signs out is not to be signed in there.
          setForeignCookies(visit, from.deletion(isRead ? opened.cookieNames : undefined));
          if (isRead) await end(visit, opened, from);
        } catch (error) {
          // Its record cannot be found now. The browser is to forget it all the same.
          setForeignCookies(visit, from.deletion());
          events.emit("foreignFailed", { source: from.name, operation: "remove", error });
        }
      }
    },
    close() {
      for (const timer of timers) clearTimeout(timer);
    },
  };
}

/** The id of the record that remembers what a foreign session has become. */
function markerId(
  key: Key,
  { name }: ForeignSource,
  { identity }: { readonly identity: string },
): string {
  return idFromForeign(key, "adopt", name, identity);
}
