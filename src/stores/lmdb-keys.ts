/**
 * The keys of an LMDB store: one sorted table holds everything.
 *
 * ```
 * namespace 0                                  the version of this format
 * namespace 1 id 18                            a session
 * namespace 2 user ‖ id 18                     a session of a user, without a value
 * namespace 3 user                             a cut-off
 * namespace 4 moment 8 ‖ the rest of a key     what to look at when, without a value
 * namespace 5 number 8                         an entry of the feed
 * namespace 6                                  the number of the last entry
 * ```
 *
 * The namespace is a length and a name, a user a length of 2 bytes and the id in UTF-8: none of them
 * is the beginning of another.
 *
 * @module
 */

import { sha256 } from "../lib/sha256.ts";

/** What a key is about. */
export const SESSION = 1;
export const CUT_OFF = 3;
const VERSION = 0;
const USER_SESSION = 2;
const LOOK = 4;
const ENTRY = 5;
const LAST_ENTRY = 6;

const ID_BYTES = 18;
const MOMENT_BYTES = 8;
// Longer ones are hashed: LMDB takes keys of at most 1978 bytes, and long ones make a deep tree.
const LONGEST_USER = 400;
const HASH_BYTES = 32;
const HASHED = 0xffff;

/** A range of keys: from `start` on, before `end`. */
export interface KeyRange {
  readonly start: Buffer;
  readonly end: Buffer;
}

/** Makes the keys of one namespace. */
export interface LmdbKeys {
  readonly version: Buffer;
  readonly lastEntry: Buffer;
  /** `undefined` when the id is not 24 base64url characters. */
  session(id: string): Buffer | undefined;
  userSession(userId: string, id: string): Buffer;
  cutOff(userId: string): Buffer;
  /** When to look at what lies under a key. */
  look(at: number, key: Buffer): Buffer;
  entry(number: number): Buffer;
  /** What a look is about. */
  lookedAt(look: Buffer): Buffer;
  /** {@link SESSION}, {@link CUT_OFF} or another kind. */
  kindOf(key: Buffer): number;
  /** The keys of all sessions after this one. */
  sessions(after: string | undefined): KeyRange;
  /** The keys of a user's sessions after this one. */
  userSessions(userId: string, after: string | undefined): KeyRange;
  /** The looks up to a moment. */
  looks(until: number): KeyRange;
  /** The entries of the feed from this one on. */
  entries(from: number): KeyRange;
}

export function lmdbKeys(namespace: string): LmdbKeys {
  const name = Buffer.from(namespace);
  const prefix = Buffer.concat([Buffer.of(name.length), name]);
  const kindAt = prefix.length;
  const restAt = kindAt + 1;

  function key(kind: number, room: number): Buffer {
    const made = Buffer.allocUnsafe(restAt + room);
    prefix.copy(made);
    made[kindAt] = kind;
    return made;
  }

  /** A key that begins with a user, and has room for more. */
  function userKey(kind: number, userId: string, room: number): Buffer {
    const length = Buffer.byteLength(userId);
    // UTF-8 has no half surrogates: two ids that differ in them would be one.
    const isPlain =
      length <= LONGEST_USER && (length === userId.length || !/\p{Surrogate}/u.test(userId));
    const made = key(kind, 2 + (isPlain ? length : HASH_BYTES) + room);
    made.writeUInt16BE(isPlain ? length : HASHED, restAt);
    if (isPlain) made.write(userId, restAt + 2);
    else made.set(sha256(Buffer.from(userId, "utf16le")), restAt + 2);
    return made;
  }

  function session(id: string): Buffer | undefined {
    if (!/^[\w-]{24}$/.test(id)) return undefined;
    const made = key(SESSION, ID_BYTES);
    made.write(id, restAt, "base64url");
    return made;
  }

  function userSession(userId: string, id: string): Buffer {
    const made = userKey(USER_SESSION, userId, ID_BYTES);
    made.write(id, made.length - ID_BYTES, "base64url");
    return made;
  }

  function look(at: number, rest: Buffer): Buffer {
    const made = key(LOOK, MOMENT_BYTES + rest.length);
    made.writeDoubleBE(at, restAt);
    // So that a moment before the epoch sorts before one after it.
    const flip = at < 0 ? 0xff : 0;
    const end = restAt + MOMENT_BYTES;
    for (let byte = restAt; byte < end; byte += 1) made[byte] = (made[byte] as number) ^ flip;
    if (at >= 0) made[restAt] = (made[restAt] as number) | 0x80;
    rest.copy(made, end);
    return made;
  }

  function entry(number: number): Buffer {
    const made = key(ENTRY, 8);
    made.writeBigUInt64BE(BigInt(number), restAt);
    return made;
  }

  return {
    version: key(VERSION, 0),
    lastEntry: key(LAST_ENTRY, 0),
    session,
    userSession,
    cutOff: (userId) => userKey(CUT_OFF, userId, 0),
    look: (at, target) => look(at, target.subarray(kindAt)),
    entry,
    lookedAt: (made) => Buffer.concat([prefix, made.subarray(restAt + MOMENT_BYTES)]),
    kindOf: (made) => made[kindAt] as number,
    sessions(after) {
      const all = key(SESSION, 0);
      const from = after === undefined ? undefined : session(after);
      return { start: from === undefined ? all : behind(from), end: behindAll(all) };
    },
    userSessions(userId, after) {
      const all = userKey(USER_SESSION, userId, 0);
      const isId = after !== undefined && session(after) !== undefined;
      return { start: isId ? behind(userSession(userId, after)) : all, end: behindAll(all) };
    },
    looks: (until) => ({ start: key(LOOK, 0), end: behindAll(look(until, Buffer.alloc(0))) }),
    entries: (from) => ({ start: entry(from), end: behindAll(key(ENTRY, 0)) }),
  };
}

/** The id at the end of the key of a session, or of a session of a user. */
export function idOf(key: Buffer): string {
  return key.toString("base64url", key.length - ID_BYTES);
}

/** The number at the end of the key of an entry. */
export function numberOf(key: Buffer): number {
  return Number(key.readBigUInt64BE(key.length - 8));
}

function behind(key: Buffer): Buffer {
  return Buffer.concat([key, Buffer.of(0)]);
}

/** A key after all that begin with this one: nothing goes on with so many such bytes. */
function behindAll(start: Buffer): Buffer {
  return Buffer.concat([start, Buffer.alloc(ID_BYTES + 1, 0xff)]);
}
