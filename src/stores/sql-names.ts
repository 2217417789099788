/**
 * What every SQL store asks of names: session ids, and user ids as an indexed column holds them.
 *
 * @module
 */

import { encodeBase64url } from "../lib/base64url.ts";
import { utf8, utf8Length } from "../lib/bytes.ts";
import { sha256 } from "../lib/sha256.ts";

/** 24 base64url characters. Nothing else is looked for, or ever stored. */
export function isSessionId(id: string): boolean {
  return /^[\w-]{24}$/.test(id);
}

/** A user id in two columns: one short enough for every index, one for the rest. */
export interface StoredUser {
  /** The id itself; of a long one a digest, which no id is spelled like. */
  readonly key: string;
  /** The id, when the key is a digest. */
  readonly long: string | null;
}

// Indexes hold about 2700 bytes a row in PostgreSQL and 3072 in InnoDB, with everything else in them.
const MOST_BYTES = 400;

/**
 * A user id as text that every database and client hands back as it was: PostgreSQL's text holds no
 * NUL, and PGlite drops a byte order mark in front. A backslash is written twice, a NUL as `\0` and a mark
 * as `\F`; all other ids lie there as they are.
 */
export function storedUser(userId: string): StoredUser {
  const text = escaped(userId);
  if (utf8Length(text) <= MOST_BYTES) return { key: text, long: null };
  return { key: `\\#${encodeBase64url(sha256(utf8(text)))}`, long: text };
}

/** The user id that was stored so. */
export function userIdOf(key: string | null, long: string | null): string | undefined {
  const text = long ?? key;
  return text === null ? undefined : unescaped(text);
}

/** The same for any other text that names something. */
export function escaped(text: string): string {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: it is the one that has to go.
  return text.replace(/[\\\u0000\uFEFF]/g, (character) => ESCAPES[character] as string);
}

export function unescaped(text: string): string {
  return text.replace(/\\([\\0F])/g, (_, letter) => CHARACTERS[letter] as string);
}

const ESCAPES: Readonly<Record<string, string>> = {
  "\\": "\\\\",
  "\u0000": "\\0",
  "\uFEFF": "\\F",
};
const CHARACTERS: Readonly<Record<string, string>> = { "\\": "\\", "0": "\u0000", F: "\uFEFF" };
