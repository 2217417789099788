/**
 * Flask-Session: a random id in the cookie, signed or not, and the session in Redis, a folder or a table.
 *
 * Versions 0.3 to 0.6 keep pickles; 0.7 and 0.8 keep MessagePack or JSON in Redis and SQL, and pickles in
 * cachelib. What a record is can be seen from its first byte, so that all of them are read, as 0.8 does.
 * A pickle is read as plain data and never executed.
 *
 * @see https://flask-session.readthedocs.io/en/latest/config.html
 * @module
 */

import { ConfigError, section } from "../errors.ts";
import { encodeBase64url } from "../lib/base64url.ts";
import { utf8, utf8Text } from "../lib/bytes.ts";
import type { Duration } from "../lib/duration.ts";
import { randomBytes } from "../lib/random.ts";
import { choiceOption, textOption } from "./options.ts";
import {
  FLASK_ATTRIBUTES,
  FLASK_KEYS,
  FLASK_LIFETIME,
  flaskData,
  isPermanent,
} from "./python/flask-parts.ts";
import { readJson, writeJson } from "./python/json.ts";
import type { Limits, ReadLimits } from "./python/limits.ts";
import { limitsOf } from "./python/limits.ts";
import { md5 } from "./python/md5.ts";
import { unpackMsgpack } from "./python/msgpack-read.ts";
import { writeMsgpack } from "./python/msgpack-write.ts";
import { unpickle } from "./python/pickle-read.ts";
import { writePickle } from "./python/pickle-write.ts";
import type { Taken } from "./python/refusal.ts";
import { answer, answerNow, refuse, taken } from "./python/refusal.ts";
import type { Signer } from "./python/signing.ts";
import { signer } from "./python/signing.ts";
import {
  checkRecords,
  cookieOf,
  cookieOptions,
  cookieText,
  defined,
  deletionOf,
  durationOption,
  readRecord,
  sessionData,
  userUnder,
} from "./python/source-parts.ts";
import type { TextOrBytes } from "./python/web-crypto.ts";
import { bytesOf, digest, hex, joined } from "./python/web-crypto.ts";
import type {
  ForeignAttributes,
  ForeignRecord,
  ForeignRecords,
  ForeignSource,
  Refused,
} from "./source.ts";

export type { Duration } from "../lib/duration.ts";
export type { Flash } from "./python/flask-parts.ts";
export { flashesOf, flaskLoginIdentifier, isPermanent, withFlash } from "./python/flask-parts.ts";
export type { ReadLimits } from "./python/limits.ts";
export type { Taken } from "./python/refusal.ts";
export { isTuple, plain, tuple } from "./python/values.ts";
export type { TextOrBytes } from "./python/web-crypto.ts";
export * from "./source.ts";

/** How a record is written. */
export type RecordFormat = "pickle" | "msgpack" | "json";

/**
 * Where records lie, and so what a key of {@link ForeignRecords} is:
 *
 * - `redis`: the Redis key; the value is the record, its TTL the end.
 * - `cachelib`: a file's name in `SESSION_FILE_DIR`; the end is in the file, before the pickle.
 * - `sql`: `session_id` of the table `sessions`; the value is `data`, the end `expiry` (UTC).
 */
export type FlaskSessionLayout = "redis" | "cachelib" | "sql";

/** A Flask app with Flask-Session. */
export interface FlaskSessionOptions {
  readonly records: ForeignRecords;
  readonly layout: FlaskSessionLayout;
  /**
   * What is written; every format is read. With cachelib it is always a pickle.
   *
   * @default "msgpack", as 0.8; "pickle" for versions before 0.7
   */
  readonly format?: RecordFormat;
  /**
   * `SECRET_KEY` first, for apps with `SESSION_USE_SIGNER`. Absent: the id stands in the cookie as it is.
   */
  readonly secrets?: readonly TextOrBytes[];
  /** `SESSION_COOKIE_NAME`. @default "session" */
  readonly cookieName?: string;
  /** `SESSION_KEY_PREFIX`. @default "session:" */
  readonly keyPrefix?: string;
  /** `PERMANENT_SESSION_LIFETIME`, also of sessions that are not permanent. @default "31d" */
  readonly lifetime?: Duration;
  /** What names cachelib's files: MD5, or SHA-256 from cachelib 0.11 on where it was set. @default "md5" */
  readonly fileHash?: "md5" | "sha256";
  /** Where the session says whose it is. @default "_user_id", as Flask-Login has it */
  readonly userKey?: string;
  readonly attributes?: Partial<ForeignAttributes>;
  readonly limits?: ReadLimits;
}

