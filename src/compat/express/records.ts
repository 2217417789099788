/**
 * Sessions of express-session as records of coatcheck's store contract.
 *
 * @module
 */

import { encodeBase64url } from "../../lib/base64url.ts";
import { utf8 } from "../../lib/bytes.ts";
import { sha256 } from "../../lib/sha256.ts";
import type { SessionRecord } from "../../stores/contract.ts";
import type { CookieSettings, SessionData } from "./types.ts";

/** What a body says. */
export interface Kept {
  readonly sid: string;
  /** The session's JSON. */
  readonly text: string;
}

const ID_BYTES = 18;

/**
 * The id of the record: 18 bytes of the hash of the session id, which may be any text (`genid`).
 */
export function recordIdOf(sid: string): string {
  const hash = sha256(utf8(`coatcheck express-session ${sid}`));
  return encodeBase64url(hash.subarray(0, ID_BYTES));
}

/** The session id lies there too, for `ids` and `all`. Without the app's secret it opens nothing. */
export function bodyOf({ sid, text }: Kept): string {
  return `{"express":1,"sid":${JSON.stringify(sid)},"session":${text}}`;
}

/** @returns `undefined` for a record that something else has written, or that has ended. */
export function readBody(body: string): Kept | undefined {
  if (!body.startsWith(BEGINS)) return undefined;
  const { sid, session } = JSON.parse(body) as { sid?: string; session?: unknown };
  return sid === undefined ? undefined : { sid, text: JSON.stringify(session) };
}

const BEGINS = '{"express":1,';

/** How a session ended: by `destroy`, or followed by another one. */
export type Ending = "destroyed" | "regenerated";

export function endedBody(ending: Ending, at: number): string {
  return `{"express":1,"ended":"${ending}","at":${at}}`;
}

/**
 * Whether a browser may still hold this cookie only because the answer with the next one is on its way.
 */
export function isFollowed(record: SessionRecord, now: number): boolean {
  if (!record.closed || !record.body.startsWith(BEGINS)) return false;
  const { ended, at } = JSON.parse(record.body) as { ended?: Ending; at?: number };
  return ended === "regenerated" && at !== undefined && now - at < A_MINUTE;
}

export const A_MINUTE = 60_000;

/** What the cookie of a session says about its end. */
export interface Age {
  /** The moment; absent where the cookie ends with the browser. */
  readonly expiresAt: number | undefined;
  /** How long the session lives on after each use; absent where it does not. */
  readonly life: number | undefined;
}

export function ageOf(session: unknown, idle: number): Age {
  const { cookie } = session as { cookie?: Partial<CookieSettings> };
  const { expires, originalMaxAge } = cookie ?? {};
  // Also false: apps say `expires = false` for a cookie that ends with the browser.
  const at = expires ? new Date(expires).valueOf() : Number.NaN;
  if (Number.isNaN(at)) return { expiresAt: undefined, life: idle };
  return { expiresAt: at, life: originalMaxAge ?? undefined };
}

/** The session as it was written, but for the moment of its end: that has moved with every touch. */
export function sessionOf(text: string, expiresAt: number): SessionData {
  const session = JSON.parse(text) as { cookie?: { expires?: unknown } };
  if (session.cookie?.expires) session.cookie.expires = new Date(expiresAt).toISOString();
  return session as SessionData;
}
