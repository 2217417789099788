/**
 * The API of express-session on coatcheck: put this import in the place of `express-session`.
 *
 * The same options, the same `req.session`, the same cookie, the same stores. What requests at the same
 * time change is merged, a session that has ended does not come back, and the first byte of a response
 * leaves after the store has taken the session: with a store of coatcheck's, and in memory. A store made
 * for express-session works as it does there.
 *
 * @module
 */

import type { KeyObject } from "node:crypto";
import type { ServerResponse } from "node:http";
import { encodeBase64url } from "../lib/base64url.ts";
import { randomBytes } from "../lib/random.ts";
import type { HmacKey } from "../lib/sha256.ts";
import type { SessionStore } from "../stores/contract.ts";
import { adviseOn } from "./express/advice.ts";
import { Cookie } from "./express/cookie.ts";
import { signingKeys } from "./express/cookie-text.ts";
import { isSecure, pathOf, sidOf } from "./express/incoming.ts";
import { MemoryStore } from "./express/memory.ts";
import type { Settings } from "./express/request.ts";
import { watchRequest } from "./express/request.ts";
import { Session } from "./express/session.ts";
import { Store } from "./express/store.ts";
import type {
  CookieOptions,
  Cookie as CookieType,
  SessionData as Data,
  GeneratingStore,
  SessionRequest,
  Session as SessionType,
  Store as StoreType,
  Untyped,
} from "./express/types.ts";
import { isExpressStore, isSessionStore, toExpressStore } from "./express-store.ts";

export type * from "./express/types.ts";
export { Cookie, MemoryStore, Session, Store };

/** What a cookie can be signed with. */
export type Secret = string | Uint8Array | KeyObject;

/** The options of express-session. */
export interface SessionOptions {
  /** Signs the cookie. Of several the first signs and every one is accepted. */
  readonly secret?: Secret | readonly Secret[] | undefined;
  /**
   * Keeps the sessions: a store of coatcheck's, or one made for express-session.
   *
   * @default a MemoryStore
   */
  readonly store?: StoreType | SessionStore | undefined;
  /** Writes sessions that nobody has changed too. @default true */
  readonly resave?: boolean | undefined;
  /** Writes sessions that nobody has put anything into, and sets their cookie. @default true */
  readonly saveUninitialized?: boolean | undefined;
  /** The name of the cookie. @default "connect.sid" */
  readonly name?: string | undefined;
  /** The same, by its old name. */
  readonly key?: string | undefined;
  readonly cookie?: CookieOptions | ((req: Untyped) => CookieOptions) | undefined;
  /** Sets the cookie with every response. @default false */
  readonly rolling?: boolean | undefined;
  /**
   * Whether `X-Forwarded-Proto` says if the connection is secure: believed, or not at all.
   *
   * @default what Express says, by its own `trust proxy`
   */
  readonly proxy?: boolean | undefined;
  /** What `req.session = null` does to the session in the store. @default "keep" */
  readonly unset?: "destroy" | "keep" | undefined;
  /** Makes session ids, which nobody may be able to guess. @default 24 random bytes */
  readonly genid?: ((req: Untyped) => string) | undefined;
}

/** A middleware for Express and whatever else takes one of `node:http`. */
export type SessionMiddleware = (
  req: Untyped,
  res: Untyped,
  next: (error?: Untyped) => void,
) => void;

type OptionsType = SessionOptions;

const SID_BYTES = 24;

