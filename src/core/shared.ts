/**
 * Shared sessions: kept as another library keeps them, so that its apps and ours read and write one
 * session.
 *
 * The other side has no revision to write over: of two writes at once by different processes the later
 * wins, as it is there. Writes of one process queue and begin from what lies there now. What it wrote
 * and we cannot hold is left as it is.
 *
 * @module
 */

import { SessionClosedError } from "../errors.ts";
import type { ForeignSession, ForeignSource } from "../interop/source.ts";
import type { SessionRecord } from "../stores/contract.ts";
import type { Key } from "../token/key-ring.ts";
import type { Core } from "./core.ts";
import { beginContent, visitorWith } from "./core.ts";
import {
  createEndings,
  createSourceCalls,
  draftData,
  idFromForeign,
  keepable,
  latestCookies,
  openForeign,
  reservedBy,
  setForeignCookies,
  valuesWithout,
} from "./foreign.ts";
import { CLOCK_SLACK, judge } from "./judge.ts";
import type { ChangeData, Found, Method, NextSession, Visit } from "./method.ts";
import { endedMeanwhile, live, NOTHING_FOUND, refusing } from "./method.ts";
import { createTurns } from "./queues.ts";
import { Content, Kept } from "./record.ts";
import { header } from "./request.ts";
import type { Refusal } from "./session.ts";
import { deadline } from "./timeouts.ts";
import { createTouches } from "./touches.ts";
import type { DataTree } from "./tree.ts";
import { EMPTY_TREE } from "./tree.ts";
import type { Deny } from "./unstored.ts";
import { createUnstored } from "./unstored.ts";

/**
 * Where the cookie is the session, or its record says no time that stays, a note under a key of its own holds what
 * they do not say: the id, for the cookie changes with each write, and since when it is whose, for cut-offs. Before
 * the second and third part there was the id alone.
 */
const OWN = /^([\w-]{24})(?:\.([0-9a-z]{1,11})\.(.*))?$/s;

// The other side does not keep it: it would be that of each request.
const NO_DEVICE = undefined;

// What a foreign refusal is to us. The others are genuine, and may well be live for the other side (P16).
const REFUSALS: Readonly<Record<string, Refusal>> = {
  malformed: "malformed",
  forged: "forged",
  expired: "idle-timeout",
};

