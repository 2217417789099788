/**
 * The encrypted and signed cookies of Rails, as `rails.ts` describes them.
 *
 * @module
 */

import { ConfigError, SessionTooLargeError } from "../../errors.ts";
import { aesGcm } from "../../lib/aes-gcm.ts";
import { decodeBase64, encodeBase64 } from "../../lib/base64.ts";
import { equalText, utf8, utf8Text } from "../../lib/bytes.ts";
import { randomBytes } from "../../lib/random.ts";
import type { Hash } from "../../lib/web-crypto.ts";
import { webHmac, webPbkdf2 } from "../../lib/web-crypto.ts";
import type { Refused } from "../source.ts";
import { isRefused } from "../source.ts";
import { decodeCookieText, encodeCookieText } from "./cookie-text.ts";
import type { JsonObject } from "./json.ts";
import { readJsonObject, readJsonValue, writeExactJson } from "./json.ts";
import type { ForeignKeys } from "./keys.ts";
import { keyList } from "./keys.ts";
import { refuse } from "./refuse.ts";

/** A hash by its name in Rails' configuration, in small letters. */
export type RailsDigest = "sha1" | "sha256";

/** What a cookie of Rails is opened and made with. */
export interface RailsCookieOptions {
  /** `secret_key_base`, or several: the first one writes, every one reads. */
  readonly secretKeyBase: ForeignKeys;
  /** The cookie's name, without a prefix of ours: it is a part of what is encrypted or signed. */
  readonly name: string;
  /**
   * The app's `active_support.key_generator_hash_digest_class`, or several: the first one writes.
   *
   * @default "sha256" (as `load_defaults 7.0` has it; before that "sha1")
   */
  readonly keyDigest?: RailsDigest | readonly RailsDigest[];
}

/** What a cookie of Rails holds. */
export interface RailsCookie {
  readonly json: unknown;
  /** When it says that it ends. */
  readonly expiresAt?: number;
  /** Which of the keys it was: 0 is the one that writes. */
  readonly keyIndex: number;
}

/** What an encrypted cookie holds, as it stands in the header. */
export async function openEncryptedCookie(
  value: string,
  options: RailsCookieOptions,
  now: number,
): Promise<RailsCookie | Refused> {
  return await encryptor(options).open(value, now);
}

/** The value of an encrypted cookie. @throws {ValueError} for what JSON lacks. */
export async function makeEncryptedCookie(
  json: unknown,
  options: RailsCookieOptions,
  expiresAt?: number,
): Promise<string> {
  return await encryptor(options).make(json, expiresAt);
}

/** {@link RailsCookieOptions}, and the app's `action_dispatch.signed_cookie_digest`. */
export interface RailsSignedOptions extends RailsCookieOptions {
  /** @default "sha1" */
  readonly digest?: RailsDigest;
}

/** What a signed cookie holds, as it stands in the header. */
export async function openSignedCookie(
  value: string,
  options: RailsSignedOptions,
  now: number,
): Promise<RailsCookie | Refused> {
  const text = cookieText(value);
  if (isRefused(text)) return text;
  const [message = "", given = "", ...more] = text.text.split("--", 3);
  if (more.length > 0) return refuse("malformed", "the cookie is no signed one");
  for (const [keyIndex, key] of (await keysOf(options, SIGNED_SALT, 64)).entries()) {
    if (!equalText(given, await signatureOf(message, key, options.digest))) continue;
    const bytes = decodeBase64(message);
    if (bytes === undefined) return refuse("malformed", "the cookie is not base64");
    return contentOf(bytes, options.name, keyIndex, now);
  }
  return refuse("forged", "the signature is not ours");
}

/** The value of a signed cookie. @throws {ValueError} for what JSON lacks. */
export async function makeSignedCookie(
  json: unknown,
  options: RailsSignedOptions,
  expiresAt?: number,
): Promise<string> {
  const [key] = await keysOf(options, SIGNED_SALT, 64);
  const message = encodeBase64(envelope(json, options.name, expiresAt));
  return inBounds(`${message}--${await signatureOf(message, key as Uint8Array, options.digest)}`);
}

/** Opens and makes the encrypted cookies of one name. */
export interface Encryptor {
  open(value: string, now: number): Promise<RailsCookie | Refused>;
  make(json: unknown, expiresAt?: number): Promise<string>;
}

/** Derives its keys once, when they are first needed. */
export function encryptor(options: RailsCookieOptions): Encryptor {
  const { name } = options;
  const derive = keyDeriver(options, ENCRYPTED_SALT, 32);
  let keys: Promise<readonly Uint8Array[]> | undefined;
  const gcm = aesGcm();
  return {
    async open(value, now) {
      const text = cookieText(value);
      if (isRefused(text)) return text;
      const parts = text.text.split("--", 4).map(decodeBase64);
      const [ciphertext, iv, tag] = parts;
      if (parts.length !== 3 || !ciphertext || iv?.length !== 12 || tag?.length !== 16) {
        return refuse("malformed", "the cookie is no encrypted one");
      }
      keys ??= derive();
      for (const [keyIndex, bytes] of (await keys).entries()) {
        const key = await gcm.key(bytes);
        const message = await gcm.decrypt(key, iv, NOTHING, { ciphertext, tag });
        if (message !== undefined) return contentOf(message, name, keyIndex, now);
      }
      return refuse("forged", "the cookie was made with none of the keys");
    },

    async make(json, expiresAt) {
      const message = envelope(json, name, expiresAt);
      keys ??= derive();
      const key = await gcm.key((await keys)[0] as Uint8Array);
      const iv = randomBytes(12);
      const { ciphertext, tag } = await gcm.encrypt(key, iv, NOTHING, message);
      return inBounds([ciphertext, iv, tag].map(encodeBase64).join("--"));
    },
  };
}

