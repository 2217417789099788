/**
 * Base64 with the standard alphabet (RFC 4648 §4), read strictly: every byte string has one spelling.
 *
 * @module
 */

import { decodeBase64url, encodeBase64url } from "./base64url.ts";

/** The bytes as base64, padded with `=`. */
export function encodeBase64(bytes: Uint8Array): string {
  const text = encodeBase64Unpadded(bytes);
  return text + "=".repeat((4 - (text.length % 4)) % 4);
}

/** The same without `=` at the end. */
export function encodeBase64Unpadded(bytes: Uint8Array): string {
  return encodeBase64url(bytes).replaceAll("-", "+").replaceAll("_", "/");
}

/** The bytes of a text, or `undefined` when it is not what {@link encodeBase64} gives for any. */
export function decodeBase64(text: string): Uint8Array | undefined {
  if (text.length % 4 !== 0 || text.includes("-") || text.includes("_")) return undefined;
  const end = text.endsWith("==") ? -2 : text.endsWith("=") ? -1 : text.length;
  return decodeBase64url(text.slice(0, end).replaceAll("+", "-").replaceAll("/", "_"));
}
