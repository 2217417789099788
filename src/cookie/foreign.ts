/**
 * Cookies of other libraries, as they set them: what an adopted session leaves behind, and what is
 * written back for servers that still run the other library.
 *
 * @module
 */

import { ConfigError } from "../errors.ts";
import { TOKEN } from "./grammar.ts";
import type { SessionCookie } from "./write.ts";
import { checkCookieSize, SAME_SITE } from "./write.ts";

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
 * The `Set-Cookie` field value. The attributes are the other library's, so none is forced on it.
 *
 * @throws {ConfigError} when a part would end the field, or begin another attribute.
 * @throws {SessionTooLargeError} when name and value take more than 4096 bytes.
 */
export function foreignCookieText(cookie: ForeignCookie): string {
  const { name, value, attributes, expiresAt } = cookie;
  const { path, domain, secure, httpOnly, sameSite, partitioned = false } = attributes;
  if (!TOKEN.test(name) || !VALUE.test(value) || !PLAIN.test(`${path}${domain ?? ""}`)) {
    throw new ConfigError("cookie", "holds a character that cookies cannot hold");
  }
  checkCookieSize(name, value);
  let field = `${name}=${value}; Path=${path}`;
  if (domain !== undefined) field += `; Domain=${domain}`;
  if (expiresAt !== undefined) field += `; Expires=${new Date(expiresAt).toUTCString()}`;
  if (expiresAt === 0) field += "; Max-Age=0";
  if (secure) field += "; Secure";
  if (httpOnly) field += "; HttpOnly";
  if (sameSite !== undefined) field += `; SameSite=${SAME_SITE[sameSite]}`;
  return partitioned ? `${field}; Partitioned` : field;
}

/** A foreign cookie for the response: its text is {@link foreignCookieText}, its value is hidden. */
export function foreignCookie(cookie: ForeignCookie): SessionCookie {
  const field = foreignCookieText(cookie);
  const { name, value, attributes, expiresAt } = cookie;
  const { path, domain, secure, sameSite = "lax", partitioned = false } = attributes;
  const shown = (): object => ({ name, value: "[hidden]", attributes });
  const maxAge = expiresAt === 0 ? 0 : undefined;
  const kept = { path, domain, secure, sameSite, partitioned, maxAge };
  // Not enumerable, for loggers that know neither toJSON nor inspect.
  return Object.defineProperties({ name, attributes: kept } as SessionCookie, {
    value: { value },
    toString: { value: () => field },
    toJSON: { value: shown },
    [INSPECT]: { value: shown },
  });
}

const INSPECT = Symbol.for("nodejs.util.inspect.custom");
/** Quotation marks too: some libraries quote. No `;`, no white space but within quotes, no controls. */
const VALUE = /^(?:[!#-:<-~]*|"[ !#-:<-~]*")$/;
const PLAIN = /^[!-:<-~]*$/;
