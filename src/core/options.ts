/**
 * The options of `createSessions`, their defaults, and what is refused at the start.
 *
 * @module
 */

import type { ForeignDraft, ForeignSession, ForeignSource } from "../interop/source.ts";
import type { Duration } from "../lib/duration.ts";
import type { Revocations, SessionStore } from "../stores/contract.ts";
import type { RequestLike } from "./request.ts";
import type { OutagePolicy } from "./session.ts";
import type { SchemaLike } from "./standard-schema.ts";

/** How sessions are kept and when they end. */
export interface SessionsOptions<Data extends object = Record<string, unknown>> {
  /**
   * App secrets, 32 random bytes or more each, as `npx coatcheck secret` prints them. The first one
   * makes, every one opens. To rotate: deploy `[old, new]` everywhere, then `[new, old]`; drop the
   * old one after the longest absolute timeout. Dropping it sooner is revocation.
   */
  readonly secrets: readonly (string | Uint8Array)[];
  /**
   * Where the data is: `"stored"` keeps it in the store and gives the client a ticket; `"sealed"`
   * keeps it, encrypted, in the cookie; `"shared"` keeps it as another library does, so that its apps and
   * this one have one session (see `share`).
   *
   * @default "stored"
   */
  readonly method?: "stored" | "sealed" | "shared" | undefined;
  /**
   * Whose sessions shared ones are: `flaskCookie({ secrets })`, say. Two writes at once by different processes
   * may lose one, as they do there. `sealed.revocations` and `sealed.update` hold for them too.
   */
  readonly share?: ForeignSource | undefined;
  /**
   * Keeps the records, and is needed for stored sessions; for sealed ones it keeps the revocations, and with
   * `sealed.overflow` what no longer fits a cookie.
   */
  readonly store?: SessionStore | undefined;
  /** What holds for sealed sessions only, and where it says so for shared ones. */
  readonly sealed?: SealedOptions | undefined;
  /** Sets apart apps that share a secret: a cookie of one opens nothing in another. @default "" */
  readonly app?: string | undefined;
  /** Name and attributes of the session cookie. What contradicts itself is refused at the start. */
  readonly cookie?: CookieOptions | undefined;
  /**
   * For plain-http development: drops the `__Host-Http-` prefix and `Secure`, and checks more.
   * Never derived from `NODE_ENV`.
   *
   * @default false
   */
  readonly dev?: boolean | undefined;
  /** A preset, or single timeouts over one. @default "consumer" */
  readonly timeouts?: TimeoutPreset | TimeoutOptions | undefined;
  /**
   * Gives a session a new ticket secret this often. A cookie that was copied into a script then ends
   * the session when it comes back.
   *
   * @default "never"
   */
  readonly rotateEvery?: Duration | "never" | undefined;
  /** How long a replaced ticket secret stays good after its successor was seen. @default "30s" */
  readonly rotationGrace?: Duration | undefined;
  /** What a reused ticket secret does, besides the `reuse` event. @default "end" */
  readonly onReuse?: "end" | "report" | undefined;
  /** Ends a user's oldest sessions above this number after a sign-in. @default Infinity */
  readonly maxSessionsPerUser?: number | undefined;
  /** What happens when two requests set one key: the later one wins, or the commit throws. @default "report" */
  readonly onOverwrite?: "report" | "throw" | undefined;
  /**
   * What a request gets while the store does not answer: `"closed"` a `StoreUnavailableError` (503),
   * `"anonymous"` an empty session that cannot be written, `"stale"` what `cached` around the store still
   * knows, to be read only. Nobody is signed out by any of them.
   *
   * @default "closed"
   */
  readonly outage?: OutagePolicy | undefined;
  /** How long one store call may take, then it is a `StoreUnavailableError` (503). A sweep has a day. @default "3s" */
  readonly storeDeadline?: Duration | undefined;
  /** How long one commit may retry against other writers, then it is a `SessionConflictError` (409). @default "10s" */
  readonly commitDeadline?: Duration | undefined;
  /** Accepts a store that cannot write conditionally, with what that loses. @default false */
  readonly acceptUnconditionalStore?: boolean | undefined;
  /** How often `watch()` looks when the store cannot tell. @default "10s" */
  readonly watchInterval?: Duration | undefined;
  /** Sent as `Clear-Site-Data` with a sign-out. @default none */
  readonly clearSiteData?: readonly ("cache" | "cookies" | "storage")[] | undefined;
  /** The client's address, for device lists. Behind a proxy only the app knows whom to trust. */
  readonly address?: ((request: RequestLike) => string | undefined) | undefined;
  /** Types and checks the data: any Standard Schema (zod, valibot, arktype). */
  readonly schema?: SchemaLike<Data> | undefined;
  /** The version of the data's shape. Raise it together with `migrate`. @default 0 */
  readonly version?: number | undefined;
  /** Brings the data of an older version to this one. */
  readonly migrate?:
    | ((old: Record<string, unknown>, fromVersion: number) => Record<string, unknown>)
    | undefined;
  /**
   * Takes over live sessions of other libraries, tried in this order where a request brings no cookie of
   * ours. Only for `method: "stored"`.
   */
  readonly adopt?: readonly (ForeignSource | Adoption<Data>)[] | undefined;
  /** The clock, in milliseconds since the epoch. For tests. @default Date.now */
  readonly clock?: (() => number) | undefined;
}

