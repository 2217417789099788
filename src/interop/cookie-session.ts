/**
 * The sessions of cookie-session 2.x: JSON in base64 in one cookie, its signature in another.
 *
 * `session=<base64(JSON)>` and `session.sig=<base64url(HMAC-SHA-1(key, "session=" + value))>`. Nothing
 * in it says when it ends, so a copied cookie is good for as long as its key: adopt it, and let the new
 * session have an end.
 *
 * @see https://github.com/expressjs/cookie-session/blob/v2.1.1/index.js
 * @module
 */

import { ConfigError } from "../errors.ts";
import { decodeBase64, encodeBase64 } from "../lib/base64.ts";
import { utf8, utf8Text } from "../lib/bytes.ts";
import type { ForeignCookieOptions } from "./js/cookies.ts";
import { COOKIE, deletions, foreignAttributes, foreignCookie } from "./js/cookies.ts";
import type { JsonObject, Parsed } from "./js/json.ts";
import { readJsonObject, requireFreeKeys, writeJson } from "./js/json.ts";
import type { Keygrip, KeygripAlgorithm } from "./js/keygrip.ts";
import { keygripHash, readKeygrip, SIGNATURE_SUFFIX, signKeygrip } from "./js/keygrip.ts";
import type { ForeignKeys } from "./js/keys.ts";
import { keyList } from "./js/keys.ts";
import { ownText } from "./js/own.ts";
import { refuse } from "./js/refuse.ts";
import type { UserField } from "./js/user.ts";
import { passportUser, userOption } from "./js/user.ts";
import { ageOption, sourceOptions } from "./options.ts";
import type { ForeignSource, Refused } from "./source.ts";
import { isRefused } from "./source.ts";

export type { ForeignCookieOptions } from "./js/cookies.ts";
export type { ConnectFlashMessage } from "./js/flash.ts";
export { readConnectFlash, writeConnectFlash } from "./js/flash.ts";
export type { JsonObject, Parsed } from "./js/json.ts";
export type { KeygripAlgorithm } from "./js/keygrip.ts";
export type { ForeignKey, ForeignKeys } from "./js/keys.ts";
export type { UserField } from "./js/user.ts";
export { noUser, passportUser, userAt } from "./js/user.ts";
export * from "./source.ts";

const KNOWN = ["keys", "algorithm", "name", "maxAge", "user", ...COOKIE] as const;
const THEIRS = ["expires", "overwrite", "priority"];
const ELSEWHERE = {
  secret: "see `keys`",
  signed: "leave it out: what is not signed is not served, since anyone can write it",
};

/** The options that the app gives cookie-session, where they are of concern. */
export interface CookieSessionOptions extends ForeignCookieOptions {
  /** The app's `keys`, or its `secret`. */
  readonly keys: ForeignKeys;
  /** The hash, where the app's `keys` is a Keygrip of its own with another one. @default "sha1" */
  readonly algorithm?: KeygripAlgorithm;
  /** @default "session" */
  readonly name?: string;
  /** Milliseconds. @default the cookie ends with the browser */
  readonly maxAge?: number;
  /** Where the data says whose session it is. @default passport's */
  readonly user?: UserField;
}

/**
 * The sessions of an app with cookie-session, for adopting and sharing. Apps with `signed: false` are
 * not served: anyone can write their cookies.
 *
 * @throws {ConfigError} when an option cannot work.
 * @example
 * ```ts
 * cookieSession({ keys: [process.env.KEY_2, process.env.KEY_1], maxAge: 86_400_000 });
 * ```
 */
export function cookieSession(options: CookieSessionOptions): ForeignSource {
  sourceOptions("options", options, KNOWN, THEIRS, ELSEWHERE);
  const { name = "session" } = options ?? {};
  const keygrip = checkedKeygrip(options?.keys, options?.algorithm);
  const maxAge = ageOption("maxAge", options.maxAge, "milliseconds", undefined);
  const user = userOption(options.user, passportUser);
  const attributes = foreignAttributes(name, options, {}, { group: "" });
  const cookieNames = [name, name + SIGNATURE_SUFFIX];
  return {
    name: "cookie-session",
    cookieNames,
    attributes,
    reserved: ["passport", "flash"],

    async open(cookie) {
      const signed = await readKeygrip(cookie, name, keygrip);
      if (isRefused(signed)) return signed;
      const read = readSessionValue(signed.value);
      if (isRefused(read)) return read;
      const userId = user.read(read.object);
      return {
        data: read.object,
        identity: signed.value,
        isAmbiguous: true,
        cookieNames,
        persistent: maxAge !== undefined,
        // What an old key has signed has to be sent again.
        origin: signed.keyIndex === 0 ? { value: signed.value } : {},
        ...(userId === undefined ? {} : { userId }),
      };
    },

    async seal(draft, now) {
      const data = draft.userId === undefined ? draft.data : user.write(draft.data, draft.userId);
      const value = writeSessionValue(data);
      const isPersistent = draft.persistent ?? maxAge !== undefined;
      const until = draft.expiresAt ?? (maxAge === undefined ? undefined : now + maxAge);
      const expiresAt = isPersistent ? until : undefined;
      const isRight = ownText(draft.origin, "value") === value && expiresAt === undefined;
      if (isRight) return { cookies: [], identity: value };
      const signature = await signKeygrip(name, value, keygrip);
      return {
        cookies: [
          foreignCookie(name, value, attributes, expiresAt),
          foreignCookie(name + SIGNATURE_SUFFIX, signature, attributes, expiresAt),
        ],
        identity: value,
      };
    },

    deletion: (names = cookieNames) => deletions(names, attributes),
  };
}

/** The data in a cookie's value. Look at it only when the signature is right. */
export function readSessionValue(value: string): Parsed | Refused {
  const bytes = decodeBase64(value);
  const text = bytes && utf8Text(bytes);
  if (text === undefined) return refuse("malformed", "the cookie is not base64 of UTF-8");
  return readJsonObject(text);
}

/** The cookie's value for some data. @throws {ValueError} for what it cannot hold. */
export function writeSessionValue(data: Readonly<JsonObject>): string {
  requireFreeKeys(data, (key) => TAKEN.has(key));
  return encodeBase64(utf8(writeJson(data)));
}

/** The signature that belongs into `<name>.sig`, by the first key. */
export async function signSessionValue(
  name: string,
  value: string,
  keys: ForeignKeys,
  algorithm: KeygripAlgorithm = "sha1",
): Promise<string> {
  return await signKeygrip(name, value, checkedKeygrip(keys, algorithm));
}

function checkedKeygrip(
  keys: ForeignKeys | undefined,
  algorithm: KeygripAlgorithm = "sha1",
): Keygrip {
  const hash = keygripHash(algorithm);
  if (hash === undefined)
    throw new ConfigError("algorithm", "must be sha1, sha256, sha384 or sha512");
  return { keys: keyList(keys, "keys"), hash };
}

const TAKEN: ReadonlySet<string> = new Set(["_ctx", "isChanged", "isNew", "isPopulated"]);
