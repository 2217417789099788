/**
 * The two faces of a request's session: the handle, and the loaded session that it gives.
 *
 * Plain objects over shared prototypes: a handle is made for every request, used or not, so making
 * one must cost next to nothing.
 *
 * @module
 */

import { UsageError } from "../errors.ts";
import type { Answer } from "../stores/contract.ts";
import type { Draft } from "./changes.ts";
import { clearValues, deleteValue, getValue, hasValue, keysOf, setValue } from "./changes.ts";
import { createCommits, headIsOut } from "./commit.ts";
import { createIdentity } from "./identity.ts";
import { checkOptions, FLAG, guardNames, POLICY, refuseForeignNames } from "./names.ts";
import type { RequestLike } from "./request.ts";
import type { HeadChanges, LoadedSession, OutagePolicy, Session } from "./session.ts";
import type { Opening, Parts } from "./state.ts";
import { describe, describeNew, State } from "./state.ts";
import { changeAll, changeKey } from "./update.ts";

// Symbol.for: the adapter may be of another copy of the package in the same process.
const INSIDE: unique symbol = Symbol.for("coatcheck.inside") as never;
const INSPECT = Symbol.for("nodejs.util.inspect.custom");

const LOAD = { outage: POLICY } as const;
const COMMIT = { at: ["head", "end"], failed: FLAG } as const;
const NO_OPTIONS = {} as const;
const DONE = { at: "head", failed: false } as const;
const FAILED = { at: "head", failed: true } as const;

/** Makes and recognises the handles of one app. */
export interface Handles {
  open(request: RequestLike, headSent: boolean, outage: OutagePolicy): Session;
  owns(value: unknown): value is Session;
}

type CommitHead = (inside: Inside, failed: boolean) => Answer<HeadChanges>;

/** What a handle holds before it is asked for anything. */
class Inside implements Opening {
  declare readonly request: RequestLike;
  declare readonly openedAt: number;
  declare readonly headSent: boolean;
  declare readonly outage: OutagePolicy;
  declare readonly commitHead: CommitHead;
  firstUse: (() => void) | undefined = undefined;
  state: State | undefined = undefined;

  constructor(
    request: RequestLike,
    openedAt: number,
    headSent: boolean,
    outage: OutagePolicy,
    commitHead: CommitHead,
  ) {
    this.request = request;
    this.openedAt = openedAt;
    this.headSent = headSent;
    this.outage = outage;
    this.commitHead = commitHead;
  }
}

// Behind a function, where no console finds it, `console.dir` neither (P13).
interface Handle {
  [INSIDE]: () => Inside;
}

interface View {
  [INSIDE]: () => State;
}

/**
 * Calls back when the handle is asked for something for the first time. An adapter looks after the
 * response only then, so that a request that does not use its session costs nothing (P1).
 *
 * @internal
 */
export function onFirstUse(session: object, callback: () => void): void {
  (session as Handle)[INSIDE]().firstUse = callback;
}

/** A handle, as far as its commit goes. */
export type Committer = Pick<Session, "commit">;

/**
 * As `commit({ at: "head", failed })`, but what the head needs is there at once, with no promise, where
 * nothing has to be waited for: the request has nothing to write, or its store answers at once.
 *
 * @internal
 */
export function commitHead(session: Committer, failed: boolean): Answer<HeadChanges> {
  const inside = (session as Partial<Handle>)[INSIDE]?.();
  return inside === undefined
    ? session.commit({ at: "head", failed })
    : inside.commitHead(inside, failed);
}

// A bound function hides what it is bound to, and costs Express on Node 20 far less than a closure. And V8
// puts a closure that is assigned to a property among the old objects, and with it all that it refers to.
function insideOf(this: Inside): Inside {
  return this;
}

function stateOf(this: State): State {
  return this;
}

