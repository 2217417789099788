/**
 * Django's sessions: the whole session in a signed cookie, or a key in the cookie and the session in the
 * database, a folder or the cache.
 *
 * @see https://docs.djangoproject.com/en/stable/topics/http/sessions/
 * @module
 */

import { ConfigError, section } from "../errors.ts";
import { decodeBase64, encodeBase64 } from "../lib/base64.ts";
import { utf8Text } from "../lib/bytes.ts";
import { randomBytes } from "../lib/random.ts";
import { choiceOption, textOption } from "./options.ts";
import type { DjangoOptions } from "./python/django-parts.ts";
import { DJANGO, djangoParts, endOf } from "./python/django-parts.ts";
import { djangoSigning } from "./python/django-signing.ts";
import { limitsOf } from "./python/limits.ts";
import { unpickle } from "./python/pickle-read.ts";
import { writePickle } from "./python/pickle-write.ts";
import { answer, refuse, taken } from "./python/refusal.ts";
import { LONG_LEEWAY } from "./python/signed-text.ts";
import { checkRecords, cookieText, readRecord, sessionData } from "./python/source-parts.ts";
import { bytesOf } from "./python/web-crypto.ts";
import type { ForeignRecord, ForeignRecords, ForeignSource } from "./source.ts";

export type { Duration } from "../lib/duration.ts";
export type { TakenAt, TimeOptions } from "./itsdangerous.ts";
export type { AuthHashOptions } from "./python/django-auth.ts";
export { djangoAuthHash, verifyDjangoAuthHash } from "./python/django-auth.ts";
export type { DjangoOptions } from "./python/django-parts.ts";
export type { DjangoSigning, DjangoSigningOptions } from "./python/django-signing.ts";
export { djangoSigning } from "./python/django-signing.ts";
export type { ReadLimits } from "./python/limits.ts";
export { isTuple, plain, tuple } from "./python/values.ts";
export type { Digest, TextOrBytes } from "./python/web-crypto.ts";
export * from "./source.ts";

/**
 * Where records lie, and so what a key of {@link ForeignRecords} is:
 *
 * - `db`: `session_key` of the table `django_session`; the value is `session_data`, the end `expire_date`.
 * - `file`: the file's name in `SESSION_FILE_PATH`; the text of a row.
 * - `cache`: the key in Redis or Memcached, with `KEY_PREFIX` and version; the value is a pickle.
 * - `database-cache`: the `cache_key` of the cache's table; the pickle as base64.
 *
 * For `cached_db` take `db`, and remove the cache's record when one is written.
 */
export type DjangoLayout = "db" | "file" | "cache" | "database-cache";

/** A Django app whose sessions lie in a back end. */
export interface DjangoSessionOptions extends DjangoOptions {
  readonly records: ForeignRecords;
  readonly layout: DjangoLayout;
  /** `KEY_PREFIX` of the cache. @default "" */
  readonly cacheKeyPrefix?: string;
  /** `VERSION` of the cache. @default 1 */
  readonly cacheVersion?: number;
}

const BACK_END = ["records", "layout", "cacheKeyPrefix", "cacheVersion"] as const;

/**
 * The engine `signed_cookies`, in both directions.
 *
 * @throws {ConfigError} when an option cannot work.
 */
export function djangoCookie(options: DjangoOptions): ForeignSource {
  const { secrets, limits = {} } = section("options", options, DJANGO);
  const salt = "django.contrib.sessions.backends.signed_cookies";
  const { dumps, loads } = djangoSigning({ secrets, salt, limits });
  const parts = djangoParts("django-cookie", options);

  return {
    ...parts.source,
    open: (cookie, now) =>
      answer(async () => {
        const text = cookieText(cookie, parts.cookieName);
        const time = { now, maxAge: parts.age / 1000, leeway: LONG_LEEWAY };
        const { value, signedAt } = taken(await loads(text, time));
        const expiresAt = signedAt + parts.age;
        return await parts.session(sessionData(value), {
          identity: text,
          lastSeenAt: signedAt,
          expiresAt,
        });
      }),

    async seal(draft, now) {
      const data = await parts.draftData(draft);
      if (Object.keys(data).length === 0) return { cookies: parts.source.deletion(), identity: "" };
      const text = await dumps(data, { now, compress: true });
      return { cookies: [parts.cookie(text, data, now)], identity: text };
    },
  };
}

/**
 * The engines with a back end, in both directions.
 *
 * @throws {ConfigError} when an option cannot work.
 */
