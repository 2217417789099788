/**
 * The sessions of express-session 1.x: a signed id in the cookie, and records in any of its stores.
 *
 * The cookie is `encodeURIComponent("s:" + sid + "." + base64(HMAC-SHA-256(secret, sid)))` without the
 * `=` at the end (`cookie-signature` 1.0.7).
 *
 * @see https://github.com/expressjs/session/blob/v1.19.0/index.js
 * @module
 */

import type { ForeignCookieOptions } from "./js/cookies.ts";
import { foreignAttributes } from "./js/cookies.ts";
import type { ForeignKeys } from "./js/keys.ts";
import { keyList } from "./js/keys.ts";
import type { ExpressStore, RecordAccess, RecordLayout } from "./js/records.ts";
import { checkedAccess, throughLayout } from "./js/records.ts";
import type { SignedId } from "./js/signed-id.ts";
import { readSignedId, signedIdSource, writeSignedId } from "./js/signed-id.ts";
import { hmacKeys } from "./js/signed-text.ts";
import type { UserField } from "./js/user.ts";
import { passportUser, userOption } from "./js/user.ts";
import { ageOption, sourceOptions } from "./options.ts";
import type { ForeignRecords, ForeignSource, Refused } from "./source.ts";

export type { ForeignCookieOptions } from "./js/cookies.ts";
export type { ExpressCookie, ExpressRecord } from "./js/express-record.ts";
export { expressRecordOf, readExpressRecord, writeExpressRecord } from "./js/express-record.ts";
export {
  connectMongo,
  connectPgSimple,
  connectRedis,
  sessionFileStore,
} from "./js/express-stores.ts";
export type { ConnectFlashMessage } from "./js/flash.ts";
export { readConnectFlash, writeConnectFlash } from "./js/flash.ts";
export type { ForeignKey, ForeignKeys } from "./js/keys.ts";
export type { ExpressStore, RecordAccess, RecordLayout } from "./js/records.ts";
export type { SignedId } from "./js/signed-id.ts";
export type { UserField } from "./js/user.ts";
export { noUser, passportUser, userAt } from "./js/user.ts";
export * from "./source.ts";

const KNOWN = ["secret", "store", "name", "cookie", "user"] as const;
const THEIRS = ["genid", "proxy", "resave", "rolling", "saveUninitialized", "unset"];

/** The options that the app gives express-session, where they are of concern. */
export interface ExpressSessionOptions {
  /** The app's `secret`. */
  readonly secret: ForeignKeys;
  /** The store object that the app gives express-session, or {@link inBackend}. */
  readonly store: ExpressStore | RecordAccess;
  /** @default "connect.sid" */
  readonly name?: string;
  /** The app's `cookie`. `secure: "auto"` is written as `true` or `false`. */
  readonly cookie?: ForeignCookieOptions & {
    /** Milliseconds. @default the cookie ends with the browser */
    readonly maxAge?: number;
  };
  /** Where the data says whose session it is. @default passport's */
  readonly user?: UserField;
}

/**
 * The sessions of an app with express-session, for adopting and sharing.
 *
 * A session is written back under its own id, with the record's own cookie attributes. What expires is
 * decided by the record's backend, as it is there: a record that the store gives is live.
 *
 * @throws {ConfigError} when an option cannot work.
 * @example
 * ```ts
 * expressSession({ secret: process.env.SECRET, store: new RedisStore({ client }) });
 * ```
 */
export function expressSession(options: ExpressSessionOptions): ForeignSource {
  sourceOptions("options", options, KNOWN, THEIRS);
  const { name = "connect.sid", cookie } = options ?? {};
  return signedIdSource({
    ...formatOf(options?.secret),
    name: "express-session",
    cookieName: name,
    attributes: foreignAttributes(name, cookie),
    maxAge: ageOption("cookie.maxAge", cookie?.maxAge, "milliseconds", undefined),
    user: userOption(options.user, passportUser),
    reserved: ["passport", "flash"],
    records: checkedAccess(options.store, "store"),
  });
}

/**
 * The id in a cookie's value, as it stands in the header.
 *
 * Refused without looking any further: what does not begin with `s:`, as express-session does.
 */
export function readSidCookie(value: string, secret: ForeignKeys): SignedId | Refused {
  return readSignedId(value, formatOf(secret));
}

/** The cookie's value for an id, signed with the first secret. */
export function writeSidCookie(sid: string, secret: ForeignKeys): string {
  return writeSignedId(sid, formatOf(secret));
}

/** Records without express-session's store object: its layout, on a backend that the app reads. */
export function inBackend(layout: RecordLayout, records: ForeignRecords): RecordAccess {
  return throughLayout(layout, records);
}

function formatOf(secret: ForeignKeys | undefined) {
  return { keys: hmacKeys(keyList(secret, "secret")), prefix: "s:" };
}
