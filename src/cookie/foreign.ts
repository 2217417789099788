/**
 * Cookies of other libraries, as they set them: what an adopted session leaves behind, and what is
 * written back for servers that still run the other library.
 *
 * @module
 */

import { UsageError } from "../errors.ts";
import { TOKEN } from "./grammar.ts";
import type { SessionCookie } from "./write.ts";

/** A cookie as another library sets it. */
export interface ForeignCookieText {
  readonly name: string;
  /** As it stands in the field: already escaped the way the other library does. */
  readonly value: string;
  readonly attributes: {
    readonly path: string;
    readonly domain?: string;
    readonly secure: boolean;
    readonly httpOnly: boolean;
    readonly sameSite?: "strict" | "lax" | "none";
    readonly partitioned?: boolean;
  };
  /** Milliseconds since the epoch; absent: until the browser is closed; 0: deletes it. */
  readonly expiresAt?: number;
}

/**
 * A foreign cookie for the response. Its attributes are the other library's, so none is forced on it.
 *
 * @throws {UsageError} when a part would end the field, or begin another attribute.
 */
export function foreignCookie(cookie: ForeignCookieText): SessionCookie {
  const { name, value, attributes, expiresAt } = cookie;
  const { path, domain, secure, httpOnly, sameSite, partitioned = false } = attributes;
  if (!TOKEN.test(name) || !VALUE.test(value) || !PLAIN.test(path) || !PLAIN.test(domain ?? "")) {
    throw new UsageError("a foreign cookie holds a character that cookies cannot hold");
  }
  const parts = [`${name}=${value}`];
  if (domain !== undefined) parts.push(`Domain=${domain}`);
  if (expiresAt !== undefined) parts.push(`Expires=${new Date(expiresAt).toUTCString()}`);
  if (expiresAt === 0) parts.push("Max-Age=0");
  parts.push(`Path=${path}`);
  if (secure) parts.push("Secure");
  if (httpOnly) parts.push("HttpOnly");
  if (sameSite !== undefined) parts.push(`SameSite=${SAME_SITE[sameSite]}`);
  if (partitioned) parts.push("Partitioned");
  const field = parts.join("; ");
  const shown = (): object => ({ name, value: "[hidden]", attributes });
  const maxAge = expiresAt === 0 ? 0 : undefined;
  const kept = { path, domain, secure, sameSite: sameSite ?? "lax", partitioned, maxAge } as const;
  // Not enumerable, for loggers that know neither toJSON nor inspect.
  return Object.defineProperties({ name, attributes: kept } as SessionCookie, {
    value: { value },
    toString: { value: () => field },
    toJSON: { value: shown },
    [INSPECT]: { value: shown },
  });
}

const INSPECT = Symbol.for("nodejs.util.inspect.custom");
const SAME_SITE = { strict: "Strict", lax: "Lax", none: "None" } as const;
/** Quotation marks too: some libraries quote. No `;`, no white space but within quotes, no controls. */
const VALUE = /^(?:[\x21\x23-\x3a\x3c-\x7e]*|"[\x20\x21\x23-\x3a\x3c-\x7e]*")$/;
const PLAIN = /^[\x21-\x3a\x3c-\x7e]*$/;
