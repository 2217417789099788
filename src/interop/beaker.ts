/**
 * Beaker: whole sessions in a signed cookie, encrypted or not, and sessions behind a signed id in Redis,
 * files or a table.
 *
 * `hex(HMAC-SHA-1(secret, value)) ‖ value`, without separator, salt or time. The value is the id, or base64
 * of the session as JSON in zlib or as a pickle, perhaps encrypted. A pickle is read as plain data and never
 * executed.
 *
 * @see https://beaker.readthedocs.io/en/latest/configuration.html
 * @module
 */

import { SessionTooLargeError, section } from "../errors.ts";
import { randomBytes } from "../lib/random.ts";
import { choiceOption } from "./options.ts";
import { signBeaker, unsignBeaker } from "./python/beaker-crypto.ts";
import type { BeakerOptions } from "./python/beaker-parts.ts";
import { BEAKER, beakerParts } from "./python/beaker-parts.ts";
import { unpickle } from "./python/pickle-read.ts";
import { writePickle } from "./python/pickle-write.ts";
import { answer, refuse } from "./python/refusal.ts";
import { checkSecrets, textOrBytesOption } from "./python/secrets.ts";
import { checkRecords, cookieText, readRecord, sessionData } from "./python/source-parts.ts";
import type { TextOrBytes } from "./python/web-crypto.ts";
import { bytesOf, hex } from "./python/web-crypto.ts";
import type { ForeignDraft, ForeignRecords, ForeignSource } from "./source.ts";

export type { Duration } from "../lib/duration.ts";
export type { BeakerEncryption } from "./python/beaker-crypto.ts";
export type { BeakerOptions } from "./python/beaker-parts.ts";
export type { ReadLimits } from "./python/limits.ts";
export { isTuple, plain, tuple } from "./python/values.ts";
export type { TextOrBytes } from "./python/web-crypto.ts";
export * from "./source.ts";

/** `session.type = cookie`. */
export interface BeakerCookieOptions extends BeakerOptions {
  /** `validate_key`. The first one makes, every one opens; Beaker itself has one. */
  readonly validateKeys: readonly TextOrBytes[];
}

/**
 * Where records lie, and so what a key of {@link ForeignRecords} is:
 *
 * - `redis` (`ext:redis`): the Redis key; the value is a pickle.
 * - `file`: the path below `data_dir`; a pickle of `{"session": …}`.
 * - `sql` (`ext:database`): `namespace` of the table `beaker_cache`; the value is `data`, a pickle as of files.
 */
export type BeakerLayout = "redis" | "file" | "sql";

/** A Beaker session with a back end. */
export interface BeakerSessionOptions extends BeakerOptions {
  readonly records: ForeignRecords;
  readonly layout: BeakerLayout;
  /** `secret`, which signs the id. The first one makes, every one opens; Beaker itself has one. */
  readonly secrets: readonly TextOrBytes[];
  /** `validate_key`, for records that are encrypted. */
  readonly validateKey?: TextOrBytes;
  /**
   * What is written: before 1.12 a record that is not encrypted is the dict itself, from then on its text.
   * Both are read.
   *
   * @default "1.12"
   */
  readonly version?: "1.11" | "1.12";
}

const BACK_END = ["records", "layout", "secrets", "validateKey", "version"] as const;

/** Beaker sends no more in a cookie. */
const MAX_VALUE_CHARACTERS = 4064;

/**
 * Beaker's cookie sessions, in both directions.
 *
 * @throws {ConfigError} when an option cannot work.
 */
export function beakerCookie(options: BeakerCookieOptions): ForeignSource {
  section("options", options, [...BEAKER, "validateKeys"]);
  const validateKeys = checkSecrets("validateKeys", options?.validateKeys);
  const parts = beakerParts("beaker-cookie", options);
  const { cookieName } = parts;
  const [validateKey] = validateKeys;

  return {
    ...parts.source,
    open: (cookie, now) =>
      answer(async () => {
        const text = cookieText(cookie, cookieName);
        const value = await unsignBeaker(validateKeys, text);
        for (const [at, key] of validateKeys.entries()) {
          // Which key has signed is not said. That the cookie is genuine is known by now.
          const isLast = at === validateKeys.length - 1;
          const data = await parts.decoded(value, key, isLast);
          if (data !== undefined) return parts.session(data, now, { identity: idOf(data, text) });
        }
        return refuse("forged", "is encrypted under another key");
      }),

    async seal(draft, now) {
      if (isEmpty(draft)) return { cookies: parts.source.deletion(), identity: "" };
      const data = parts.draftData(draft, now);
      data["_id"] ??= newId();
      const value = await parts.encoded(data, validateKey);
      if (value.length > MAX_VALUE_CHARACTERS) {
        throw new SessionTooLargeError("a cookie of Beaker", value.length, MAX_VALUE_CHARACTERS);
      }
      const text = await signBeaker(validateKey, value);
      return { cookies: [parts.cookie(text, now)], identity: idOf(data, text) };
    },
  };
}

