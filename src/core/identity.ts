/**
 * Who the session belongs to: signing in and out, and what a route may ask for.
 *
 * @module
 */

import {
  FreshnessError,
  SessionClosedError,
  SignInRequiredError,
  StoreUnavailableError,
  UsageError,
  ValueError,
} from "../errors.ts";
import { milliseconds } from "../lib/duration.ts";
import { collectChanges, Draft, letGo } from "./changes.ts";
import type { Commits } from "./commit.ts";
import { headIsOut, isUnreadable, OUTAGE } from "./commit.ts";
import type { Found, NextSession } from "./method.ts";
import { NOTHING_FOUND } from "./method.ts";
import { checkOptions, FLAG } from "./names.ts";
import type { Kept } from "./record.ts";
import type {
  Authentication,
  FreshOptions,
  LoadedSession,
  OutagePolicy,
  SignedInSession,
  SignInOptions,
} from "./session.ts";
import type { Parts, State } from "./state.ts";
import type { DataTree } from "./tree.ts";
import { applyChanges, EMPTY_TREE, pick } from "./tree.ts";
import { checkUserId } from "./user-id.ts";

const SIGN_IN = { remember: FLAG, methods: [], keep: [], revokeOthers: FLAG } as const;
const FRESH = { within: [], methods: [] } as const;

/** What a request does about its user. */
export interface Identity {
  signIn(state: State, userId: string, options: SignInOptions | undefined): Promise<LoadedSession>;
  elevate(state: State, method: string): Promise<LoadedSession>;
  signOut(state: State): Promise<void>;
  requireUser(state: State): Promise<SignedInSession>;
  requireFresh(state: State, options: FreshOptions): Promise<SignedInSession>;
  revokeOthers(state: State): Promise<void>;
}

