/**
 * The text of express-session's cookie: `s:` and the session id, signed with HMAC-SHA-256.
 *
 * The formats are those of the packages `cookie` 0.7 and `cookie-signature` 1.0, which sign with
 * standard base64 without padding.
 *
 * @module
 */

import { KeyObject } from "node:crypto";
import { readCookies } from "../../cookie/read.ts";
import { encodeBase64Unpadded } from "../../lib/base64.ts";
import { equalText, utf8 } from "../../lib/bytes.ts";
import type { HmacKey } from "../../lib/sha256.ts";
import { hmac, hmacKey } from "../../lib/sha256.ts";
import type { CookieSettings } from "./types.ts";

/** The prepared keys of the app's secrets: the first signs, every one is accepted. */
export function signingKeys(secrets: readonly unknown[]): readonly HmacKey[] {
  return secrets.map((secret) => {
    if (typeof secret === "string") return hmacKey(utf8(secret));
    if (secret instanceof Uint8Array) return hmacKey(secret);
    if (secret instanceof KeyObject) return hmacKey(secret.export());
    throw new TypeError("a secret must be a string, a Buffer or a KeyObject");
  });
}

/** The signed value, before it is encoded. */
export function signedValue(sid: string, key: HmacKey): string {
  return `s:${sid}.${signature(sid, key)}`;
}

/** The session id in a signed value; `undefined` when it is none, or no key has signed it. */
export function openSigned(value: string, keys: readonly HmacKey[]): string | undefined {
  if (!value.startsWith("s:")) return undefined;
  const dot = value.lastIndexOf(".");
  if (dot < 2) return undefined;
  const sid = value.slice(2, dot);
  const given = value.slice(dot + 1);
  return keys.some((key) => equalText(signature(sid, key), given)) ? sid : undefined;
}

/**
 * The session id in the cookies of this name. There may be several, of other paths or domains: the
 * first that one of the keys has signed is taken, so that a planted one hides nothing.
 */
export function sidFromHeader(
  header: string,
  name: string,
  keys: readonly HmacKey[],
): string | undefined {
  for (const text of readCookies(header, name)) {
    const sid = openSigned(decoded(unquoted(text)), keys);
    if (sid !== undefined) return sid;
  }
  return undefined;
}

function signature(sid: string, key: HmacKey): string {
  return encodeBase64Unpadded(hmac(key, utf8(sid)));
}

function unquoted(text: string): string {
  return text.length > 1 && text.startsWith('"') && text.endsWith('"') ? text.slice(1, -1) : text;
}

function decoded(text: string): string {
  if (!text.includes("%")) return text;
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

/**
 * A `Set-Cookie` field value.
 *
 * @throws {TypeError} naming the option that no cookie can have.
 */
export function cookieText(
  name: string,
  value: string,
  settings: Omit<CookieSettings, "originalMaxAge">,
): string {
  const { domain, path, expires, httpOnly, secure, partitioned, priority, sameSite } = settings;
  if (!NAME.test(name)) throw new TypeError("argument name is invalid");
  const text = encodeURIComponent(value);
  let field = `${name}=${text}`;
  if (domain) {
    if (!DOMAIN.test(domain)) throw new TypeError("option domain is invalid");
    field += `; Domain=${domain}`;
  }
  if (path) {
    if (!PATH.test(path)) throw new TypeError("option path is invalid");
    field += `; Path=${path}`;
  }
  if (expires) {
    if (!(expires instanceof Date) || Number.isNaN(expires.valueOf())) {
      throw new TypeError("option expires is invalid");
    }
    field += `; Expires=${expires.toUTCString()}`;
  }
  if (httpOnly) field += "; HttpOnly";
  if (secure) field += "; Secure";
  if (partitioned) field += "; Partitioned";
  if (priority) field += `; Priority=${oneOf(PRIORITIES, priority, "priority")}`;
  if (sameSite) field += `; SameSite=${oneOf(SAME_SITE, sameSite, "sameSite")}`;
  return field;
}

function oneOf(words: Readonly<Record<string, string>>, given: unknown, option: string): string {
  const word = given === true ? "true" : typeof given === "string" ? given.toLowerCase() : "";
  const found = Object.hasOwn(words, word) ? words[word] : undefined;
  if (found === undefined) throw new TypeError(`option ${option} is invalid`);
  return found;
}

const PRIORITIES = { low: "Low", medium: "Medium", high: "High" };
const SAME_SITE = { true: "Strict", strict: "Strict", lax: "Lax", none: "None" };

// As `cookie` 0.7 has them.
const NAME = /^[\x21-\x3a\x3c\x3e-\x7e]+$/;
const DOMAIN =
  /^\.?[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?(?:\.[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?)*$/i;
const PATH = /^[\x20-\x3a\x3d-\x7e]*$/;