function createMiddleware(options: SessionOptions = {}): SessionMiddleware {
  const { cookie = {}, genid = newSid } = options;
  const keys = keysOf(options.secret);
  const settings = settingsOf(options);
  const { store } = settings;
  let isReady = true;

  function make(req: SessionRequest): void {
    req.sessionID = genid(req);
    const fresh = new Session(req);
    req.session = fresh;
    const cookieOptions = typeof cookie === "function" ? cookie(req) : cookie;
    fresh.cookie = new Cookie(cookieOptions);
    const secure = isSecure(req, settings.proxy);
    if (cookieOptions.secure === "auto") fresh.cookie.secure = secure;
    if (cookieOptions.sameSite === "auto") fresh.cookie.sameSite = secure ? "none" : "lax";
  }

  // Several may share a store: each request goes on with the options that it began with.
  store.generate = (req) => (generators.get(req) ?? make)(req);
  store.on("disconnect", () => {
    isReady = false;
  });
  store.on("connect", () => {
    isReady = true;
  });

  function begin(req: SessionRequest, res: ServerResponse, next: Next, ring: Ring): void {
    const sid = sidOf(req, settings.name, ring);
    req.sessionStore = store;
    req.sessionID = sid;
    const watch = watchRequest(req, res, next, settings, { sid, key: ring[0] as HmacKey });

    function generate(isFollowed: boolean): void {
      generators.set(req, make);
      store.generate(req);
      watch.generated(isFollowed);
      followAll();
    }

    function inflate(found: Data): void {
      store.createSession(req, found);
      watch.read();
      followAll();
    }

    /** The first of a request is known to be its first; whatever comes after it is followed too. */
    function followAll(): void {
      generators.set(req, () => {
        make(req);
        watch.follow(req.session);
      });
    }

    function got(error: { code?: string } | null, found?: Data | null, isFollowed = false): void {
      let failure: unknown = error && error.code !== "ENOENT" ? error : undefined;
      try {
        if (!failure && found && !error) inflate(found);
        else if (!failure) generate(isFollowed);
      } catch (problem) {
        failure = problem;
      }
      if (failure === undefined) next();
      else next(failure);
    }

    if (sid) {
      store.get(sid, got);
    } else {
      generate(false);
      next();
    }
  }

  return function sessionRequest(req: SessionRequest, res: ServerResponse, next: Next): void {
    const ring = keys ?? (req.secret ? signingKeys([req.secret]) : undefined);
    if (req.session || !isReady || !isBelow(req, cookie)) next();
    else if (ring === undefined) next(new Error("secret option required for sessions"));
    else begin(req, res, next, ring);
  };
}

const generators = new WeakMap<object, (req: SessionRequest) => void>();

type Next = (error?: unknown) => void;
type Ring = readonly HmacKey[];

/** Whether the cookie comes with requests of this path. */
function isBelow(req: SessionRequest, cookie: NonNullable<SessionOptions["cookie"]>): boolean {
  const { path } = typeof cookie === "function" ? cookie(req) : cookie;
  return pathOf(req).startsWith(path || "/");
}

function settingsOf(options: SessionOptions): Settings {
  const { store: given, unset, genid } = options;
  if (genid !== undefined && typeof genid !== "function") {
    throw new TypeError("genid option must be a function");
  }
  if (unset && unset !== "destroy" && unset !== "keep") {
    throw new TypeError('unset option must be "destroy" or "keep"');
  }
  const isOurs = isSessionStore(given);
  const store = isOurs ? toExpressStore(given) : (given ?? new MemoryStore());
  adviseOn(options, store instanceof MemoryStore);
  return {
    name: options.name || options.key || "connect.sid",
    store: store as GeneratingStore,
    isOurs: isOurs || isExpressStore(store),
    proxy: options.proxy,
    resave: options.resave ?? true,
    rolling: Boolean(options.rolling),
    saveUninitialized: options.saveUninitialized ?? true,
    unsetDestroy: unset === "destroy",
  };
}

function keysOf(secret: SessionOptions["secret"]): readonly HmacKey[] | undefined {
  if (!secret) return undefined;
  const secrets: readonly unknown[] = Array.isArray(secret) ? secret : [secret];
  if (secrets.length > 0) return signingKeys(secrets);
  throw new TypeError("secret option array must contain one or more strings");
}

function newSid(): string {
  return encodeBase64url(randomBytes(SID_BYTES));
}

/** The middleware's maker, with the constructors on it. */
export interface ExpressSession {
  (options?: SessionOptions): SessionMiddleware;
  readonly Store: typeof Store;
  readonly MemoryStore: typeof MemoryStore;
  readonly Cookie: typeof Cookie;
  readonly Session: typeof Session;
}

/**
 * Makes the middleware.
 *
 * @throws {TypeError} when an option cannot work, in express-session's words.
 * @example
 * ```ts
 * const store = lmdbStore({ path: "data/sessions" });
 * app.use(session({ secret, store, resave: false, saveUninitialized: false }));
 * ```
 */
const session: ExpressSession = Object.assign(createMiddleware, {
  Store,
  MemoryStore,
  Cookie,
  Session,
});

/** The types under the names that code written for express-session calls them by. */
declare namespace session {
  type Cookie = CookieType;
  type Session = SessionType;
  type Store = StoreType;
  type SessionData = Data;
  type SessionOptions = OptionsType;
}

export default session;
// What `require("coatcheck/compat/express-session")` gives.
export { session as "module.exports" };
