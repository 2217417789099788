/**
 * The sessions of @fastify/secure-session 7 and 8: JSON, encrypted and authenticated, in the cookie.
 *
 * The value is `encodeURIComponent(base64(box) + ";" + base64(nonce))`, the box libsodium's secretbox
 * (XSalsa20-Poly1305). `__ts` in the JSON says when it was written last, in seconds.
 *
 * An app that gives `secret` in the place of `key` has its key from Argon2id with 256 MiB, which is not
 * done here: derive it once, as the page says, and give the key.
 *
 * @see https://github.com/fastify/fastify-secure-session/blob/v8.2.0/index.js
 * @module
 */

import { ConfigError } from "../errors.ts";
import { decodeBase64, encodeBase64 } from "../lib/base64.ts";
import { utf8, utf8Text } from "../lib/bytes.ts";
import { randomBytes } from "../lib/random.ts";
import {
  makeSecretbox,
  openSecretbox,
  SECRETBOX_KEY_BYTES,
  SECRETBOX_NONCE_BYTES,
  SECRETBOX_TAG_BYTES,
} from "../lib/secretbox.ts";
import { decodeCookieText, encodeCookieText } from "./js/cookie-text.ts";
import type { ForeignCookieOptions } from "./js/cookies.ts";
import { deletions, foreignAttributes, foreignCookie } from "./js/cookies.ts";
import type { JsonObject } from "./js/json.ts";
import { readJsonObject, requireFreeKeys, writeJson } from "./js/json.ts";
import { refuse } from "./js/refuse.ts";
import type { UserField } from "./js/user.ts";
import { fastifyPassportUser, userOption } from "./js/user.ts";
import { ageOption, sourceOptions } from "./options.ts";
import type { ForeignSource, Refused } from "./source.ts";
import { isRefused } from "./source.ts";

export type { ForeignCookieOptions } from "./js/cookies.ts";
export type { JsonObject } from "./js/json.ts";
export type { UserField } from "./js/user.ts";
export { fastifyPassportUser, noUser, passportUser, userAt } from "./js/user.ts";
export * from "./source.ts";

/** A key as the app gives it: 32 bytes, or their base64. */
export type SecretboxKey = Uint8Array | string;

/** The options that the app gives @fastify/secure-session, where they are of concern. */
export interface FastifySecureSessionOptions {
  /** The first one writes, every one reads. */
  readonly key: SecretboxKey | readonly SecretboxKey[];
  /** The app's `cookieName`, or else its `sessionName`. @default "session" */
  readonly cookieName?: string;
  /** Seconds from the last write to the end. @default 86401 */
  readonly expiry?: number;
  /** The app's `cookie`. One that is `signed` is not read. */
  readonly cookie?: ForeignCookieOptions & {
    /** Seconds. @default the cookie ends with the browser */
    readonly maxAge?: number;
  };
  /** Where the data says whose session it is. @default that of @fastify/passport */
  readonly user?: UserField;
}

/** What a cookie of @fastify/secure-session holds. */
export interface SecureContent {
  readonly data: JsonObject;
  /** When it was written last, in seconds since the epoch. */
  readonly writtenAt: number;
  /** Which of the keys made it: 0 is the one that writes. */
  readonly keyIndex: number;
}

const KNOWN = ["key", "cookieName", "expiry", "cookie", "user"] as const;
const ELSEWHERE = {
  sessionName: "see `cookieName`",
  secret: "see `key`: give the key that the app derives from it",
  salt: "see `key`: give the key that the app derives with it",
};
const EXPIRY = 86_401;
/** Clocks of servers differ; by more than this, something is wrong. */
const LEEWAY_SECONDS = 300;

/**
 * The sessions of an app with @fastify/secure-session, for adopting and sharing.
 *
 * @throws {ConfigError} when an option cannot work.
 * @example
 * ```ts
 * fastifySecureSession({ key: await readFile("secret-key") });
 * ```
 */