const KNOWN = [
  "records",
  "layout",
  "format",
  "secrets",
  "cookieName",
  "keyPrefix",
  "lifetime",
  "fileHash",
  "userKey",
  "attributes",
  "limits",
] as const;

/**
 * The data of a record in whatever format it is: JSON begins with `{`, MessagePack with the code of a map,
 * a pickle with its protocol or, in protocols 0 and 1, with `(` or `}`.
 */
export function readFlaskSessionRecord(
  bytes: Uint8Array,
  limits?: ReadLimits,
): Taken<Record<string, unknown>> | Refused {
  return answerNow(() => ({ value: recordData(bytes, limitsOf(limits)) }));
}

/** @throws {ValueError} naming the path of what the format cannot hold. */
export function writeFlaskSessionRecord(
  data: Readonly<Record<string, unknown>>,
  format: RecordFormat,
): Uint8Array {
  if (format === "pickle") return writePickle(data);
  if (format === "msgpack") return writeMsgpack(data);
  // msgspec reads it, and finds a record with NaN in it no JSON at all.
  return utf8(writeJson(data, { ascii: false, finite: true }));
}

/**
 * The sessions of a Flask app with Flask-Session, in both directions.
 *
 * @throws {ConfigError} when an option cannot work.
 */
export function flaskSession(options: FlaskSessionOptions): ForeignSource {
  const given = section("options", options, KNOWN);
  const records = checkRecords(given.records);
  const layout = choiceOption("layout", given.layout, ["redis", "cachelib", "sql"]);
  const format = choiceOption("format", given.format, ["msgpack", "pickle", "json"], "msgpack");
  const fileHash = choiceOption("fileHash", given.fileHash, ["md5", "sha256"], "md5");
  if (layout !== "cachelib" && given.fileHash !== undefined) {
    throw new ConfigError("fileHash", 'has no effect without `layout: "cachelib"`');
  }
  if (layout === "cachelib" && given.format !== undefined && format !== "pickle") {
    throw new ConfigError("format", 'is always "pickle" with `layout: "cachelib"`');
  }
  const keyPrefix = textOption("keyPrefix", given.keyPrefix, "session:");
  const userKey = textOption("userKey", given.userKey, "_user_id");
  const limits = limitsOf(given.limits);
  const lifetime = durationOption("lifetime", given.lifetime, FLASK_LIFETIME);
  const { cookieName, attributes } = cookieOptions(given, "session", FLASK_ATTRIBUTES);
  const deletion = deletionOf(cookieName, attributes);
  const idSigner = signerOf(given.secrets);

  return {
    name: "flask-session",
    cookieNames: [cookieName],
    attributes,
    reserved: FLASK_KEYS,
    takesMark: true,
    deletion,

    open: (cookie, now) =>
      answer(async () => {
        const text = cookieText(cookie, cookieName);
        const id = idSigner === undefined ? text : taken(await idSigner.unsign(text)).value;
        if (!ID.test(id)) refuse("malformed", "has something else in the id's place");
        const recordKey = await keyOf(id);
        const record = await readRecord(records, recordKey, now);
        const { bytes, expiresAt } = contentOf(record, now);
        const data =
          layout === "cachelib" ? sessionData(unpickle(bytes, limits)) : recordData(bytes, limits);
        return defined({
          data,
          identity: id,
          userId: userUnder(data, userKey),
          expiresAt,
          persistent: isPermanent(data),
          recordKey,
          cookieNames: [cookieName],
          origin: { id },
        });
      }),

    async seal(draft, now) {
      const data = flaskData(draft, userKey);
      const id = idIn(draft.origin) ?? encodeBase64url(randomBytes(32));
      const recordKey = await keyOf(id);
      // The library deletes both when a session has become empty.
      if (Object.keys(data).length === 0) {
        await records.remove(recordKey);
        return { cookies: deletion(), identity: id };
      }
      const end = now + lifetime;
      const text = idSigner === undefined ? id : await idSigner.sign(id);
      const cookie = cookieOf(cookieName, text, attributes, isPermanent(data) ? end : undefined);
      await records.write(recordKey, recordOf(data, end));
      return { cookies: [cookie], identity: id, recordKey };
    },

    async remove({ recordKey }) {
      if (recordKey !== undefined) await records.remove(recordKey);
    },
  };

  async function keyOf(id: string): Promise<string> {
    const key = `${keyPrefix}${id}`;
    if (layout !== "cachelib") return key;
    return hex(fileHash === "md5" ? md5(utf8(key)) : await digest("sha256", key));
  }

  function contentOf(record: ForeignRecord, now: number) {
    const bytes = bytesOf(record.value);
    return layout === "cachelib" ? cachelibContent(bytes, now) : { ...record, bytes };
  }

  function recordOf(data: Record<string, unknown>, end: number): ForeignRecord {
    const value = writeFlaskSessionRecord(data, layout === "cachelib" ? "pickle" : format);
    return { value: layout === "cachelib" ? cachelibFile(value, end) : value, expiresAt: end };
  }
}

