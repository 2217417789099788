/**
 * The values of an LMDB store: a short head of numbers, then text.
 *
 * ```
 * session   flags 1 ‖ revision 4 ‖ mark 8 ‖ last seen 8 ‖ expires 8 ‖ look 8 ‖ user length 4 ‖ user ‖ body
 * cut-off   at 8 ‖ keep until 8
 * feed      at 8 ‖ until 8 ‖ [kind, id, except] as JSON
 * ```
 *
 * Numbers are little-endian, moments doubles. Text is UTF-8, or UTF-16 where UTF-8 could not hold it.
 *
 * @module
 */

import type { Revocation, SessionRecord } from "./contract.ts";

/** A session, and when it is to be looked at: not after its time is over, but maybe before. */
export interface StoredSession {
  readonly record: SessionRecord;
  readonly lookAt: number;
}

export interface StoredCutOff {
  readonly at: number;
  readonly keepUntil: number;
}

const CLOSED = 1;
const HAS_USER = 2;
const WIDE_USER = 4;
const WIDE_BODY = 8;

const REVISION = 1;
const MARK = 5;
const SEEN_AT = 13;
const EXPIRES_AT = 21;
const LOOK_AT = 29;
const USER_LENGTH = 37;
const HEAD_BYTES = 41;

// LMDB copies a value before `put` returns, so one buffer serves them all.
let scratch = Buffer.allocUnsafeSlow(16 * 1024);

/** Good until the next value is encoded. */
export function encodeSession({ record, lookAt }: StoredSession): Buffer {
  const { userId = "", body } = record;
  const most = HEAD_BYTES + 3 * (userId.length + body.length);
  if (most > scratch.length) scratch = Buffer.allocUnsafeSlow(most * 2);
  const user = writeText(userId, HEAD_BYTES);
  const end = writeText(body, user.end);
  scratch[0] =
    (record.closed ? CLOSED : 0) |
    (record.userId === undefined ? 0 : HAS_USER) |
    (user.isWide ? WIDE_USER : 0) |
    (end.isWide ? WIDE_BODY : 0);
  scratch.writeUInt32LE(record.revision, REVISION);
  scratch.writeDoubleLE(record.mark, MARK);
  scratch.writeDoubleLE(record.lastSeenAt, SEEN_AT);
  scratch.writeDoubleLE(record.expiresAt, EXPIRES_AT);
  scratch.writeDoubleLE(lookAt, LOOK_AT);
  scratch.writeUInt32LE(user.end - HEAD_BYTES, USER_LENGTH);
  return scratch.subarray(0, end.end);
}

export function decodeRecord(id: string, value: Buffer): SessionRecord {
  const flags = value[0] as number;
  const userEnd = HEAD_BYTES + value.readUInt32LE(USER_LENGTH);
  return {
    id,
    revision: value.readUInt32LE(REVISION),
    userId:
      (flags & HAS_USER) === 0
        ? undefined
        : readText(value, HEAD_BYTES, userEnd, (flags & WIDE_USER) !== 0),
    mark: value.readDoubleLE(MARK),
    lastSeenAt: value.readDoubleLE(SEEN_AT),
    expiresAt: value.readDoubleLE(EXPIRES_AT),
    closed: (flags & CLOSED) !== 0,
    body: readText(value, userEnd, value.length, (flags & WIDE_BODY) !== 0),
  };
}

export function decodeSession(id: string, value: Buffer): StoredSession {
  return { record: decodeRecord(id, value), lookAt: value.readDoubleLE(LOOK_AT) };
}

/** Neither closed nor past its time, without decoding the rest. */
export function isLiveValue(value: Buffer, now: number): boolean {
  return ((value[0] as number) & CLOSED) === 0 && value.readDoubleLE(EXPIRES_AT) > now;
}

/** Good until the next value is encoded. */
export function encodeCutOff({ at, keepUntil }: StoredCutOff): Buffer {
  scratch.writeDoubleLE(at, 0);
  scratch.writeDoubleLE(keepUntil, 8);
  return scratch.subarray(0, 16);
}

export function decodeCutOff(value: Buffer): StoredCutOff {
  return { at: value.readDoubleLE(0), keepUntil: value.readDoubleLE(8) };
}

export function encodeRevocation({ kind, id, at, until, except }: Revocation): Buffer {
  const text = JSON.stringify([kind, id ?? null, except ?? null]);
  const value = Buffer.alloc(16 + Buffer.byteLength(text));
  value.writeDoubleLE(at, 0);
  value.writeDoubleLE(until, 8);
  value.write(text, 16);
  return value;
}

export function decodeRevocation(value: Buffer): Revocation {
  const [kind, id, except] = JSON.parse(value.toString("utf8", 16)) as [
    Revocation["kind"],
    string | null,
    string | null,
  ];
  return {
    kind,
    ...(id === null ? {} : { id }),
    at: value.readDoubleLE(0),
    until: value.readDoubleLE(8),
    ...(except === null ? {} : { except }),
  };
}

function writeText(text: string, at: number): { readonly end: number; readonly isWide: boolean } {
  const length = scratch.write(text, at, "utf8");
  // As long as it has characters means ASCII. Half a surrogate would read back as another character.
  const isWide = length !== text.length && /\p{Surrogate}/u.test(text);
  return { end: at + (isWide ? scratch.write(text, at, "utf16le") : length), isWide };
}

function readText(value: Buffer, from: number, to: number, isWide: boolean): string {
  return value.toString(isWide ? "utf16le" : "utf8", from, to);
}
