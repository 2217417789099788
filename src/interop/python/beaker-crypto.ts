/**
 * How Beaker signs and encrypts: an HMAC-SHA-1 in hexadecimal before the value, AES under a key from PBKDF2.
 *
 * @module
 */

import { aesGcm } from "../../lib/aes-gcm.ts";
import { decodeBase64, encodeBase64 } from "../../lib/base64.ts";
import { equalText } from "../../lib/bytes.ts";
import { randomBytes } from "../../lib/random.ts";
import { refuse } from "./refusal.ts";
import type { TextOrBytes } from "./web-crypto.ts";
import { aesCtr, hex, hmac, joined, pbkdf2Sha1 } from "./web-crypto.ts";

/** Beaker's `encrypt_key`, and what goes with it. */
export interface BeakerEncryption {
  readonly key: TextOrBytes;
  /**
   * Beaker's `crypto_type`: AES-256-GCM, or AES-256-CTR of pycryptodome, which does not notice changes by
   * itself. NSS is not read.
   */
  readonly module: "cryptography" | "pycryptodome";
  /** `encrypt_nonce_bits`; 48 before Beaker 1.8. @default 128 */
  readonly nonceBits?: number;
}

const SIGNATURE_CHARACTERS = 40;

/** The signature, and the value right behind it. */
export async function signBeaker(secret: TextOrBytes, value: string): Promise<string> {
  return hex(await hmac("sha1", secret, value)) + value;
}

/** The value of a signed text; gives up when none of the secrets has signed it. */
export async function unsignBeaker(
  secrets: readonly TextOrBytes[],
  signed: string,
): Promise<string> {
  // Beaker takes quotation marks away, which some of its versions set.
  const text = signed.replace(/^"(.*)"$/s, "$1");
  const value = text.slice(SIGNATURE_CHARACTERS);
  if (!/^[0-9a-f]{40}/.test(text) || value === "") refuse("malformed", "has no signature");
  for (const secret of secrets) {
    if (equalText(await signBeaker(secret, value), text)) return value;
  }
  return refuse("forged", "is signed by none of the keys");
}

/** The nonce as base64, and what was encrypted as base64 behind it. */
export async function encryptBeaker(
  encryption: BeakerEncryption,
  validateKey: TextOrBytes,
  bytes: Uint8Array,
): Promise<string> {
  const nonce = encodeBase64(randomBytes(nonceBytes(encryption))).slice(0, nonceLength(encryption));
  const key = await keyOf(encryption, validateKey, nonce);
  if (encryption.module === "pycryptodome") return nonce + encodeBase64(await aesCtr(key, bytes));
  const gcm = aesGcm();
  const iv = randomBytes(12);
  const none = new Uint8Array();
  const { ciphertext, tag } = await gcm.encrypt(await gcm.key(key), iv, none, bytes);
  return nonce + encodeBase64(joined([iv, tag, ciphertext]));
}

export async function decryptBeaker(
  encryption: BeakerEncryption,
  validateKey: TextOrBytes,
  text: string,
): Promise<Uint8Array> {
  const length = nonceLength(encryption);
  const encrypted = decodeBase64(text.slice(length));
  if (encrypted === undefined) return refuse("malformed", "is not base64");
  const key = await keyOf(encryption, validateKey, text.slice(0, length));
  if (encryption.module === "pycryptodome") return await aesCtr(key, encrypted);
  const iv = encrypted.subarray(0, 12);
  const tag = encrypted.subarray(12, 28);
  if (tag.length !== 16) return refuse("malformed", "is too short to be encrypted");
  const gcm = aesGcm();
  const sealed = { ciphertext: encrypted.subarray(28), tag };
  const bytes = await gcm.decrypt(await gcm.key(key), iv, new Uint8Array(), sealed);
  return bytes ?? refuse("forged", "is encrypted under another key");
}

async function keyOf(
  { key }: BeakerEncryption,
  validateKey: TextOrBytes,
  nonce: string,
): Promise<Uint8Array<ArrayBuffer>> {
  // One iteration: the keys are no passwords, Beaker says, and every cookie has its own salt.
  return await pbkdf2Sha1(key, joined([validateKey, nonce]), 1);
}

function nonceBytes({ nonceBits = 128 }: BeakerEncryption): number {
  return nonceBits / 8;
}

/** As Beaker computes it; for 48 and 128 bits it is the length of the base64, padding included. */
function nonceLength(encryption: BeakerEncryption): number {
  return (Math.floor((4 * nonceBytes(encryption)) / 3) + 3) & ~3;
}
