/**
 * The record that express-session and @fastify/session keep: a `cookie` object beside the app's keys.
 *
 * `{"cookie":{"originalMaxAge":3600000,"expires":"2026-11-20T09:38:01.663Z","httpOnly":true,
 * "path":"/"},"userId":42}`. Age in milliseconds; `null` for a cookie that ends with the browser.
 *
 * @see https://github.com/expressjs/session/blob/v1.19.0/session/cookie.js
 * @module
 */

import type { ForeignAttributes, Refused } from "../source.ts";
import { isRefused } from "../source.ts";
import type { JsonObject, Parsed } from "./json.ts";
import { checkedObject, readJsonObject, requireFreeKeys, writeJson } from "./json.ts";
import { refuse } from "./refuse.ts";

/** What a record says about its cookie. */
export interface ExpressCookie extends JsonObject {
  /** Milliseconds; `null`: the cookie ends with the browser. */
  readonly originalMaxAge: number | null;
  /** When the cookie ended at the last full write, as an ISO date. A touch does not move it. */
  readonly expires: string | null;
}

/** A record, taken apart. */
export interface ExpressRecord {
  readonly cookie: ExpressCookie;
  /** All the rest: what the app sees as `req.session`. */
  readonly data: JsonObject;
}

/** The record that a text stands for. Never throws. */
export function readExpressRecord(text: string): ExpressRecord | Refused {
  const parsed = readJsonObject(text);
  return isRefused(parsed) ? parsed : takenApart(parsed);
}

/** The same for a record that is an object already. */
export function expressRecordOf(value: unknown): ExpressRecord | Refused {
  const checked = checkedObject(value);
  return isRefused(checked) ? checked : takenApart(checked);
}

/** A record as text. @throws {ValueError} for what JSON lacks, or a key that the library takes. */
export function writeExpressRecord(record: ExpressRecord): string {
  return writeJson(expressContent(record));
}

/** The record put together. @throws {ValueError} naming a key that the foreign app would not see. */
export function expressContent({ cookie, data }: ExpressRecord): JsonObject {
  requireFreeKeys(data, (key) => TAKEN.has(key));
  return { cookie, ...data };
}

/** What the record of a session says that has this cookie. */
export function expressCookie(
  { path, domain, secure, httpOnly, sameSite, partitioned }: ForeignAttributes,
  originalMaxAge: number | null,
  expiresAt: number | undefined,
): ExpressCookie {
  return {
    originalMaxAge,
    expires: expiresAt === undefined ? null : new Date(expiresAt).toISOString(),
    ...(secure ? { secure } : {}),
    httpOnly,
    ...(domain === undefined ? {} : { domain }),
    path,
    ...(sameSite === undefined ? {} : { sameSite }),
    ...(partitioned === true ? { partitioned } : {}),
  };
}

/** When the record says that the cookie ends. */
export function cookieEnd({ expires }: ExpressCookie): number | undefined {
  return expires === null ? undefined : Date.parse(expires);
}

function takenApart({ object }: Parsed): ExpressRecord | Refused {
  const { cookie, ...data } = object;
  if (typeof cookie !== "object" || cookie === null || Array.isArray(cookie)) {
    return refuse("malformed", "the record has no cookie");
  }
  const given = cookie as Partial<ExpressCookie>;
  // Also false: apps say `expires = false` for a cookie that ends with the browser, and it lies in both.
  const originalMaxAge =
    (given.originalMaxAge as unknown) === false ? null : (given.originalMaxAge ?? null);
  const expires = given.expires || null;
  if (originalMaxAge !== null && !Number.isFinite(originalMaxAge)) {
    return refuse("malformed", "the record's age is no number");
  }
  if (expires !== null && (typeof expires !== "string" || Number.isNaN(Date.parse(expires)))) {
    return refuse("malformed", "the record's end is no date");
  }
  return { cookie: { ...cookie, originalMaxAge, expires }, data };
}

/** What `req.session` has of its own, and so hides from the app. */
const TAKEN: ReadonlySet<string> = new Set([
  "cookie",
  "destroy",
  "id",
  "regenerate",
  "reload",
  "req",
  "resetMaxAge",
  "save",
  "touch",
]);