export function fastifySecureSession(options: FastifySecureSessionOptions): ForeignSource {
  sourceOptions("options", options, KNOWN, [], ELSEWHERE);
  const { cookieName = "session", cookie } = options ?? {};
  const keys = checkedKeys(options?.key);
  const expiry = ageOption("expiry", options.expiry, "seconds", EXPIRY);
  const user = userOption(options.user, fastifyPassportUser);
  const attributes = foreignAttributes(cookieName, cookie, {}, { name: "cookieName" });
  const maxAge = ageOption("cookie.maxAge", cookie?.maxAge, "seconds", undefined);

  return {
    name: "fastify-secure-session",
    cookieNames: [cookieName],
    attributes,
    reserved: ["passport", "flash"],
    endTellsUse: true,

    async open(read, now) {
      const value = read(cookieName);
      if (value === undefined || value === "") return refuse("absent", "there is no cookie");
      const content = openWith(value, keys);
      if (isRefused(content)) return content;
      const expiresAt = (content.writtenAt + expiry) * 1000;
      if (expiresAt <= now) return refuse("expired", "the session's time is over");
      if (content.writtenAt > now / 1000 + LEEWAY_SECONDS) {
        return refuse("future", "the session was written later than now");
      }
      const userId = user.read(content.data);
      return {
        data: content.data,
        identity: value,
        expiresAt,
        lastSeenAt: Math.min(content.writtenAt * 1000, now),
        cookieNames: [cookieName],
        persistent: maxAge !== undefined,
        ...(userId === undefined ? {} : { userId }),
      };
    },

    async seal(draft, now) {
      const data = draft.userId === undefined ? draft.data : user.write(draft.data, draft.userId);
      const seconds = Math.round(now / 1000);
      // The end is where the app counts it from: one that comes sooner was written earlier.
      const writtenAt =
        draft.expiresAt === undefined
          ? seconds
          : Math.min(seconds, Math.floor(draft.expiresAt / 1000) - expiry);
      const value = makeWith(data, keys[0] as Uint8Array, writtenAt);
      const isPersistent = draft.persistent ?? maxAge !== undefined;
      const until = now + (maxAge ?? expiry) * 1000;
      const sealed = foreignCookie(cookieName, value, attributes, isPersistent ? until : undefined);
      return { cookies: [sealed], identity: value };
    },

    deletion: (names = [cookieName]) => deletions(names, attributes),
  };
}

/** What is in a cookie's value, as it stands in the header. Its age is for you to look at. */
export function openSecureCookie(
  value: string,
  key: SecretboxKey | readonly SecretboxKey[],
): SecureContent | Refused {
  return openWith(value, checkedKeys(key));
}

/**
 * The cookie's value for some data, under the first key.
 *
 * @param writtenAt - seconds since the epoch.
 * @throws {ValueError} for what JSON lacks, and for the key `__ts`.
 */
export function makeSecureCookie(
  data: Readonly<JsonObject>,
  key: SecretboxKey | readonly SecretboxKey[],
  writtenAt: number,
): string {
  return makeWith(data, checkedKeys(key)[0] as Uint8Array, writtenAt);
}

function openWith(value: string, keys: readonly Uint8Array[]): SecureContent | Refused {
  // In percent-encoding a character may take three.
  if (value.length > MAX_VALUE * 3) return refuse("too-large", "the cookie is too long");
  const text = decodeCookieText(value);
  if (text === undefined) return refuse("malformed", "the cookie's percent-encoding is broken");
  const [boxText = "", nonceText, ...more] = text.split(";");
  const box = decodeBase64(boxText);
  const nonce = nonceText === undefined ? undefined : decodeBase64(nonceText);
  if (more.length > 0 || box === undefined || nonce?.length !== SECRETBOX_NONCE_BYTES) {
    return refuse("malformed", "the cookie is no box and nonce");
  }
  if (box.length < SECRETBOX_TAG_BYTES) return refuse("malformed", "the box is too short");
  for (const [keyIndex, key] of keys.entries()) {
    const message = openSecretbox(box, nonce, key);
    if (message !== undefined) return contentOf(message, keyIndex);
  }
  return refuse("forged", "the box was made with none of the keys");
}

function contentOf(message: Uint8Array, keyIndex: number): SecureContent | Refused {
  const text = utf8Text(message);
  if (text === undefined) return refuse("malformed", "the box holds no text");
  const parsed = readJsonObject(text);
  if (isRefused(parsed)) return parsed;
  const { __ts: writtenAt, ...data } = parsed.object;
  if (typeof writtenAt !== "number" || !Number.isFinite(writtenAt)) {
    return refuse("malformed", "the session does not say when it was written");
  }
  return { data, writtenAt, keyIndex };
}

function makeWith(data: Readonly<JsonObject>, key: Uint8Array, writtenAt: number): string {
  requireFreeKeys(data, (each) => each === "__ts");
  const nonce = randomBytes(SECRETBOX_NONCE_BYTES);
  const box = makeSecretbox(utf8(writeJson({ ...data, __ts: writtenAt })), nonce, key);
  return encodeCookieText(`${encodeBase64(box)};${encodeBase64(nonce)}`);
}

function checkedKeys(
  given: SecretboxKey | readonly SecretboxKey[] | undefined,
): readonly Uint8Array[] {
  const list = typeof given === "string" || given instanceof Uint8Array ? [given] : given;
  if (!Array.isArray(list) || list.length === 0) {
    throw new ConfigError("key", "is missing (is the environment variable set?)");
  }
  return list.map((key: SecretboxKey) => {
    const bytes = typeof key === "string" ? decodeBase64(key.trim()) : key;
    if (!(bytes instanceof Uint8Array) || bytes.length !== SECRETBOX_KEY_BYTES) {
      throw new ConfigError("key", "must be 32 bytes, or their base64");
    }
    return Uint8Array.from(bytes);
  });
}

const MAX_VALUE = 4096;