export function createIdentity(parts: Parts, commits: Commits): Identity {
  const { core, method } = parts;
  const { settings, events, shape } = core;

  async function begin(
    state: State,
    userId: string,
    options: SignInOptions,
    authentications: readonly Authentication[],
  ): Promise<LoadedSession> {
    const { kept, rivals = [] } = await readable(state);
    // Else its cookie and that of one of them would be two live ones, for good.
    for (const each of rivals) await state.by.end(state, each);
    const { draft } = state;
    const changes = collectChanges(draft);
    const pending = new Map(draft.sets);
    const sameUser = kept !== undefined && kept.record.userId === userId;
    const keepsAll = sameUser || kept?.record.userId === undefined;
    let data: DataTree = EMPTY_TREE;
    const next: NextSession = {
      userId,
      authentications,
      remembered: options.remember ?? (sameUser && kept.content.remembered),
      async data(old) {
        // What cannot be read (of another version, or a misfit) cannot come along either.
        const read = old === undefined || !state.isRead ? EMPTY_TREE : await shape.read(old);
        const all = applyChanges(read, changes);
        data = keepsAll ? all : pick(all, options.keep ?? []);
        if (data.size > 0) await shape.check(data);
        return data;
      },
    };
    const made = await state.by.signIn(state, kept, next);
    if (!keepsAll) letGo(draft, pending, options.keep ?? []);
    commits.settleOn(state, made, data);
    const { id } = made.record;
    const methods = authentications.map((each) => each.method);
    events.emit("signedIn", { sessionId: id, userId, previousId: kept?.record.id, methods });
    // Created first, then cut off: whatever fails, the user is not left without a session.
    if (options.revokeOthers === true) await revokeOthers(state);
    // The sign-in has happened: an outage has its event, and the next sign-in keeps the cap.
    else await parts.keepCap(userId, id).catch(() => undefined);
    return state.view;
  }

  /** The judged session, and its data if that can be read at all. */
  async function readable(state: State): Promise<Found> {
    const found = await commits.judged(state, "closed");
    await commits.opened(state, "closed").catch((error) => {
      if (!(error instanceof ValueError)) throw error;
    });
    return found;
  }

  async function signIn(
    state: State,
    userId: string,
    options: SignInOptions = {},
  ): Promise<LoadedSession> {
    if (state.headSent) throw headIsOut();
    checkOptions("signIn", options, SIGN_IN);
    checkUserId("signIn", userId);
    const { methods = ["password"], keep = [] } = options;
    checkWords(methods);
    if (!Array.isArray(keep) || !keep.every((key) => typeof key === "string")) {
      throw new UsageError("`keep` takes a list of keys");
    }
    const at = settings.clock();
    return begin(
      state,
      userId,
      options,
      methods.map((each) => ({ method: each, at })),
    );
  }

  async function elevate(state: State, proof: string): Promise<LoadedSession> {
    if (state.headSent) throw headIsOut();
    if (!isWord(proof)) throw new UsageError('elevate takes a word for the proof, such as "totp"');
    const { record, content } = await userOf(state, "closed");
    const earlier = content.authentications.filter((each) => each.method !== proof);
    const proofs = [...earlier, { method: proof, at: settings.clock() }];
    return begin(state, record.userId as string, {}, proofs);
  }

  async function signOut(state: State): Promise<void> {
    if (state.headSent) throw headIsOut();
    let found: Found;
    try {
      found = await commits.judged(state, "closed");
    } catch (error) {
      // The client is to forget its cookie even when the store cannot be told.
      if (error instanceof StoreUnavailableError) {
        state.signedOut = true;
        state.found = OUTAGE;
        await method.end(state, undefined);
      }
      throw error;
    }
    const { kept, rivals = [kept] } = found;
    if (kept === undefined && found.rivals === undefined && found.blocked) {
      refuseUnreadable(found);
      // A late request of a session that was replaced: the browser's newer cookie stays (P16).
      return;
    }
    const ended: (Kept | undefined)[] = [];
    let isEnded = true;
    try {
      for (const each of rivals) {
        if (await state.by.end(state, each)) ended.push(each);
      }
      isEnded = ended.length > 0;
    } finally {
      state.signedOut = isEnded;
      state.by = method;
      state.verifier = "";
      state.found = isEnded ? NOTHING_FOUND : REPLACED;
      state.draft = new Draft(EMPTY_TREE);
    }
    for (const each of ended) {
      if (each === undefined) continue;
      events.emit("signedOut", { sessionId: each.record.id, userId: each.record.userId });
    }
  }

  async function requireUser(state: State): Promise<SignedInSession> {
    // Nobody is not an answer here; what was last known is one, where the app says so.
    await userOf(state, state.outage === "stale" ? "stale" : "closed");
    return state.view as SignedInSession;
  }

  async function userOf(state: State, outage: OutagePolicy): Promise<Kept> {
    const { kept } = await commits.opened(state, outage);
    if (kept?.record.userId === undefined) throw new SignInRequiredError();
    return kept;
  }

  async function requireFresh(state: State, options?: FreshOptions): Promise<SignedInSession> {
    checkOptions("requireFresh", options, FRESH);
    const { within, methods } = options ?? {};
    const window = milliseconds(within);
    if (!window) {
      throw new UsageError('requireFresh takes a duration: { within: 300 } or { within: "5m" }');
    }
    if (methods !== undefined) checkWords(methods);
    await userOf(state, "closed");
    // What a cache remembers may have been revoked meanwhile, and this is for what matters most.
    if (settings.method !== "shared" && settings.store?.refresh !== undefined) {
      await commits.reload(state);
    }
    const { content } = await userOf(state, "closed");
    const now = settings.clock();
    const proved = content.authentications.some(
      ({ method: by, at }) =>
        at >= now - window && at <= now + SKEW && (methods === undefined || methods.includes(by)),
    );
    if (!proved) throw new FreshnessError(window / 1000, methods);
    return state.view as SignedInSession;
  }

  async function revokeOthers(state: State): Promise<void> {
    const { record } = await userOf(state, "closed");
    await parts.revokeOthers(record.userId as string, record.id);
    // The cut-off has lifted this session's mark; a sign-in later in this request begins above it.
    if (!state.headSent) await commits.reload(state);
  }

  return { signIn, elevate, signOut, requireUser, requireFresh, revokeOthers };
}

/** A session that may well be live, and cannot be ended here: the client must not think that it is. */
function refuseUnreadable(found: Found): void {
  if (!isUnreadable(found)) return;
  throw new SessionClosedError(
    "the session could not be ended: it was made with a secret, or by a version, that this process does not know",
  );
}

/** Another session has taken this one's place. */
const REPLACED: Found = { kept: undefined, refusal: "closed", blocked: true };

// Another node's clock may be ahead; a proof from further in the future is of a clock that was wrong.
const SKEW = 60_000;

const isWord = (value: unknown): boolean => typeof value === "string" && value !== "";

function checkWords(methods: unknown): void {
  if (Array.isArray(methods) && methods.every(isWord)) return;
  throw new UsageError('`methods` takes a list of words, such as ["password", "totp"]');
}
