/**
 * Spreads one seal over several cookies and puts it together again.
 *
 * A chunk is `base64url(0x03 ‖ generation 6 ‖ index 1 ‖ total 1 ‖ part)`. The generation is random,
 * one per split, so that parts of two seals never mix.
 *
 * @module
 */

import { decodeBase64url, encodeBase64url } from "../lib/base64url.ts";
import { randomBytes } from "../lib/random.ts";
import { MAX_COOKIE_BYTES } from "./write.ts";

/** Browsers keep 50 cookies per host or more, but proxies often take 8 KiB of them or 16. */
export const MAX_CHUNKS = 4;

const SEAL = 0x02;
const CHUNK = 0x03;
const GENERATION_BYTES = 6;
const HEAD_BYTES = 1 + GENERATION_BYTES + 1 + 1;

/** A cookie to be set: its name, and a seal or a chunk of one. */
export interface Part {
  readonly name: string;
  readonly value: string;
}

/** The names of all cookies that a seal may be spread over, by index. */
export function chunkNames(name: string): readonly string[] {
  return [name, `${name}-1`, `${name}-2`, `${name}-3`];
}

/**
 * The cookies that carry a seal: one with the seal itself when it fits, else chunks.
 *
 * @param bytesPerCookie - what name and value of one cookie may take together; 4096 at most.
 * @returns `undefined` when four cookies are too few.
 */
export function splitSeal(
  name: string,
  seal: string,
  bytesPerCookie: number,
): readonly Part[] | undefined {
  const limit = Math.min(bytesPerCookie, MAX_COOKIE_BYTES);
  if (name.length + seal.length <= limit) return [{ name, value: seal }];

  const names = chunkNames(name);
  const room = roomFor(name, limit);
  const bytes = decodeBase64url(seal);
  if (bytes === undefined || room < 1) return undefined;
  const total = Math.ceil(bytes.length / room);
  if (total > MAX_CHUNKS) return undefined;

  const generation = randomBytes(GENERATION_BYTES);
  return names.slice(0, total).map((each, index) => {
    const part = bytes.subarray(index * room, (index + 1) * room);
    const chunk = new Uint8Array(HEAD_BYTES + part.length);
    chunk[0] = CHUNK;
    chunk.set(generation, 1);
    chunk[HEAD_BYTES - 2] = index;
    chunk[HEAD_BYTES - 1] = total;
    chunk.set(part, HEAD_BYTES);
    return { name: each, value: encodeBase64url(chunk) };
  });
}

/** What name and seal may take together, in characters, so that {@link splitSeal} can split it. */
export function mostToSplit(name: string, bytesPerCookie: number): number {
  return name.length + Math.floor((MAX_CHUNKS * roomFor(name, bytesPerCookie) * 4) / 3);
}

/** The bytes of a seal that one chunk holds. */
function roomFor(name: string, limit: number): number {
  // The names of all but the first are two characters longer.
  return Math.floor(((limit - name.length - 2) * 3) / 4) - HEAD_BYTES;
}

/**
 * Every seal that is whole, not yet opened: bare ones, and those of complete generations. Parts that
 * are left over from an earlier generation are of no account.
 *
 * A browser keeps one value per name, and every seal needs the first name. So more than one means
 * cookies of several paths, domains or partitions, as after a change of these options, or planted
 * ones. Two responses that cross may leave parts of both: then none is whole.
 *
 * @param parts - what was found under the name of each index; at most four values each are expected.
 */
export function wholeSeals(
  parts: readonly { index: number; values: readonly string[] }[],
): readonly string[] {
  const seals: string[] = [];
  const generations = new Map<string, (Uint8Array | "ambiguous" | undefined)[]>();
  for (const { index, values } of parts) {
    for (const value of values) {
      if (value.length > MAX_COOKIE_BYTES) continue;
      const first = decodeBase64url(value.slice(0, 4))?.[0];
      if (first === SEAL && index === 0) seals.push(value);
      const chunk = first === CHUNK ? readChunk(value) : undefined;
      if (chunk?.index !== index) continue;
      const { key, total, part } = chunk;
      const found = generations.get(key) ?? new Array(total).fill(undefined);
      found[index] = found[index] === undefined ? part : "ambiguous";
      generations.set(key, found);
    }
  }
  for (const found of generations.values()) {
    const whole: Uint8Array[] = found.filter((part) => part instanceof Uint8Array);
    if (whole.length !== found.length) continue;
    const bytes = concatenated(whole);
    if (bytes[0] === SEAL) seals.push(encodeBase64url(bytes));
  }
  return seals;
}

interface Chunk {
  /** The same for all parts of one seal and for nothing else. */
  readonly key: string;
  readonly index: number;
  readonly total: number;
  readonly part: Uint8Array;
}

function readChunk(value: string): Chunk | undefined {
  const bytes = decodeBase64url(value);
  if (bytes === undefined || bytes.length <= HEAD_BYTES) return undefined;
  const index = bytes[HEAD_BYTES - 2] ?? 0;
  const total = bytes[HEAD_BYTES - 1] ?? 0;
  if (total < 2 || total > MAX_CHUNKS || index >= total) return undefined;
  const key = `${bytes.subarray(1, 1 + GENERATION_BYTES).join()}/${total}`;
  return { key, index, total, part: bytes.subarray(HEAD_BYTES) };
}

function concatenated(parts: readonly Uint8Array[]): Uint8Array {
  const whole = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}
