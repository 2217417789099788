/**
 * Where things lie in the folder of a file store.
 *
 * ```
 * sessions/a1/a1b2…                 a session: a log, named by the hex of its id
 * users/c3/c3d4…/a1b2…              a session of a user, empty; the user is a hash
 * due/000002938471/a1b2…            when to look at a session, empty, by the ten minutes
 * cut-offs/c                        the cut-offs of a sixteenth of the users: a log
 * revocations                       the feed: a log
 * drafts/                           what is being written
 * version                           of this layout
 * ```
 *
 * All names are hex or numbers: nothing that came from outside reaches a path, and a file system that
 * does not tell `a` from `A` keeps ids apart.
 *
 * @module
 */

import { createHash } from "node:crypto";

export const FEED = "revocations";
export const SESSIONS = "sessions";
export const CUT_OFFS = "cut-offs";
export const DUE = "due";
export const DRAFTS = "drafts";

const TEN_MINUTES = 600_000;
const DIGITS = 12;

/** The name of a session's files. `undefined` when the id is not 24 base64url characters. */
export function nameOf(id: string): string | undefined {
  return /^[\w-]{24}$/.test(id) ? Buffer.from(id, "base64url").toString("hex") : undefined;
}

/** The id of a session by the name of its files; `undefined` for the name of another file. */
export function idOf(name: string): string | undefined {
  return /^[0-9a-f]{36}$/.test(name) ? Buffer.from(name, "hex").toString("base64url") : undefined;
}

export function sessionPath(name: string): string {
  return `${SESSIONS}/${name.slice(0, 2)}/${name}`;
}

/** The folder of a user's sessions. */
export function userPath(userId: string): string {
  const hash = hashOf(userId);
  return `users/${hash.slice(0, 2)}/${hash}`;
}

export function cutOffPath(userId: string): string {
  return `${CUT_OFFS}/${hashOf(userId).slice(0, 1)}`;
}

/** The folder of the sessions that are to be looked at within the ten minutes of a moment. */
export function dueBucket(at: number): string {
  const number = Math.min(Math.max(0, Math.floor(at / TEN_MINUTES)), 10 ** DIGITS - 1);
  return `${number}`.padStart(DIGITS, "0");
}

export function duePath(bucket: string, name: string): string {
  return `${DUE}/${bucket}/${name}`;
}

function hashOf(userId: string): string {
  // UTF-8 has no half surrogates: two ids that differ in them would be one.
  return createHash("sha256").update(Buffer.from(userId, "utf16le")).digest("hex").slice(0, 40);
}
