/**
 * Bodies as `encrypted` keeps them.
 *
 * `base64url(0x04 ‖ kid 4 ‖ day 2 ‖ nonce 12 ‖ ciphertext ‖ tag 16)`: AES-256-GCM with a key per secret
 * and UTC day, so that random nonces stay within NIST's bound (SP 800-38D §8.3: 2^32 for each key) up to 49,000
 * writes a second, all day long. Authenticated with it: everything before the ciphertext, then the session's id
 * and its user, each after its length in four bytes; without a user the last length is 0.
 *
 * @module
 */

import type { AesGcm } from "../../lib/aes-gcm.ts";
import { aesGcm } from "../../lib/aes-gcm.ts";
import { decodeBase64url, encodeBase64url } from "../../lib/base64url.ts";
import { readUint32, utf8, utf8Text, writeUint32 } from "../../lib/bytes.ts";
import { randomBytes } from "../../lib/random.ts";
import type { Key, KeyRing } from "../../token/key-ring.ts";
import { createKeyRing, lengthPrefixed } from "../../token/key-ring.ts";

/** Whose body it is: it opens for nobody else. */
export interface Owner {
  readonly id: string;
  readonly userId: string | undefined;
}

/** What is in a body, or why it says nothing. */
export type Opened = { readonly body: string } | "unencrypted" | "unknown-key" | "changed";

export interface BodyCipher {
  encrypt(body: string, owner: Owner, now: number): Promise<string>;
  decrypt(text: string, owner: Owner): Promise<Opened>;
}

const ENCRYPTED = 0x04;
const KID_AT = 1;
const DAY_AT = 5;
const NONCE_AT = 7;
const NONCE_BYTES = 12;
const HEADER_BYTES = 19;
const TAG_BYTES = 16;
const DAY = 86_400_000;
// Longer than any session lasts. One that has gone is derived again.
const MAX_DAY_KEYS = 512;
// No cookie can have this name, so no key is one of a seal's, whatever the secrets.
const NAME = "body in a store";

/** The longest body whose encrypted text takes no more than so many bytes. */
export function longestBody(textBytes: number): number {
  return Math.floor((textBytes * 3) / 4) - HEADER_BYTES - TAG_BYTES;
}

/** Whether a body looks like one of these. */
export function isEncrypted(body: string): boolean {
  return decodeBase64url(body.trimEnd())?.[0] === ENCRYPTED;
}

/** @throws {ConfigError} `secrets` */
export function bodyCipher(
  secrets: readonly (string | Uint8Array)[],
  gcm: AesGcm = aesGcm(),
): BodyCipher {
  const ring: KeyRing = createKeyRing({ secrets, app: "", cookieName: NAME });
  const keysByDay = new Map<string, unknown>();

  async function dayKey(key: Key, day: number): Promise<unknown> {
    const name = `${key.kid}.${day}`;
    const known = keysByDay.get(name);
    if (known !== undefined) return known;
    const ready = await gcm.key(key.sealKey(day));
    if (keysByDay.size >= MAX_DAY_KEYS) keysByDay.clear();
    keysByDay.set(name, ready);
    return ready;
  }

  return {
    async encrypt(body, owner, now) {
      const { current } = ring;
      const day = Math.floor(now / DAY);
      const header = new Uint8Array(HEADER_BYTES);
      header[0] = ENCRYPTED;
      writeUint32(header, KID_AT, current.kid);
      header[DAY_AT] = day >> 8;
      header[DAY_AT + 1] = day;
      const nonce = randomBytes(NONCE_BYTES);
      header.set(nonce, NONCE_AT);
      const key = await dayKey(current, day);
      const data = associated(header, owner);
      const { ciphertext, tag } = await gcm.encrypt(key, nonce, data, utf8(body));
      return encodeBase64url(joined(header, ciphertext, tag));
    },

    async decrypt(text, owner) {
      // What has moved from another store has white space at its end.
      const bytes = decodeBase64url(text.trimEnd());
      if (bytes === undefined || bytes[0] !== ENCRYPTED) return "unencrypted";
      const tagAt = bytes.length - TAG_BYTES;
      if (tagAt < HEADER_BYTES) return "unencrypted";
      const key = ring.find(readUint32(bytes, KID_AT));
      if (key === undefined) return "unknown-key";
      const header = bytes.subarray(0, HEADER_BYTES);
      const nonce = bytes.subarray(NONCE_AT, HEADER_BYTES);
      const encrypted = {
        ciphertext: bytes.subarray(HEADER_BYTES, tagAt),
        tag: bytes.subarray(tagAt),
      };
      const aesKey = await dayKey(key, readUint32(bytes, DAY_AT) >>> 16);
      const data = associated(header, owner);
      const plaintext = await gcm.decrypt(aesKey, nonce, data, encrypted);
      const body = plaintext && utf8Text(plaintext);
      return body === undefined ? "changed" : { body };
    },
  };
}

function associated(header: Uint8Array, { id, userId = "" }: Owner): Uint8Array {
  return joined(header, lengthPrefixed(id, userId));
}

function joined(...parts: readonly Uint8Array[]): Uint8Array {
  const bytes = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    bytes.set(part, at);
    at += part.length;
  }
  return bytes;
}
