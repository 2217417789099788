/**
 * Stored sessions: the cookie carries a ticket, the data lies in a store.
 *
 * @module
 */

import { readCookies } from "../cookie/read.ts";
import { deletedCookie, ownCookie } from "../cookie/write.ts";
import { isCoatcheckError, SessionConflictError, StoreUnavailableError } from "../errors.ts";
import type { Answer, Loaded, SessionRecord } from "../stores/contract.ts";
import type { Ticket, TicketParts } from "../token/ticket.ts";
import { mintTicket, openTicket } from "../token/ticket.ts";
import type { Adopter } from "./adopt.ts";
import { createAdopter } from "./adopt.ts";
import { closeSession } from "./close.ts";
import type { StoredCore } from "./core.ts";
import { beginContent, decodeRecord, visitorWith } from "./core.ts";
import { createSession } from "./create.ts";
import { judge, REMEMBERED_FOR, revocationOf } from "./judge.ts";
import type { ChangeData, Found, Method, NextSession, Visit } from "./method.ts";
import {
  endedMeanwhile,
  live,
  NOTHING_FOUND,
  refusing,
  setCookie,
  signedOutMeanwhile,
} from "./method.ts";
import type { Kept, Verifiers } from "./record.ts";
import { Content } from "./record.ts";
import { header } from "./request.ts";
import {
  confirmed,
  isRotationDue,
  isUnconfirmed,
  mayBeReplaced,
  recognise,
  rotated,
} from "./rotation.ts";
import { deadline, limitsOf } from "./timeouts.ts";
import { createTouches } from "./touches.ts";
import type { DataTree } from "./tree.ts";
import type { WriteBack } from "./write-back.ts";
import { createWriter } from "./writer.ts";

/** The method of stored sessions, which can also take over a sealed one that grew too large. */
export interface StoredMethod extends Method {
  /** Keeps a session under a new id, with the mark that it has. */
  take(visit: Visit, userId: string | undefined, mark: number, content: Content): Promise<Kept>;
  close(): void;
}

