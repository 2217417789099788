/**
 * XSalsa20-Poly1305 as libsodium's `crypto_secretbox_easy` puts it together, in plain TypeScript: Web
 * Crypto lacks both. Synchronous, without branches or look-ups that depend on secrets.
 *
 * The core function after Bernstein, "Extending the Salsa20 nonce" (2011) and "The Salsa20 family of
 * stream ciphers" (2007); the authenticator after "The Poly1305-AES message-authentication code"
 * (2005), with numbers of eight bits in seventeen places, as in TweetNaCl.
 *
 * @module
 */

import { equalBytes } from "./bytes.ts";

/** Bytes of a key. */
export const SECRETBOX_KEY_BYTES = 32;
/** Bytes of a nonce. Random ones never meet. */
export const SECRETBOX_NONCE_BYTES = 24;
/** Bytes that a box is longer than what it holds. */
export const SECRETBOX_TAG_BYTES = 16;

/** What a box holds; `undefined` when anything differs from what was put in. */
export function openSecretbox(
  box: Uint8Array,
  nonce: Uint8Array,
  key: Uint8Array,
): Uint8Array | undefined {
  if (box.length < SECRETBOX_TAG_BYTES) return undefined;
  const { stream, rest } = keystream(box.length - SECRETBOX_TAG_BYTES, nonce, key);
  const ciphertext = box.subarray(SECRETBOX_TAG_BYTES);
  if (!equalBytes(box.subarray(0, SECRETBOX_TAG_BYTES), poly1305(ciphertext, stream))) {
    return undefined;
  }
  return exclusiveOr(ciphertext, rest);
}

/** A box: the tag of 16 bytes, then as many as the message has. */
export function makeSecretbox(message: Uint8Array, nonce: Uint8Array, key: Uint8Array): Uint8Array {
  const { stream, rest } = keystream(message.length, nonce, key);
  const box = new Uint8Array(SECRETBOX_TAG_BYTES + message.length);
  const ciphertext = exclusiveOr(message, rest);
  box.set(poly1305(ciphertext, stream));
  box.set(ciphertext, SECRETBOX_TAG_BYTES);
  return box;
}

/** The first 32 bytes are the key of the authenticator, the rest hides the message. */
function keystream(length: number, nonce: Uint8Array, key: Uint8Array) {
  if (key.length !== SECRETBOX_KEY_BYTES) throw new RangeError("a key has 32 bytes");
  if (nonce.length !== SECRETBOX_NONCE_BYTES) throw new RangeError("a nonce has 24 bytes");
  const input = new Int32Array(16);
  fill(input, words(key), words(nonce.subarray(0, 16)));
  const subkey = new Int32Array(8);
  const mixed = mix(input);
  // HSalsa20: the words that a reader of the stream could not compute, without the addition.
  for (const [at, from] of [0, 5, 10, 15, 6, 7, 8, 9].entries()) subkey[at] = mixed[from] as number;

  const bytes = new Uint8Array(Math.ceil((length + 32) / 64) * 64);
  const view = new DataView(bytes.buffer);
  const tail = words(nonce.subarray(16));
  for (let block = 0; block < bytes.length / 64; block += 1) {
    fill(input, subkey, Int32Array.of(tail[0] as number, tail[1] as number, block, 0));
    const output = mix(input);
    for (let at = 0; at < 16; at += 1) {
      view.setInt32(block * 64 + at * 4, (output[at] as number) + (input[at] as number), true);
    }
  }
  return { stream: bytes.subarray(0, 32), rest: bytes.subarray(32) };
}

/** The matrix: constants on the diagonal, the key around, the nonce or the counter in the middle. */
function fill(input: Int32Array, key: Int32Array, middle: Int32Array): void {
  for (let at = 0; at < 4; at += 1) {
    input[at * 5] = SIGMA[at] as number;
    input[1 + at] = key[at] as number;
    input[6 + at] = middle[at] as number;
    input[11 + at] = key[4 + at] as number;
  }
}

/** Twenty rounds, without the addition at the end. */
function mix(input: Int32Array): Int32Array {
  const x = input.slice();
  for (let round = 0; round < 20; round += 2) {
    for (const order of QUARTERS) quarter(x, order);
  }
  return x;
}

