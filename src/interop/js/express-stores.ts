/**
 * How the stores of express-session lay out their records: key, value and end of life.
 *
 * @module
 */

import { ConfigError } from "../../errors.ts";
import { ageOption, sourceOptions, textOption } from "../options.ts";
import type { ForeignRecord, Refused } from "../source.ts";
import { isRefused } from "../source.ts";
import type { ExpressCookie } from "./express-record.ts";
import type { FoundRecord, RecordLayout } from "./records.ts";
import { readJsonRecord, writeJsonRecord } from "./records.ts";
import { refuse } from "./refuse.ts";

const DAY = 86_400;
const HOUR = 3_600;

/**
 * connect-redis: the key is `sess:` and the session's id, the value is JSON, the end is the key's TTL.
 * A touch moves the TTL only, so the date within the JSON is not looked at.
 *
 * Give `records` that read `GET` with `PTTL` and write `SET … PX`.
 *
 * @see https://github.com/tj/connect-redis/blob/v9.0.0/index.ts
 */
export function connectRedis(
  options: {
    /** @default "sess:" */
    readonly prefix?: string;
    /** Seconds, for cookies that end with the browser. @default 86400 */
    readonly ttl?: number;
  } = {},
): RecordLayout {
  sourceOptions("options", options, ["prefix", "ttl"]);
  const prefix = textOption("prefix", options.prefix, "sess:");
  const ttl = ageOption("ttl", options.ttl, "seconds", DAY);
  return layout(ttl, (sid) => prefix + sid);
}

/**
 * connect-pg-simple: a row `sid`, `sess` (json), `expire` (timestamp). The key is the id.
 *
 * Give `records` that read `sess::text` and `extract(epoch FROM expire::timestamptz)`, and write the end by
 * `to_timestamp`, on a connection in the app's time zone: the column is without one.
 *
 * @see https://github.com/voxpelli/node-connect-pg-simple/blob/v10.0.0/table.sql
 */
export function connectPgSimple(
  options: {
    /** Seconds, for cookies that end with the browser. @default 86400 */
    readonly ttl?: number;
  } = {},
): RecordLayout {
  sourceOptions("options", options, ["ttl"]);
  return layout(ageOption("ttl", options.ttl, "seconds", DAY), (sid) => sid);
}

/**
 * connect-mongo: a document `{_id, session, expires}`. The key is `_id`; the value is `session`, which
 * is JSON in a string unless `stringify: false`: then give it as JSON.
 *
 * Encrypted documents (`crypto`) are not read.
 *
 * @see https://github.com/jdesboeufs/connect-mongo#readme
 */
export function connectMongo(
  options: {
    /** The option of the same name. @default the id itself */
    readonly transformId?: (sid: string) => string;
    /** Seconds, for cookies that end with the browser. @default 1209600 (14 days) */
    readonly ttl?: number;
  } = {},
): RecordLayout {
  sourceOptions("options", options, ["transformId", "ttl"]);
  const { transformId = (sid) => sid } = options;
  if (typeof transformId !== "function") throw new ConfigError("transformId", "must be a function");
  const ttl = ageOption("ttl", options.ttl, "seconds", 14 * DAY);
  return layout(ttl, transformId);
}

/**
 * session-file-store: a file `<id>.json`. The end is `__lastAccess` and the cookie's age after that.
 *
 * Encrypted files (`secret`) are not read. The key is the file's name, without the folder.
 *
 * @see https://github.com/valery-barysok/session-file-store/blob/v1.5.0/lib/session-file-helpers.js
 */
export function sessionFileStore(
  options: {
    /** Seconds, for cookies that end with the browser. @default 3600 */
    readonly ttl?: number;
    /** @default ".json" */
    readonly fileExtension?: string;
  } = {},
): RecordLayout {
  sourceOptions("options", options, ["ttl", "fileExtension"]);
  const ttl = ageOption("ttl", options.ttl, "seconds", HOUR);
  const fileExtension = textOption("fileExtension", options.fileExtension, ".json");
  return {
    ttl: ttl * 1000,
    // The id becomes a part of a path, and `genid` may make it of anything.
    key: (sid) =>
      /^[\w.~-]{1,200}$/.test(sid) && !sid.startsWith(".") ? sid + fileExtension : undefined,
    read(record, now) {
      const parsed = readJsonRecord(record);
      if (isRefused(parsed)) return parsed;
      const { __lastAccess: lastAccess, ...content } = parsed.object;
      if (typeof lastAccess !== "number" || !Number.isFinite(lastAccess)) {
        return refuse("malformed", "the file does not say when it was used");
      }
      const age = ageOf(content["cookie"]) ?? ttl * 1000;
      const expiresAt = lastAccess + age;
      if (expiresAt < now) return refuse("expired", "the file's time is over");
      return { content, expiresAt };
    },
    write: (content, _expiresAt, now) =>
      writeJsonRecord({ ...content, __lastAccess: now }, undefined),
  };
}

/** JSON as the value, and the end beside it. */
function layout(ttl: number, key: (sid: string) => string): RecordLayout {
  return {
    ttl: ttl * 1000,
    key,
    read(record: ForeignRecord): Omit<FoundRecord, "key"> | Refused {
      const parsed = readJsonRecord(record);
      if (isRefused(parsed)) return parsed;
      const { expiresAt } = record;
      return { content: parsed.object, ...(expiresAt === undefined ? {} : { expiresAt }) };
    },
    // Both round up to whole seconds, so that the record outlives the cookie.
    write: (content, expiresAt, now) =>
      writeJsonRecord(content, Math.ceil((expiresAt ?? now + ttl * 1000) / 1000) * 1000),
  };
}

function ageOf(cookie: unknown): number | undefined {
  const age = (cookie as Partial<ExpressCookie> | null | undefined)?.originalMaxAge;
  return typeof age === "number" && age > 0 ? age : undefined;
}
