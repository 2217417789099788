/**
 * What a handler holds: the two faces of a session.
 *
 * A request carries the *handle* ({@link Session}), which has only methods that return promises.
 * Its `load()` gives the *loaded session* ({@link LoadedSession}), which has the values. The values
 * do not exist on the handle, neither in the types nor at run time, so that a forgotten `await`
 * can never let anyone in.
 *
 * @module
 */

import type { SessionCookie } from "../cookie/write.ts";
import type { Duration } from "../lib/duration.ts";

/** Why a session is empty. For the server's eyes only: from outside all refusals look the same. */
export type Refusal =
  /** Not of a form that coatcheck makes. */
  | "malformed"
  /** The tag does not match: changed, or made by somebody else, for another cookie or another app. */
  | "forged"
  /** Well formed, but under a secret that this process does not have: a rolling deploy, or revoked. */
  | "unknown-key"
  /** A good ticket of a session that is not there any more. */
  | "absent"
  /** Unused for longer than the idle timeout. */
  | "idle-timeout"
  /** Older than the absolute timeout. */
  | "absolute-timeout"
  /** Signed out, revoked, or followed by another session at sign-in, within the last minute. */
  | "closed"
  /** At or below a cut-off, its user's or everyone's; or a sealed session that was ended. */
  | "revoked"
  /** The ticket secret was replaced by a rotation too long ago. */
  | "superseded"
  /** The ticket secret was replaced, and came back after its grace: somebody copied the cookie. */
  | "reuse"
  /** Two cookies of our name that both open live sessions. */
  | "ambiguous"
  /** The store did not answer and the route asked for `outage: "anonymous"`. */
  | "outage";

/** One proof of who the user is. */
export interface Authentication {
  /** The app's own word: `"password"`, `"passkey"`, `"totp"`. */
  readonly method: string;
  /** When it was given, in milliseconds since 1970. */
  readonly at: number;
}

/** What is known about a session besides its data. Moments are milliseconds since 1970, as in `Date.now()`. */
export interface SessionInfo {
  readonly createdAt: number;
  /** Coarse: moved at most once per touch interval. */
  readonly lastSeenAt: number;
  /** When the session ends if it is not used again. */
  readonly expiresAt: number;
  /** When the session ends however busy it is. */
  readonly endsAt: number;
  /** When the user last proved who they are; absent for a visitor. */
  readonly authenticatedAt: number | undefined;
  readonly authentications: readonly Authentication[];
  /** Kept over a restart of the browser. */
  readonly remembered: boolean;
  /** The user agent that the session began with. */
  readonly userAgent: string | undefined;
  /** The address that the session began with, where the app says how to tell it. */
  readonly address: string | undefined;
}

/** One session in a list: names it, and opens nothing. */
export interface ListedSession extends SessionInfo {
  /** Safe to show, to log, and to hand to `revoke`. */
  readonly id: string;
  readonly userId: string | undefined;
}

export interface LoadOptions {
  /**
   * What to do while the store does not answer: `"closed"` throws (503), `"anonymous"` gives an
   * empty session that cannot be written, `"stale"` what a cache before the store still knows
   * (`cached(store, { staleFor })`), which cannot be written either, and throws where it knows
   * nothing. The cookie is left alone in any case.
   *
   * @default the `outage` option of `createSessions`
   */
  readonly outage?: OutagePolicy | undefined;
}

/** What a request gets while the store does not answer; {@link LoadOptions} has each in words. */
export type OutagePolicy = "closed" | "anonymous" | "stale";

export interface SignInOptions<Data extends object = Record<string, unknown>> {
  /**
   * Keeps the session over a restart of the browser, with the timeouts for remembered sessions.
   *
   * @default as before for the same user, else false
   */
  readonly remember?: boolean | undefined;
  /** How the user proved who they are. @default ["password"] */
  readonly methods?: readonly string[] | undefined;
  /** Keys that come along when another user was signed in. From a visitor everything does. @default none */
  readonly keep?: readonly (keyof Data & string)[] | undefined;
  /** Ends the user's other sessions as well: for a password reset. @default false */
  readonly revokeOthers?: boolean | undefined;
}

export interface FreshOptions {
  /** How recent the proof must be: a number of seconds, or such as `"10m"`. */
  readonly within: Duration;
  /** Any one of these methods. @default every method */
  readonly methods?: readonly string[] | undefined;
}

/** When a commit happens, and how the request went. */
export interface CommitOptions {
  /**
   * `"head"`: the head of the response goes out after this; whatever needs a header throws from now
   * on. `"end"`: the response is over; in development what was handed out is compared once more.
   * Absent: by hand, before streaming; may be called again.
   */
  readonly at?: "head" | "end" | undefined;
  /** The handler threw or answers 5xx: buffered changes are dropped; what acted at once has acted. */
  readonly failed?: boolean | undefined;
}

/** What a commit asks of the head of the response. Whoever adapts applies it. */
export interface HeadChanges {
  /** To be set, each replacing every `Set-Cookie` of the same name; those of others stay. */
  readonly cookies: readonly SessionCookie[];
  /** The session was looked at: `Vary` must name `Cookie` (RFC 9110 §12.5.5). */
  readonly vary: boolean;
  /** What `Cache-Control` must say at least; see `mergeCacheControl`. */
  readonly cacheControl: "no-store" | "private" | undefined;
  /** The value of `Clear-Site-Data`, where a sign-out asks for it. */
  readonly clearSiteData: string | undefined;
}