export function createShared(core: Core, source: ForeignSource): Method {
  const { settings, mirror, events } = core;
  const { clock, ring, timeouts } = settings;
  const reserved = reservedBy(source);
  const noteKey = reserved[0] as string;
  const calls = createSourceCalls(source, settings, events);
  const touches = createTouches(timeouts.touchInterval);
  const refused = refusing(events);
  const { revokedAt, isEnded, newRecord, recordFor, supersede } = createUnstored(core);
  // What each content was read from, with the cells it was read into: unchanged ones go back as they came.
  const origins = new WeakMap<
    Content,
    { readonly foreign: ForeignSession; readonly read: DataTree }
  >();
  // Writes of one session queue within a process.
  const inTurn = createTurns();
  const endings = createEndings(source, clock);

  async function find(visit: Visit): Promise<Found> {
    const now = clock();
    const opened = await openForeign(source, calls, header(visit.request, "cookie"), now);
    if (opened === undefined) {
      return endings.isLate(visit) ? refused("closed", undefined, true) : NOTHING_FOUND;
    }
    if ("refused" in opened) {
      const refusal = REFUSALS[opened.refused];
      return refused(refusal ?? "malformed", undefined, refusal === undefined);
    }
    await mirror?.ready(now);
    const kept = keptOf(opened);
    const verdict = judge(kept, 0, timeouts, revokedAt, now, visit.openedAt);
    if (verdict.refusal === undefined) return live(kept);
    // By longer timeouts, which other processes or the other library may have, it is live for all that.
    const rivals = verdict.refusal === "revoked" ? undefined : [kept];
    return refused(verdict.refusal, kept.record.id, verdict.blocked, rivals);
  }

  function keptOf(foreign: ForeignSession): Kept {
    const now = clock();
    const { userId, persistent = false } = foreign;
    const mark = foreign.createdAt ?? markIn(foreign) ?? 0;
    // Not later than it was written: else no cut-off would ever concern it. They may say that in whole seconds.
    const createdAt = foreign.createdAt ?? Math.max(foreign.lastSeenAt ?? now, mark);
    const at = foreign.createdAt ?? 0;
    // What we can hold of it. The rest stays where it is.
    const { tree: data } = keepable(valuesWithout(foreign.data, reserved));
    const beginning = {
      userId,
      remembered: userId !== undefined && persistent,
      authentications: userId === undefined ? [] : [{ method: source.name, at }],
      data,
    };
    const content = beginContent(settings, NO_DEVICE, beginning, createdAt);
    origins.set(content, { foreign, read: data });
    // Not when it began: whoever uses it all the time would be out in the midst of that.
    const lastSeenAt = foreign.lastSeenAt ?? now;
    const until = deadline(timeouts, userId, content, lastSeenAt);
    const record: SessionRecord = {
      id: idOf(foreign),
      revision: 1,
      userId,
      mark: userId === undefined ? 0 : mark || createdAt,
      lastSeenAt,
      expiresAt: Math.min(until, foreign.expiresAt ?? until),
      closed: false,
      body: "",
    };
    return new Kept(record, content);
  }

  /** What we have noted in it. A record that they have given to another user since is another session. */
  function ownIn({ data, recordKey, userId = "" }: ForeignSession): RegExpExecArray | undefined {
    const text = data[noteKey];
    const own = typeof text === "string" ? OWN.exec(text) : null;
    if (own === null || (recordKey !== undefined && own[3] !== userId)) return undefined;
    return own;
  }

  /** The mark that it was written with here, unless they have given it to another user since. */
  function markIn(foreign: ForeignSession): number | undefined {
    const [, , mark, owner] = ownIn(foreign) ?? [];
    return mark === undefined || owner !== foreign.userId ? undefined : Number.parseInt(mark, 36);
  }

  function idOf(foreign: ForeignSession): string {
    const known = ownIn(foreign)?.[1];
    if (known !== undefined) return known;
    const idBy = (key: Key) => idFromForeign(key, "shared", source.name, foreign.identity);
    // It may have been ended, or spared by a cut-off, under the secret of before.
    const [, ...earlier] = ring.keys;
    const { userId } = foreign;
    const isKnown = (id: string) => isDenied(id) || mirror?.markOf({ id, userId, mark: 0 });
    return earlier.map(idBy).find(isKnown) ?? idBy(ring.current);
  }

  function isDenied(id: string): boolean {
    const [mark, createdAt] = [Number.POSITIVE_INFINITY, Number.POSITIVE_INFINITY];
    return revokedAt({ id, userId: undefined, mark, createdAt }) !== undefined;
  }

  /** Writes the session there. @param from - the session it goes on from; absent: it is a new one. */
  async function put(
    visit: Visit,
    record: SessionRecord,
    content: Content,
    from: ForeignSession | undefined,
    read: DataTree,
  ): Promise<Kept> {
    const now = clock();
    const { userId } = record;
    const expiresAt = deadline(timeouts, userId, content, now);
    const data = draftData(content.data, from?.data, read, reserved);
    const isCookie = from?.recordKey === undefined && source.remove === undefined;
    if (isCookie || (source.takesMark === true && userId !== undefined)) {
      data[noteKey] = `${record.id}.${record.mark.toString(36)}.${userId ?? ""}`;
    } else {
      // Of a user who has left it there: whoever comes next is another.
      delete data[noteKey];
    }
    const origin = from?.origin;
    // Whether a session that is theirs outlives the browser's run is theirs to say; a visitor's too.
    const asked = userId === undefined ? undefined : content.remembered;
    const persistent = from === undefined ? asked : from.persistent;
    // For one that begins to be remembered here they may have no age of their own.
    const isOurs = source.endTellsUse !== true || (from === undefined && persistent === true);
    const sealed = await calls.run("write", () =>
      source.seal(
        {
          data,
          ...(userId !== undefined && { userId }),
          createdAt: content.createdAt,
          ...(isOurs && { expiresAt }),
          ...(persistent !== undefined && { persistent }),
          ...(origin !== undefined && { origin }),
        },
        now,
      ),
    );
    setForeignCookies(visit, sealed.cookies);
    const foreign: ForeignSession = {
      data,
      identity: sealed.identity,
      ...(userId !== undefined && { userId }),
      ...(sealed.recordKey !== undefined && { recordKey: sealed.recordKey }),
      createdAt: content.createdAt,
      lastSeenAt: now,
      cookieNames: source.cookieNames,
      ...(persistent !== undefined && { persistent }),
      ...(origin !== undefined && { origin }),
    };
    origins.set(content, { foreign, read: content.data });
    return new Kept({ ...record, id: idOf(foreign), lastSeenAt: now, expiresAt }, content);
  }

  async function create(visit: Visit, data: DataTree): Promise<Kept> {
    const content = beginContent(settings, NO_DEVICE, visitorWith(data));
    const kept = await put(visit, newRecord(undefined, 0), content, undefined, EMPTY_TREE);
    events.emit("created", { sessionId: kept.record.id, userId: undefined });
    return kept;
  }

  function write(visit: Visit, kept: Kept, change: ChangeData | undefined): Promise<Kept | "gone"> {
    if (change === undefined) return touch(visit, kept);
    return inTurn(kept.record.id, () => writeNow(visit, kept, change));
  }

  // One that fails ends nobody: the next request touches again, and the outage has its event.
  async function touch(visit: Visit, kept: Kept): Promise<Kept | "gone"> {
    if (isEnded(kept)) return "gone";
    const { id } = kept.record;
    const now = clock();
    if (visit.headSent || !touches.claim(id, touchedAt(kept), now)) return kept;
    const foreign = origins.get(kept.content)?.foreign;
    try {
      if (foreign !== undefined && isTouchable(foreign)) {
        await calls.run("touch", async () => source.touch?.(foreign, now));
        return kept;
      }
      return await inTurn(id, () => writeNow(visit, kept, undefined));
    } catch {
      touches.forget(id);
      return kept;
    }
  }

  async function writeNow(
    visit: Visit,
    kept: Kept,
    change: ChangeData | undefined,
  ): Promise<Kept | "gone"> {
    // Whoever took longer than the revocation delay asks again. A touch is not worth the wait.
    if (change !== undefined) await mirror?.ready(clock());
    const current = await readAgain(visit, kept);
    // It has ended while this request ran: its cookie would take the newer one's place (P16).
    if (current === undefined || isEnded(current)) return "gone";
    const { content } = current;
    const data = change === undefined ? content.data : await change(content, current.record);
    if (change !== undefined && data === content.data) return current;
    // The app's schema may have taken its time.
    if (isEnded(current)) return "gone";
    const origin = origins.get(content);
    if (visit.headSent && origin?.foreign.recordKey === undefined) {
      throw new SessionClosedError("a session in a cookie can't be written once the head is out");
    }
    const next = new Content(content, content.verifiers, data);
    return put(visit, current.record, next, origin?.foreign, origin?.read ?? EMPTY_TREE);
  }

  /** What lies there now, where there is a record; `undefined` when it has ended. */
  async function readAgain(visit: Visit, kept: Kept): Promise<Kept | undefined> {
    const foreign = origins.get(kept.content)?.foreign;
    if (foreign?.recordKey === undefined) return kept;
    const text = latestCookies(visit, header(visit.request, "cookie") ?? "");
    const opened = await openForeign(source, calls, text, clock());
    if (opened === undefined || "refused" in opened) return undefined;
    const current = keptOf(opened);
    // Several libraries keep their id when somebody signs in or out.
    const isSame =
      opened.recordKey === foreign.recordKey && current.record.userId === kept.record.userId;
    return isSame ? current : undefined;
  }

  function owesNothing(visit: Visit, kept: Kept): boolean {
    const { id } = kept.record;
    if (visit.headSent) return true;
    // A cookie that was made of it before must not go out (P16).
    if (isEnded(kept)) return visit.cookies === undefined;
    return !touches.isDue(id, touchedAt(kept), clock());
  }

  /** One that does not say when it was used last is touched whenever this process has not done so lately. */
  function touchedAt({ record, content }: Kept): number {
    if (source.touch === undefined) return record.lastSeenAt;
    const foreign = origins.get(content)?.foreign;
    return foreign !== undefined && isTouchable(foreign) ? 0 : record.lastSeenAt;
  }

  function isTouchable({ lastSeenAt }: ForeignSession): boolean {
    return source.touch !== undefined && lastSeenAt === undefined;
  }

  async function signIn(visit: Visit, old: Kept | undefined, next: NextSession): Promise<Kept> {
    const { userId } = next;
    await mirror?.ready(clock());
    const record = recordFor(userId, visit, old);
    const begin = async (from: Kept | undefined): Promise<Kept> => {
      const data = await next.data(from?.content);
      if (from !== undefined && isEnded(from)) throw endedMeanwhile();
      const content = beginContent(settings, NO_DEVICE, { ...next, data });
      const before = visit.cookies && new Map(visit.cookies);
      const made = await put(visit, record, content, undefined, EMPTY_TREE);
      if (from !== undefined) await replace(visit, from, made, before);
      return made;
    };
    if (old === undefined) return begin(undefined);
    return inTurn(old.record.id, async () => {
      await mirror?.ready(clock());
      // What other requests have written comes along, and what they have ended is over.
      const current = await readAgain(visit, old);
      if (current === undefined) throw endedMeanwhile();
      return begin(current);
    });
  }

  /**
   * Ends the session that another was made in place of, in its turn. If that fails, or somebody else has ended
   * it meanwhile, the session of before goes on, or nothing: its cookies go out, or none, and nothing is left
   * of the new one.
   */
  async function replace(
    visit: Visit,
    old: Kept,
    made: Kept,
    before: Visit["cookies"],
  ): Promise<void> {
    try {
      if (!(await supersede(old, deny))) throw endedMeanwhile();
      await remove(old).catch(unlessDenied);
      endings.remember(visit);
    } catch (error) {
      visit.cookies = before;
      await remove(made).catch(() => undefined);
      throw error;
    }
  }

  // What we refuse by the feed is over here, whatever is left there until its time is over.
  function unlessDenied(error: unknown): void {
    if (mirror === undefined) throw error;
    events.emit("foreignFailed", { source: source.name, operation: "remove", error });
  }

  async function end(visit: Visit, kept: Kept | undefined): Promise<boolean> {
    if (kept === undefined) {
      clearCookies(visit);
      return true;
    }
    const { id } = kept.record;
    return inTurn(id, async () => {
      // It has ended already, perhaps with a session in its place, whose cookies these are by now.
      if (await hasEnded(visit, kept)) return false;
      clearCookies(visit);
      endings.remember(visit);
      try {
        await deny(kept, clock(), "at once");
      } finally {
        // Without its record it is over whatever the feed has taken.
        await remove(kept);
      }
      core.closed(id);
      return true;
    });
  }

  function clearCookies(visit: Visit): void {
    const text = header(visit.request, "cookie") ?? "";
    const isPresent = source.cookieNames.some(
      (name) => visit.cookies?.has(name) === true || text.includes(name),
    );
    if (isPresent) setForeignCookies(visit, source.deletion());
  }

  /** By what lies there now; where that cannot be read, by what was read. */
  async function hasEnded(visit: Visit, kept: Kept): Promise<boolean> {
    await mirror?.ready(clock())?.catch(() => undefined);
    const current = await readAgain(visit, kept).catch(() => kept);
    if (current === undefined) return true;
    // One that had timed out before this request came was not ended by anybody.
    const { openedAt } = visit;
    const before = judge(current, 0, timeouts, revokedAt, openedAt).refusal;
    return isEnded(current) && (before === undefined || before === "revoked");
  }

  /** Refuses a session from now on, in case it is sent again. */
  const deny: Deny = async ({ record: { id } }, at, holds) => {
    const until = at + timeouts.longest + CLOCK_SLACK;
    await mirror?.add({ kind: "session", id, at, until }, holds);
  };

  /** Ends a session for the other side too, where it has a record. */
  async function remove({ content }: Kept): Promise<void> {
    const foreign = origins.get(content)?.foreign;
    if (foreign === undefined || source.remove === undefined) return;
    await calls.run("remove", async () => source.remove?.(foreign));
  }

  async function reload(visit: Visit, kept: Kept): Promise<Found> {
    const now = clock();
    await mirror?.ready(now);
    const again = await readAgain(visit, kept);
    if (again === undefined) return refused("closed", kept.record.id, true);
    const { refusal } = judge(again, 0, timeouts, revokedAt, now);
    return refusal === undefined ? live(again) : refused(refusal, kept.record.id, true);
  }

  return {
    composesUpdates: settings.sealedUpdates,
    find,
    create,
    write,
    owesNothing,
    signIn,
    end,
    reload,
  };
}
