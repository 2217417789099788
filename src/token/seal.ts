/**
 * Seals: a whole session, encrypted and authenticated, as text for a cookie.
 *
 * `base64url(0x02 ‖ kid 4 ‖ day 2 ‖ nonce 12 ‖ ciphertext ‖ tag 16)`: AES-256-GCM with a key per
 * secret, app, cookie and UTC day, so that random nonces stay within NIST's bound (SP 800-38D §8.3: 2^32
 * for each key) up to 49,000 seals a second, all day long. Authenticated with it: everything before the
 * ciphertext, then app and cookie name, each after its length in four bytes. Plaintext: flags 1 ‖ length 4 ‖
 * body ‖ zeros to 64.
 *
 * @module
 */

import type { AesGcm, Encrypted } from "../lib/aes-gcm.ts";
import { aesGcm } from "../lib/aes-gcm.ts";
import { base64urlScratch, encodeBase64url } from "../lib/base64url.ts";
import { readUint32, utf8Text, writeUint32, writeUtf8 } from "../lib/bytes.ts";
import { fillRandom } from "../lib/random.ts";
import type { Key, KeyRing } from "./key-ring.ts";
import { lengthPrefixed } from "./key-ring.ts";

/** What a seal holds, or why it says nothing. */
export type Unsealed =
  | { readonly body: string }
  | "malformed"
  | "forged"
  | "unknown-key"
  /** It says to be older than any that may be opened; no key was derived to see whether it is true. */
  | "expired";

/** Makes and opens the seals of one ring. @internal */
export interface Sealer {
  seal(body: string, now: number): string | Promise<string>;
  unseal(text: string, now: number, oldestAgeMs: number): Unsealed | Promise<Unsealed>;
}

const SEAL = 0x02;
const KID_AT = 1;
const DAY_AT = 5;
const NONCE_AT = 7;
const NONCE_BYTES = 12;
const HEADER_BYTES = 19;
const TAG_BYTES = 16;
const LENGTH_AT = 1;
const BODY_AT = 5;
const PAD_BYTES = 64;
const DAY = 86_400_000;
// Four cookies hold less. What is longer is refused unread.
const MAX_CHARACTERS = 16_384;
// More than a year of them. One that has gone is derived again.
const MAX_DAY_KEYS = 512;

const sealers = new WeakMap<KeyRing, Sealer>();

/**
 * Seals a text under the current key. The same text never gives the same seal.
 *
 * @param body - well-formed Unicode, as `JSON.stringify` makes it.
 * @returns a promise only where there is no `node:crypto`.
 */
export function seal(ring: KeyRing, body: string, now: number): string | Promise<string> {
  return sealerOf(ring).seal(body, now);
}

/**
 * Opens a seal.
 *
 * @param oldestAgeMs - how long ago a seal may have been made; older ones are refused by their day.
 * @returns a promise only where there is no `node:crypto`.
 */
export function unseal(
  ring: KeyRing,
  text: string,
  now: number,
  oldestAgeMs: number,
): Unsealed | Promise<Unsealed> {
  return sealerOf(ring).unseal(text, now, oldestAgeMs);
}

function sealerOf(ring: KeyRing): Sealer {
  const known = sealers.get(ring);
  if (known !== undefined) return known;
  const sealer = createSealer(ring, aesGcm());
  sealers.set(ring, sealer);
  return sealer;
}

