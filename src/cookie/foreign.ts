/**
 * Cookies of other libraries, as they set them: what an adopted session leaves behind, and what is
 * written back for servers that still run the other library.
 *
 * @module
 */

import { ConfigError } from "../errors.ts";
import { TOKEN } from "./grammar.ts";
import type { SessionCookie } from "./write.ts";
import { checkCookieSize, uncheckedCookie } from "./write.ts";

/** How a foreign cookie is set; deleting it takes the same path, domain and partition. */
export interface ForeignAttributes {
  readonly path: string;
  readonly domain?: string;
  readonly secure: boolean;
  readonly httpOnly: boolean;
  /** Absent or `undefined`: the attribute is not written. */
  readonly sameSite?: "strict" | "lax" | "none" | undefined;
  readonly partitioned?: boolean;
}

/** A cookie to be set for the foreign app. */
export interface ForeignCookie {
  readonly name: string;
  /** As it stands in the field: already escaped the way the other library does. Empty in a deletion. */
  readonly value: string;
  readonly attributes: ForeignAttributes;
  /** Milliseconds since the epoch; absent: until the browser is closed; 0: deletes it. */
  readonly expiresAt?: number;
}

/**
 * A foreign cookie for the response. Its attributes are the other library's, so none is forced on it.
 *
 * @throws {ConfigError} when a part would end the field, or begin another attribute.
 * @throws {SessionTooLargeError} when name and value take more than 4096 bytes.
 */
export function foreignCookie(cookie: ForeignCookie): SessionCookie {
  const { name, value, attributes, expiresAt } = cookie;
  const { path, domain = "" } = attributes;
  // Other libraries allow a `:` in names: koa-session's default was `koa:sess`.
  if (!TOKEN.test(name.replaceAll(":", "")) || !VALUE.test(value) || !PLAIN.test(path + domain)) {
    throw new ConfigError("cookie", "holds a character that cookies cannot hold");
  }
  checkCookieSize(name, value);
  const maxAge = expiresAt === 0 ? 0 : undefined;
  return uncheckedCookie(name, value, { partitioned: false, ...attributes, expiresAt, maxAge });
}

/** The `Set-Cookie` field value of a foreign cookie. @throws as {@link foreignCookie}. */
export function foreignCookieText(cookie: ForeignCookie): string {
  return String(foreignCookie(cookie));
}

/** Quotation marks too: some libraries quote. No `;`, no white space but within quotes, no controls. */
const VALUE = /^(?:[!#-:<-~]*|"[ !#-:<-~]*")$/;
const PLAIN = /^[!-:<-~]*$/;