function quarter(x: Int32Array, [a, b, c, d]: readonly [number, number, number, number]): void {
  x[b] = at(x, b) ^ rotate(at(x, a) + at(x, d), 7);
  x[c] = at(x, c) ^ rotate(at(x, b) + at(x, a), 9);
  x[d] = at(x, d) ^ rotate(at(x, c) + at(x, b), 13);
  x[a] = at(x, a) ^ rotate(at(x, d) + at(x, c), 18);
}

function at(x: Int32Array, place: number): number {
  return x[place] as number;
}

function rotate(word: number, by: number): number {
  return (word << by) | (word >>> (32 - by));
}

function words(bytes: Uint8Array): Int32Array {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  return Int32Array.from({ length: bytes.length / 4 }, (_, word) => view.getInt32(word * 4, true));
}

function exclusiveOr(bytes: Uint8Array, stream: Uint8Array): Uint8Array {
  return bytes.map((byte, at) => byte ^ (stream[at] as number));
}

/**
 * The tag of a message, with a key of 32 bytes that is used once.
 *
 * @internal
 */
export function poly1305(message: Uint8Array, key: Uint8Array): Uint8Array {
  const r = Uint32Array.from({ length: 17 }, (_, at) => (key[at] as number) & (CLAMP[at] ?? 0));
  const sum = new Uint32Array(17);
  const chunk = new Uint32Array(17);
  for (let from = 0; from < message.length; from += 16) {
    chunk.fill(0);
    const block = message.subarray(from, from + 16);
    chunk.set(block);
    chunk[block.length] = 1;
    add(sum, chunk);
    multiply(sum, r);
  }
  reduce(sum);
  chunk.fill(0);
  chunk.set(key.subarray(16, 32));
  add(sum, chunk);
  return Uint8Array.from(sum.subarray(0, 16));
}

function add(sum: Uint32Array, addend: Uint32Array): void {
  let carry = 0;
  for (let place = 0; place < 17; place += 1) {
    carry += (sum[place] as number) + (addend[place] as number);
    sum[place] = carry & 255;
    carry >>>= 8;
  }
}

/** Times `r`, modulo 2^130 - 5 but for the last reduction: 2^136 is 320, and what is past 2^130 counts five. */
function multiply(sum: Uint32Array, r: Uint32Array): void {
  const product = new Uint32Array(17);
  for (let place = 0; place < 17; place += 1) {
    let total = 0;
    for (let other = 0; other < 17; other += 1) {
      const factor = other <= place ? at17(r, place - other) : 320 * at17(r, place + 17 - other);
      total += at17(sum, other) * factor;
    }
    product[place] = total;
  }
  let carry = 0;
  for (let place = 0; place < 16; place += 1) {
    carry += at17(product, place);
    sum[place] = carry & 255;
    carry >>>= 8;
  }
  carry += at17(product, 16);
  sum[16] = carry & 3;
  carry = 5 * (carry >>> 2);
  for (let place = 0; place < 16; place += 1) {
    carry += at17(sum, place);
    sum[place] = carry & 255;
    carry >>>= 8;
  }
  sum[16] = at17(sum, 16) + carry;
}

/** Takes 2^130 - 5 away once, if that leaves something: chosen by a mask, not by a branch. */
function reduce(sum: Uint32Array): void {
  const before = sum.slice();
  add(sum, MINUS_P);
  const keep = -(at17(sum, 16) >>> 7);
  for (let place = 0; place < 17; place += 1) {
    sum[place] = at17(sum, place) ^ (keep & (at17(before, place) ^ at17(sum, place)));
  }
}

function at17(number: Uint32Array, place: number): number {
  return number[place] as number;
}

/** "expand 32-byte k" */
const SIGMA: Int32Array = Int32Array.of(0x61707865, 0x3320646e, 0x79622d32, 0x6b206574);

/** Columns, then rows. */
const QUARTERS = [
  [0, 4, 8, 12],
  [5, 9, 13, 1],
  [10, 14, 2, 6],
  [15, 3, 7, 11],
  [0, 1, 2, 3],
  [5, 6, 7, 4],
  [10, 11, 8, 9],
  [15, 12, 13, 14],
] as const;

// biome-ignore format: a table
const CLAMP: readonly number[] = [
  255, 255, 255, 15, 252, 255, 255, 15, 252, 255, 255, 15, 252, 255, 255, 15, 0,
];

/** 2^136 - (2^130 - 5), the lowest byte first. */
const MINUS_P: Uint32Array = Uint32Array.of(5, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 252);