function envelope(json: unknown, name: string, expiresAt: number | undefined): Uint8Array {
  const message = encodeBase64(utf8(writeExactJson(json)));
  const exp = expiresAt === undefined ? null : new Date(expiresAt).toISOString();
  // Rails looks for the text `{"_rails":{"message":` at the beginning.
  return utf8(JSON.stringify({ _rails: { message, exp, pur: `cookie.${name}` } }));
}

function contentOf(
  message: Uint8Array,
  name: string,
  keyIndex: number,
  now: number,
): RailsCookie | Refused {
  const text = utf8Text(message);
  const parsed = text === undefined ? undefined : readJsonObject(text);
  const outer = parsed === undefined || isRefused(parsed) ? undefined : parsed.object["_rails"];
  // Cookies of before Rails 6.0 have no envelope, and Rails reads them to this day.
  if (outer === undefined) return innerContent(message, keyIndex, undefined);
  const { message: inner, exp = null, pur = null } = Object(outer) as JsonObject;
  const bytes = typeof inner === "string" ? decodeBase64(inner) : undefined;
  if (bytes === undefined) return refuse("malformed", "the envelope holds no message");
  if (pur !== null && pur !== `cookie.${name}`) {
    return refuse("forged", "the cookie was made for another name");
  }
  if (exp === null) return innerContent(bytes, keyIndex, undefined);
  const expiresAt = typeof exp === "string" ? Date.parse(exp) : Number.NaN;
  if (Number.isNaN(expiresAt)) return refuse("malformed", "the envelope's end is no time");
  if (expiresAt <= now) return refuse("expired", "the cookie's time is over");
  return innerContent(bytes, keyIndex, expiresAt);
}

function innerContent(
  bytes: Uint8Array,
  keyIndex: number,
  expiresAt: number | undefined,
): RailsCookie | Refused {
  if (bytes[0] === 0x04 && bytes[1] === 0x08) {
    return refuse("unsupported", "the cookie holds Marshal, which is never read");
  }
  if (bytes[0] === 0xcc && bytes[1] === 0x80) {
    return refuse("unsupported", "the cookie holds MessagePack");
  }
  const text = utf8Text(bytes);
  if (text === undefined) return refuse("malformed", "the cookie holds no UTF-8");
  const read = readJsonValue(text, true);
  if (isRefused(read)) return read;
  return { json: read.value, keyIndex, ...(expiresAt === undefined ? {} : { expiresAt }) };
}

function cookieText(value: string): { readonly text: string } | Refused {
  // In percent-encoding a character may take three.
  if (value.length > MAX_VALUE * 3) return refuse("too-large", "the cookie is too long");
  const text = decodeCookieText(value);
  return text === undefined
    ? refuse("malformed", "the cookie's percent-encoding is broken")
    : { text };
}

/** Rails, too, holds the value to 4096 bytes before it is percent-encoded. */
function inBounds(value: string): string {
  if (value.length > MAX_VALUE) throw new SessionTooLargeError("Rails", value.length, MAX_VALUE);
  return encodeCookieText(value);
}

async function signatureOf(
  message: string,
  key: Uint8Array,
  digest: RailsDigest = "sha1",
): Promise<string> {
  const bytes = await webHmac(hashOf(digest, "digest"), key, utf8(message));
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
}

async function keysOf(
  options: RailsCookieOptions,
  salt: string,
  length: number,
): Promise<readonly Uint8Array[]> {
  return await keyDeriver(options, salt, length)();
}

function keyDeriver(
  { secretKeyBase, keyDigest = "sha256", name }: RailsCookieOptions,
  salt: string,
  length: number,
): () => Promise<readonly Uint8Array[]> {
  if (typeof name !== "string" || name === "") throw new ConfigError("name", "is missing");
  const secrets = keyList(secretKeyBase, "secretKeyBase");
  const digests = typeof keyDigest === "string" ? [keyDigest] : keyDigest;
  if (!Array.isArray(digests) || digests.length === 0) {
    throw new ConfigError("keyDigest", 'must be "sha1" or "sha256", or a list of them');
  }
  const hashes = digests.map((digest: RailsDigest) => hashOf(digest, "keyDigest"));
  const pairs = secrets.flatMap((secret) => hashes.map((hash) => ({ secret, hash })));
  return () =>
    Promise.all(
      pairs.map(({ secret, hash }) => webPbkdf2(hash, secret, utf8(salt), ITERATIONS, length)),
    );
}

function hashOf(digest: RailsDigest, option: string): Hash {
  if (digest === "sha1") return "SHA-1";
  if (digest === "sha256") return "SHA-256";
  throw new ConfigError(option, 'must be "sha1" or "sha256"');
}

const ENCRYPTED_SALT = "authenticated encrypted cookie";
const SIGNED_SALT = "signed cookie";
const ITERATIONS = 1000;
const MAX_VALUE = 4096;
const NOTHING = new Uint8Array(0);
