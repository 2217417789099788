/**
 * What the methods have in common: how a request's session is found, written and ended.
 *
 * @module
 */

import type { SessionCookie } from "../cookie/write.ts";
import { SignInRefusedError } from "../errors.ts";
import type { Answer, SessionRecord } from "../stores/contract.ts";
import type { Emitter } from "./events.ts";
import type { Content, Kept } from "./record.ts";
import type { RequestLike } from "./request.ts";
import type { Authentication, Refusal } from "./session.ts";
import type { DataTree } from "./tree.ts";

/** One request, as far as keeping its session goes. */
export interface Visit {
  readonly request: RequestLike;
  /** When the request arrived: its ticket is judged by this moment. */
  readonly openedAt: number;
  /** No header can be written any more. */
  headSent: boolean;
  /** What the head needs so far, by cookie name. */
  cookies: Map<string, SessionCookie> | undefined;
  /** What keeps the session of this request, or would keep a new one. */
  by: Method;
  /**
   * The verifier of the ticket secret that came with the request; empty without one, and once this
   * request has made another.
   */
  verifier: string;
}

/** Sets a cookie of the response, in place of one of the same name. */
export function setCookie(visit: Visit, cookie: SessionCookie): void {
  visit.cookies ??= new Map();
  visit.cookies.set(cookie.name, cookie);
}

/** What a request's cookies have opened. */
export interface Found {
  /** The session, if it is live. */
  readonly kept: Kept | undefined;
  /** Why there is no session although a cookie was there. */
  readonly refusal: Refusal | undefined;
  /**
   * A write must not start a new session: the browser may have a newer cookie by now, which a late
   * response would take from it.
   */
  readonly blocked: boolean;
  /**
   * Where there is none because several are live, or because it is only by longer timeouts than ours: all of them,
   * which a sign-out ends, and a sign-in.
   */
  readonly rivals?: readonly Kept[] | undefined;
  /** The store did not answer; this is what was last known, and only to be read. */
  readonly isStale?: true;
}

/** Nothing is there, nothing was refused. */
export const NOTHING_FOUND: Found = { kept: undefined, refusal: undefined, blocked: false };

/** What answers a cookie that is refused, and tells so. */
export function refusing(events: Emitter) {
  return (
    refusal: Refusal,
    sessionId: string | undefined,
    blocked: boolean,
    rivals?: readonly Kept[],
  ): Found => {
    events.emit("refused", { refusal, sessionId });
    return { kept: undefined, refusal, blocked, rivals };
  };
}

class Live implements Found {
  declare readonly kept: Kept;
  readonly refusal: undefined = undefined;
  readonly blocked = false;

  constructor(kept: Kept) {
    this.kept = kept;
  }
}

/** A session is there. */
export function live(kept: Kept): Found {
  return new Live(kept);
}

/** What answers a sign-in whose session of before is over. */
export function endedMeanwhile(): SignInRefusedError {
  return new SignInRefusedError("the session of before has ended meanwhile; sign in again");
}

/** What answers a sign-in that began before a cut-off of its user, or of everyone. */
export function signedOutMeanwhile(): SignInRefusedError {
  return new SignInRefusedError("the user was signed out everywhere meanwhile; sign in again");
}

/**
 * Changes the data of a session. May run again over newer data. Returning the same object means
 * that there is nothing to write.
 */
export type ChangeData = (content: Content, record: SessionRecord) => Answer<DataTree>;

/** What a sign-in makes. */
export interface NextSession {
  readonly userId: string;
  readonly authentications: readonly Authentication[];
  readonly remembered: boolean;
  /** The data that comes along, of what the old session holds when it is closed. */
  readonly data: (old: Content | undefined) => Answer<DataTree>;
  readonly version: number;
}

/** One of the two ways to keep a session. */
export interface Method {
  /** Whether changes of requests at the same time merge, so that `update` can keep its word. */
  readonly composesUpdates: boolean;
  /** Judges the cookies of a request. */
  find(visit: Visit): Answer<Found>;
  /** What a cache still knows of the session, while the store does not answer. It asks nobody. */
  recall?(visit: Visit): Promise<Found | undefined>;
  /** Starts a visitor's session. */
  create(visit: Visit, data: DataTree, version: number): Promise<Kept>;
  /**
   * Changes a session's data, and does what a commit owes besides: touch, confirm, rotate.
   *
   * @returns `"gone"` when the session ended meanwhile; then nothing was written.
   */
  write(
    visit: Visit,
    kept: Kept,
    change: ChangeData | undefined,
    version: number,
  ): Answer<Kept | "gone">;
  /** Whether a commit without changes owes nothing: no touch, no confirmation, no rotation. */
  owesNothing(visit: Visit, kept: Kept): boolean;
  /** Starts a user's session and ends the one before: two writes with one outcome. */
  signIn(visit: Visit, kept: Kept | undefined, next: NextSession): Promise<Kept>;
  /**
   * Ends the session and clears the cookies, also when the store does not answer.
   *
   * @returns `false` when another session has taken its place meanwhile: then the cookies stay.
   */
  end(visit: Visit, kept: Kept | undefined): Promise<boolean>;
  /** Reads the session again, without its ticket. */
  reload(visit: Visit, kept: Kept): Promise<Found>;
}
