/**
 * Opens a request's session, writes what the request has changed, and settles the head.
 *
 * @module
 */

import {
  SessionClosedError,
  SessionConflictError,
  StoreUnavailableError,
  UsageError,
} from "../errors.ts";
import type { Answer } from "../stores/contract.ts";
import {
  bufferAgain,
  bufferLate,
  collectChanges,
  Draft,
  keysChangedInPlace,
  memberNow,
  memberRead,
  rebased,
} from "./changes.ts";
import type { ChangeData, Found } from "./method.ts";
import { live } from "./method.ts";
import type { Content, Kept } from "./record.ts";
import type { CommitOptions, HeadChanges, LoadedSession, OutagePolicy } from "./session.ts";
import type { Parts, State } from "./state.ts";
import type { Changes, DataTree } from "./tree.ts";
import { applyChanges, EMPTY_TREE, memberAt, memberOf } from "./tree.ts";

/** What a request does with its session's data. */
export interface Commits {
  /** Judges the cookies, once per request. Everything that must know the session starts here. */
  opened(state: State, outage?: OutagePolicy): Promise<Found>;
  /** The same, without reading the data: what cannot be read can still be signed out of. */
  judged(state: State, outage: OutagePolicy): Answer<Found>;
  /** The same as {@link opened}, for those who go on with the session's face. */
  load(state: State, outage: OutagePolicy): Answer<LoadedSession>;
  reload(state: State): Promise<LoadedSession>;
  /** Pending changes and one more, in one atomic write. */
  update(state: State, change: (tree: DataTree) => DataTree): Promise<void>;
  commit(state: State, options: CommitOptions): Answer<HeadChanges>;
  /** The session has moved on; what the app holds in its hands stays linked where it can. */
  settleOn(state: State, kept: Kept, tree: DataTree): void;
  /** @throws why nothing can be started for this request. */
  refuseBlocked(state: State, found: Found): void;
}

const NOTHING: Changes = new Map();
const NONE: readonly never[] = [];

/** The changes of a request, on their way into whatever data is there when they are written. */
class Merge {
  declare readonly draft: Draft;
  declare readonly changes: Changes;
  /** The keys that another request had changed meanwhile, and that have its values no longer. */
  overwritten: readonly string[] = NONE;

  constructor(draft: Draft, changes: Changes) {
    this.draft = draft;
    this.changes = changes;
  }
}

/** Nothing is known, so nothing may be started. */
export const OUTAGE: Found = { kept: undefined, refusal: "outage", blocked: true };