/** The session of a request, before it is loaded. Calls on one handle run in call order. */
export interface Session<Data extends object = Record<string, unknown>> {
  /**
   * The session of this request: loaded once, one object per request, a live view. After `signIn`
   * it shows the new user and id, after `signOut` it is empty.
   *
   * @throws {StoreUnavailableError} when the store does not answer and the policy is `"closed"`.
   */
  load(options?: LoadOptions): Promise<LoadedSession<Data>>;
  /** Reads again, for sockets and long jobs. Buffered changes stay. The ticket was judged once. */
  reload(): Promise<LoadedSession<Data>>;
  /**
   * Reads, changes and writes one key atomically, now. Pending changes go first. A change that leaves
   * everything as the request has read it writes nothing, and asks nothing.
   *
   * @param change - synchronous and without effects of its own: it may run again when another
   *   request wrote first. Its result takes effect once. `undefined` deletes the key; for a value that was
   *   changed in place it is a forgotten `return`, and refused.
   * @returns the new value.
   * @throws {SessionClosedError} when the session has ended.
   * @throws {SessionConflictError} when it cannot be told whether the change was kept.
   */
  update<Key extends keyof Data & string>(
    key: Key,
    change: (value: Data[Key] | undefined) => Data[Key] | undefined,
  ): Promise<Data[Key] | undefined>;
  /** The same for several keys: `change` gets a copy of all data and may alter or replace it. */
  update(change: (data: Partial<Data>) => Partial<Data> | void): Promise<Partial<Data>>;
  /**
   * Binds the session to a user, now: always a new session id and ticket secret, and the old ticket
   * never opens the new session (OWASP ASVS 5.0 7.2.4). From a visitor all data comes along; from
   * another user none but the keys in `keep`; from the same user all.
   *
   * @param userId - the app's own id of the user: text of 1 to 1024 characters.
   * @throws {SignInRefusedError} when the user was signed out everywhere after the request began, or
   *   the session of before ended meanwhile.
   */
  signIn(userId: string, options?: SignInOptions<Data>): Promise<LoadedSession<Data>>;
  /**
   * Adds a proof of who the user is: `signIn` of the same user that keeps the earlier proofs.
   *
   * @throws {SignInRequiredError} when nobody is signed in.
   */
  elevate(method: string): Promise<LoadedSession<Data>>;
  /**
   * Ends the session, now, and clears the cookie. A later write starts a new visitor session.
   *
   * @throws {StoreUnavailableError} when the store does not answer; the cookie is cleared all the same.
   */
  signOut(): Promise<void>;
  /** The loaded session of a signed-in user. @throws {SignInRequiredError} 401 */
  requireUser(): Promise<SignedInSession<Data>>;
  /**
   * The same, and the user proved who they are recently enough.
   *
   * @throws {SignInRequiredError} 401, when nobody is signed in.
   * @throws {FreshnessError} 401, when the last proof is too old or another one.
   */
  requireFresh(options: FreshOptions): Promise<SignedInSession<Data>>;
  /** Ends this user's other sessions, now. @throws {SignInRequiredError} 401 */
  revokeOthers(): Promise<void>;
  /**
   * A signal for sockets and streams: fires when the session is ended, in this process at once, from
   * elsewhere within the watch interval, and when it expires, within that too. A visitor's without a session
   * never fires. Of a sealed session only the browser knows when it was used last: to those who watch, its idle
   * time runs from the latest request that began to watch.
   *
   * @param signal - ends the watching when it fires, for instance when the socket closes.
   */
  watch(signal?: AbortSignal): Promise<AbortSignal>;
  /**
   * Writes what has changed and settles the headers. Adapters call it before the first byte; call it
   * by hand before streaming. It may be called again until the head is out.
   *
   * @returns everything that the head needs so far, earlier commits included.
   */
  commit(options?: CommitOptions): Promise<HeadChanges>;
}

/** The values of a session. A live view of one request's session. */
export interface LoadedSession<Data extends object = Record<string, unknown>> {
  /** Whom the session belongs to; absent for a visitor. */
  readonly userId: string | undefined;
  /** Names the session; absent until something is written. Safe to log; opens nothing. */
  readonly id: string | undefined;
  /** Nothing has been written for this client yet. */
  readonly isNew: boolean;
  /** The store did not answer, and this is what a cache still knew: it can only be read. */
  readonly isStale: boolean;
  readonly info: SessionInfo;
  /** Why the session is empty, when a cookie was there. Never show it to the client. */
  readonly refusal: Refusal | undefined;
  /** A plain value. What is changed in place is found at commit. */
  get<Key extends keyof Data & string>(key: Key): Data[Key] | undefined;
  has(key: keyof Data & string): boolean;
  keys(): (keyof Data & string)[];
  /** A new object with every value. */
  all(): Partial<Data>;
  /**
   * Buffered until commit.
   *
   * @throws {ValueError} naming the path of what cannot be kept.
   * @throws {SessionClosedError} when it can no longer be kept.
   */
  set<Key extends keyof Data & string>(key: Key, value: Data[Key]): void;
  delete(key: keyof Data & string): void;
  /** Deletes the keys that were there when the session was read. */
  clear(): void;
}

/** A loaded session with a user. */
export type SignedInSession<Data extends object = Record<string, unknown>> = LoadedSession<Data> & {
  readonly userId: string;
  readonly id: string;
};
