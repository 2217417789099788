/**
 * Cookies signed as the npm packages `cookies` and `keygrip` do it: the signature stands in a second
 * cookie, `<name>.sig`, over the text `<name>=<value>`, as base64url of an HMAC (SHA-1 by default).
 *
 * @see https://github.com/crypto-utils/keygrip/blob/v1.1.0/index.js
 * @module
 */

import { encodeBase64url } from "../../lib/base64url.ts";
import { equalText, utf8 } from "../../lib/bytes.ts";
import type { Hash } from "../../lib/web-crypto.ts";
import { webHmac } from "../../lib/web-crypto.ts";
import type { ReadCookie, Refused } from "../source.ts";
import { MAX_COOKIE_CHARACTERS } from "./json.ts";
import { refuse } from "./refuse.ts";

/** Keys as `Keygrip` takes them. */
export interface Keygrip {
  readonly keys: readonly Uint8Array[];
  readonly hash: Hash;
}

/** The name of the hash that Node and Keygrip use. */
export type KeygripAlgorithm = "sha1" | "sha256" | "sha384" | "sha512";

/** A cookie whose signature is right. */
export interface KeygripCookie {
  readonly value: string;
  /** Which of the keys signed it: 0 is the one that writes. */
  readonly keyIndex: number;
}

/** What the name of the second cookie ends with. */
export const SIGNATURE_SUFFIX = ".sig";

/** The value of a cookie, if its signature is right. */
export async function readKeygrip(
  cookie: ReadCookie,
  name: string,
  keygrip: Keygrip,
): Promise<KeygripCookie | Refused> {
  const raw = cookie(name);
  if (raw === undefined || raw === "") return refuse("absent", "there is no cookie");
  if (raw.length > MAX_COOKIE_CHARACTERS) return refuse("too-large", "the cookie is too long");
  const value = raw.startsWith('"') ? raw.slice(1, -1) : raw;
  const given = cookie(name + SIGNATURE_SUFFIX);
  if (given === undefined) return refuse("forged", "there is no cookie with the signature");
  let keyIndex = -1;
  for (const [index, key] of keygrip.keys.entries()) {
    const right = await signature(name, value, key, keygrip.hash);
    if (equalText(given, right) && keyIndex === -1) keyIndex = index;
  }
  return keyIndex === -1 ? refuse("forged", "the signature is not ours") : { value, keyIndex };
}

/** The signature of a cookie, by the first key. */
export async function signKeygrip(name: string, value: string, keygrip: Keygrip): Promise<string> {
  return await signature(name, value, keygrip.keys[0] as Uint8Array, keygrip.hash);
}

/** The hash of a name. */
export function keygripHash(algorithm: KeygripAlgorithm): Hash | undefined {
  return HASHES.get(algorithm);
}

async function signature(
  name: string,
  value: string,
  key: Uint8Array,
  hash: Hash,
): Promise<string> {
  return encodeBase64url(await webHmac(hash, key, utf8(`${name}=${value}`)));
}

const HASHES: ReadonlyMap<string, Hash> = new Map<string, Hash>([
  ["sha1", "SHA-1"],
  ["sha256", "SHA-256"],
  ["sha384", "SHA-384"],
  ["sha512", "SHA-512"],
]);
