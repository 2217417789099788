/**
 * SHA-256, HMAC and HKDF (FIPS 180-4, RFC 2104, RFC 5869) in plain TypeScript: synchronous, the same
 * on every runtime, and for one block with a prepared key faster than a native HMAC object.
 *
 * @module
 */

import { readUint32, writeUint32 } from "./bytes.ts";
import { compress } from "./sha256-block.ts";

/** An HMAC key as two prepared hash states, kept in a closure: nothing of it can be printed. */
export interface HmacKey {
  /** Copies the state with which the inner or the outer hash goes on. */
  readonly begin: (state: Int32Array, outer: boolean) => void;
}

const BLOCK_BYTES = 64;
const HASH_BYTES = 32;

// biome-ignore format: a table
const INITIAL: Int32Array = Int32Array.of(
  0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a, 0x510e527f, 0x9b05688c, 0x1f83d9ab, 0x5be0cd19,
);

// Used again and again: nothing here waits, so no two hashes are ever under way.
const scratchState = new Int32Array(8);
const scratchBlock = new Int32Array(16);
const tail = new Uint8Array(2 * BLOCK_BYTES);
// What the outer hash of an HMAC ends with: a digest, a one bit, zeros, the length in bits.
const outerBlock = new Int32Array(16);
outerBlock[8] = 0x80000000;
outerBlock[15] = (BLOCK_BYTES + HASH_BYTES) * 8;

/** The hash of a message. */
export function sha256(message: Uint8Array): Uint8Array {
  scratchState.set(INITIAL);
  finish(scratchState, message, 0);
  return bytesOf(scratchState);
}

/** Prepares a key of any length. Prepare it once: it costs two of the four compressions of a short HMAC. */
export function hmacKey(key: Uint8Array): HmacKey {
  const short = key.length > BLOCK_BYTES ? sha256(key) : key;
  const inner = padded(short, 0x36);
  const outer = padded(short, 0x5c);
  return { begin: (state, isOuter) => copyState(isOuter ? outer : inner, state) };
}

/** HMAC-SHA-256 of a message. */
export function hmac(key: HmacKey, message: Uint8Array): Uint8Array {
  key.begin(scratchState, false);
  finish(scratchState, message, BLOCK_BYTES);
  outerHash(key, scratchState);
  return bytesOf(scratchState);
}

/**
 * HMAC-SHA-256 of a message that fits one block: the caller lays it out as 16 words and pads it.
 *
 * @internal
 */
export function hmacBlock(key: HmacKey, block: Int32Array, digest: Int32Array): void {
  key.begin(digest, false);
  compress(digest, block);
  outerHash(key, digest);
}

/** HKDF-SHA-256: `length` bytes, at most 8160, from a secret. */
export function hkdf(
  secret: Uint8Array,
  salt: Uint8Array,
  info: Uint8Array,
  length: number,
): Uint8Array {
  return hkdfExpand(hkdfExtract(secret, salt), info, length);
}

/** The first half of HKDF, ready for many expansions. */
export function hkdfExtract(secret: Uint8Array, salt: Uint8Array): HmacKey {
  return hmacKey(hmac(hmacKey(salt), secret));
}

/** The second half of HKDF. */
export function hkdfExpand(key: HmacKey, info: Uint8Array, length: number): Uint8Array {
  const blocks = Math.ceil(length / HASH_BYTES);
  if (blocks > 255) throw new RangeError(`HKDF gives at most ${255 * HASH_BYTES} bytes`);
  const output = new Uint8Array(blocks * HASH_BYTES);
  let previous = output.subarray(0, 0);
  for (let block = 0; block < blocks; block += 1) {
    const message = new Uint8Array(previous.length + info.length + 1);
    message.set(previous);
    message.set(info, previous.length);
    message[message.length - 1] = block + 1;
    const from = block * HASH_BYTES;
    output.set(hmac(key, message), from);
    previous = output.subarray(from, from + HASH_BYTES);
  }
  return output.slice(0, length);
}

function padded(key: Uint8Array, pad: number): Int32Array {
  const bytes = new Uint8Array(BLOCK_BYTES).fill(pad);
  for (let at = 0; at < key.length; at += 1) bytes[at] = (key[at] as number) ^ pad;
  const state = INITIAL.slice();
  mix(state, bytes, 0);
  return state;
}

function outerHash(key: HmacKey, state: Int32Array): void {
  copyState(state, outerBlock);
  key.begin(state, true);
  compress(state, outerBlock);
}

// For eight words a loop is faster than the built-in `set`.
function copyState(from: Int32Array, to: Int32Array): void {
  for (let word = 0; word < 8; word += 1) to[word] = from[word] as number;
}

function finish(state: Int32Array, message: Uint8Array, bytesBefore: number): void {
  let at = 0;
  for (; at + BLOCK_BYTES <= message.length; at += BLOCK_BYTES) {
    mix(state, message, at);
  }
  // The rest, a one bit, zeros and the length in bits; two blocks when they do not fit one.
  const rest = message.length - at;
  const length = rest < BLOCK_BYTES - 8 ? BLOCK_BYTES : 2 * BLOCK_BYTES;
  const total = bytesBefore + message.length;
  tail.fill(0);
  tail.set(at === 0 ? message : message.subarray(at));
  tail[rest] = 0x80;
  writeUint32(tail, length - 8, Math.floor(total / 0x2000_0000));
  writeUint32(tail, length - 4, total << 3);
  for (let from = 0; from < length; from += BLOCK_BYTES) mix(state, tail, from);
}

function mix(state: Int32Array, bytes: Uint8Array, at: number): void {
  for (let word = 0; word < 16; word += 1) scratchBlock[word] = readUint32(bytes, at + word * 4);
  compress(state, scratchBlock);
}

function bytesOf(words: Int32Array): Uint8Array {
  const bytes = new Uint8Array(words.length * 4);
  for (let at = 0; at < words.length; at += 1) writeUint32(bytes, at * 4, words[at] as number);
  return bytes;
}