/** Whether nothing is left to be kept, not even whose session it is. */
function isEmpty({ data, userId }: ForeignDraft): boolean {
  return userId === undefined && Object.keys(data).length === 0;
}

/** The session's own id: its cookie is another with every request that Beaker answers. */
function idOf(data: Readonly<Record<string, unknown>>, text: string): string {
  const id = Object.hasOwn(data, "_id") ? data["_id"] : undefined;
  return typeof id === "string" && ID.test(id) ? id : text;
}

/**
 * Beaker's sessions with a back end, in both directions.
 *
 * @throws {ConfigError} when an option cannot work.
 */
export function beakerSession(options: BeakerSessionOptions): ForeignSource {
  const given = section("options", options, [...BEAKER, ...BACK_END]);
  const secrets = checkSecrets("secrets", given.secrets);
  const records = checkRecords(given.records);
  const layout = choiceOption("layout", given.layout, ["redis", "file", "sql"]);
  const version = choiceOption("version", given.version, ["1.11", "1.12"], "1.12");
  const validateKey = textOrBytesOption("validateKey", given.validateKey, "");
  const keyOf = LAYOUTS[layout];
  const parts = beakerParts("beaker", options);
  const [secret] = secrets;

  return {
    ...parts.source,
    open: (cookie, now) =>
      answer(async () => {
        const id = await unsignBeaker(secrets, cookieText(cookie, parts.cookieName));
        if (!ID.test(id)) refuse("malformed", "has something else in the id's place");
        const recordKey = keyOf(id);
        const record = await readRecord(records, recordKey, now);
        const content = contentOf(unpickle(bytesOf(record.value), parts.limits));
        const data =
          typeof content === "string"
            ? await parts.decoded(content, validateKey, true)
            : sessionData(content);
        if (data === undefined) return refuse("malformed", "names a record without a session");
        return parts.session(data, now, { identity: id, recordKey, origin: { id } });
      }),

    async seal(draft, now) {
      const id = idIn(draft.origin) ?? newId();
      const recordKey = keyOf(id);
      const text = await signBeaker(secret, id);
      if (isEmpty(draft)) {
        await records.remove(recordKey);
        return { cookies: parts.source.deletion(), identity: id };
      }
      const data = parts.draftData(draft, now);
      const isText = version !== "1.11" || options.encryption !== undefined;
      const content = isText ? await parts.encoded(data, validateKey) : data;
      const value = writePickle(layout === "redis" ? content : { session: content });
      const { timeout } = parts;
      // Two minutes more than the session has, so that a record does not go while it is being read.
      const expiresAt = timeout === undefined ? {} : { expiresAt: now + timeout + 120_000 };
      await records.write(recordKey, { value, ...expiresAt });
      return { cookies: [parts.cookie(text, now)], identity: id, recordKey };
    },

    async remove({ recordKey }) {
      if (recordKey !== undefined) await records.remove(recordKey);
    },
  };

  function contentOf(value: unknown): unknown {
    if (layout === "redis") return value;
    const data = sessionData(value);
    return Object.hasOwn(data, "session")
      ? data["session"]
      : refuse("absent", "names an empty record");
  }
}

const LAYOUTS: Readonly<Record<BeakerLayout, (id: string) => string>> = {
  redis: (id) => `beaker_cache:${id}:session`,
  file: (id) => `container_file/${id.slice(0, 1)}/${id.slice(0, 2)}/${id}.cache`,
  sql: (id) => id,
};

/** A UUID's 32 digits, or the 27 characters that Beaker makes without one; never what leaves a folder. */
const ID = /^[A-Za-z0-9_-]{16,128}$/;

function newId(): string {
  return hex(randomBytes(16));
}

function idIn(origin: unknown): string | undefined {
  const id: unknown = (origin as { readonly id?: unknown } | undefined)?.id;
  return typeof id === "string" && ID.test(id) ? id : undefined;
}
