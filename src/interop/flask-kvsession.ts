/**
 * Flask-KVSession: an id with the moment of its making in a signed cookie, and the session in a simplekv
 * store under that id.
 *
 * `hex(id) ‖ "_" ‖ hex(seconds) ‖ "." ‖ signature`, signed by itsdangerous' `Signer` with all its defaults.
 * The lifetime counts from the making, whatever is done with the session. Records are pickles, JSON before
 * 0.3. Redis, file system and SQL stores of simplekv keep them under the same key, as they are.
 *
 * @see https://pythonhosted.org/Flask-KVSession/
 * @module
 */

import { section } from "../errors.ts";
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
import { unpickle } from "./python/pickle-read.ts";
import { writePickle } from "./python/pickle-write.ts";
import { answer, refuse, taken } from "./python/refusal.ts";
import { checkAge, LONG_LEEWAY } from "./python/signed-text.ts";
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
import { bytesOf, hex } from "./python/web-crypto.ts";
import type { ForeignAttributes, ForeignRecords, ForeignSource } from "./source.ts";

export type { Duration } from "../lib/duration.ts";
export type { Flash } from "./python/flask-parts.ts";
export { flashesOf, isPermanent, withFlash } from "./python/flask-parts.ts";
export type { ReadLimits } from "./python/limits.ts";
export { isTuple, plain, tuple } from "./python/values.ts";
export type { TextOrBytes } from "./python/web-crypto.ts";
export * from "./source.ts";

/** A Flask app with Flask-KVSession. */
export interface FlaskKvSessionOptions {
  /**
   * The simplekv store: a key is the Redis key, the file's name, or the column `key` of the table, with
   * the prefix of a `PrefixDecorator` before it.
   */
  readonly records: ForeignRecords;
  /** `SECRET_KEY` first. */
  readonly secrets: readonly TextOrBytes[];
  /** What is written; both are read. @default "pickle" */
  readonly format?: "pickle" | "json";
  /** `SESSION_COOKIE_NAME`. @default "session" */
  readonly cookieName?: string;
  /** Of a simplekv `PrefixDecorator`. @default "" */
  readonly keyPrefix?: string;
  /** `PERMANENT_SESSION_LIFETIME`, counted from when the id was made. @default "31d" */
  readonly lifetime?: Duration;
  /** Where the session says whose it is. @default "_user_id", as Flask-Login has it */
  readonly userKey?: string;
  readonly attributes?: Partial<ForeignAttributes>;
  readonly limits?: ReadLimits;
}

const KNOWN = [
  "records",
  "secrets",
  "format",
  "cookieName",
  "keyPrefix",
  "lifetime",
  "userKey",
  "attributes",
  "limits",
] as const;

/** An id as the library makes it: 64 random bits and seconds, in hexadecimal without zeros before them. */
export function flaskKvSessionId(now: number): string {
  const random = hex(randomBytes(8)).replace(/^0{1,15}/, "");
  return `${random}_${Math.floor(now / 1000).toString(16)}`;
}

/**
 * The sessions of a Flask app with Flask-KVSession, in both directions.
 *
 * @throws {ConfigError} when an option cannot work.
 */
export function flaskKvSession(options: FlaskKvSessionOptions): ForeignSource {
  const given = section("options", options, KNOWN);
  const records = checkRecords(given.records);
  const idSigner = signer({ secrets: given.secrets });
  const format = choiceOption("format", given.format, ["pickle", "json"], "pickle");
  const keyPrefix = textOption("keyPrefix", given.keyPrefix, "");
  const userKey = textOption("userKey", given.userKey, "_user_id");
  const limits = limitsOf(given.limits);
  const lifetime = durationOption("lifetime", given.lifetime, FLASK_LIFETIME);
  const { cookieName, attributes } = cookieOptions(given, "session", FLASK_ATTRIBUTES);
  const deletion = deletionOf(cookieName, attributes);

  return {
    name: "flask-kvsession",
    cookieNames: [cookieName],
    attributes,
    reserved: FLASK_KEYS,
    deletion,

    open: (cookie, now) =>
      answer(async () => {
        const { value: id } = taken(await idSigner.unsign(cookieText(cookie, cookieName)));
        const createdAt = createdAtOf(id);
        if (createdAt === undefined)
          return refuse("malformed", "has something else in the id's place");
        checkAge(createdAt, { now, maxAge: lifetime / 1000, leeway: LONG_LEEWAY });
        const recordKey = `${keyPrefix}${id}`;
        const record = await readRecord(records, recordKey, now);
        const data = recordData(bytesOf(record.value), limits);
        return defined({
          data,
          identity: id,
          userId: userUnder(data, userKey),
          createdAt,
          expiresAt: createdAt + lifetime,
          persistent: isPermanent(data),
          recordKey,
          cookieNames: [cookieName],
          origin: { id },
        });
      }),

    async seal(draft, now) {
      const data = flaskData(draft, userKey);
      const id = idIn(draft.origin) ?? flaskKvSessionId(draft.createdAt ?? now);
      const createdAt = createdAtOf(id) ?? now;
      const value =
        format === "pickle"
          ? writePickle(data)
          : utf8(writeJson(data, { ascii: true, spaced: true }));
      const text = await idSigner.sign(id);
      const cookieEnd = isPermanent(data) ? now + lifetime : undefined;
      const cookie = cookieOf(cookieName, text, attributes, cookieEnd);
      const recordKey = `${keyPrefix}${id}`;
      await records.write(recordKey, { value, expiresAt: createdAt + lifetime });
      return { cookies: [cookie], identity: id, recordKey };
    },

    async remove({ recordKey }) {
      if (recordKey !== undefined) await records.remove(recordKey);
    },
  };
}

/** Canonical only: Python's `int(text, 16)` also takes capitals, blanks, signs and `0x`. */
function createdAtOf(id: string): number | undefined {
  const [, seconds] = /^(?:0|[1-9a-f][0-9a-f]{0,63})_([1-9a-f][0-9a-f]{0,9})$/.exec(id) ?? [];
  return seconds === undefined ? undefined : Number.parseInt(seconds, 16) * 1000;
}

function idIn(origin: unknown): string | undefined {
  const id: unknown = (origin as { readonly id?: unknown } | undefined)?.id;
  return typeof id === "string" && createdAtOf(id) !== undefined ? id : undefined;
}

function recordData(bytes: Uint8Array, limits: Limits): Record<string, unknown> {
  if (bytes.length > limits.maxBytes) refuse("too-large", "is a larger record than is read");
  if (bytes[0] !== 0x7b) return sessionData(unpickle(bytes, limits));
  return sessionData(readJson(utf8Text(bytes) ?? refuse("malformed", "is not UTF-8"), limits));
}