/** cachelib's file: seconds of the end in four bytes, the low one first, 0 for never; then the pickle. */
function cachelibContent(
  file: Uint8Array,
  now: number,
): { readonly bytes: Uint8Array; readonly expiresAt: number | undefined } {
  if (file.length < 5) return refuse("malformed", "is no whole file of cachelib");
  const seconds = new DataView(file.buffer, file.byteOffset).getUint32(0, true);
  const expiresAt = seconds === 0 ? undefined : seconds * 1000;
  if (expiresAt !== undefined && expiresAt < now) {
    refuse("expired", "names a record whose time is over");
  }
  return { bytes: file.subarray(4), expiresAt };
}

function cachelibFile(pickle: Uint8Array, end: number): Uint8Array {
  const head = new Uint8Array(4);
  new DataView(head.buffer).setUint32(0, Math.floor(end / 1000), true);
  return joined([head, pickle]);
}

function recordData(bytes: Uint8Array, limits: Limits): Record<string, unknown> {
  const [first = 0, second = 0] = bytes;
  if (first === 0x7b) {
    if (bytes.length > limits.maxBytes) refuse("too-large", "is a larger record than is read");
    return sessionData(readJson(utf8Text(bytes) ?? refuse("malformed", "is not UTF-8"), limits));
  }
  const isPickle = first === 0x28 || first === 0x7d || (first === 0x80 && bytes.length > 1);
  if (isPickle && (first !== 0x80 || (second >= 2 && second <= 5))) {
    return sessionData(unpickle(bytes, limits));
  }
  // An empty map, and how every pickle begins. A session that is empty is not kept.
  if (first === 0x80) refuse("malformed", "is no whole record");
  return sessionData(unpackMsgpack(bytes, limits));
}

/** 43 characters of `token_urlsafe` in 0.8, 36 of a UUID in 0.3; never what could leave a folder. */
const ID = /^[A-Za-z0-9_-]{16,128}$/;

function idIn(origin: unknown): string | undefined {
  const id: unknown = (origin as { readonly id?: unknown } | undefined)?.id;
  return typeof id === "string" && ID.test(id) ? id : undefined;
}

function signerOf(secrets: readonly TextOrBytes[] | undefined): Signer | undefined {
  if (secrets === undefined) return undefined;
  return signer({ secrets, salt: "flask-session", keyDerivation: "hmac" });
}
