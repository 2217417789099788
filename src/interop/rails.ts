/**
 * The cookie sessions of Rails 5.2 to 8 with JSON (`cookies_serializer = :json`), and its encrypted and
 * signed cookies.
 *
 * An encrypted cookie is `base64(ciphertext)--base64(iv)--base64(tag)`, AES-256-GCM; a signed one
 * `base64(message)--hex(HMAC)`, SHA-1 by default. Keys are PBKDF2-HMAC of `secret_key_base` with 1000
 * iterations and a salt for each purpose; SHA-256 since Rails 7.0, SHA-1 before. The message is
 * `{"_rails":{"message":base64(JSON),"exp":time,"pur":"cookie.<name>"}}`.
 *
 * Marshal and MessagePack are refused by name: Marshal runs code when it is read.
 *
 * @see https://github.com/rails/rails/blob/v7.2.0/actionpack/lib/action_dispatch/middleware/cookies.rb
 * @see https://github.com/rails/rails/blob/v7.2.0/activesupport/lib/active_support/messages/metadata.rb
 * @module
 */

import { ValueError } from "../errors.ts";
import { randomBytes } from "../lib/random.ts";
import type { ForeignCookieOptions } from "./js/cookies.ts";
import { deletions, foreignAttributes, foreignCookie } from "./js/cookies.ts";
import { checkedObject } from "./js/json.ts";
import type { RailsCookieOptions } from "./js/rails-cookies.ts";
import { encryptor } from "./js/rails-cookies.ts";
import { refuse } from "./js/refuse.ts";
import type { UserField } from "./js/user.ts";
import { userAt, userOption } from "./js/user.ts";
import { ageOption, sourceOptions, textOption } from "./options.ts";
import type { ForeignSource } from "./source.ts";
import { isRefused } from "./source.ts";

export type { ForeignCookieOptions } from "./js/cookies.ts";
export type { JsonObject } from "./js/json.ts";
export type { ForeignKey, ForeignKeys } from "./js/keys.ts";
export type {
  RailsCookie,
  RailsCookieOptions,
  RailsDigest,
  RailsSignedOptions,
} from "./js/rails-cookies.ts";
export {
  makeEncryptedCookie,
  makeSignedCookie,
  openEncryptedCookie,
  openSignedCookie,
} from "./js/rails-cookies.ts";
export type { UserField } from "./js/user.ts";
export { noUser, userAt } from "./js/user.ts";
export * from "./source.ts";

/** The app's configuration, where it is of concern. */
export interface RailsSessionOptions extends RailsCookieOptions {
  readonly cookie?: ForeignCookieOptions;
  /** Seconds, the app's `expire_after`. @default the cookie ends with the browser */
  readonly expireAfter?: number;
  /** Where the data says whose session it is. @default `userAt("user_id")`; {@link deviseUser} for Devise */
  readonly user?: UserField;
}

const KNOWN = ["secretKeyBase", "name", "keyDigest", "cookie", "expireAfter", "user"] as const;

/**
 * The cookie sessions of a Rails app, for adopting and sharing.
 *
 * @throws {ConfigError} when an option cannot work.
 * @example
 * ```ts
 * railsSession({ name: "_shop_session", secretKeyBase: process.env.SECRET_KEY_BASE });
 * ```
 */
export function railsSession(options: RailsSessionOptions): ForeignSource {
  const { name, secretKeyBase, keyDigest, ...given } = sourceOptions("options", options, KNOWN);
  const digest = keyDigest === undefined ? {} : { keyDigest };
  const box = encryptor({ secretKeyBase, name, ...digest });
  const expireAfter = ageOption("expireAfter", given.expireAfter, "seconds", undefined);
  const user = userOption(given.user, userAt("user_id"));
  const attributes = foreignAttributes(name, given.cookie, { sameSite: "lax" });

  return {
    name: "rails",
    cookieNames: [name],
    attributes,
    reserved: ["session_id", "_csrf_token", "flash"],

    async open(read, now) {
      const value = read(name);
      if (value === undefined || value === "") return refuse("absent", "there is no cookie");
      const cookie = await box.open(value, now);
      if (isRefused(cookie)) return cookie;
      const checked = checkedObject(cookie.json);
      if (isRefused(checked)) return checked;
      const { object: data } = checked;
      const id = data["session_id"];
      const userId = user.read(data);
      return {
        data,
        identity: typeof id === "string" && id !== "" ? id : value,
        cookieNames: [name],
        persistent: cookie.expiresAt !== undefined,
        ...(userId === undefined ? {} : { userId }),
        ...(cookie.expiresAt === undefined ? {} : { expiresAt: cookie.expiresAt }),
      };
    },

    async seal(draft, now) {
      const given = draft.userId === undefined ? draft.data : user.write(draft.data, draft.userId);
      const id = given["session_id"] ?? newSessionId();
      const own = expireAfter === undefined ? undefined : now + expireAfter * 1000;
      const isPersistent = draft.persistent ?? own !== undefined;
      const expiresAt = isPersistent ? (draft.expiresAt ?? own) : undefined;
      const value = await box.make({ session_id: id, ...given }, expiresAt);
      return {
        cookies: [foreignCookie(name, value, attributes, expiresAt)],
        identity: typeof id === "string" && id !== "" ? id : value,
      };
    },

    deletion: (names = [name]) => deletions(names, attributes),
  };
}

/**
 * Devise: `{"warden.user.user.key": [[id], salt]}`. It can be read and kept, and not made: the salt is a
 * part of the user's password hash.
 *
 * @param scope - Warden's, the model's name.
 */
export function deviseUser(scope = "user"): UserField {
  const key = `warden.user.${textOption("scope", scope, "user")}.key`;
  const read = (data: Readonly<Record<string, unknown>>): string | undefined => {
    const ids = Array.isArray(data[key]) ? (data[key] as readonly unknown[])[0] : undefined;
    const id = Array.isArray(ids) ? (ids as readonly unknown[])[0] : undefined;
    const isId = typeof id === "string" || Number.isSafeInteger(id) || typeof id === "bigint";
    return isId ? String(id) : undefined;
  };
  return {
    read,
    write(data, userId) {
      if (read(data) === userId) return data;
      throw new ValueError(key, "cannot be made: Devise wants a part of the password's hash in it");
    },
  };
}

function newSessionId(): string {
  return Array.from(randomBytes(16), (byte) => byte.toString(16).padStart(2, "0")).join("");
}