/** One library whose sessions are taken over, and how. */
export interface Adoption<Data extends object = Record<string, unknown>> {
  /** The library with its configuration: `flaskCookie({ secrets })`, `expressSession({ secret, store })`. */
  readonly from: ForeignSource;
  /**
   * What comes along. Without it: the user id that the source knows, and all data but the keys that the
   * other library keeps for itself.
   *
   * @returns `undefined` for a session that is not to be taken over.
   */
  readonly map?:
    | ((foreign: ForeignSession) => Adopted<Data> | undefined | Promise<Adopted<Data> | undefined>)
    | undefined;
  /**
   * Writes each change back as the other library's session, and leaves its cookie: for a while, so that
   * servers that still run it go on, and a rollback signs nobody out. For one source at most.
   *
   * @default false
   */
  readonly writeBack?: boolean | undefined;
  /**
   * What is written back. Without it: the data, where what was not changed here or cannot be kept stays as it
   * came, and the user id.
   */
  readonly mapBack?:
    | ((session: Readonly<Adopted<Data>>, foreign: ForeignSession | undefined) => ForeignDraft)
    | undefined;
  /** How long an adopted session's own record is left, for requests on their way. @default "10m" */
  readonly grace?: Duration | undefined;
}

/** What a foreign session is worth here. */
export interface Adopted<Data extends object = Record<string, unknown>> {
  /** Absent: a visitor's session. */
  readonly userId?: string | undefined;
  readonly data?: Partial<Data>;
  /** How the user had proved who they are. @default ["adopted"] */
  readonly methods?: readonly string[];
  /** @default whether the foreign cookie outlives the browser's run */
  readonly remember?: boolean;
}

/** The session cookie. `HttpOnly` is not an option. */
export interface CookieOptions {
  /** @default "__Host-Http-sid"; with a `domain` or another `path` "__Secure-sid"; with `dev` "sid" */
  readonly name?: string | undefined;
  /** @default "lax" */
  readonly sameSite?: "strict" | "lax" | "none" | undefined;
  /** @default "/" */
  readonly path?: string | undefined;
  /** Shares the cookie with all subdomains; then the prefix is `__Secure-`. @default none */
  readonly domain?: string | undefined;
  /** For pages embedded in other sites (CHIPS). Needs `sameSite: "none"`. @default false */
  readonly partitioned?: boolean | undefined;
}

/** What holds for sealed sessions; `revocationDelay` for stored ones as well, where everyone is signed out. */
export interface SealedOptions {
  /**
   * Where revocations are kept and read from. `"accept-replay"` keeps none: whoever kept a copy of
   * a cookie can go on using it after sign-out, until its absolute timeout.
   *
   * @default the store
   */
  readonly revocations?: Revocations | "accept-replay" | undefined;
  /** The longest time after which a revocation holds in every process. @default "10s" */
  readonly revocationDelay?: Duration | undefined;
  /**
   * What happens to a session that is too large for one cookie, in production: up to four cookies, or
   * it moves into the store for good. In development it is always an error that names the bytes by key.
   *
   * @default "chunks"
   */
  readonly overflow?: "chunks" | "store" | undefined;
  /**
   * Allows `update` (and flash messages), whose result may be lost when two responses cross.
   *
   * @default "refuse"
   */
  readonly update?: "refuse" | "accept-lost-updates" | undefined;
}

/**
 * `"consumer"`: 7 days idle, 30 days absolute. `"aal2"`: 1 hour, 24 hours. `"aal3"`: 15 minutes,
 * 12 hours (NIST SP 800-63B-4 §2.2.3, §2.3.3).
 */
export type TimeoutPreset = "consumer" | "aal2" | "aal3";

/** Single timeouts over a preset. */
export interface TimeoutOptions {
  /** @default "consumer" */
  readonly preset?: TimeoutPreset | undefined;
  /** Ends a session after so long without use. */
  readonly idle?: Duration | undefined;
  /** Ends a session so long after it began, however busy it is. */
  readonly absolute?: Duration | undefined;
  /** For sessions without a user. @default idle 1 day and absolute 30 days, or the user's if shorter */
  readonly visitor?: Pick<TimeoutOptions, "idle" | "absolute"> | undefined;
  /** For sessions signed in with `remember`. @default idle as long as absolute, with "consumer" */
  readonly remember?: Pick<TimeoutOptions, "idle" | "absolute"> | undefined;
  /**
   * A session's last use is written at most this often.
   *
   * @default a twentieth of the shortest idle timeout, at most 5 minutes
   */
  readonly touchInterval?: Duration | undefined;
}
