/**
 * What every foreign session format offers, so that adopting and sharing are written once.
 *
 * A format is a module of pure functions. On top of them it offers one {@link ForeignSource}: an object
 * that finds the foreign session of a request, can write it back, and knows how its cookie is deleted.
 *
 * @module
 */

import type { ForeignAttributes, ForeignCookie } from "../cookie/foreign.ts";

export type { ForeignAttributes, ForeignCookie } from "../cookie/foreign.ts";

/** Why a foreign value was not taken. Stable: tests and the operator's counters go by it. */
export type RefusalReason =
  /** The cookie, or the record that it names, is not there. */
  | "absent"
  /** Not of this format at all: wrong alphabet, parts missing, cut short, half written. */
  | "malformed"
  /** Of this format, and signed or encrypted by none of the keys: altered, another app's, an old key. */
  | "forged"
  /** Genuine and too old. */
  | "expired"
  /** Genuine and made later than now, beyond the leeway. */
  | "future"
  /** More bytes, levels or items than are read, before or after decompression. */
  | "too-large"
  /** Genuine, and holds what is not read: executable records, types or versions that are not known. */
  | "unsupported";

/**
 * A foreign value that was not taken. It is an answer and no error: anyone can send any cookie.
 *
 * For the operator, never for the visitor: outside, all refusals look the same.
 */
export interface Refused {
  readonly refused: RefusalReason;
  /** What was wrong, in words that hold nothing of the value itself. */
  readonly problem: string;
}

/** A foreign session that is genuine and live. */
export interface ForeignSession {
  /**
   * Everything that the foreign app sees in its session, the keys that its libraries keep there
   * included. So what is sealed again loses nothing.
   *
   * Values are JSON, `Date`, `Map`, `Set`, `bigint` and `Uint8Array`, and what the format's page names.
   */
  readonly data: Readonly<Record<string, unknown>>;
  /**
   * Names this session among those of the source: the foreign id, or the cookie's own text where there is
   * none, which is another one after every change. It is a secret. Hash it before it is kept.
   */
  readonly identity: string;
  /**
   * Whether another browser may have the very same cookie: it holds the data and nothing else, no time and
   * nothing random, so that two devices of one user often have the same.
   */
  readonly isAmbiguous?: boolean;
  /** Whom it belongs to, where the format or its usual login library says so. */
  readonly userId?: string;
  /** When it began, in milliseconds since the epoch. */
  readonly createdAt?: number;
  /** When it was used or written last. */
  readonly lastSeenAt?: number;
  /** When it ends by the rules of the foreign app. */
  readonly expiresAt?: number;
  /** Whether the cookie outlives the browser's run. */
  readonly persistent?: boolean;
  /** Where the record lies, for formats that keep one. */
  readonly recordKey?: string;
  /** The cookies that it came in: those to delete when it has been adopted. */
  readonly cookieNames: readonly string[];
  /** What {@link ForeignSource.seal} needs to write the same session again. Opaque. */
  readonly origin?: unknown;
}

/** What is to be written in the foreign format. A {@link ForeignSession} is one. */
export interface ForeignDraft {
  readonly data: Readonly<Record<string, unknown>>;
  /** Set: the data is made to say so. Absent: the data is written as it is. */
  readonly userId?: string;
  readonly createdAt?: number;
  /** When it ends, for formats that hold it; the others go by the lifetime of the foreign app. */
  readonly expiresAt?: number;
  readonly persistent?: boolean;
  readonly origin?: unknown;
}

/** What came of writing a session in the foreign format. */
export interface SealedForeign {
  /** To be sent. Empty where the browser's cookie stays right. */
  readonly cookies: readonly ForeignCookie[];
  /** The identity that the session has from now on. */
  readonly identity: string;
  /** The record, where the format keeps one: it has been written when a source with records gives it. */
  readonly recordKey?: string;
}

/** A record of a foreign library, as it lies in its backend. */
export interface ForeignRecord {
  /** Bytes, or text where the backend's column is text. */
  readonly value: Uint8Array | string;
  /** Where the backend keeps the end beside the value (a TTL, a column); milliseconds since the epoch. */
  readonly expiresAt?: number;
}

/**
 * The backend of a foreign library, as the app reaches it with its own client: Redis, a folder, a table.
 *
 * Throw anything for trouble; a record that is not there is `undefined`.
 */
export interface ForeignRecords {
  read(key: string): Promise<ForeignRecord | undefined>;
  /** Adds or replaces. */
  write(key: string, record: ForeignRecord): Promise<void>;
  /** Removes; one that is not there is fine. */
  remove(key: string): Promise<void>;
}

/** The cookies of a request, by exact name. The values are what stands in the header, unquoted by nobody. */
export type ReadCookie = (name: string) => string | undefined;

/** One foreign library with one configuration: what `adopt` and sharing take. */
export interface ForeignSource {
  /** For events and counters: `"flask"`, `"express-session"`. */
  readonly name: string;
  /** The cookies that it looks at. Chunked ones are found by these names as beginnings. */
  readonly cookieNames: readonly string[];
  /** Which of several cookies of one name, as of two paths, the library takes: -1 for the last. @default 0 */
  readonly cookieAt?: number;
  /** How its cookies are set. */
  readonly attributes: ForeignAttributes;
  /** Keys of the data that the foreign library keeps for itself: adopting leaves them out. */
  readonly reserved: readonly string[];
  /**
   * When a session was used last is told by its end, less the age that the foreign app gives it: who shares
   * it must not write another end.
   */
  readonly endTellsUse?: boolean;
  /**
   * Its records say no time that stays: who shares them keeps a key of its own in those with a user, which
   * says since when it is whose.
   */
  readonly takesMark?: boolean;
  /** Under which key who shares them notes what they do not say. @default "_coatcheck" */
  readonly noteKey?: string;
  /**
   * The foreign session of a request. Checks the cookie before any record is read.
   *
   * @param now - milliseconds since the epoch.
   * @returns never throws for what a cookie or a record holds; only the backend's own trouble comes through.
   */
  open(cookie: ReadCookie, now: number): Promise<ForeignSession | Refused>;
  /**
   * Writes a session so that the foreign app reads it: the cookie, and the record where there is one.
   * With the `origin` of an opened session it writes the same one again.
   *
   * @throws {ValueError} when the format cannot hold a value; nothing was written.
   * @throws {SessionTooLargeError} when the cookie would be too long; nothing was written.
   */
  seal(draft: ForeignDraft, now: number): Promise<SealedForeign>;
  /** The cookies that delete these, by default all of {@link cookieNames}. */
  deletion(names?: readonly string[]): readonly ForeignCookie[];
  /**
   * Puts off the end of a record that is only read, and changes nothing else. For sessions that do not say when
   * they were used last: the others are written again.
   */
  touch?(session: ForeignSession, now: number): Promise<void>;
  /** Removes the record of an opened session; nothing where the cookie is all there is. */
  remove?(session: ForeignSession): Promise<void>;
}

/** Whether a value was refused. */
export function isRefused(value: unknown): value is Refused {
  return typeof value === "object" && value !== null && "refused" in value;
}