/** @internal */
export function createSealer(ring: KeyRing, gcm: AesGcm): Sealer {
  const names = lengthPrefixed(ring.app, ring.cookieName);
  // Everything visible, then whose it is.
  const associated = new Uint8Array(HEADER_BYTES + names.length);
  associated.set(names, HEADER_BYTES);
  const keysByDay = new Map<Key, Map<number, unknown>>();

  return {
    seal(body, now) {
      const { current } = ring;
      const day = dayOf(now);
      const aesKey = dayKey(current, day);
      return aesKey instanceof Promise
        ? aesKey.then((ready) => make(ready, current.kid, day, body))
        : make(aesKey, current.kid, day, body);
    },

    unseal(text, now, oldestAgeMs) {
      if (text.length > MAX_CHARACTERS) return "malformed";
      const length = scratch.read(text);
      if (length === undefined || bytes[0] !== SEAL) return "malformed";
      const encrypted = length - HEADER_BYTES - TAG_BYTES;
      if (encrypted < PAD_BYTES || encrypted % PAD_BYTES !== 0) return "malformed";
      const key = ring.find(readUint32(bytes, KID_AT));
      if (key === undefined) return "unknown-key";
      const day = readUint32(bytes, DAY_AT) >>> 16;
      if (day < dayOf(now - oldestAgeMs)) return "expired";
      if (day > dayOf(now) + 1) return "forged";
      const aesKey = dayKey(key, day);
      if (!(aesKey instanceof Promise)) return open(aesKey, bytes, length);
      // While the key is on its way, others use the same memory.
      const copy = bytes.slice(0, length);
      return aesKey.then((ready) => open(ready, copy, length));
    },
  };

  function make(aesKey: unknown, kid: number, day: number, body: string): string | Promise<string> {
    associated[0] = SEAL;
    writeUint32(associated, KID_AT, kid);
    associated[DAY_AT] = day >> 8;
    associated[DAY_AT + 1] = day;
    fillRandom(nonce);
    for (let at = 0; at < NONCE_BYTES; at += 1) associated[NONCE_AT + at] = nonce[at] as number;
    const encrypted = gcm.encrypt(aesKey, nonce, associated, padded(body));
    if (!(encrypted instanceof Promise)) return joined(associated, encrypted);
    // Others use the same memory meanwhile.
    const header = associated.slice(0, HEADER_BYTES);
    return encrypted.then((ready) => joined(header, ready));
  }

  function open(aesKey: unknown, sealed: Uint8Array, length: number): Unsealed | Promise<Unsealed> {
    for (let at = 0; at < HEADER_BYTES; at += 1) associated[at] = sealed[at] as number;
    const nonce = sealed.subarray(NONCE_AT, HEADER_BYTES);
    const ciphertext = sealed.subarray(HEADER_BYTES, length - TAG_BYTES);
    const tag = sealed.subarray(length - TAG_BYTES, length);
    const plaintext = gcm.decrypt(aesKey, nonce, associated, { ciphertext, tag });
    return plaintext instanceof Promise ? plaintext.then(readPlaintext) : readPlaintext(plaintext);
  }

  function dayKey(key: Key, day: number): unknown {
    let keys = keysByDay.get(key);
    if (keys === undefined) {
      keys = new Map();
      keysByDay.set(key, keys);
    }
    return keys.get(day) ?? newDayKey(keys, key, day);
  }

  function newDayKey(keys: Map<number, unknown>, key: Key, day: number): unknown {
    const aesKey = gcm.key(key.sealKey(day));
    // Only what is ready is kept: on some runtimes one request can't wait for the promise of another.
    return aesKey instanceof Promise ? aesKey.then(keep) : keep(aesKey);

    function keep(ready: unknown): unknown {
      if (keys.size >= MAX_DAY_KEYS) keys.clear();
      keys.set(day, ready);
      return ready;
    }
  }
}

// Used for every seal, made or opened, between two waits.
const scratch = base64urlScratch((MAX_CHARACTERS * 3) / 4);
const { bytes } = scratch;
const bodyBytes = bytes.subarray(BODY_AT);
const nonce = new Uint8Array(NONCE_BYTES);
// A view takes longer to make than a short session to encode: there is one for each length.
const views: (Uint8Array | undefined)[] = [];

function padded(body: string): Uint8Array {
  const room = BODY_AT + body.length * 3 + PAD_BYTES;
  const target = room > bytes.length ? new Uint8Array(room) : bytes;
  const length = writeUtf8(body, target === bytes ? bodyBytes : target.subarray(BODY_AT));
  const end = paddedLength(length);
  target[0] = 0;
  writeUint32(target, LENGTH_AT, length);
  target.fill(0, BODY_AT + length, end);
  if (target !== bytes) return target.subarray(0, end);
  const blocks = end / PAD_BYTES;
  views[blocks] ??= bytes.subarray(0, end);
  return views[blocks];
}

function joined(header: Uint8Array, { ciphertext, tag }: Encrypted): string {
  const tagAt = HEADER_BYTES + ciphertext.length;
  const length = tagAt + TAG_BYTES;
  const target = length > bytes.length ? new Uint8Array(length) : bytes;
  for (let at = 0; at < HEADER_BYTES; at += 1) target[at] = header[at] as number;
  target.set(ciphertext, HEADER_BYTES);
  target.set(tag, tagAt);
  return target === bytes ? scratch.text(length) : encodeBase64url(target);
}

function readPlaintext(plaintext: Uint8Array | undefined): Unsealed {
  if (plaintext === undefined) return "forged";
  // Flags are for formats to come. A seal that has one is genuine, and from a newer deployment: it is
  // treated as one under a key from there, so that nobody takes it away from the browser.
  if (plaintext[0] !== 0) return "unknown-key";
  const length = readUint32(plaintext, LENGTH_AT);
  if (paddedLength(length) !== plaintext.length) return "malformed";
  const end = BODY_AT + length;
  for (let at = end; at < plaintext.length; at += 1) if (plaintext[at] !== 0) return "malformed";
  const body = utf8Text(plaintext.subarray(BODY_AT, end));
  return body === undefined ? "malformed" : { body };
}

function paddedLength(bodyBytes: number): number {
  return Math.ceil((BODY_AT + bodyBytes) / PAD_BYTES) * PAD_BYTES;
}

function dayOf(moment: number): number {
  return Math.floor(moment / DAY);
}
