/**
 * The sessions of Better Auth 1: a signed token in the cookie, a row in the app's database, and a second
 * cookie that caches the row for some minutes.
 *
 * `better-auth.session_token` is `encodeURIComponent(token + "." + base64(HMAC-SHA-256(secret, token)))`.
 * `better-auth.session_data` is, by the app's `cookieCache.strategy`: `compact`, base64url of
 * `{"session", "expiresAt", "signature"}`; `jwt`, signed with HS256; or `jwe`, encrypted. Names begin with
 * `__Secure-` on https.
 *
 * @see https://github.com/better-auth/better-auth/blob/v1.3.0/packages/better-auth/src/cookies/index.ts
 * @module
 */

import { ConfigError, ValueError } from "../errors.ts";
import { encodeBase64 } from "../lib/base64.ts";
import { equalText, utf8 } from "../lib/bytes.ts";
import { hmac, hmacKey } from "../lib/sha256.ts";
import { timeOf } from "./js/better-auth-data.ts";
import { namesIn } from "./js/chunked.ts";
import { decodeCookieText, encodeCookieText } from "./js/cookie-text.ts";
import type { ForeignCookieOptions } from "./js/cookies.ts";
import { deletions, foreignAttributes, foreignCookie } from "./js/cookies.ts";
import type { ForeignKeys } from "./js/keys.ts";
import { keyList } from "./js/keys.ts";
import { own, ownText } from "./js/own.ts";
import { refuse } from "./js/refuse.ts";
import { ageOption, flagOption, sourceOptions, textOption } from "./options.ts";
import type { ForeignCookie, ForeignSource, ReadCookie, Refused } from "./source.ts";
import { isRefused } from "./source.ts";

export type { BetterAuthData, BetterAuthStrategy } from "./js/better-auth-data.ts";
export { readSessionData, writeSessionData } from "./js/better-auth-data.ts";
export type { ForeignCookieOptions } from "./js/cookies.ts";
export type { JsonObject } from "./js/json.ts";
export type { ForeignKey, ForeignKeys } from "./js/keys.ts";
export * from "./source.ts";

/**
 * The part of Better Auth's own `internalAdapter` that is used: `(await auth.$context).internalAdapter`.
 * It knows the app's database, its secondary storage and its hooks.
 */
export interface BetterAuthAdapter {
  findSession(token: string): Promise<{ readonly session: object; readonly user: object } | null>;
  createSession(userId: string, dontRememberMe?: boolean): Promise<{ readonly token: string }>;
  updateSession(token: string, session: Record<string, unknown>): Promise<unknown>;
  deleteSession(token: string): Promise<unknown>;
}

/** The options that the app gives Better Auth, where they are of concern. */
export interface BetterAuthOptions {
  /** `BETTER_AUTH_SECRET`. Better Auth itself looks at the current one only; give old ones as well. */
  readonly secret: ForeignKeys;
  readonly adapter: BetterAuthAdapter;
  /** Whether the site is on https, and names therefore begin with `__Secure-`. @default true */
  readonly secure?: boolean;
  /** The app's `advanced.cookiePrefix`. @default "better-auth" */
  readonly cookiePrefix?: string;
  /** Seconds, the app's `session.expiresIn`. @default 604800 (7 days) */
  readonly expiresIn?: number;
  readonly cookie?: ForeignCookieOptions;
}

const KNOWN = ["secret", "adapter", "secure", "cookiePrefix", "expiresIn", "cookie"] as const;
const ADAPTER = ["findSession", "createSession", "updateSession", "deleteSession"] as const;
const SEVEN_DAYS = 604_800;
const LEEWAY = 60_000;

/**
 * The sessions of an app with Better Auth, for adopting and sharing. The data is what the app added to
 * the session's row (`session.additionalFields`); the user's row is left where it is. A session without
 * a user cannot be written: Better Auth has none.
 *
 * @throws {ConfigError} when an option cannot work.
 * @example
 * ```ts
 * const { internalAdapter: adapter } = await auth.$context;
 * betterAuthSession({ secret: process.env.BETTER_AUTH_SECRET, adapter });
 * ```
 */
