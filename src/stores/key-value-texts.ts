/**
 * The keys and texts of a key-value store: sessions, users, and the directory of both.
 *
 * Keys are of lower-case hexadecimal digits, for backends that take `a` and `A` for the same (file
 * systems, SQL collations). Texts are JSON in one line, and say whose they are: a reply that belongs
 * to another request is found out.
 *
 * @module
 */

import { decodeBase64url } from "../lib/base64url.ts";
import { utf8 } from "../lib/bytes.ts";
import { sha256 } from "../lib/sha256.ts";
import type { SessionRecord } from "./contract.ts";
import type { Cells, Decision } from "./key-value-cells.ts";

/** What is kept for a user: the cut-off, and the marks of the sessions. */
export interface StoredUser {
  readonly userId: string;
  /** The cut-off, or 0. */
  readonly at: number;
  readonly keepUntil: number;
  /** A session that is not among them has no user's cell to be judged by, and is not there. */
  readonly marks: ReadonlyMap<string, number>;
}

/** An entry of the directory. */
export interface Entry {
  readonly kind: "session" | "user";
  /** The session id, or the hash of the user id. */
  readonly name: string;
}

const ID_BYTES = 18;
const USER_BYTES = 16;
const FORMAT = 1;

/** One app's part of a backend. */
export interface KeyValueSpace {
  readonly cells: Cells;
  readonly keys: KeyValueKeys;
  /** Over how many pieces the directory is spread. */
  readonly buckets: number;
  /** How many of them are read at once. */
  readonly bucketsAtOnce: number;
}

/** The keys of one namespace. */
export interface KeyValueKeys {
  /** `undefined` when the id is not 24 base64url characters. */
  session(id: string): string | undefined;
  user(userId: string): string;
  /** The key of what an entry of the directory names. */
  entry(entry: Entry): string;
  /** The piece of the directory with this number. */
  directory(bucket: number): string;
  /** The feed of revocations: its head, or a piece. */
  feed(piece?: number): string;
}

export function keyValueKeys(prefix: string): KeyValueKeys {
  const session = (id: string): string | undefined => {
    const bytes = decodeBase64url(id);
    return bytes?.length === ID_BYTES ? `${prefix}s${hex(bytes)}` : undefined;
  };
  return {
    session,
    user: (userId) => `${prefix}u${userName(userId)}`,
    entry: ({ kind, name }) =>
      kind === "session" ? (session(name) as string) : `${prefix}u${name}`,
    directory: (bucket) => `${prefix}d${bucket}`,
    feed: (piece) => `${prefix}f${piece ?? ""}`,
  };
}

/** What names a user in keys. */
export function userName(userId: string): string {
  return hex(sha256(utf8(userId)).subarray(0, USER_BYTES));
}

/** Where an entry stands in the directory: the same for an entry at any time. */
export function bucketOf({ name }: Entry, buckets: number): number {
  let sum = 0;
  for (let at = 0; at < name.length; at += 1) sum = (sum * 31 + name.charCodeAt(at)) >>> 0;
  return sum % buckets;
}

export function encodeRecord(record: SessionRecord): string {
  const { id, revision, userId, mark, lastSeenAt, expiresAt, closed, body } = record;
  const flags = (closed ? 1 : 0) + (userId === undefined ? 0 : 2);
  return JSON.stringify([
    FORMAT,
    id,
    revision,
    flags,
    userId ?? "",
    mark,
    lastSeenAt,
    expiresAt,
    body,
  ]);
}

/** @throws when it is not the text of this session. */
export function decodeRecord(id: string, text: string): SessionRecord {
  const [format, found, revision, flags, userId, mark, lastSeenAt, expiresAt, body] =
    parsed<[number, string, number, number, string, number, number, number, string]>(text);
  if (format !== FORMAT || found !== id) throw new Error("a text that is not this session's");
  const isUsers = (flags & 2) !== 0;
  return {
    id,
    revision,
    userId: isUsers ? userId : undefined,
    mark,
    lastSeenAt,
    expiresAt,
    closed: (flags & 1) !== 0,
    body,
  };
}

export function encodeUser({ userId, at, keepUntil, marks }: StoredUser): string {
  return JSON.stringify([FORMAT, userId, at, keepUntil, [...marks]]);
}

/** @throws when it is not the text of this user. */
export function decodeUser(userId: string, text: string): StoredUser {
  const user = decodeAnyUser(text);
  if (user.userId !== userId) throw new Error("a text that is not this user's");
  return user;
}

/** @throws when it is not the text of the user that an entry of the directory names. */
export function decodeNamedUser({ name }: Entry, text: string): StoredUser {
  const user = decodeAnyUser(text);
  if (userName(user.userId) !== name) throw new Error("a text that is not this user's");
  return user;
}

/** An entry as it is added to the end of its piece of the directory. */
export function encodeEntry({ kind, name }: Entry): string {
  return ` ${kind === "session" ? "s" : "u"}${name}`;
}

/** Each entry once, users after sessions, both in order of their names. */
export function decodeEntries(text: string | undefined): Entry[] {
  const words = [...new Set((text ?? "").split(" "))].filter((word) => word !== "").sort();
  return words.map((word) => ({
    kind: word.startsWith("s") ? "session" : "user",
    name: word.slice(1),
  }));
}

/** The pieces of the directory from this one on, with their numbers. */
export async function* directory(
  { cells, keys, buckets, bucketsAtOnce }: KeyValueSpace,
  first: number,
): AsyncGenerator<[number, string | undefined]> {
  for (let from = first; from < buckets; from += bucketsAtOnce) {
    const count = Math.min(bucketsAtOnce, buckets - from);
    const numbers = Array.from({ length: count }, (_, index) => from + index);
    const texts = await cells.read(numbers.map((number) => keys.directory(number)));
    for (const [index, number] of numbers.entries()) yield [number, texts[index]];
  }
}

function decodeAnyUser(text: string): StoredUser {
  const [format, userId, at, keepUntil, marks] =
    parsed<[number, string, number, number, [string, number][]]>(text);
  if (format !== FORMAT) throw new Error("a text that this version of coatcheck cannot read");
  return { userId, at, keepUntil, marks: new Map(marks) };
}

function parsed<Shape>(text: string): Shape {
  const value: unknown = JSON.parse(text);
  if (!Array.isArray(value)) throw new Error("a text that coatcheck did not write");
  return value as Shape;
}

function hex(bytes: Uint8Array): string {
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
}

/** Sessions that may be written: neither closed nor past their time. */
export function isLive({ closed, expiresAt }: SessionRecord, now: number): boolean {
  return !closed && expiresAt > now;
}

/** Leaves a text as it is. */
export function kept<Result>(result: Result): Decision<Result> {
  return { does: "keep", result };
}

/** A user without sessions and without a cut-off is not kept. */
export function writtenUser<Result>(user: StoredUser, result: Result): Decision<Result> {
  if (user.marks.size === 0 && user.at === 0) return { does: "remove", result };
  return { does: "write", text: encodeUser(user), result };
}

/** A user without this session. */
export function withoutMark(user: StoredUser | undefined, id: string): Decision<undefined> {
  if (user === undefined || !user.marks.has(id)) return kept(undefined);
  const marks = new Map(user.marks);
  marks.delete(id);
  return writtenUser({ ...user, marks }, undefined);
}
