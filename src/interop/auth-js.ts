/**
 * The JWT sessions of Auth.js 5 (`@auth/core`, `next-auth` 5) and of NextAuth.js 4: an encrypted token in
 * the cookie, or in parts in `<name>.0` and so on.
 *
 * The token is a JWE, `dir` with A256CBC-HS512 in version 5 and A256GCM in 4. The key is
 * HKDF-SHA-256(secret, salt, info): in version 5 the salt is the cookie's name and the info
 * `Auth.js Generated Encryption Key (<cookie name>)`; in 4 the salt is empty and the info is
 * `NextAuth.js Generated Encryption Key`. Database sessions are not read: their cookie is an id of a row
 * that only the app's adapter knows.
 *
 * @see https://github.com/nextauthjs/next-auth/blob/main/packages/core/src/jwt.ts
 * @module
 */

import { ConfigError } from "../errors.ts";
import { utf8 } from "../lib/bytes.ts";
import { hkdf } from "../lib/sha256.ts";
import { gather, scatter } from "./js/chunked.ts";
import { decodeCookieText } from "./js/cookie-text.ts";
import type { ForeignCookieOptions } from "./js/cookies.ts";
import { deletions, foreignAttributes } from "./js/cookies.ts";
import type { JsonObject } from "./js/json.ts";
import { requireFreeKeys } from "./js/json.ts";
import type { JweClaims, JweEncryption, JweKey } from "./js/jwe.ts";
import { JWE_KEY_BYTES, makeJwe, openJwe, thumbprint } from "./js/jwe.ts";
import type { ForeignKeys } from "./js/keys.ts";
import { keyList } from "./js/keys.ts";
import { refuse } from "./js/refuse.ts";
import { userAt } from "./js/user.ts";
import { ageOption, choiceOption, flagOption, sourceOptions, textOption } from "./options.ts";
import type { ForeignSource, Refused } from "./source.ts";
import { isRefused } from "./source.ts";

export type { ForeignCookieOptions } from "./js/cookies.ts";
export type { JsonObject } from "./js/json.ts";
export type { JweClaims } from "./js/jwe.ts";
export type { ForeignKey, ForeignKeys } from "./js/keys.ts";
export * from "./source.ts";

/** The options that the app gives Auth.js, where they are of concern. */
export interface AuthJsOptions {
  /** `AUTH_SECRET`, or a list whose first one writes. NextAuth.js 4 has one (`NEXTAUTH_SECRET`). */
  readonly secret: ForeignKeys;
  /** @default 5 */
  readonly version?: 4 | 5;
  /** Whether the site is on https, and the cookie's name therefore begins with `__Secure-`. @default true */
  readonly secure?: boolean;
  /** @default "authjs.session-token" (version 4: "next-auth.session-token"), after the prefix */
  readonly cookieName?: string;
  /** Seconds. @default 2592000 (30 days) */
  readonly maxAge?: number;
  readonly cookie?: ForeignCookieOptions;
}

/** Which secret and which cookie a token belongs to. */
export interface AuthJsToken {
  readonly secret: ForeignKeys;
  /** The cookie's name with its prefix: version 5 derives the key from it. */
  readonly cookieName: string;
  /** @default 5 */
  readonly version?: 4 | 5;
}

const KNOWN = ["secret", "version", "secure", "cookieName", "maxAge", "cookie"] as const;
const THIRTY_DAYS = 2_592_000;
const CHUNK_CHARACTERS = 3_933;

/**
 * The JWT sessions of an app with Auth.js or NextAuth.js, for adopting and sharing. The user id is the
 * claim `sub`; the other claims are the data, but for those that the library writes itself.
 *
 * @throws {ConfigError} when an option cannot work.
 * @example
 * ```ts
 * authJsSession({ secret: process.env.AUTH_SECRET });
 * ```
 */