export function createHandles(parts: Parts): Handles {
  const { settings } = parts.core;
  const { clock, dev, timeouts } = settings;
  const commits = createCommits(parts);
  const identity = createIdentity(parts, commits);

  function stateIn(inside: Inside): State {
    return inside.state ?? firstUse(inside);
  }

  function firstUse(inside: Inside): State {
    const view = Object.create(loadedFace) as View;
    const face = (dev ? guardNames(view, "loaded") : view) as unknown as LoadedSession;
    const state = new State(inside, parts.method, face);
    view[INSIDE] = stateOf.bind(state);
    inside.state = state;
    inside.firstUse?.();
    return state;
  }

  // Once for all: a closure for each request would be one more.
  const commitDone = (state: State) => commits.commit(state, DONE);
  const commitFailed = (state: State) => commits.commit(state, FAILED);

  function settleHead(inside: Inside, failed: boolean): Answer<HeadChanges> {
    return turn(inside, failed ? commitFailed : commitDone);
  }

  function inTurn<Result>(handle: Handle, run: (state: State) => Answer<Result>): Promise<Result> {
    const inside = handle[INSIDE]();
    try {
      return Promise.resolve(turn(inside, run));
    } catch (error) {
      return Promise.reject(error);
    }
  }

  /** Runs the calls of one handle in call order. */
  function turn<Result>(inside: Inside, run: (state: State) => Answer<Result>): Answer<Result> {
    const state = stateIn(inside);
    if (state.calls > 0) return queued(state, run);
    const answer = run(state);
    return answer instanceof Promise ? counted(state, answer) : answer;
  }

  // Apart from `turn`, which makes no closure for the many calls that need not wait.
  function queued<Result>(state: State, run: (state: State) => Answer<Result>): Promise<Result> {
    const go = (): Answer<Result> => run(state);
    return counted(state, state.last.then(go, go));
  }

  // The caller gets a promise of its own: a failure that nobody looks at is an unhandled one, although
  // the next call has waited for this one.
  async function counted<Result>(state: State, turn: Promise<Result>): Promise<Result> {
    state.calls += 1;
    state.last = turn;
    try {
      return await turn;
    } finally {
      state.calls -= 1;
    }
  }

  const handleFace: Session & ThisType<Handle> = {
    load(options) {
      return inTurn(this, (state) => {
        checkOptions("load", options, LOAD);
        return commits.load(state, options?.outage ?? state.outage);
      });
    },
    reload() {
      return inTurn(this, (state) => commits.reload(state));
    },
    update(keyOrChange: unknown, change?: unknown) {
      return inTurn(this, (state) => update(state, keyOrChange, change)) as Promise<never>;
    },
    signIn(userId, options) {
      return inTurn(this, (state) => identity.signIn(state, userId, options));
    },
    elevate(method) {
      return inTurn(this, (state) => identity.elevate(state, method));
    },
    signOut() {
      return inTurn(this, (state) => identity.signOut(state));
    },
    requireUser() {
      return inTurn(this, (state) => identity.requireUser(state));
    },
    requireFresh(options) {
      return inTurn(this, (state) => identity.requireFresh(state, options));
    },
    revokeOthers() {
      return inTurn(this, (state) => identity.revokeOthers(state));
    },
    watch(signal) {
      return inTurn(this, async (state) => {
        // By what is called on it: not every signal is of this realm's class.
        if (signal !== undefined && typeof signal?.addEventListener !== "function") {
          throw new UsageError("watch takes an AbortSignal, such as that of a controller");
        }
        const { kept, refusal } = await commits.opened(state, "closed");
        // A visitor's is never fired: there is nothing that could end.
        if (kept === undefined) {
          return refusal === undefined ? new AbortController().signal : AbortSignal.abort();
        }
        const { by } = state;
        const look = async () => {
          const again = await by.reload(state, kept);
          return again.kept && describe(again.kept, timeouts);
        };
        const { id, userId } = kept.record;
        return parts.watch(id, userId, describe(kept, timeouts).expiresAt, look, signal);
      });
    },
    commit(options) {
      return inTurn(this, (state) => {
        checkOptions("commit", options, COMMIT);
        return commits.commit(state, options ?? NO_OPTIONS);
      });
    },
  };

  async function update(state: State, first: unknown, second: unknown): Promise<unknown> {
    if (typeof first === "function") {
      await commits.update(state, changeAll(first as (data: object) => unknown));
      return state.view.all();
    }
    if (typeof first !== "string" || typeof second !== "function") {
      throw new UsageError("update takes a key and a function, or a function of all data");
    }
    await commits.update(state, changeKey(first, second as (value: unknown) => unknown));
    return getValue(state.draft, first);
  }

  const loadedFace: LoadedSession & ThisType<View> & Record<symbol, unknown> = {
    get userId() {
      return this[INSIDE]().found?.kept?.record.userId;
    },
    get id() {
      return this[INSIDE]().found?.kept?.record.id;
    },
    get isNew() {
      return this[INSIDE]().found?.kept === undefined;
    },
    get isStale() {
      return this[INSIDE]().found?.isStale === true;
    },
    get info() {
      const { found, openedAt } = this[INSIDE]();
      return found?.kept === undefined
        ? describeNew(openedAt, timeouts)
        : describe(found.kept, timeouts);
    },
    get refusal() {
      return this[INSIDE]().found?.refusal;
    },
    get(key) {
      return getValue(this[INSIDE]().draft, key) as never;
    },
    has(key) {
      return hasValue(this[INSIDE]().draft, key);
    },
    keys() {
      return keysOf(this[INSIDE]().draft) as never[];
    },
    all() {
      const { draft } = this[INSIDE]();
      return Object.fromEntries(keysOf(draft).map((key) => [key, getValue(draft, key)]));
    },
    set(key, value) {
      setValue(writable(this[INSIDE](), key), key, value);
    },
    delete(key) {
      deleteValue(writable(this[INSIDE](), key), key);
    },
    clear() {
      clearValues(writable(this[INSIDE](), ""));
    },
  };

  function writable(state: State, key: unknown): Draft {
    if (typeof key !== "string") throw new UsageError("a session's keys are strings");
    if (state.headSent || state.closing) throw headIsOut();
    const { found } = state;
    if (found !== undefined && (found.kept === undefined || found.isStale === true)) {
      commits.refuseBlocked(state, found);
    }
    return state.draft;
  }

  refuseForeignNames(handleFace, "handle");
  refuseForeignNames(loadedFace, "loaded");
  // No console, log or JSON shows the inside of a request (P13).
  hide(handleFace, () => ({}));
  hide(loadedFace, (view) => {
    const { found } = (view as View)[INSIDE]();
    return { id: found?.kept?.record.id, userId: found?.kept?.record.userId };
  });

  return {
    open(request, headSent, outage) {
      const handle = Object.create(handleFace) as Handle;
      const inside = new Inside(request, clock(), headSent, outage, settleHead);
      handle[INSIDE] = insideOf.bind(inside);
      return (dev ? guardNames(handle, "handle") : handle) as unknown as Session;
    },
    owns(value): value is Session {
      return (
        typeof value === "object" &&
        value !== null &&
        Object.prototype.isPrototypeOf.call(handleFace, value)
      );
    },
  };
}

function hide(face: object, show: (self: object) => object): void {
  const self = function (this: object): object {
    return show(this);
  };
  Object.defineProperty(face, INSPECT, { value: self });
  Object.defineProperty(face, "toJSON", { value: self });
}