export function betterAuthSession(options: BetterAuthOptions): ForeignSource {
  const { adapter, secret, cookie, ...given } = sourceOptions("options", options, KNOWN);
  const keys = keyList(secret, "secret");
  if (!ADAPTER.every((verb) => typeof adapter?.[verb] === "function")) {
    throw new ConfigError("adapter", "must be `(await auth.$context).internalAdapter`");
  }
  const secure = flagOption("secure", given.secure, true);
  const cookiePrefix = textOption("cookiePrefix", given.cookiePrefix, "better-auth");
  const expiresIn = ageOption("expiresIn", given.expiresIn, "seconds", SEVEN_DAYS);
  const prefix = `${secure ? "__Secure-" : ""}${cookiePrefix}.`;
  const tokenName = `${prefix}session_token`;
  const dataName = `${prefix}session_data`;
  const forgetName = `${prefix}dont_remember`;
  const defaults = { secure, sameSite: "lax" } as const;
  const attributes = foreignAttributes(tokenName, cookie, defaults, { name: "cookiePrefix" });
  const cookieNames = [tokenName, dataName, forgetName];

  return {
    name: "better-auth",
    cookieNames,
    attributes,
    reserved: [],

    async open(cookie, now) {
      const value = cookie(tokenName);
      if (value === undefined || value === "") return refuse("absent", "there is no cookie");
      const signed = readWith(value, keys);
      if (isRefused(signed)) return signed;
      const found = await adapter.findSession(signed.token);
      if (found === null || found === undefined)
        return refuse("absent", "there is no such session");
      const row = found.session as Readonly<Record<string, unknown>>;
      const expiresAt = timeOf(row["expiresAt"]);
      const userId = row["userId"];
      if (expiresAt === undefined || (typeof userId !== "string" && typeof userId !== "number")) {
        return refuse("malformed", "the session has no end, or nobody it belongs to");
      }
      if (expiresAt <= now) return refuse("expired", "the session's time is over");
      const createdAt = timeOf(row["createdAt"]);
      const lastSeenAt = timeOf(row["updatedAt"]);
      const parts = partsIn(cookie);
      const origin: Origin = { ...signed, expiresAt, parts };
      return {
        data: Object.fromEntries(Object.entries(row).filter(([key]) => !COLUMNS.has(key))),
        identity: signed.token,
        userId: String(userId),
        expiresAt,
        cookieNames: [...cookieNames.filter((name) => cookie(name) !== undefined), ...parts],
        persistent: cookie(forgetName) === undefined,
        recordKey: signed.token,
        origin,
        ...(createdAt === undefined ? {} : { createdAt }),
        ...(lastSeenAt === undefined ? {} : { lastSeenAt }),
      };
    },

    async seal(draft, now) {
      const { expiresAt } = draft;
      const columns = Object.keys(draft.data).find((key) => COLUMNS.has(key));
      if (columns !== undefined) throw new ValueError(columns, "is a column of Better Auth's own");
      const known = ownText(draft.origin, "token");
      const token = known ?? (await created(draft.userId, draft.persistent === false));
      const end = expiresAt === undefined ? {} : { expiresAt: new Date(expiresAt) };
      const change = { ...draft.data, ...end };
      if (Object.keys(change).length > 0) await adapter.updateSession(token, change);
      const until = draft.persistent === false ? undefined : (expiresAt ?? now + expiresIn * 1000);
      const before = own(draft.origin, "expiresAt");
      const isLater = expiresAt !== undefined && !(expiresAt - Number(before) < LEEWAY);
      const isRight = known !== undefined && own(draft.origin, "keyIndex") === 0 && !isLater;
      const set: ForeignCookie[] = isRight
        ? []
        : [foreignCookie(tokenName, writeWith(token, keys), attributes, until)];
      // The cache would go on showing what the row held before.
      const parts = namesIn(own(draft.origin, "parts"));
      const stale = known === undefined ? [] : deletions([dataName, ...parts], attributes);
      return { cookies: [...stale, ...set], identity: token, recordKey: token };
    },

    deletion: (names = cookieNames) => deletions(names, attributes),

    async remove({ recordKey }) {
      if (recordKey !== undefined) await adapter.deleteSession(recordKey);
    },
  };

  /** The cookies that the cache was cut into, where it is too long for one. */
  function partsIn(cookie: ReadCookie): readonly string[] {
    const names: string[] = [];
    for (let at = 0; cookie(`${dataName}.${at}`) !== undefined && at < MAX_PARTS; at += 1) {
      names.push(`${dataName}.${at}`);
    }
    return names;
  }

  async function created(userId: string | undefined, isForgotten: boolean): Promise<string> {
    if (userId === undefined)
      throw new ValueError("userId", "is missing: Better Auth needs a user");
    return (await adapter.createSession(userId, isForgotten)).token;
  }
}

/** A token whose signature is right. */
export interface SignedToken {
  readonly token: string;
  /** Which of the secrets signed it: 0 is the one that writes. */
  readonly keyIndex: number;
}

/** The token in a cookie's value, as it stands in the header. */
export function readTokenCookie(value: string, secret: ForeignKeys): SignedToken | Refused {
  return readWith(value, keyList(secret, "secret"));
}

/** The cookie's value for a token. */
export function writeTokenCookie(token: string, secret: ForeignKeys): string {
  return writeWith(token, keyList(secret, "secret"));
}

interface Origin extends SignedToken {
  readonly expiresAt: number;
  readonly parts: readonly string[];
}

function readWith(value: string, keys: readonly Uint8Array[]): SignedToken | Refused {
  if (value.length > MAX_VALUE) return refuse("too-large", "the cookie is too long");
  const text = decodeCookieText(value);
  if (text === undefined) return refuse("malformed", "the cookie's percent-encoding is broken");
  const dot = text.lastIndexOf(".");
  if (dot < 1) return refuse("malformed", "the cookie is no signed token");
  const token = text.slice(0, dot);
  const keyIndex = keys.findIndex((key) => equalText(text, signed(token, key)));
  return keyIndex === -1 ? refuse("forged", "the signature is not ours") : { token, keyIndex };
}

function writeWith(token: string, keys: readonly Uint8Array[]): string {
  return encodeCookieText(signed(token, keys[0] as Uint8Array));
}

function signed(token: string, key: Uint8Array): string {
  return `${token}.${encodeBase64(hmac(hmacKey(key), utf8(token)))}`;
}

const MAX_VALUE = 4096;
/** As many as the library makes. */
const MAX_PARTS = 100;
/** The columns of the session's row that are not the app's. */
const COLUMNS: ReadonlySet<string> = new Set([
  "createdAt",
  "expiresAt",
  "id",
  "ipAddress",
  "token",
  "updatedAt",
  "userAgent",
  "userId",
]);