export function createStored(core: StoredCore): StoredMethod {
  const { settings, store, calls, mirror, events } = core;
  const { ring, timeouts, clock, cookieName, version } = settings;
  const touches = createTouches(timeouts.touchInterval);
  const refused = refusing(events);
  const writer = createWriter(core);
  const adopter = createAdopter(core, { setTicket, reload, refused });
  const back = adopter?.back;

  function find(visit: Visit): Answer<Found> {
    const text = header(visit.request, "cookie");
    const values = text === undefined ? NONE : readCookies(text, cookieName);
    if (values.length === 0) return adopter?.find(visit) ?? NOTHING_FOUND;
    if (values.length > 1) return findAmong(visit, values);
    return findOne(visit, values[0] as string, adopter);
  }

  /** @param other - looks for a session where the cookie is none of ours, which tells no more than no cookie does. */
  function findOne(visit: Visit, value: string, other?: Adopter): Answer<Found> {
    const ticket = openTicket(ring, value);
    if (typeof ticket !== "string") return redeem(visit, ticket, false);
    // A secret that was dropped has ended its sessions: they must not come back as what they were before.
    const isOurs = ticket === "unknown-key";
    const found = refused(ticket, undefined, isOurs);
    const adopting = isOurs ? undefined : other?.find(visit);
    return adopting?.then((adopted) => (adopted === NOTHING_FOUND ? found : adopted)) ?? found;
  }

  /** What a genuine ticket is good for. `again`: by what the store has, whatever a cache remembers. */
  function redeem(visit: Visit, ticket: TicketParts, again: boolean): Answer<Found> {
    const now = clock();
    const loading = load(ticket.id, now, again);
    return loading instanceof Promise
      ? loading.then((loaded) => redeemed(visit, ticket, loaded, now, again))
      : redeemed(visit, ticket, loading, now, again);
  }

  function redeemed(
    visit: Visit,
    ticket: TicketParts,
    loaded: Loaded | undefined,
    now: number,
    again: boolean,
  ): Answer<Found> {
    const { id, verifier } = ticket;
    if (loaded === undefined) {
      // A request as slow as this may have seen its session end and be forgotten.
      return refused("absent", id, now - visit.openedAt >= REMEMBERED_FOR);
    }
    requireRight(loaded, id);
    const kept = decodeRecord(core, loaded.record);
    // Of a later version (a rolling deploy) or damaged: never overwritten, never a cookie taken.
    if (kept === undefined) return refused("malformed", id, true);
    const { verifiers } = kept.content;
    const as = recognise(verifiers, verifier, visit.openedAt, settings.rotationGrace);
    const { everyoneAt } = core;
    const verdict = judge(kept, loaded.cutOff, timeouts, everyoneAt, now, visit.openedAt);
    const isNone = as === "unknown" || as === "reuse";
    if (verdict.refusal !== undefined) {
      // Whoever has an older ticket is not to end it.
      return refused(verdict.refusal, id, verdict.blocked, isNone ? undefined : verdict.rivals);
    }
    // Or it is newer than what a cache remembers: another process has rotated it.
    if (as === "unknown" && !again && store.refresh !== undefined) {
      return redeem(visit, ticket, true);
    }
    if (isNone) {
      if (!bringsNewest(visit, kept)) {
        if (as === "reuse") return reused(kept);
        // We made it, and have replaced it twice since: a copy, or a browser that was restored. It ends
        // nobody, or a copy that was dropped would log its owner out.
        events.emit("reuse", { sessionId: id, userId: loaded.record.userId, ended: false });
      }
      return refused("superseded", id, true);
    }
    // Of two cookies of one browser the newest counts.
    if (as === "current" || visit.verifier === "") visit.verifier = verifier;
    return live(kept);
  }

  /** Whoever shows the newest ticket beside an older one has kept both, as after a change of `cookie.domain`. */
  function bringsNewest({ request }: Visit, { record, content }: Kept): boolean {
    return readCookies(header(request, "cookie") ?? "", cookieName).some((value) => {
      const ticket = openTicket(ring, value);
      if (typeof ticket === "string") return false;
      return ticket.id === record.id && ticket.verifier === content.verifiers.current;
    });
  }

  /** One round trip: when the feed has to be asked as well, it is asked at the same time. */
  function load(id: string, now: number, again: boolean): Answer<Loaded | undefined> {
    const ready = mirror?.ready(now);
    const asked = calls.run("load", () =>
      again && store.refresh !== undefined ? store.refresh(id) : store.load(id),
    );
    return ready === undefined ? asked : Promise.all([asked, ready]).then(([loaded]) => loaded);
  }

  /**
   * What a cache before the store still knows. Whatever is not clearly live is left to the store, and
   * nothing is written: no touch, no rotation, no end.
   */
  async function recall(visit: Visit): Promise<Found | undefined> {
    const [value, another] = readCookies(header(visit.request, "cookie") ?? "", cookieName);
    if (value === undefined || another !== undefined) return undefined;
    const ticket = openTicket(ring, value);
    if (typeof ticket === "string") return undefined;
    const loaded = await store.recall?.(ticket.id);
    if (loaded?.record.id !== ticket.id) return undefined;
    const kept = decodeRecord(core, loaded.record);
    if (kept === undefined) return undefined;
    const as = recognise(
      kept.content.verifiers,
      ticket.verifier,
      visit.openedAt,
      settings.rotationGrace,
    );
    if (as === "unknown" || as === "reuse") return undefined;
    // The store cannot be asked for cut-offs, but those that the feed has told are known.
    const revokedAt = mirror === undefined ? core.everyoneAt : mirror.revokedAt;
    const { refusal } = judge(kept, loaded.cutOff, timeouts, revokedAt, clock(), visit.openedAt);
    return refusal === undefined ? { ...live(kept), isStale: true } : undefined;
  }

  // A reply meant for somebody else: a client that lost step with its server.
  function requireRight({ record }: Loaded, id: string): void {
    if (record.id === id) return;
    throw new StoreUnavailableError(store.name, "load", new Error("another record came back"));
  }

  // Browsers keep cookies of one name apart by path, domain and partition, and send them all.
  async function findAmong(visit: Visit, values: readonly string[]): Promise<Found> {
    const found = await Promise.all(values.map((value) => findOne(visit, value)));
    const opened = found.filter(({ kept }) => kept !== undefined);
    const byId = new Map(opened.map(({ kept }) => [kept?.record.id, kept as Kept]));
    if (byId.size > 1) {
      return refused("ambiguous", undefined, true, [...byId.values()]);
    }
    return opened[0] ?? found.find(({ blocked }) => blocked) ?? (found[0] as Found);
  }

  async function reused(kept: Kept): Promise<Found> {
    const { id, userId } = kept.record;
    const end = settings.endOnReuse;
    if (end) await closeSession(core, kept, undefined);
    events.emit("reuse", { sessionId: id, userId, ended: end });
    return { kept: undefined, refusal: "reuse", blocked: true };
  }

  async function create(visit: Visit, data: DataTree): Promise<Kept> {
    const content = beginContent(settings, visit, visitorWith(data));
    const { kept, ticket } = await createSession(core, content, undefined);
    setTicket(visit, kept, ticket);
    await back?.created(visit, kept);
    events.emit("created", { sessionId: kept.record.id, userId: undefined });
    return kept;
  }

  function setTicket(visit: Visit, { record, content }: Kept, ticket: Ticket): void {
    const maxAge = content.remembered
      ? Math.ceil((Math.min(content.endsAt, absoluteEnd(record, content)) - clock()) / 1000)
      : undefined;
    // The very object of the settings where it will do: what is made of it is remembered by it.
    const attributes = maxAge === undefined ? settings.cookie : { ...settings.cookie, maxAge };
    setCookie(visit, ownCookie(cookieName, ticket.text, attributes));
    adopter?.ticketSet(visit);
    // It has yet to come back: only then is it seen (P16).
    visit.verifier = "";
    visit.by = method;
  }

  function absoluteEnd({ userId }: SessionRecord, { createdAt, remembered }: Content): number {
    return createdAt + limitsOf(timeouts, userId, remembered).absolute;
  }

  function owesNothing(visit: Visit, { record, content }: Kept): boolean {
    const now = clock();
    return !owesRotation(visit, content, now) && !touches.isDue(record.id, record.lastSeenAt, now);
  }

  /** Whether the client has shown a new ticket secret for the first time, or should get one. */
  function owesRotation(visit: Visit, content: Content, now: number): boolean {
    const { headSent, verifier } = visit;
    if (headSent || verifier === "") return false;
    const { verifiers } = content;
    return (
      (verifier === verifiers.current && isUnconfirmed(verifiers)) ||
      isRotationDue(verifiers, verifier, settings.rotateEvery, visit.openedAt, now)
    );
  }

  function write(visit: Visit, kept: Kept, change: ChangeData | undefined): Answer<Kept | "gone"> {
    if (owesRotation(visit, kept.content, clock())) {
      const rotating = writeRotated(visit, kept, change);
      return change === undefined ? rotating.catch(unlessNotWritten) : rotating;
    }
    if (change === undefined) return touch(visit, kept);
    const writing = writer.write(kept, (content, record) => {
      const data = change(content, record);
      return data instanceof Promise
        ? data.then((changed) => withChanges(content, content.verifiers, changed, version))
        : withChanges(content, content.verifiers, data, version);
    });
    return back === undefined ? writing : writtenBack(back, visit, kept, writing);

    // In maintenance, with a full disk, or where it does not fit, whoever only reads goes on: the next request
    // owes the rotation as well.
    function unlessNotWritten(error: unknown): Kept {
      if (isCoatcheckError(error)) return kept;
      throw error;
    }
  }

  async function writtenBack(
    { wrote }: WriteBack,
    visit: Visit,
    kept: Kept,
    writing: Answer<Kept | "gone">,
  ): Promise<Kept | "gone"> {
    const written = await writing;
    if (written !== "gone" && written !== kept) await wrote(visit, written);
    return written;
  }

  async function writeRotated(
    visit: Visit,
    kept: Kept,
    change: ChangeData | undefined,
  ): Promise<Kept | "gone"> {
    const { verifier } = visit;
    let minted: Ticket | undefined;
    const written = await writer.write(kept, async (content, record) => {
      const now = clock();
      minted = undefined;
      let { verifiers } = content;
      if (verifier === verifiers.current && isUnconfirmed(verifiers)) {
        verifiers = confirmed(verifiers, now);
      }
      if (isRotationDue(verifiers, verifier, settings.rotateEvery, visit.openedAt, now)) {
        minted = mintTicket(ring, record.id);
        verifiers = rotated(verifier, minted.verifier, now);
      }
      // What is not changed was not migrated either: it keeps its version.
      if (change === undefined)
        return withChanges(content, verifiers, content.data, content.version);
      return withChanges(content, verifiers, await change(content, record), version);
    });
    const mine = minted as Ticket | undefined;
    if (written === "gone") return written;
    const { id, lastSeenAt } = kept.record;
    // It has moved the end of the session here, so that no touch follows.
    if (change ?? touches.claim(id, lastSeenAt, clock())) await back?.wrote(visit, written);
    const { verifiers } = written.content;
    if (verifiers.current !== mine?.verifier || mayBeReplaced(verifiers, clock())) return written;
    setTicket(visit, written, mine);
    events.emit("rotated", { sessionId: written.record.id, userId: written.record.userId });
    return written;
  }

  // A touch that fails ends nobody: the next request touches again, and the outage has its event.
  async function touch(visit: Visit, kept: Kept): Promise<Kept> {
    const { record, content } = kept;
    const now = clock();
    if (!touches.claim(record.id, record.lastSeenAt, now)) return kept;
    const until = deadline(timeouts, record.userId, content, now);
    await calls
      .run("touch", () => store.touch(record.id, now, until, now))
      .catch(() => touches.forget(record.id));
    if (back !== undefined) {
      // As it is now: others may have written since this request has read, or ended it.
      const { kept: current } = await reload(visit, kept).catch(() => NOTHING_FOUND);
      if (current !== undefined) await back.wrote(visit, current);
    }
    return kept;
  }

  async function signIn(visit: Visit, old: Kept | undefined, next: NextSession): Promise<Kept> {
    const { userId } = next;
    const startedAt =
      old?.record.userId === userId ? Math.max(visit.openedAt, old.record.mark) : visit.openedAt;
    const data = await next.data(old?.content);
    const content = beginContent(settings, visit, { ...next, data });
    const made = await createSession(core, content, { userId, startedAt });
    // The store knows the user's cut-off, and only the feed everyone's.
    if (revocationOf(made.kept, 0, core.everyoneAt) !== undefined) throw signedOutMeanwhile();
    const kept = old === undefined ? made.kept : await succeed(old, made.kept, next);
    setTicket(visit, kept, made.ticket);
    await back?.signedIn(visit, kept);
    return kept;
  }

  /** Closes the old session with the new one as successor; data written meanwhile comes along. */
  async function succeed(old: Kept, made: Kept, next: NextSession): Promise<Kept> {
    let current = old;
    let kept = made;
    const due = performance.now() + settings.commitDeadline;
    try {
      for (;;) {
        const outcome = await closeSession(core, current, made.record.id, "once");
        if (outcome === "closed") return kept;
        if (outcome === "gone" || outcome === "late") {
          throw endedMeanwhile();
        }
        if (performance.now() > due) {
          throw new SessionConflictError("other requests kept writing until the deadline");
        }
        current = outcome;
        const data = await next.data(current.content);
        const merged = await writer.write(kept, (content) =>
          withChanges(content, content.verifiers, data, version),
        );
        if (merged === "gone") throw signedOutMeanwhile();
        kept = merged;
      }
    } catch (error) {
      // Nobody has its ticket: it must not be listed as a device. If this fails too, it expires.
      await closeSession(core, kept, undefined).catch(() => undefined);
      throw error;
    }
  }

  async function end(visit: Visit, kept: Kept | undefined): Promise<boolean> {
    let isLate = false;
    try {
      isLate = kept !== undefined && (await closeSession(core, kept, undefined)) !== "closed";
    } finally {
      // Or it has ended already, and perhaps another has begun: the cookie of that one stays (P16).
      if (!isLate) {
        clearCookie(visit);
        await adopter?.ended(visit);
      }
    }
    return !isLate;
  }

  function clearCookie(visit: Visit): void {
    const text = header(visit.request, "cookie") ?? "";
    if (visit.cookies?.has(cookieName) === true || readCookies(text, cookieName).length > 0) {
      setCookie(visit, deletedCookie(cookieName, settings.cookie));
    }
  }

  async function reload(_visit: Visit, { record: { id } }: Kept): Promise<Found> {
    const now = clock();
    const loaded = await load(id, now, true);
    if (loaded === undefined) return refused("absent", id, true);
    requireRight(loaded, id);
    const again = decodeRecord(core, loaded.record);
    if (again === undefined) return refused("malformed", id, true);
    const { refusal } = judge(again, loaded.cutOff, timeouts, core.everyoneAt, now);
    return refusal === undefined ? live(again) : refused(refusal, id, true);
  }

  async function take(
    visit: Visit,
    userId: string | undefined,
    mark: number,
    content: Content,
  ): Promise<Kept> {
    const owner = userId === undefined ? undefined : { userId, startedAt: mark };
    const { kept, ticket } = await createSession(core, content, owner);
    setTicket(visit, kept, ticket);
    return kept;
  }

  const method: StoredMethod = {
    composesUpdates: true,
    find,
    recall,
    create,
    write,
    owesNothing,
    signIn,
    end,
    reload,
    take,
    close: () => adopter?.close(),
  };
  return method;
}

const NONE: readonly string[] = [];

function withChanges(
  content: Content,
  verifiers: Verifiers,
  data: DataTree,
  version: number,
): Content {
  const same =
    data === content.data && verifiers === content.verifiers && version === content.version;
  return same ? content : new Content(content, verifiers, data, version);
}
