/**
 * Tickets: what the cookie of a stored session carries.
 *
 * `base64url(0x01 ‖ kid 4 ‖ id 18 ‖ ticket secret 18 ‖ tag 16)`: 57 bytes, 76 characters. One
 * HMAC-SHA-256 over all before the tag gives both halves: the left 16 bytes are the tag, the right 16
 * the verifier that the record keeps. So a forged ticket dies before the store, and what is at rest
 * can't make a ticket.
 *
 * Opening one is the work of every request with a session. So it is done in 32-bit words, in memory
 * that is used again, makes nothing but its answer, and leaves out the HMAC for a ticket that comes again soon.
 *
 * @module
 */

import { UsageError } from "../errors.ts";
import { code, decodeBase64url, encodeBase64url, groupOf } from "../lib/base64url.ts";
import { randomBytes } from "../lib/random.ts";
import type { HmacKey } from "../lib/sha256.ts";
import { hmacBlock } from "../lib/sha256.ts";
import type { Key, KeyRing } from "./key-ring.ts";

/** A new ticket. */
export interface Ticket {
  /** The cookie's value: 76 characters. */
  readonly text: string;
  /** What the record keeps: `base64url(kid 4 ‖ right half of the HMAC 16)`, 27 characters. */
  readonly verifier: string;
}

/** What a genuine ticket says. */
export interface TicketParts {
  readonly id: string;
  readonly verifier: string;
}

/** What a ticket says, or why it says nothing. */
export type OpenedTicket = TicketParts | "malformed" | "forged" | "unknown-key";

const TICKET = 0x01;
const CHARACTERS = 76;
// Eight bits in two characters: 000000 01xxxx.
const FIRST_BYTE = /^A[Q-Za-f]/;
const AUTHENTICATED_BYTES = 41;

/** A new session id: 24 characters, the first 8 of them where the session lives, else random. */
export function newSessionId(home?: string): string {
  if (home === undefined) return encodeBase64url(randomBytes(18));
  if (decodeBase64url(home)?.length !== 6) {
    throw new UsageError("the home of a session is 8 base64url characters");
  }
  return home + encodeBase64url(randomBytes(12));
}

/**
 * A ticket with a new random ticket secret, under the current key.
 *
 * @throws what the random generator throws; no ticket is made then.
 */
export function mintTicket(ring: KeyRing, id: string): Ticket {
  const { kid, ticket } = ring.current;
  const idBytes = decodeBase64url(id);
  if (idBytes?.length !== 18) throw new UsageError("a session id is 24 base64url characters");
  const bytes = new Uint8Array(57);
  const view = new DataView(bytes.buffer);
  bytes[0] = TICKET;
  view.setUint32(1, kid);
  bytes.set(idBytes, 5);
  bytes.set(randomBytes(18), 23);
  for (let word = 0; word < 11; word += 1) words[word] = view.getInt32(word * 4);
  authenticate(ticket);
  for (let word = 0; word < 4; word += 1) view.setInt32(41 + word * 4, digest[word] as number);
  return { text: encodeBase64url(bytes), verifier: verifierOf(kid) };
}

/** Checks a ticket without I/O: its length, alphabet, spelling and version before its tag. */
export function openTicket(ring: KeyRing, text: string): OpenedTicket {
  if (text.length !== CHARACTERS || !readWords(text)) return "malformed";
  if ((words[0] as number) >>> 24 !== TICKET) return "malformed";
  const kid = inner(0) >>> 0;
  const key = ring.find(kid);
  if (key === undefined) return "unknown-key";
  const place = inner(10) & (PLACES - 1);
  const known = genuine[place];
  if (known !== undefined && known.key === key && wordsAreAt(place)) return known.parts;
  authenticate(key.ticket);
  if (!tagMatches()) return "forged";
  const parts = { id: idOf(), verifier: verifierOf(kid) };
  remember(place, key, parts);
  return parts;
}

/** Whether a text calls itself a ticket, by its first byte alone. */
export function isTicket(text: string): boolean {
  return FIRST_BYTE.test(text);
}

// The 57 bytes in threes and as words, the first byte highest, and what is made of them. Nothing below
// waits, so one set will do.
const groups = new Int32Array(20);
const words = new Int32Array(15);
const digest = new Int32Array(8);
// What is authenticated, as the last block of a message: after it a one bit, zeros, the length in
// bits, counting the 64 bytes of the key before it.
const block = new Int32Array(16);
block[15] = (64 + AUTHENTICATED_BYTES) * 8;

