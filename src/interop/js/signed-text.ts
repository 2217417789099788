/**
 * Texts signed as the npm package `cookie-signature` does it: `text + "." + base64(HMAC(text))`,
 * without the `=` at the end.
 *
 * @module
 */

import { encodeBase64Unpadded } from "../../lib/base64.ts";
import { equalText, utf8 } from "../../lib/bytes.ts";
import type { HmacKey } from "../../lib/sha256.ts";
import { hmac, hmacKey } from "../../lib/sha256.ts";
import type { Refused } from "../source.ts";
import { refuse } from "./refuse.ts";

/** A text whose signature is right. */
export interface Unsigned {
  readonly text: string;
  /** Which of the keys signed it: 0 is the one that writes. */
  readonly keyIndex: number;
}

/** The text with its signature (HMAC-SHA-256). */
export function signText(text: string, key: HmacKey): string {
  return `${text}.${signature(text, key)}`;
}

/** The text without its signature, which begins at the last dot: ids and JSON may hold dots. */
export function unsignText(signed: string, keys: readonly HmacKey[]): Unsigned | Refused {
  const dot = signed.lastIndexOf(".");
  if (dot === -1) return refuse("malformed", "there is no signature");
  const text = signed.slice(0, dot);
  const given = signed.slice(dot + 1);
  // All are tried, so that the time does not tell which one it was.
  let keyIndex = -1;
  for (const [index, key] of keys.entries()) {
    if (equalText(given, signature(text, key)) && keyIndex === -1) keyIndex = index;
  }
  if (keyIndex === -1) return refuse("forged", "the signature is not ours");
  return { text, keyIndex };
}

/** Prepares keys of HMAC-SHA-256. */
export function hmacKeys(keys: readonly Uint8Array[]): readonly HmacKey[] {
  return keys.map(hmacKey);
}

function signature(text: string, key: HmacKey): string {
  return encodeBase64Unpadded(hmac(key, utf8(text)));
}
