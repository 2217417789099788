/**
 * Sealed sessions: the whole session, encrypted, in the cookie.
 *
 * When it was last used lies in a small sealed cookie of its own, so that a request that only reads
 * never sends data back over a parallel write.
 *
 * @module
 */

import { chunkNames, mostToSplit, splitSeal, wholeSeals } from "../cookie/chunks.ts";
import { readCookies } from "../cookie/read.ts";
import type { CookieAttributes } from "../cookie/write.ts";
import { deletedCookie, MAX_COOKIE_BYTES, ownCookie } from "../cookie/write.ts";
import { SessionClosedError, SessionTooLargeError } from "../errors.ts";
import { detached } from "../lib/bytes.ts";
import type { Answer, SessionRecord } from "../stores/contract.ts";
import type { Unsealed } from "../token/seal.ts";
import { seal, unseal } from "../token/seal.ts";
import { isTicket } from "../token/ticket.ts";
import type { Core } from "./core.ts";
import { beginContent, visitorWith } from "./core.ts";
import { CLOCK_SLACK, judge, revocationOf } from "./judge.ts";
import { createMemo } from "./memo.ts";
import type { ChangeData, Found, Method, NextSession, Visit } from "./method.ts";
import { endedMeanwhile, live, NOTHING_FOUND, refusing, setCookie } from "./method.ts";
import { Content, Kept, Updated } from "./record.ts";
import { header } from "./request.ts";
import { decodeSealed, encodeSealed, ID_LENGTH } from "./sealed-text.ts";
import type { StoredMethod } from "./stored.ts";
import { deadline } from "./timeouts.ts";
import { createTouches } from "./touches.ts";
import type { DataTree } from "./tree.ts";
import type { Deny } from "./unstored.ts";
import { createUnstored } from "./unstored.ts";
import { bytesByKey } from "./writer.ts";

// Four of these leave room for the other headers within the 16 KiB that Node takes.
const CHUNK_COOKIE_BYTES = 3200;

/**
 * @param stored - takes over a session that is too large for a cookie, where the app says so.
 */
