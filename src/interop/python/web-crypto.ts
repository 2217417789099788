/**
 * The hashes and ciphers of Python's formats, of text or bytes.
 *
 * @module
 */

import { utf8 } from "../../lib/bytes.ts";
import { webHmac, webPbkdf2 } from "../../lib/web-crypto.ts";

/** SHA-1 is here for reading and writing what others have defined, and for nothing else. */
export type Digest = "sha1" | "sha256" | "sha512";

const NAMES = { sha1: "SHA-1", sha256: "SHA-256", sha512: "SHA-512" } as const;

/** Text or bytes, as keys and salts are given; text stands for its UTF-8. */
export type TextOrBytes = string | Uint8Array;

/** The bytes of text or of bytes, never shared with the argument. */
export function bytesOf(value: TextOrBytes): Uint8Array<ArrayBuffer> {
  return new Uint8Array(typeof value === "string" ? utf8(value) : value);
}

/** The hash of all parts, one after the other. */
export async function digest(name: Digest, ...parts: TextOrBytes[]): Promise<Uint8Array> {
  return new Uint8Array(await crypto.subtle.digest(NAMES[name], joined(parts)));
}

/** HMAC (RFC 2104). An empty key is allowed, as it is in Python. */
export async function hmac(
  name: Digest,
  key: TextOrBytes,
  message: TextOrBytes,
): Promise<Uint8Array> {
  const bytes = bytesOf(key);
  // Web Crypto refuses an empty key. A zero byte gives the same: keys are padded with zeros.
  const raw = bytes.length === 0 ? new Uint8Array(1) : bytes;
  return webHmac(NAMES[name], raw, bytesOf(message));
}

/** PBKDF2 (RFC 8018) with HMAC-SHA-1: 32 bytes. */
export function pbkdf2Sha1(
  password: TextOrBytes,
  salt: TextOrBytes,
  iterations: number,
): Promise<Uint8Array<ArrayBuffer>> {
  return webPbkdf2("SHA-1", bytesOf(password), bytesOf(salt), iterations, 32);
}

/** AES-256-CTR from a counter of zero: encrypts and decrypts alike. */
export async function aesCtr(key: Uint8Array<ArrayBuffer>, data: Uint8Array): Promise<Uint8Array> {
  const imported = await crypto.subtle.importKey("raw", key, "AES-CTR", false, ["encrypt"]);
  const algorithm = { name: "AES-CTR", counter: new Uint8Array(16), length: 128 };
  return new Uint8Array(await crypto.subtle.encrypt(algorithm, imported, bytesOf(data)));
}

/** All parts, one after the other. */
export function joined(parts: readonly TextOrBytes[]): Uint8Array<ArrayBuffer> {
  const all = parts.map(bytesOf);
  const bytes = new Uint8Array(all.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of all) {
    bytes.set(part, at);
    at += part.length;
  }
  return bytes;
}

/** Lower case hexadecimal. */
export function hex(bytes: Uint8Array): string {
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
}