export function djangoSession(options: DjangoSessionOptions): ForeignSource {
  const given = section("options", options, [...DJANGO, ...BACK_END]);
  const { secrets, limits = {}, cacheVersion = 1 } = given;
  const records = checkRecords(given.records);
  const layout = choiceOption("layout", given.layout, ["db", "file", "cache", "database-cache"]);
  const salt = "django.contrib.sessions.SessionStore";
  const { dumps, loads } = djangoSigning({ secrets, salt, limits });
  const parts = djangoParts("django", given);
  const cacheKeyPrefix = textOption("cacheKeyPrefix", given.cacheKeyPrefix, "");
  if (!Number.isSafeInteger(cacheVersion)) {
    throw new ConfigError("cacheVersion", "must be a whole number");
  }
  if (!layout.endsWith("cache")) {
    const name = (["cacheKeyPrefix", "cacheVersion"] as const).find(
      (each) => given[each] !== undefined,
    );
    if (name !== undefined) throw new ConfigError(name, "has no effect on this `layout`");
  }

  return {
    ...parts.source,
    takesMark: true,
    open: (cookie, now) =>
      answer(async () => {
        const key = cookieText(cookie, parts.cookieName);
        if (!KEY.test(key)) refuse("malformed", "is no session key");
        const recordKey = keyOf(key);
        const record = await readRecord(records, recordKey, now);
        const { value, signedAt } = await contentOf(record, now);
        const data = sessionData(value);
        const expiresAt = record.expiresAt ?? endOf(data, signedAt, parts.age);
        if (expiresAt !== undefined && expiresAt <= now) refuse("expired", "has ended");
        const origin = { key };
        const times = { lastSeenAt: signedAt, expiresAt };
        return await parts.session(data, { identity: key, recordKey, origin, ...times });
      }),

    async seal(draft, now) {
      const data = await parts.draftData(draft);
      const key = keyIn(draft.origin) ?? newKey();
      const recordKey = keyOf(key);
      if (Object.keys(data).length === 0) {
        await records.remove(recordKey);
        return { cookies: parts.source.deletion(), identity: key };
      }
      const expiresAt = endOf(data, now, parts.age) ?? now + parts.age;
      await records.write(recordKey, { value: await recordOf(data, now), expiresAt });
      return { cookies: [parts.cookie(key, data, now)], identity: key, recordKey };
    },

    async remove({ recordKey }) {
      if (recordKey !== undefined) await records.remove(recordKey);
    },
  };

  function keyOf(key: string): string {
    if (layout === "db") return key;
    if (layout === "file") return parts.cookieName + key;
    return `${cacheKeyPrefix}:${cacheVersion}:django.contrib.sessions.cache${key}`;
  }

  async function contentOf(
    record: ForeignRecord,
    now: number,
  ): Promise<{ readonly value: unknown; readonly signedAt?: number }> {
    const bytes = bytesOf(record.value);
    if (layout === "cache") return { value: unpickle(bytes, limitsOf(limits)) };
    const text = utf8Text(bytes) ?? refuse("malformed", "is not UTF-8");
    if (layout === "db" || layout === "file") {
      return taken(await loads(text, { now, leeway: LONG_LEEWAY }));
    }
    // Python breaks such lines after 76 characters.
    const pickle = decodeBase64(text.replaceAll("\n", "")) ?? refuse("malformed", "is not base64");
    return { value: unpickle(pickle, limitsOf(limits)) };
  }

  async function recordOf(
    data: Record<string, unknown>,
    now: number,
  ): Promise<Uint8Array | string> {
    if (layout === "cache") return writePickle(data);
    if (layout === "database-cache") return encodeBase64(writePickle(data));
    return await dumps(data, { now, compress: true });
  }
}

/** 32 of `a-z0-9`; Django takes 8 and more of what it is given. */
const KEY = /^[A-Za-z0-9]{8,40}$/;

/** As Django makes it: 165 random bits. */
function newKey(): string {
  let key = "";
  while (key.length < 32) {
    for (const byte of randomBytes(32)) {
      // 252 is a multiple of 36: what is above would make some characters more frequent.
      if (byte < 252 && key.length < 32) key += (byte % 36).toString(36);
    }
  }
  return key;
}

function keyIn(origin: unknown): string | undefined {
  const key: unknown = (origin as { readonly key?: unknown } | undefined)?.key;
  return typeof key === "string" && KEY.test(key) ? key : undefined;
}