export function createSealed(core: Core, stored: StoredMethod | undefined): Method {
  const { settings, mirror, events } = core;
  const { ring, seenRing, timeouts, clock, cookieName, seenCookieName } = settings;
  const touches = createTouches(timeouts.touchInterval);
  const refused = refusing(events);
  const names = chunkNames(cookieName);
  // The names of the other chunks and of the small cookie begin like this: where it is not in the
  // header, none of them is.
  const derivedPrefix = `${cookieName}-`;
  const memo = createMemo<Kept>(detached);
  const { revokedAt, isEnded, newRecord, recordFor, supersede } = createUnstored(core);

  function find(visit: Visit): Answer<Found> {
    const text = header(visit.request, "cookie");
    const [first, ...others] = text === undefined ? NONE : readCookies(text, cookieName);
    if (text === undefined || first === undefined) return NOTHING_FOUND;
    if (stored !== undefined && (isTicket(first) || others.some(isTicket))) {
      visit.by = stored;
      return stored.find(visit);
    }
    if (others.length === 0 && !text.includes(derivedPrefix))
      return open(visit, first, text, clock());
    const parts = names.map((name, index) => ({ index, values: readCookies(text, name) }));
    return findAmong(visit, wholeSeals(parts), text);
  }

  async function findAmong(visit: Visit, seals: readonly string[], text: string): Promise<Found> {
    if (seals.length === 0) return refused("malformed", undefined, false);
    const now = clock();
    const found: Found[] = [];
    for (const each of seals) found.push(await open(visit, each, text, now));
    // Of two seals of one session, as after a change of `cookie.domain`, the later counts.
    const opened = found
      .flatMap(({ kept }) => kept ?? [])
      .sort((a, b) => a.record.revision - b.record.revision);
    const rivals = [...new Map(opened.map((kept) => [kept.record.id, kept])).values()];
    if (rivals.length > 1) return refused("ambiguous", undefined, true, rivals);
    const [only] = rivals;
    if (only !== undefined) return live(only);
    return found.find(({ blocked }) => blocked) ?? (found[0] as Found);
  }

  function open(visit: Visit, value: string, cookies: string, now: number): Answer<Found> {
    const known = memo.find(nonceOf(value), value);
    if (known !== undefined) return judged(visit, known, cookies, now);
    const opening = unseal(ring, value, now, timeouts.longest);
    return opening instanceof Promise
      ? opening.then((unsealed) => decoded(visit, unsealed, value, cookies, now))
      : decoded(visit, opening, value, cookies, now);
  }

  function decoded(
    visit: Visit,
    unsealed: Unsealed,
    value: string,
    cookies: string,
    now: number,
  ): Answer<Found> {
    if (unsealed === "expired") return refused("absolute-timeout", undefined, false);
    if (typeof unsealed === "string") {
      return refused(unsealed, undefined, unsealed === "unknown-key");
    }
    const kept = decodeSealed(unsealed.body);
    if (kept === undefined) return refused("malformed", undefined, true);
    memo.keep(nonceOf(value), value, kept);
    return judged(visit, kept, cookies, now);
  }

  /** A genuine seal is judged anew at every request; only it may cause a question to the feed (P3). */
  function judged(visit: Visit, kept: Kept, cookies: string, now: number): Answer<Found> {
    const ready = mirror?.ready(now);
    if (ready === undefined && !cookies.includes(derivedPrefix)) {
      return verdictOn(visit, kept, now);
    }
    return judgedByUse(visit, kept, cookies, now, ready);
  }

  /** @param sealed - without its latest use, as whoever has nothing but the seal shows it. */
  function verdictOn(
    { openedAt }: Visit,
    kept: Kept,
    now: number,
    sealed = kept,
    isUnread = false,
  ): Found {
    const { refusal, blocked, rivals } = judge(kept, 0, timeouts, revokedAt, now, openedAt);
    const { id } = kept.record;
    if (refusal === undefined) return live(kept);
    // Whoever knows the secret knows a later use: the cookies stay (P16).
    if (isUnread && refusal === "idle-timeout") return refused("unknown-key", id, true);
    const isOver = refusal === "revoked" || now >= sealed.record.expiresAt;
    return refused(refusal, id, blocked, rivals ?? (isOver ? undefined : [sealed]));
  }

  /** By the later use of two: when the session was sealed, and what the small cookie tells. */
  async function judgedByUse(
    visit: Visit,
    sealed: Kept,
    cookies: string,
    now: number,
    ready: Promise<void> | undefined,
  ): Promise<Found> {
    await ready;
    const { record, content } = sealed;
    let latest = record;
    let isUnread = false;
    for (const value of readCookies(cookies, seenCookieName)) {
      const unsealed = await unseal(seenRing, value, now, timeouts.longest);
      isUnread ||= unsealed === "unknown-key";
      if (typeof unsealed === "string" || !unsealed.body.startsWith(record.id)) continue;
      const [lastSeenAt, expiresAt] = JSON.parse(unsealed.body.slice(ID_LENGTH)) as [
        number,
        number,
      ];
      if (lastSeenAt > latest.lastSeenAt) latest = { ...record, lastSeenAt, expiresAt };
    }
    return verdictOn(visit, new Kept(latest, content), now, sealed, isUnread);
  }

  async function create(visit: Visit, data: DataTree): Promise<Kept> {
    const content = beginContent(settings, NO_DEVICE, visitorWith(data));
    const kept = (await put(visit, newRecord(undefined, 0), content, undefined)) as Kept;
    events.emit("created", { sessionId: kept.record.id, userId: undefined });
    return kept;
  }

  /**
   * Seals a session into the cookies of the response, or moves it into the store for good.
   *
   * @param from - the session that it was so far; absent: it is a new one.
   * @returns `"gone"` when that one has ended meanwhile; never for a new one.
   */
  function put(
    visit: Visit,
    record: SessionRecord,
    content: Content,
    from: Kept | undefined,
  ): Answer<Kept | "gone"> {
    const now = clock();
    // A clock that is behind moves no use back: elsewhere the session would be over.
    const lastSeenAt = Math.max(now, record.lastSeenAt);
    const expiresAt = deadline(timeouts, record.userId, content, lastSeenAt);
    const next = new Updated(record, { body: "", lastSeenAt, expiresAt });
    const sealing = seal(ring, encodeSealed(next, content), now);
    return sealing instanceof Promise
      ? sealing.then((text) => putText(visit, next, content, text, from))
      : putText(visit, next, content, sealing, from);
  }

  function putText(
    visit: Visit,
    next: SessionRecord,
    content: Content,
    text: string,
    from: Kept | undefined,
  ): Answer<Kept | "gone"> {
    const one = splitSeal(cookieName, text, MAX_COOKIE_BYTES);
    if (one?.length === 1) {
      setCookies(visit, one, content);
      return new Kept(next, content);
    }
    const size = cookieName.length + text.length;
    if (settings.dev) {
      throw new SessionTooLargeError(
        "one cookie",
        size,
        MAX_COOKIE_BYTES,
        bytesByKey(content.data),
      );
    }
    if (settings.overflow === "store" && stored !== undefined)
      return spill(visit, next, content, from);
    const parts = splitSeal(cookieName, text, CHUNK_COOKIE_BYTES);
    if (parts === undefined) {
      const limit = mostToSplit(cookieName, CHUNK_COOKIE_BYTES);
      throw new SessionTooLargeError("four cookies", size, limit, bytesByKey(content.data));
    }
    setCookies(visit, parts, content);
    return new Kept(next, content);
  }

  function setCookies(
    visit: Visit,
    parts: readonly { readonly name: string; readonly value: string }[],
    content: Content,
  ): void {
    const attributes = attributesFor(content);
    for (const { name, value } of parts) setCookie(visit, ownCookie(name, value, attributes));
    clearCookies(visit, parts.length);
  }

  // The very object of the settings where it will do: what is made of it is remembered by it.
  function attributesFor({ remembered, endsAt }: Content): CookieAttributes {
    if (!remembered) return settings.cookie;
    return { ...settings.cookie, maxAge: Math.ceil((endsAt - clock()) / 1000) };
  }

  /** Deletes the cookies of ours that the request came with, but for the first `kept` chunks. */
  function clearCookies(visit: Visit, kept: number): void {
    const text = header(visit.request, "cookie") ?? "";
    const isAlone = !text.includes(derivedPrefix) && (visit.cookies?.size ?? 0) <= 1;
    if (kept > 0 && isAlone) return;
    for (const name of [...names.slice(kept), seenCookieName]) {
      const isPresent = visit.cookies?.has(name) === true || readCookies(text, name).length > 0;
      if (isPresent) setCookie(visit, deletedCookie(name, settings.cookie));
    }
  }

  async function spill(
    visit: Visit,
    record: SessionRecord,
    content: Content,
    from: Kept | undefined,
  ): Promise<Kept | "gone"> {
    const before = visit.cookies && new Map(visit.cookies);
    // A cut-off that has excepted it has lifted its mark in the feed alone, and the store goes by its own.
    const mark = mirror?.markOf(record) ?? record.mark;
    const kept = await (stored as StoredMethod).take(visit, record.userId, mark, content);
    clearCookies(visit, 1);
    // The seal that the client holds is not to open the state of before (a new session has none).
    const isDone = from === undefined || (await replace(visit, from, kept, before));
    return isDone ? kept : "gone";
  }

  /**
   * Ends the session that another was made in place of. If that fails, the session of before goes on, here
   * and elsewhere: its cookies go out, or none, and nothing is left in the store.
   *
   * @returns `false` when somebody else has ended it meanwhile: then nothing may follow it either.
   */
  async function replace(
    visit: Visit,
    old: Kept,
    made: Kept,
    before: Visit["cookies"],
  ): Promise<boolean> {
    let isDone = false;
    try {
      isDone = await supersede(old, deny);
    } finally {
      if (!isDone) {
        if (visit.by !== method) await visit.by.end(visit, made).catch(() => false);
        visit.by = method;
        visit.cookies = before;
      }
    }
    return isDone;
  }

  function write(visit: Visit, kept: Kept, change: ChangeData | undefined): Answer<Kept | "gone"> {
    // Whoever took longer than the revocation delay asks again. A touch is not worth the wait.
    const ready = change && mirror?.ready(clock());
    return ready?.then(() => writeNow(visit, kept, change)) ?? writeNow(visit, kept, change);
  }

  function writeNow(
    visit: Visit,
    kept: Kept,
    change: ChangeData | undefined,
  ): Answer<Kept | "gone"> {
    // It has ended while this request ran: its seal would take the newer cookie's place (P16).
    if (isEnded(kept)) return "gone";
    if (change === undefined) return visit.headSent ? kept : touch(visit, kept);
    const changing = change(kept.content, kept.record);
    return changing instanceof Promise
      ? changing.then((data) => (isEnded(kept) ? "gone" : writeData(visit, kept, data)))
      : writeData(visit, kept, changing);
  }

  function writeData(visit: Visit, kept: Kept, data: DataTree): Answer<Kept | "gone"> {
    const { record, content } = kept;
    const { version } = settings;
    if (data === content.data && version === content.version) return kept;
    if (visit.headSent) {
      throw new SessionClosedError("a sealed session can't be written once the head is out");
    }
    return put(visit, record, new Content(content, content.verifiers, data, version), kept);
  }

  function owesNothing(visit: Visit, kept: Kept): boolean {
    const { id, lastSeenAt } = kept.record;
    if (visit.headSent) return true;
    // A cookie that was made of it before must not go out (P16).
    if (isEnded(kept)) return visit.cookies === undefined;
    return !touches.isDue(id, lastSeenAt, clock());
  }

  async function touch(visit: Visit, kept: Kept): Promise<Kept> {
    const { record, content } = kept;
    const now = clock();
    if (!touches.claim(record.id, record.lastSeenAt, now)) return kept;
    const until = deadline(timeouts, record.userId, content, now);
    const value = await seal(seenRing, `${record.id}${JSON.stringify([now, until])}`, now);
    setCookie(visit, ownCookie(seenCookieName, value, attributesFor(content)));
    return kept;
  }

  async function signIn(visit: Visit, old: Kept | undefined, next: NextSession): Promise<Kept> {
    const { userId } = next;
    const data = await next.data(old?.content);
    // What a proof is added to has to be live still, and the user not cut off, as far as this process can know.
    await mirror?.ready(clock());
    const record = recordFor(userId, visit, old);
    if (old !== undefined && isEnded(old)) throw endedMeanwhile();
    const content = beginContent(settings, NO_DEVICE, { ...next, data });
    const before = visit.cookies && new Map(visit.cookies);
    const made = (await put(visit, record, content, undefined)) as Kept;
    const isDone = old === undefined || (await replace(visit, old, made, before));
    if (!isDone) throw endedMeanwhile();
    return made;
  }

  async function end(visit: Visit, kept: Kept | undefined): Promise<boolean> {
    if (kept !== undefined) {
      // Where it cannot be told, the browser is to forget its cookie all the same.
      await mirror?.ready(clock())?.catch(() => undefined);
      const isOver = clock() >= kept.record.expiresAt;
      // It has ended already, perhaps with a session in its place, whose cookies these are by now.
      if (isOver || revocationOf(kept, 0, revokedAt) !== undefined) return false;
    }
    clearCookies(visit, 0);
    if (kept !== undefined) {
      await deny(kept, clock(), "at once");
      core.closed(kept.record.id);
    }
    return true;
  }

  /**
   * Without a feed there is nothing to write to: the app has accepted that. It is remembered for as long as a seal
   * could be live: other processes go on making them until they know, and by timeouts of their own while others are
   * deployed. A visitor's, which anybody can make and end as often as they like, is forgotten soon.
   */
  const deny: Deny = async ({ record, content }, at, holds) => {
    const { id, userId, expiresAt } = record;
    const latest = deadline(timeouts, userId, content, clock() + settings.revocationDelay);
    const until =
      (userId === undefined ? Math.max(expiresAt, latest) : content.endsAt) + CLOCK_SLACK;
    await mirror?.add({ kind: "session", id, at, until }, holds);
  };

  async function reload(_visit: Visit, kept: Kept): Promise<Found> {
    const now = clock();
    await mirror?.ready(now);
    const { refusal } = judge(kept, 0, timeouts, revokedAt, now);
    return refusal === undefined ? live(kept) : refused(refusal, kept.record.id, true);
  }

  const method: Method = {
    composesUpdates: settings.sealedUpdates,
    find,
    create,
    write,
    owesNothing,
    signIn,
    end,
    reload,
  };
  return method;
}

/** The characters of a seal that hold its nonce and nothing else: they tell it from all others. */
function nonceOf(seal: string): string {
  return seal.slice(10, 25);
}

const NONE: readonly never[] = [];

// Nobody lists sealed sessions, so it would only make every request longer.
const NO_DEVICE = undefined;