export function createCommits({ core }: Parts): Commits {
  const { settings, events, shape } = core;
  const { dev } = settings;

  async function opened(state: State, outage?: OutagePolicy): Promise<Found> {
    await load(state, outage ?? state.outage);
    return state.found as Found;
  }

  /** Judges the cookies, and reads the data in the shape of today. */
  function load(state: State, outage: OutagePolicy): Answer<LoadedSession> {
    const judging = judged(state, outage);
    return judging instanceof Promise
      ? judging.then((found) => read(state, found))
      : read(state, judging);
  }

  function read(state: State, { kept }: Found): Answer<LoadedSession> {
    if (kept === undefined || state.isRead) return state.view;
    const data = shape.read(kept.content);
    return data instanceof Promise
      ? data.then((tree) => handOut(state, tree))
      : handOut(state, data);
  }

  function handOut(state: State, tree: DataTree): LoadedSession {
    state.draft = new Draft(tree);
    state.isRead = true;
    return state.view;
  }

  function judged(state: State, outage: OutagePolicy): Answer<Found> {
    const { found } = state;
    if (found !== undefined && (found.refusal !== "outage" || outage === "anonymous")) {
      if (found.isStale === true && outage !== "stale") refuseBlocked(state, found);
      return found;
    }
    // Whatever comes of it, the answer depends on the cookie from here on (P12).
    state.isLooked = true;
    const finding = findNow(state);
    if (finding instanceof Promise) return judgedLater(state, finding, outage);
    state.found = finding;
    return finding;
  }

  function findNow(state: State): Answer<Found> {
    try {
      return state.by.find(state);
    } catch (error) {
      return Promise.reject(error);
    }
  }

  async function judgedLater(
    state: State,
    finding: Promise<Found>,
    outage: OutagePolicy,
  ): Promise<Found> {
    let found: Found;
    try {
      found = await finding;
    } catch (error) {
      if (outage === "closed" || !(error instanceof StoreUnavailableError)) throw error;
      const recalled = outage === "stale" ? await state.by.recall?.(state) : OUTAGE;
      if (recalled === undefined) throw error;
      found = recalled;
    }
    state.found = found;
    return found;
  }

  function settleOn(state: State, kept: Kept, tree: DataTree, buffered = NOTHING): void {
    const before = state.draft;
    state.found = live(kept);
    state.isRead = true;
    state.draft = rebased(before, tree);
    bufferAgain(before, buffered, state.draft);
    // Once the head is out nothing that is buffered can be kept.
    if (!state.headSent) bufferLate(before, state.draft);
    if (!dev) return;
    for (const [key, { value }] of before.handed ?? []) {
      const { handed, sets } = state.draft;
      if (handed?.get(key)?.value === value || sets?.get(key) === value) continue;
      // Only what comes later is too late: it is compared with what it is now.
      state.stale.push([key, { value, member: memberNow(value, key) ?? "" }]);
    }
  }

  async function start(state: State, found: Found, data: DataTree): Promise<void> {
    refuseBlocked(state, found);
    await shape.check(data);
    const made = await state.by.create(state, data);
    settleOn(state, made, data);
  }

  function refuseBlocked(state: State, found: Found): void {
    if (found.refusal === "outage" || found.isStale === true) {
      throw new StoreUnavailableError(settings.store?.name ?? "revocations", "load");
    }
    if (found.blocked) {
      throw new SessionClosedError(
        isUnreadable(found)
          ? "this request's cookie was made with a secret, or by a version, that this process does not know (another app's on this host?), so nothing can be kept; a sign-in replaces it"
          : "this request's session has ended or was replaced, or its cookies open two: nothing can be kept",
      );
    }
    if (state.headSent) throw headIsOut();
  }

  function flush(state: State, changes: Changes, last: boolean): Answer<void> {
    const found = state.found as Found;
    const { kept } = found;
    if (kept === undefined) {
      const data = applyChanges(EMPTY_TREE, changes);
      return data.size > 0 ? start(state, found, data) : undefined;
    }
    const isChanged = changes.size > 0;
    if (found.isStale === true) {
      if (isChanged) refuseBlocked(state, found);
      return undefined;
    }
    const merge = isChanged ? new Merge(state.draft, changes) : undefined;
    const writing = state.by.write(state, kept, merge && mergeInto.bind(undefined, merge));
    return writing instanceof Promise
      ? flushedLater(state, writing, merge, last)
      : flushed(state, writing, merge, last);
  }

  async function flushedLater(
    state: State,
    writing: Promise<Kept | "gone">,
    merge: Merge | undefined,
    last: boolean,
  ): Promise<void> {
    await flushed(state, await writing, merge, last);
  }

  function flushed(
    state: State,
    written: Kept | "gone",
    merge: Merge | undefined,
    last: boolean,
  ): Answer<void> {
    const found = state.found as Found;
    const kept = found.kept as Kept;
    if (written === "gone") return end(state, kept, merge?.changes ?? NOTHING);
    if (merge !== undefined) tellOverwritten(kept, merge);
    // After the last commit nothing can be written any more: only development looks again.
    if (merge !== undefined && !(last && !dev)) return lookAgain(state, written);
    if (written !== kept) state.found = live(written);
    return undefined;
  }

  async function lookAgain(state: State, written: Kept): Promise<void> {
    settleOn(state, written, await shape.read(written.content));
  }

  function mergeInto(merge: Merge, content: Content): Answer<DataTree> {
    const tree = shape.read(content);
    return tree instanceof Promise
      ? tree.then((current) => applied(merge, current))
      : applied(merge, tree);
  }

  function applied(merge: Merge, current: DataTree): Answer<DataTree> {
    const { draft, changes } = merge;
    merge.overwritten = current === draft.tree ? NONE : overwrittenIn(current, draft, changes);
    if (merge.overwritten.length > 0 && settings.throwOnOverwrite) {
      const keys = [...merge.overwritten];
      const list = keys.join(", ");
      throw new SessionConflictError(`another request has changed ${list} meanwhile`, keys);
    }
    const next = applyChanges(current, changes);
    const checked = shape.check(next);
    return checked === undefined ? next : checked.then(() => next);
  }

  function tellOverwritten({ record: { id, userId } }: Kept, { overwritten }: Merge): void {
    if (overwritten.length === 0) return;
    events.emit("overwritten", { sessionId: id, userId, keys: [...overwritten] });
  }

  /** The session ended while the request ran: nothing is created, no cookie changes (P16). */
  function end(state: State, { record: { id, userId } }: Kept, changes: Changes): void {
    if (changes.size > 0) {
      events.emit("dropped", { sessionId: id, userId, keys: [...changes.keys()] });
    }
    state.found = { kept: undefined, refusal: "closed", blocked: true };
    state.draft = new Draft(EMPTY_TREE);
    // What this request has made of its cookie before is over as well.
    state.cookies = undefined;
  }

  async function update(state: State, change: (tree: DataTree) => DataTree): Promise<void> {
    const found = await opened(state);
    if (found.isStale === true) refuseBlocked(state, found);
    if (!state.by.composesUpdates) {
      throw new UsageError(
        "`update` (and flash messages) in a sealed session can lose a change when two responses " +
          'cross. Use `method: "stored"`, or accept that: `sealed: { update: "accept-lost-updates" }`',
      );
    }
    const pending = state.headSent ? NOTHING : collectChanges(state.draft);
    if (found.kept === undefined) {
      const data = change(applyChanges(EMPTY_TREE, pending));
      if (data.size > 0) await start(state, found, data);
      // What was buffered before is deleted, and there is nothing to begin with.
      else state.draft = new Draft(EMPTY_TREE);
      return;
    }
    const merge = new Merge(state.draft, pending);
    const both: ChangeData = (content) => {
      const current = mergeInto(merge, content);
      return current instanceof Promise ? current.then(andChange) : andChange(current);
    };
    const andChange = (current: DataTree): DataTree | Promise<DataTree> => {
      const next = change(current);
      const checked = next === current ? undefined : shape.check(next);
      return checked === undefined ? next : checked.then(() => next);
    };
    const written = await state.by.write(state, found.kept, both);
    if (written === "gone") {
      end(state, found.kept, pending);
      throw new SessionClosedError("the session has ended, so the change cannot be kept");
    }
    tellOverwritten(found.kept, merge);
    await lookAgain(state, written);
  }

  async function reload(state: State): Promise<LoadedSession> {
    // An outage was no answer: look again, whatever the policy that one route had asked for.
    if (state.found?.refusal === "outage") state.found = undefined;
    const found = await opened(state, state.found?.isStale ? "stale" : undefined);
    if (found.kept === undefined) return state.view;
    const before = state.draft;
    const changes = state.headSent ? NOTHING : collectChanges(before);
    const again = await state.by.reload(state, found.kept);
    if (again.kept === undefined) {
      end(state, found.kept, changes);
      state.found = again;
      return state.view;
    }
    settleOn(state, again.kept, await shape.read(again.kept.content), changes);
    return state.view;
  }

  function commit(state: State, { at, failed }: CommitOptions): Answer<HeadChanges> {
    if (at === "end") {
      if (dev) tellLateChanges(state);
      return headOf(state);
    }
    const last = at === "head";
    const writing = begin(state, last, failed === true);
    if (writing instanceof Promise) return commitLater(state, writing, last);
    if (last) state.headSent = true;
    return headOf(state);
  }

  async function commitLater(
    state: State,
    writing: Promise<void>,
    last: boolean,
  ): Promise<HeadChanges> {
    try {
      await writing;
    } catch (error) {
      const record = state.found?.kept?.record;
      events.emit("commitFailed", { sessionId: record?.id, userId: record?.userId, error });
      throw error;
    } finally {
      if (last) state.headSent = true;
    }
    return headOf(state);
  }

  /** Starts writing what there is to write. What fails at once fails like what fails later. */
  function begin(state: State, last: boolean, failed: boolean): Answer<void> {
    const { found, draft } = state;
    if (state.headSent || found === undefined) return undefined;
    if (failed) {
      state.draft = new Draft(draft.tree);
      return undefined;
    }
    try {
      const changes = collectChanges(draft);
      const { kept } = found;
      const owes = kept === undefined || changes.size > 0 || !state.by.owesNothing(state, kept);
      if (!owes) return undefined;
      if (last) state.closing = true;
      return flush(state, changes, last);
    } catch (error) {
      return Promise.reject(error);
    }
  }

  function headOf(state: State): HeadChanges {
    if (!state.isLooked) return UNTOUCHED;
    if (state.cookies === undefined && !state.signedOut) return ONLY_READ;
    const cookies = state.cookies === undefined ? NO_COOKIES : [...state.cookies.values()];
    return {
      cookies,
      vary: true,
      cacheControl: cookies.length > 0 ? "no-store" : "private",
      clearSiteData: state.signedOut ? clearing(cookies) : undefined,
    };
  }

  /** Browsers clear the cookies of the very same response as well: of somebody who is signed in again, say. */
  function clearing(cookies: HeadChanges["cookies"]): string | undefined {
    const isNew = cookies.some(({ attributes }) => attributes.maxAge !== 0);
    const parts = settings.clearSiteData.filter((part) => !isNew || part !== '"cookies"');
    return parts.join(", ") || undefined;
  }

  function tellLateChanges(state: State): void {
    const keys = keysChangedInPlace([...(state.draft.handed ?? []), ...state.stale]);
    if (keys.length === 0) return;
    const record = state.found?.kept?.record;
    events.emit("lateChange", { sessionId: record?.id, userId: record?.userId, keys });
  }

  return {
    opened,
    judged,
    load,
    reload,
    update,
    commit,
    settleOn,
    refuseBlocked,
  };
}

function overwrittenIn(current: DataTree, draft: Draft, changes: Changes): readonly string[] {
  const keys: string[] = [];
  for (const [key, cell] of changes) {
    const now = memberAt(current, key);
    const wanted = cell && memberOf(cell, key);
    if (now !== memberRead(draft, key) && now !== wanted) keys.push(key);
  }
  return keys;
}

/** A session that may well be live elsewhere: in a newer deployment, or under a secret that is not here. */
export function isUnreadable({ refusal }: Found): boolean {
  return refusal === "unknown-key" || refusal === "malformed";
}

const NO_COOKIES: HeadChanges["cookies"] = [];
const UNTOUCHED: HeadChanges = {
  cookies: NO_COOKIES,
  vary: false,
  cacheControl: undefined,
  clearSiteData: undefined,
};
const ONLY_READ: HeadChanges = { ...UNTOUCHED, vary: true, cacheControl: "private" };

/** What is answered to a change that needs a header when the head is out. */
export function headIsOut(): SessionClosedError {
  return new SessionClosedError(
    "the head of the response is out, so this can no longer be kept; do it before the first byte",
  );
}
