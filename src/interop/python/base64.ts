/**
 * Base64 with padding (RFC 4648 §4), read strictly.
 *
 * @module
 */

import { decodeBase64url, encodeBase64url } from "../../lib/base64url.ts";

/** The bytes as base64. */
export function encodeBase64(bytes: Uint8Array): string {
  const text = encodeBase64url(bytes).replaceAll("-", "+").replaceAll("_", "/");
  return text + "=".repeat((4 - (text.length % 4)) % 4);
}

/** The bytes of a text; `undefined` when it is not what {@link encodeBase64} gives for any. */
export function decodeBase64(text: string): Uint8Array | undefined {
  if (text.length % 4 !== 0 || /[-_]/.test(text)) return undefined;
  const unpadded = text
    .replace(/={1,2}$/, "")
    .replaceAll("+", "-")
    .replaceAll("/", "_");
  return decodeBase64url(unpadded);
}