export function authJsSession(options: AuthJsOptions): ForeignSource {
  const { secret, cookie, ...given } = sourceOptions("options", options, KNOWN);
  const version = choiceOption("version", given.version, [4, 5], 5);
  const secure = flagOption("secure", given.secure, true);
  const maxAge = ageOption("maxAge", given.maxAge, "seconds", THIRTY_DAYS);
  const base = version === 4 ? "next-auth.session-token" : "authjs.session-token";
  const usual = `${secure ? "__Secure-" : ""}${base}`;
  const cookieName = textOption("cookieName", given.cookieName, usual);
  const keysFor = keyring({ secret, cookieName, version });
  const defaults = { secure, sameSite: "lax" } as const;
  const attributes = foreignAttributes(cookieName, cookie, defaults, { name: "cookieName" });
  const user = userAt("sub");

  return {
    name: "auth-js",
    cookieNames: [cookieName],
    attributes,
    reserved: ["sub"],

    async open(cookie, now) {
      const { text, cookieNames } = gather(cookie, cookieName);
      if (text === "") return refuse("absent", "there is no cookie");
      const opened = await openWith(text, keysFor, now);
      if (isRefused(opened)) return opened;
      const { exp, iat, jti, ...data } = opened.claims;
      const userId = user.read(data);
      return {
        data,
        identity: typeof jti === "string" && jti !== "" ? jti : text,
        cookieNames,
        persistent: true,
        origin: cookieNames,
        ...(userId === undefined ? {} : { userId }),
        ...(typeof iat === "number" ? { lastSeenAt: Math.min(iat * 1000, now) } : {}),
        ...(typeof exp === "number" ? { expiresAt: exp * 1000 } : {}),
      };
    },

    async seal(draft, now) {
      const data = draft.userId === undefined ? draft.data : user.write(draft.data, draft.userId);
      const expiresAt = draft.expiresAt ?? now + maxAge * 1000;
      const { token, jti } = await sealWith(data, keysFor, ENCRYPTION[version], now, expiresAt);
      const until = draft.persistent === false ? undefined : expiresAt;
      return {
        cookies: scatter(cookieName, token, CHUNK_CHARACTERS, attributes, until, draft.origin),
        identity: jti,
      };
    },

    deletion: (names = [cookieName]) => deletions(names, attributes),
  };
}

/** The claims of a token, as it stands in the cookie. */
export async function openAuthJsToken(
  token: string,
  options: AuthJsToken,
  now: number,
): Promise<JweClaims | Refused> {
  return await openWith(token, keyring(options), now);
}

/**
 * A token of some claims. `iat`, `exp` and `jti` are added.
 *
 * @throws {ValueError} for what JSON lacks, and for those three.
 */
export async function makeAuthJsToken(
  claims: Readonly<JsonObject>,
  options: AuthJsToken,
  now: number,
  expiresAt: number,
): Promise<string> {
  const enc = ENCRYPTION[options.version ?? 5];
  return (await sealWith(claims, keyring(options), enc, now, expiresAt)).token;
}

type KeysFor = (enc: JweEncryption) => Promise<readonly JweKey[]>;

async function openWith(text: string, keysFor: KeysFor, now: number): Promise<JweClaims | Refused> {
  const token = decodeCookieText(text);
  if (token === undefined) return refuse("malformed", "the cookie's percent-encoding is broken");
  return await openJwe(token, keysFor, now);
}

async function sealWith(
  claims: Readonly<JsonObject>,
  keysFor: KeysFor,
  enc: JweEncryption,
  now: number,
  expiresAt: number,
): Promise<{ readonly token: string; readonly jti: string }> {
  requireFreeKeys(claims, (key) => OWN.has(key));
  const [key] = await keysFor(enc);
  const jti = crypto.randomUUID();
  const times = { iat: Math.floor(now / 1000), exp: Math.floor(expiresAt / 1000), jti };
  return { token: await makeJwe({ ...claims, ...times }, enc, key as JweKey), jti };
}

/** The keys of each encryption, derived once. */
function keyring({ secret, cookieName, version = 5 }: AuthJsToken): KeysFor {
  if (version !== 4 && version !== 5) throw new ConfigError("version", "must be 4 or 5");
  const secrets = keyList(secret, "secret");
  const salt = version === 4 ? "" : cookieName;
  const info =
    version === 4
      ? "NextAuth.js Generated Encryption Key"
      : `Auth.js Generated Encryption Key (${cookieName})`;
  const rings = new Map<JweEncryption, Promise<readonly JweKey[]>>();
  for (const enc of version === 4 ? (["A256GCM"] as const) : BOTH) {
    const keys = secrets.map((each) => hkdf(each, utf8(salt), utf8(info), JWE_KEY_BYTES[enc]));
    rings.set(enc, Promise.all(keys.map((bytes) => named(bytes, version))));
  }
  return (enc) => rings.get(enc) ?? Promise.resolve([]);
}

async function named(bytes: Uint8Array, version: 4 | 5): Promise<JweKey> {
  if (version === 4) return { bytes, kid: undefined };
  return { bytes, kid: await thumbprint(bytes, bytes.length === 64 ? "SHA-512" : "SHA-256") };
}

const BOTH = ["A256CBC-HS512", "A256GCM"] as const;
const ENCRYPTION = { 4: "A256GCM", 5: "A256CBC-HS512" } as const;
/** Claims that the library writes itself. */
const OWN: ReadonlySet<string> = new Set(["exp", "iat", "jti"]);
