/**
 * Flask's session cookie: tagged JSON, signed with the time, compressed when that is shorter.
 *
 * `URLSafeTimedSerializer(secret_key, salt="cookie-session", key_derivation="hmac", sha1)` over
 * {@link writeTaggedJson}, as Flask 0.10 to 3.1 make it. Everyone can read such a cookie.
 *
 * @see https://flask.palletsprojects.com/en/stable/api/#flask.sessions.SecureCookieSessionInterface
 * @module
 */

import { section } from "../errors.ts";
import type { Duration } from "../lib/duration.ts";
import type { TimedSerializer } from "./itsdangerous.ts";
import { urlSafeTimedSerializer } from "./itsdangerous.ts";
import { textOption } from "./options.ts";
import {
  FLASK_ATTRIBUTES,
  FLASK_KEYS,
  FLASK_LIFETIME,
  flaskData,
  isPermanent,
} from "./python/flask-parts.ts";
import type { ReadLimits } from "./python/limits.ts";
import { answer, taken } from "./python/refusal.ts";
import {
  cookieOf,
  cookieOptions,
  cookieText,
  defined,
  deletionOf,
  durationOption,
  sessionData,
  userUnder,
} from "./python/source-parts.ts";
import { readTaggedJson, writeTaggedJson } from "./python/tagged-json.ts";
import type { Digest, TextOrBytes } from "./python/web-crypto.ts";
import type { ForeignAttributes, ForeignSource } from "./source.ts";

export type { Duration } from "../lib/duration.ts";
export type { TimedSerializer, TimeOptions } from "./itsdangerous.ts";
export type { Flash } from "./python/flask-parts.ts";
export { flashesOf, flaskLoginIdentifier, isPermanent, withFlash } from "./python/flask-parts.ts";
export type { ReadLimits } from "./python/limits.ts";
export type { Markup, Uuid } from "./python/values.ts";
export { isMarkup, isTuple, isUuid, markup, plain, tuple, uuid } from "./python/values.ts";
export type { Digest, TextOrBytes } from "./python/web-crypto.ts";
export * from "./source.ts";

/** How a Flask app signs its session. */
export interface FlaskSigning {
  /** `SECRET_KEY`, then those of `SECRET_KEY_FALLBACKS`: the first makes, every one opens. */
  readonly secrets: readonly TextOrBytes[];
  /**
   * `SecureCookieSessionInterface.salt`.
   *
   * @default "cookie-session"
   */
  readonly salt?: TextOrBytes;
  /**
   * `SecureCookieSessionInterface.digest_method`.
   *
   * @default "sha1"
   */
  readonly digest?: Digest;
  readonly limits?: ReadLimits;
}

const SIGNING = ["secrets", "salt", "digest", "limits"] as const;
const KNOWN = [...SIGNING, "cookieName", "lifetime", "leeway", "userKey", "attributes"] as const;

/** A Flask app's session cookie. */
export interface FlaskCookieOptions extends FlaskSigning {
  /**
   * `SESSION_COOKIE_NAME`.
   *
   * @default "session"
   */
  readonly cookieName?: string;
  /**
   * `PERMANENT_SESSION_LIFETIME`. Flask refuses an older cookie, of permanent sessions and of others.
   *
   * @default "31d"
   */
  readonly lifetime?: Duration;
  /**
   * How far the other clock may be ahead of ours, or behind it.
   *
   * @default "10s"
   */
  readonly leeway?: Duration;
  /**
   * Where the session says whose it is.
   *
   * @default "_user_id", as Flask-Login has it
   */
  readonly userKey?: string;
  /** How the cookie is set, where it is not Flask's default. */
  readonly attributes?: Partial<ForeignAttributes>;
}

/**
 * The text of session cookies and back, without a source around it.
 *
 * @throws {ConfigError} when there is no secret.
 * @example
 * ```ts
 * const { dumps, loads } = flaskSerializer({ secrets: ["dev"] });
 * const text = await dumps({ cart: ["tea"] });
 * const result = await loads(text, { maxAge: 31 * 86_400 });
 * ```
 */
export function flaskSerializer(signing: FlaskSigning): TimedSerializer {
  return serializerOf(section("options", signing, SIGNING));
}

function serializerOf(signing: FlaskSigning): TimedSerializer {
  const { secrets, salt = "cookie-session", digest = "sha1", limits } = signing;
  return urlSafeTimedSerializer({
    ...{ secrets, salt, digest, ...(limits !== undefined && { limits }), keyDerivation: "hmac" },
    payload: { write: writeTaggedJson, read: readTaggedJson },
  });
}

/**
 * The sessions of a Flask app, in both directions.
 *
 * @throws {ConfigError} when an option cannot work.
 */
export function flaskCookie(options: FlaskCookieOptions): ForeignSource {
  const given = section("options", options, KNOWN);
  const serializer = serializerOf(given);
  const userKey = textOption("userKey", given.userKey, "_user_id");
  const lifetime = durationOption("lifetime", given.lifetime, FLASK_LIFETIME);
  const leeway = durationOption("leeway", given.leeway, "10s");
  // Flask takes no cookie that was signed later than now, by its own clock.
  const early = Math.min(leeway, lifetime / 2);
  const { cookieName, attributes } = cookieOptions(given, "session", FLASK_ATTRIBUTES);
  const deletion = deletionOf(cookieName, attributes);

  return {
    name: "flask",
    cookieNames: [cookieName],
    attributes,
    reserved: FLASK_KEYS,
    deletion,

    open: (cookie, now) =>
      answer(async () => {
        const text = cookieText(cookie, cookieName);
        const time = { now, maxAge: lifetime / 1000, leeway: leeway / 1000 };
        const loaded = await serializer.loads(text, time);
        const { value, signedAt } = taken(loaded);
        const data = sessionData(value);
        return defined({
          data,
          identity: text,
          userId: userUnder(data, userKey),
          lastSeenAt: signedAt,
          expiresAt: signedAt + lifetime,
          persistent: isPermanent(data),
          cookieNames: [cookieName],
        });
      }),

    async seal(draft, now) {
      const data = flaskData(draft, userKey);
      // Flask deletes the cookie of a session that has become empty.
      if (Object.keys(data).length === 0) return { cookies: deletion(), identity: "" };
      const text = await serializer.dumps(data, now - early);
      const expiresAt = isPermanent(data) ? now + lifetime : undefined;
      return { cookies: [cookieOf(cookieName, text, attributes, expiresAt)], identity: text };
    },
  };
}
