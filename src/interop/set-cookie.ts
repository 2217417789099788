/**
 * The text of a cookie for a foreign app. Ours are written by `cookie/write.ts`, which allows less.
 *
 * @module
 */

import { ConfigError } from "../errors.ts";
import { checkSize } from "./python/cookie-size.ts";
import type { ForeignCookie } from "./source.ts";

/**
 * The `Set-Cookie` field value.
 *
 * @throws {ConfigError} when the name or an attribute holds what would end it.
 * @throws {SessionTooLargeError} when name and value take more than 4096 bytes.
 */
export function foreignCookieText(cookie: ForeignCookie): string {
  const { name, value, attributes, expiresAt } = cookie;
  const { path, domain, secure, httpOnly, sameSite, partitioned } = attributes;
  checkSize(name, value);
  if (!/^[!#-'*+.\w^`|~-]+$/.test(name)) throw new ConfigError("cookie.name", "is no cookie name");
  if (UNSAFE.test(value)) throw new ConfigError("cookie.value", "holds what a cookie cannot hold");
  if (UNSAFE.test(`${path}${domain ?? ""}`)) {
    throw new ConfigError("cookie.path", "or the domain holds what would end the attribute");
  }
  let field = `${name}=${value}`;
  if (domain !== undefined) field += `; Domain=${domain}`;
  if (expiresAt !== undefined) field += `; Expires=${new Date(expiresAt).toUTCString()}`;
  if (expiresAt === 0) field += "; Max-Age=0";
  if (secure) field += "; Secure";
  if (httpOnly) field += "; HttpOnly";
  field += `; Path=${path}`;
  if (sameSite !== undefined) field += `; SameSite=${SAME_SITE[sameSite]}`;
  return partitioned === true ? `${field}; Partitioned` : field;
}

const SAME_SITE = { strict: "Strict", lax: "Lax", none: "None" } as const;

// biome-ignore lint/suspicious/noControlCharactersInRegex: those are what it looks for.
const UNSAFE = /[\x00-\x1f\x7f;]/;