// A browser comes again with the ticket that it came with: what was genuine lately is known by its words, for a
// tenth of an HMAC. Each tag has one place, which goes to the ticket that comes to it twice running: with more
// about than find room, each would only put out another. Words, not texts: a text is a part of the request's header,
// would keep all of that, and is not compared in constant time.
const PLACES = 4096;
const genuine = new Array<Genuine | undefined>(PLACES).fill(undefined);
const wordsOfGenuine = new Int32Array(PLACES * words.length);
const lastTags = new Int32Array(PLACES);

interface Genuine {
  readonly key: Key;
  readonly parts: TicketParts;
}

// In constant time, as below.
function wordsAreAt(place: number): boolean {
  const from = place * words.length;
  let difference = 0;
  for (let word = 0; word < words.length; word += 1) {
    difference |= (wordsOfGenuine[from + word] as number) ^ (words[word] as number);
  }
  return difference === 0;
}

function remember(place: number, key: Key, parts: TicketParts): void {
  const isSecond = lastTags[place] === inner(11);
  lastTags[place] = inner(11);
  if (!isSecond) return;
  genuine[place] = { key, parts };
  wordsOfGenuine.set(words, place * words.length);
}

function readWords(text: string): boolean {
  let bad = 0;
  for (let from = 0, at = 0; from < CHARACTERS; from += 4, at += 1) {
    const group = groupOf(text, from);
    bad |= group;
    groups[at] = group;
  }
  for (let at = 0, word = 0; word < 15; at += 4, word += 3) {
    const b = groups[at + 1] as number;
    const c = groups[at + 2] as number;
    words[word] = ((groups[at] as number) << 8) | (b >> 16);
    words[word + 1] = (b << 16) | (c >> 8);
    words[word + 2] = (c << 24) | (groups[at + 3] as number);
  }
  return bad >= 0;
}

function authenticate(key: HmacKey): void {
  for (let word = 0; word < 10; word += 1) block[word] = words[word] as number;
  block[10] = ((words[10] as number) & 0xff000000) | 0x00800000;
  hmacBlock(key, block, digest);
}

// In constant time: no way out before the last word.
function tagMatches(): boolean {
  let difference = 0;
  for (let word = 0; word < 4; word += 1) difference |= inner(10 + word) ^ (digest[word] as number);
  return difference === 0;
}

// kid, id and tag begin one byte into a word.
function inner(word: number): number {
  return ((words[word] as number) << 8) | ((words[word + 1] as number) >>> 24);
}

function idOf(): string {
  const a = inner(1);
  const b = inner(2);
  const c = inner(3);
  const d = inner(4);
  const e = (words[5] as number) << 8;
  // biome-ignore format: six bits each
  return String.fromCharCode(
    code(a >> 26), code(a >> 20), code(a >> 14), code(a >> 8), code(a >> 2), code((a << 4) | (b >>> 28)),
    code(b >> 22), code(b >> 16), code(b >> 10), code(b >> 4), code((b << 2) | (c >>> 30)),
    code(c >> 24), code(c >> 18), code(c >> 12), code(c >> 6), code(c),
    code(d >> 26), code(d >> 20), code(d >> 14), code(d >> 8), code(d >> 2), code((d << 4) | (e >>> 28)),
    code(e >> 22), code(e >> 16),
  );
}

function verifierOf(kid: number): string {
  const a = kid | 0;
  const b = digest[4] as number;
  const c = digest[5] as number;
  const d = digest[6] as number;
  const e = digest[7] as number;
  // biome-ignore format: six bits each
  return String.fromCharCode(
    code(a >> 26), code(a >> 20), code(a >> 14), code(a >> 8), code(a >> 2), code((a << 4) | (b >>> 28)),
    code(b >> 22), code(b >> 16), code(b >> 10), code(b >> 4), code((b << 2) | (c >>> 30)),
    code(c >> 24), code(c >> 18), code(c >> 12), code(c >> 6), code(c),
    code(d >> 26), code(d >> 20), code(d >> 14), code(d >> 8), code(d >> 2), code((d << 4) | (e >>> 28)),
    code(e >> 22), code(e >> 16), code(e >> 10), code(e >> 4), code(e << 2),
  );
}
