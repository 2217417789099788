/**
 * The types of express-session's API, under the names that `@types/express-session` gives them.
 *
 * @module
 */

import type { EventEmitter } from "node:events";
import type { IncomingMessage } from "node:http";

/**
 * What has no type in this API: errors of callbacks, as apps read them, and the framework's requests,
 * which are the app's.
 */
// biome-ignore lint/suspicious/noExplicitAny: code written for express-session does not narrow it
export type Untyped = any;

/** What a session holds besides its cookie. Add your own keys by augmenting this module. */
export interface SessionData {
  cookie: Cookie;
}

/** How the session cookie is made. */
export interface CookieOptions {
  /** Milliseconds from now on. @default a cookie that ends with the browser */
  readonly maxAge?: number | null | undefined;
  readonly expires?: Date | null | undefined;
  /** @default "/" */
  readonly path?: string | undefined;
  readonly domain?: string | undefined;
  /** @default true */
  readonly httpOnly?: boolean | undefined;
  /** `"auto"`: as the connection of the request that begins the session. */
  readonly secure?: boolean | "auto" | undefined;
  /** `"auto"`: `"none"` over https, else `"lax"`. */
  readonly sameSite?: boolean | "lax" | "strict" | "none" | "auto" | undefined;
  readonly partitioned?: boolean | undefined;
  readonly priority?: "low" | "medium" | "high" | undefined;
  /** Taken and not used, as by express-session. */
  readonly encode?: ((value: string) => string) | undefined;
}

/** The settings of a cookie as they lie in a store. */
export interface CookieSettings {
  readonly originalMaxAge: number | null;
  readonly expires?: Date | string | null | undefined;
  readonly path?: string | undefined;
  readonly domain?: string | undefined;
  readonly httpOnly?: boolean | undefined;
  readonly secure?: boolean | undefined;
  readonly sameSite?: boolean | string | undefined;
  readonly partitioned?: boolean | undefined;
  readonly priority?: string | undefined;
}

/** The cookie of a session, `req.session.cookie`. */
export interface Cookie {
  /** The age that every request begins anew, in milliseconds. */
  originalMaxAge: number | null;
  /** Milliseconds that are left. */
  maxAge?: number | undefined;
  expires?: Date | null | undefined;
  path?: string | undefined;
  domain?: string | undefined;
  httpOnly?: boolean | undefined;
  secure?: boolean | "auto" | undefined;
  sameSite?: boolean | "lax" | "strict" | "none" | undefined;
  partitioned?: boolean | undefined;
  priority?: "low" | "medium" | "high" | undefined;
}

/** What else a cookie made here has, which the types of express-session do not tell. */
export interface CookieInside extends Omit<Cookie, "maxAge"> {
  maxAge?: number | null | undefined;
  _expires?: Date | null | undefined;
  /** The settings alone. */
  readonly data: CookieSettings;
  /** A `Set-Cookie` field value with these settings. */
  serialize(name: string, value: string): string;
  toJSON(): CookieSettings;
}

/** The session of a request, `req.session`: its data, and these methods, which are not enumerable. */
export interface Session {
  readonly id: string;
  cookie: Cookie;
  /** Ends the session and begins an empty one under a new id, in `req.session`. */
  regenerate(callback: (error?: Untyped) => void): this;
  /** Ends the session. */
  destroy(callback?: (error?: Untyped) => void): this;
  /** Reads the session again, into a new `req.session`. */
  reload(callback: (error?: Untyped) => void): this;
  /** Writes the session now. */
  save(callback?: (error?: Untyped) => void): this;
  /** Begins the cookie's age anew. */
  touch(): this;
  resetMaxAge(): this;
}

/** A request, as far as sessions go. */
export interface SessionRequest extends IncomingMessage {
  sessionID?: unknown;
  session?: Untyped;
  sessionStore?: Untyped;
  /** Express's own word on the connection. */
  secure?: boolean;
  originalUrl?: string;
  /** Of cookie-parser. */
  secret?: string | undefined;
  cookies?: Record<string, unknown>;
  signedCookies?: Record<string, unknown>;
}

/**
 * Keeps sessions, as express-session asks for it. Made by extending `Store`.
 *
 * Sessions have no type here: stores are typed with the `SessionData` of another module, which the app may
 * have extended in another way.
 */
export interface Store extends EventEmitter {
  get(sid: string, callback: (error: Untyped, session?: Untyped) => void): unknown;
  /** Adds or replaces a session. */
  set(sid: string, session: Untyped, callback?: (error?: Untyped) => void): unknown;
  destroy(sid: string, callback?: (error?: Untyped) => void): unknown;
  /** Begins the age of a session anew and leaves its data. */
  touch?(sid: string, session: Untyped, callback?: (error?: Untyped) => void): unknown;
  all?(callback: (error: Untyped, sessions?: Untyped) => void): unknown;
  length?(callback: (error: Untyped, length?: number) => void): unknown;
  clear?(callback?: (error?: Untyped) => void): unknown;
  /** Ends the session of a request and begins another. */
  regenerate(request: Untyped, callback: (error?: Untyped) => void): unknown;
  /** Reads a session outside of a request. */
  load(sid: string, callback: (error: Untyped, session?: Untyped) => void): unknown;
  /** Gives a request what was read for it. */
  createSession(request: Untyped, session: Untyped): Session;
}

/** @internal What `session()` adds to a store: how a request gets a session that is new. */
export interface GeneratingStore extends Store {
  generate(request: SessionRequest): void;
}
