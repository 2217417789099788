/**
 * The cookie in which Better Auth caches a session's row, as `better-auth.ts` describes it.
 *
 * @module
 */

import { decodeBase64url, encodeBase64url } from "../../lib/base64url.ts";
import { equalText, utf8, utf8Text } from "../../lib/bytes.ts";
import { hkdf, hmac, hmacKey } from "../../lib/sha256.ts";
import type { Refused } from "../source.ts";
import { isRefused } from "../source.ts";
import { decodeCookieText } from "./cookie-text.ts";
import type { JsonObject } from "./json.ts";
import { MAX_COOKIE_CHARACTERS, readJsonObject, writeJson } from "./json.ts";
import { makeJwe, openJwe, thumbprint } from "./jwe.ts";
import type { ForeignKeys } from "./keys.ts";
import { keyList } from "./keys.ts";
import { refuse } from "./refuse.ts";

/** What the cookie with the cache holds. */
export interface BetterAuthData {
  readonly session: JsonObject;
  readonly user: JsonObject;
  /** When it was written, in milliseconds. */
  readonly updatedAt: number;
  /** @default "1" */
  readonly version?: string;
}

/** How the cache is kept: the app's `session.cookieCache.strategy`. */
export type BetterAuthStrategy = "compact" | "jwt" | "jwe";

/** What the cookie with the cache holds, its parts put together. */
export async function readSessionData(
  value: string,
  strategy: BetterAuthStrategy,
  secret: ForeignKeys,
  now: number,
): Promise<(BetterAuthData & { readonly expiresAt: number }) | Refused> {
  if (value.length > MAX_COOKIE_CHARACTERS) return refuse("too-large", "the cookie is too long");
  const text = decodeCookieText(value);
  if (text === undefined) return refuse("malformed", "the cookie's percent-encoding is broken");
  const keys = keyList(secret, "secret");
  const read = await READERS[strategy](text, keys, now);
  if (isRefused(read)) return read;
  const { session, user, updatedAt, version } = read.content;
  if (!isObject(session) || !isObject(user) || typeof updatedAt !== "number") {
    return refuse("malformed", "the cookie holds no session of Better Auth");
  }
  const end = Math.min(read.expiresAt, timeOf(session["expiresAt"]) ?? read.expiresAt);
  if (end <= now) return refuse("expired", "the cookie's time is over");
  const known = typeof version === "string" ? { version } : {};
  return { session, user, updatedAt, ...known, expiresAt: read.expiresAt };
}

/**
 * A value for the cookie with the cache. Dates in rows are texts (ISO 8601).
 *
 * @throws {ValueError} for what JSON lacks.
 */
export async function writeSessionData(
  data: BetterAuthData,
  strategy: BetterAuthStrategy,
  secret: ForeignKeys,
  now: number,
  expiresAt: number,
): Promise<string> {
  const [key] = keyList(secret, "secret") as [Uint8Array];
  const { session, user, updatedAt, version = "1" } = data;
  const content = { session, user, updatedAt, version };
  writeJson(content);
  return await WRITERS[strategy](content, key, now, expiresAt);
}

interface Content {
  readonly content: JsonObject;
  readonly expiresAt: number;
}

/** HMAC of a text, as base64url. */
function tagOf(text: string, key: Uint8Array): string {
  return encodeBase64url(hmac(hmacKey(key), utf8(text)));
}

function readCompact(text: string, keys: readonly Uint8Array[]): Content | Refused {
  const object = jsonOf(text);
  if (isRefused(object)) return object;
  const { session, expiresAt, signature } = object.json;
  if (!isObject(session) || typeof expiresAt !== "number" || typeof signature !== "string") {
    return refuse("malformed", "the cookie is not of the compact kind");
  }
  const signedText = JSON.stringify({ ...session, expiresAt });
  const isRight = keys.some((key) => equalText(signature, tagOf(signedText, key)));
  return isRight ? { content: session, expiresAt } : refuse("forged", "the signature is not ours");
}

function readJwt(text: string, keys: readonly Uint8Array[]): Content | Refused {
  const [header = "", body = "", signature, ...more] = text.split(".", 4);
  if (signature === undefined || more.length > 0)
    return refuse("malformed", "the cookie is no JWT");
  const head = jsonOf(header);
  if (isRefused(head)) return head;
  if (head.json["alg"] !== "HS256" || "crit" in head.json) {
    return refuse("unsupported", "the token is signed in another way");
  }
  if (!keys.some((key) => equalText(signature, tagOf(`${header}.${body}`, key)))) {
    return refuse("forged", "the signature is not ours");
  }
  const claims = jsonOf(body);
  if (isRefused(claims)) return claims;
  const { exp } = claims.json;
  if (typeof exp !== "number") return refuse("malformed", "the token does not say when it ends");
  return { content: claims.json, expiresAt: exp * 1000 };
}

async function readJwe(
  text: string,
  keys: readonly Uint8Array[],
  now: number,
): Promise<Content | Refused> {
  const opened = await openJwe(
    text,
    async (enc) => (enc === "A256GCM" ? [] : await Promise.all(keys.map(jweKey))),
    now,
  );
  if (isRefused(opened)) return opened;
  const { exp } = opened.claims;
  if (typeof exp !== "number") return refuse("malformed", "the token does not say when it ends");
  return { content: opened.claims, expiresAt: exp * 1000 };
}

async function jweKey(secret: Uint8Array) {
  const bytes = hkdf(secret, utf8("better-auth-session"), utf8(JWE_INFO), 64);
  return { bytes, kid: await thumbprint(bytes, "SHA-256") };
}

function jsonOf(text: string): { readonly json: JsonObject } | Refused {
  const bytes = decodeBase64url(text);
  const json = bytes && utf8Text(bytes);
  if (json === undefined) return refuse("malformed", "the cookie is not base64url of UTF-8");
  const parsed = readJsonObject(json);
  return isRefused(parsed) ? parsed : { json: parsed.object };
}

const READERS = { compact: readCompact, jwt: readJwt, jwe: readJwe } as const;

const WRITERS = {
  compact(content: JsonObject, key: Uint8Array, _now: number, expiresAt: number) {
    const signature = tagOf(JSON.stringify({ ...content, expiresAt }), key);
    return encodeBase64url(utf8(JSON.stringify({ session: content, expiresAt, signature })));
  },
  jwt(content: JsonObject, key: Uint8Array, now: number, expiresAt: number) {
    const header = encodeBase64url(utf8('{"alg":"HS256"}'));
    const times = { iat: Math.floor(now / 1000), exp: Math.floor(expiresAt / 1000) };
    const body = encodeBase64url(utf8(JSON.stringify({ ...content, ...times })));
    return `${header}.${body}.${tagOf(`${header}.${body}`, key)}`;
  },
  async jwe(content: JsonObject, key: Uint8Array, now: number, expiresAt: number) {
    const times = { iat: Math.floor(now / 1000), exp: Math.floor(expiresAt / 1000) };
    const claims = { ...content, ...times, jti: crypto.randomUUID() };
    return await makeJwe(claims, "A256CBC-HS512", await jweKey(key));
  },
} as const;

function isObject(value: unknown): value is JsonObject {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** A time as a date or as text; `undefined` when it is none. */
export function timeOf(value: unknown): number | undefined {
  const time = value instanceof Date ? value.getTime() : Date.parse(String(value));
  return Number.isNaN(time) ? undefined : time;
}

const JWE_INFO = "BetterAuth.js Generated Encryption Key";
