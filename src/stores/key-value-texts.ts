/**
 * The keys and texts of a key-value store: sessions, users, and the directory of both.
 *
 * Keys are of lower-case hexadecimal digits, for backends that take `a` and `A` for the same (file
 * systems, SQL collations). Texts are JSON in one line, and say whose they are: a reply that belongs
 * to another request is found out.
 *
 * @module
 */

import { decodeBase64url, encodeBase64url } from "../lib/base64url.ts";
import { utf8 } from "../lib/bytes.ts";
import { randomBytes } from "../lib/random.ts";
import { sha256 } from "../lib/sha256.ts";
import type { SessionRecord } from "./contract.ts";
import type { Cells, Decision } from "./key-value-cells.ts";

/** What is kept for a session. */
export interface StoredSession {
  readonly record: SessionRecord;
  /** Sets it apart from any other of the same id: a mark is of one of them only. Empty for a visitor's. */
  readonly token: string;
}

/** What is kept for a user: the cut-off, and the marks of the sessions. */
export interface StoredUser {
  readonly userId: string;
  /** The cut-off, or 0. */
  readonly at: number;
  readonly keepUntil: number;
  /**
   * By {@link markName}. A session that is not among them has no user's cell to be judged by, and is not
   * there.
   */
  readonly marks: ReadonlyMap<string, Mark>;
}

export interface Mark {
  readonly mark: number;
  /** When it was written. */
  readonly since: number;
}

/** An entry of the directory. */
export interface Entry {
  readonly kind: "session" | "user";
  /** The session id, or the hash of the user id. */
  readonly name: string;
  /** When it was written, to the minute. */
  readonly since: number;
}

const ID_BYTES = 18;
const ID_LENGTH = 24;
const USER_BYTES = 16;
const TOKEN_BYTES = 6;
const FORMAT = 1;
const MINUTE = 60_000;
// Far longer than a verb takes, and than clocks are apart.
const YOUNG = 10 * MINUTE;

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
  entry(entry: Pick<Entry, "kind" | "name">): string;
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
export function bucketOf({ name }: Pick<Entry, "name">, buckets: number): number {
  let sum = 0;
  for (let at = 0; at < name.length; at += 1) sum = (sum * 31 + name.charCodeAt(at)) >>> 0;
  return sum % buckets;
}

/** A new session's own. */
export function newToken(): string {
  return encodeBase64url(randomBytes(TOKEN_BYTES));
}

export function encodeRecord(
  { id, revision, userId, mark, lastSeenAt, expiresAt, closed, body }: SessionRecord,
  token: string,
): string {
  const flags = (closed ? 1 : 0) + (userId === undefined ? 0 : 2);
  return JSON.stringify([
    FORMAT,
    id,
    token,
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
export function decodeRecord(id: string, text: string): StoredSession {
  const [format, found, token, revision, flags, userId, mark, lastSeenAt, expiresAt, body] =
    parsed<[number, string, string, number, number, string, number, number, number, string]>(text);
  if (format !== FORMAT || found !== id) throw new Error("a text that is not this session's");
  const isUsers = (flags & 2) !== 0;
  const record = {
    id,
    revision,
    userId: isUsers ? userId : undefined,
    mark,
    lastSeenAt,
    expiresAt,
    closed: (flags & 1) !== 0,
    body,
  };
  return { record, token };
}

/** What a session's mark is found by. */
export function markName(id: string, token: string): string {
  return id + token;
}

/** The id of the session whose mark has this name. */
export function idOfMark(name: string): string {
  return name.slice(0, ID_LENGTH);
}

/** A user's text. It goes on with any number of {@link encodeMark}. */
export function encodeUser({ userId, at, keepUntil, marks }: StoredUser): string {
  const head = JSON.stringify([FORMAT, userId, at, keepUntil]);
  return head + [...marks].map(([name, mark]) => encodeMark(name, mark)).join("");
}

/** A mark as it is added to the end of a user's text. */
export function encodeMark(name: string, { mark, since }: Mark): string {
  return `,${JSON.stringify([name, mark, since - mark])}`;
}

/** @throws when it is not the text of this user. */
export function decodeUser(userId: string, text: string): StoredUser {
  const user = decodeAnyUser(text);
  if (user.userId !== userId) throw new Error("a text that is not this user's");
  return user;
}

/** @throws when it is not the text of the user that an entry of the directory names. */
export function decodeNamedUser({ name }: Pick<Entry, "name">, text: string): StoredUser {
  const user = decodeAnyUser(text);
  if (userName(user.userId) !== name) throw new Error("a text that is not this user's");
  return user;
}

/** An entry as it is added to the end of its piece of the directory. */
export function encodeEntry({ kind, name, since }: Entry): string {
  return ` ${kind === "session" ? "s" : "u"}${name}${Math.floor(since / MINUTE).toString(36)}`;
}

/** Each entry once, as it was written last; users after sessions, both in order of their names. */
export function decodeEntries(text: string | undefined): Entry[] {
  const entries = new Map<string, Entry>();
  for (const word of (text ?? "").split(" ").sort()) {
    if (word === "") continue;
    const kind = word.startsWith("s") ? "session" : "user";
    const end = 1 + (kind === "session" ? ID_LENGTH : 2 * USER_BYTES);
    const since = parseInt(word.slice(end), 36) * MINUTE;
    const before = entries.get(word.slice(0, end))?.since ?? 0;
    const entry: Entry = { kind, name: word.slice(1, end), since: Math.max(before, since) };
    entries.set(word.slice(0, end), entry);
  }
  return [...entries.values()];
}

/**
 * Whether what was written then may still be waited for: a session, its mark and its entry are sent at
 * once, and where one of them has come another may be on its way.
 */
export function isYoung({ since }: { readonly since: number }, now: number): boolean {
  return since > now - YOUNG;
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
  const [[format, userId, at, keepUntil], ...written] = parsed<
    [[number, string, number, number], ...[string, number, number][]]
  >(`[${text}]`);
  if (format !== FORMAT) throw new Error("a text that this version of coatcheck cannot read");
  const marks = new Map<string, Mark>();
  for (const [name, mark, after] of written) {
    // A client that has heard no answer may have sent it twice, before and after a cut-off has lifted it.
    const before = marks.get(name);
    if (before === undefined || before.mark < mark) marks.set(name, { mark, since: mark + after });
  }
  return { userId, at, keepUntil, marks };
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

/** A user without this mark. */
export function withoutMark(user: StoredUser | undefined, name: string): Decision<undefined> {
  if (user === undefined || !user.marks.has(name)) return kept(undefined);
  const marks = new Map(user.marks);
  marks.delete(name);
  return writtenUser({ ...user, marks }, undefined);
}
