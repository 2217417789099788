/**
 * The sessions of @fastify/session 10 and 11: a signed id in the cookie, records in any store of the
 * express-session kind.
 *
 * The cookie is `<prefix><sid>.<base64(HMAC(secret, sid))>`, without the `=` at the end; with the prefix
 * `s:` it is that of express-session. Records differ in how `cookie` is filled in, and each library
 * reads the other's.
 *
 * @see https://github.com/fastify/session/blob/v11.1.0/lib/fastifySession.js
 * @module
 */

import type { ForeignCookieOptions } from "./js/cookies.ts";
import { foreignAttributes } from "./js/cookies.ts";
import type { ForeignKeys } from "./js/keys.ts";
import { keyList } from "./js/keys.ts";
import type { ExpressStore, RecordAccess } from "./js/records.ts";
import { checkedAccess } from "./js/records.ts";
import type { SignedId } from "./js/signed-id.ts";
import { readSignedId, signedIdSource, writeSignedId } from "./js/signed-id.ts";
import { hmacKeys } from "./js/signed-text.ts";
import type { UserField } from "./js/user.ts";
import { fastifyPassportUser, userOption } from "./js/user.ts";
import { ageOption, sourceOptions, textOption } from "./options.ts";
import type { ForeignSource, Refused } from "./source.ts";

export type { ForeignCookieOptions } from "./js/cookies.ts";
export type { ForeignKey, ForeignKeys } from "./js/keys.ts";
export type { ExpressStore, RecordAccess } from "./js/records.ts";
export type { SignedId } from "./js/signed-id.ts";
export type { UserField } from "./js/user.ts";
export { fastifyPassportUser, noUser, passportUser, userAt } from "./js/user.ts";
export * from "./source.ts";

const KNOWN = ["secret", "store", "cookieName", "cookiePrefix", "cookie", "user"] as const;
const THEIRS = ["idGenerator", "rolling", "saveUninitialized"];

/** The options that the app gives @fastify/session, where they are of concern. */
export interface FastifySessionOptions {
  /** The app's `secret`, HMAC-SHA-256. A signer object of one's own is not served, nor another `algorithm`. */
  readonly secret: ForeignKeys;
  /** The store object that the app gives, or `inBackend` of the express-session module. */
  readonly store: ExpressStore | RecordAccess;
  /** @default "sessionId" */
  readonly cookieName?: string;
  /** @default "" */
  readonly cookiePrefix?: string;
  /** The app's `cookie`. `secure` is true unless the app says otherwise. */
  readonly cookie?: ForeignCookieOptions & {
    /** Milliseconds. @default the cookie ends with the browser */
    readonly maxAge?: number;
  };
  /** Where the data says whose session it is. @default that of @fastify/passport */
  readonly user?: UserField;
}

/**
 * The sessions of an app with @fastify/session, for adopting and sharing.
 *
 * @throws {ConfigError} when an option cannot work.
 * @example
 * ```ts
 * fastifySession({ secret: process.env.SECRET, store: new RedisStore({ client }) });
 * ```
 */
export function fastifySession(options: FastifySessionOptions): ForeignSource {
  sourceOptions("options", options, KNOWN, THEIRS);
  const { cookieName = "sessionId", cookie } = options ?? {};
  const cookiePrefix = textOption("cookiePrefix", options?.cookiePrefix, "");
  return signedIdSource({
    ...formatOf(options?.secret, cookiePrefix),
    name: "fastify-session",
    cookieName,
    attributes: foreignAttributes(cookieName, cookie, { secure: true }, { name: "cookieName" }),
    maxAge: ageOption("cookie.maxAge", cookie?.maxAge, "milliseconds", undefined),
    user: userOption(options.user, fastifyPassportUser),
    reserved: ["passport", "flash", "sessionId", "encryptedSessionId"],
    records: checkedAccess(options.store, "store"),
  });
}

/** The id in a cookie's value, as it stands in the header. */
export function readSidCookie(
  value: string,
  secret: ForeignKeys,
  cookiePrefix = "",
): SignedId | Refused {
  return readSignedId(value, formatOf(secret, cookiePrefix));
}

/** The cookie's value for an id, signed with the first secret. */
export function writeSidCookie(sid: string, secret: ForeignKeys, cookiePrefix = ""): string {
  return writeSignedId(sid, formatOf(secret, cookiePrefix));
}

function formatOf(secret: ForeignKeys | undefined, prefix: string) {
  return { keys: hmacKeys(keyList(secret, "secret")), prefix };
}
