/**
 * Writes session cookies: the text of `Set-Cookie`, and what it refuses to write.
 *
 * Browsers drop a cookie that breaks a rule, or ignore the attribute, without a word. So everything
 * but the value, which is ours, is checked by RFC 6265bis and layered-cookies, also against
 * injected attributes (CVE-2024-47764, CVE-2026-29086, CVE-2026-47675).
 *
 * @module
 */

import { ConfigError, SessionTooLargeError } from "../errors.ts";
import { TOKEN, trimmed } from "./grammar.ts";

/** The attributes of a session cookie, all but `HttpOnly`, which it always has. */
export interface CookieAttributes {
  readonly path: string;
  readonly domain?: string | undefined;
  readonly secure: boolean;
  readonly sameSite: "strict" | "lax" | "none";
  readonly partitioned: boolean;
  /** Seconds, at most 400 days; 0 deletes; absent for a cookie that ends with the browser. */
  readonly maxAge?: number | undefined;
}

/** A session cookie for the response. `HttpOnly` always. */
export interface SessionCookie {
  readonly name: string;
  /** Secret, and so hidden from JSON and from `inspect`. */
  readonly value: string;
  readonly attributes: CookieAttributes;
  /** The whole `Set-Cookie` field value. */
  toString(): string;
}

/** Octets of name and value together; browsers drop a longer cookie (RFC 6265bis §5.7). */
export const MAX_COOKIE_BYTES = 4096;

/** 400 days: browsers keep no cookie longer (RFC 6265bis §5.5). */
const MAX_AGE = 34_560_000;

/** Browsers ignore a longer attribute: the cookie would silently get another path (RFC 6265bis §5.6). */
const MAX_ATTRIBUTE_BYTES = 1024;
/** Leaves the value room. */
const MAX_NAME_BYTES = 256;

/**
 * A cookie for the response. An age above 400 days becomes that; one of a session that has ended
 * meanwhile, below 0, becomes 0.
 *
 * @param value - a ticket, a seal or a chunk: base64url that was just made, and is not looked at again.
 * @throws {ConfigError} when {@link cookieProblem} finds one.
 * @throws {SessionTooLargeError} when name and value take more than 4096 bytes.
 */
export function ownCookie(
  name: string,
  value: string,
  attributes: CookieAttributes,
): SessionCookie {
  const written = writtenFor(name, attributes);
  checkCookieSize(name, value);
  return new Cookie(name, value, written.attributes, written.text);
}

/** What a foreign cookie may have besides: ours are never without `HttpOnly` and `SameSite`. */
export interface AnyAttributes extends Omit<CookieAttributes, "sameSite"> {
  readonly httpOnly?: boolean;
  readonly sameSite?: CookieAttributes["sameSite"] | undefined;
  /** Milliseconds since the epoch. */
  readonly expiresAt?: number | undefined;
}

/** A cookie of these parts, which were checked. */
export function uncheckedCookie(
  name: string,
  value: string,
  attributes: AnyAttributes,
): SessionCookie {
  return new Cookie(name, value, attributes as CookieAttributes, textOf(attributes));
}

/** @throws {SessionTooLargeError} when a browser would drop the cookie. */
export function checkCookieSize(name: string, value: string): void {
  const size = name.length + value.length;
  if (size > MAX_COOKIE_BYTES) throw new SessionTooLargeError("one cookie", size, MAX_COOKIE_BYTES);
}

/**
 * A cookie that deletes the one with this name: `Max-Age=0` and an `Expires` long past.
 *
 * Give the attributes that it was set with: path, domain and partition are part of which cookie is
 * meant, and browsers check prefix rules on deletions too.
 *
 * @throws {ConfigError} when {@link cookieProblem} finds one.
 */
export function deletedCookie(name: string, attributes: CookieAttributes): SessionCookie {
  return ownCookie(name, "", { ...attributes, maxAge: 0 });
}

/** What is wrong with a cookie, and the option that decides it, such as `cookie.domain`. */
export interface CookieProblem {
  readonly option: string;
  readonly problem: string;
}

/**
 * Why a browser would not keep this cookie as it is meant.
 *
 * @returns `undefined` when nothing is wrong.
 */
export function cookieProblem(
  name: string,
  attributes: CookieAttributes,
): CookieProblem | undefined {
  if (name.length > MAX_NAME_BYTES) {
    return found("name", `takes ${name.length} bytes; at most ${MAX_NAME_BYTES} are allowed`);
  }
  return textProblem(name, attributes);
}

/**
 * The `Set-Cookie` field values of a response, with these cookies set.
 *
 * A response must not set one name twice (RFC 6265bis §4.1.1), so ours replace all of the same name,
 * and the later of two of ours wins. Those of other names stay as they are, in order, before ours.
 */
export function replaceCookies(
  existing: readonly string[],
  cookies: readonly SessionCookie[],
): string[] {
  const [only] = cookies;
  if (existing.length === 0 && cookies.length === 1) return [String(only)];
  const ours = new Map(cookies.map((cookie) => [cookie.name, cookie]));
  const others = existing.filter((field) => !ours.has(nameOf(field)));
  return [...others, ...Array.from(ours.values(), String)];
}

/** All but the length of the name: those that are made of it, for chunks, are a little longer. */
function textProblem(name: string, attributes: CookieAttributes): CookieProblem | undefined {
  const { path, domain, maxAge } = attributes;
  if (!TOKEN.test(name)) {
    return found("name", "must be letters, digits and !#$%&'*+-.^_`|~ only, at least one");
  }
  if (!PATH.test(path)) {
    return found("path", 'must begin with "/" and be printable ASCII without space, ";", "?", "#"');
  }
  if (path.length > MAX_ATTRIBUTE_BYTES) {
    return found("path", `takes ${path.length} bytes; browsers ignore more than 1024`);
  }
  if (maxAge !== undefined && !(Number.isSafeInteger(maxAge) && maxAge >= 0)) {
    return found("maxAge", "must be a whole number of seconds, 0 or more");
  }
  return (
    prefixProblem(name, attributes) ??
    (domain === undefined ? undefined : domainProblem(domain)) ??
    crossSiteProblem(attributes)
  );
}

function prefixProblem(
  name: string,
  { path, domain, secure }: CookieAttributes,
): CookieProblem | undefined {
  if (!name.startsWith("__")) return undefined;
  // Browsers match prefixes in any case, servers in this one (RFC 6265bis §5.4).
  const lower = name.toLowerCase();
  const prefix = PREFIXES.find((each) => lower.startsWith(each.toLowerCase()));
  if (prefix === undefined) return undefined;
  if (!name.startsWith(prefix)) return found("name", `must spell its prefix \`${prefix}\``);
  if (!secure) return found("name", `begins with \`${prefix}\`, which needs https`);
  if (!prefix.startsWith("__Host-")) return undefined;
  if (path !== "/") return found("path", `must be "/" when the name begins with \`${prefix}\``);
  if (domain === undefined) return undefined;
  return found("domain", `cannot be given when the name begins with \`${prefix}\``);
}

function domainProblem(domain: string): CookieProblem | undefined {
  if (domain.startsWith(".")) return found("domain", "must be without the leading dot");
  if (domain.length > 253 || !DOMAIN.test(domain)) {
    return found("domain", "must be a host name such as `example.com` (in Punycode)");
  }
  if (/(?:^|\.)\d+$/.test(domain)) return found("domain", "cannot be an IP address: leave it out");
  return undefined;
}

function crossSiteProblem(attributes: CookieAttributes): CookieProblem | undefined {
  const { secure, sameSite, partitioned } = attributes;
  if (!Object.hasOwn(SAME_SITE, sameSite)) {
    return found("sameSite", 'must be "strict", "lax" or "none"');
  }
  if (sameSite === "none" && !secure) {
    return found("sameSite", '"none" needs https: browsers drop it without `Secure`');
  }
  if (partitioned && !secure) {
    return found("partitioned", "needs https: browsers drop it without `Secure`");
  }
  if (partitioned && sameSite !== "none") {
    return found("partitioned", 'needs `sameSite: "none"`: it is for pages within other sites');
  }
  return undefined;
}

function found(option: string, problem: string): CookieProblem {
  return { option: `cookie.${option}`, problem };
}

/**
 * What a browser takes for the name (RFC 6265bis §5.6); `""` for a nameless one. Where an attribute's
 * `=` is the first there is a `;` in it, so that it is none of ours.
 */
function nameOf(field: string): string {
  return trimmed(field, 0, field.indexOf("="));
}

/** Attributes as they will be, their text, and the names that they have been checked with. */
interface Written {
  readonly attributes: CookieAttributes;
  readonly text: string;
  readonly names: Set<string>;
}

// The attributes of an app are one object for as long as it runs: they are written once, and checked once by name.
const known = new WeakMap<CookieAttributes, Written>();

/** @throws {ConfigError} */
function writtenFor(name: string, attributes: CookieAttributes): Written {
  let written = known.get(attributes);
  if (written?.names.has(name) === true) return written;
  const kept = written?.attributes ?? withAgeInBounds(attributes);
  const wrong = textProblem(name, kept);
  if (wrong !== undefined) throw new ConfigError(wrong.option, wrong.problem);
  written ??= { attributes: kept, text: textOf(kept), names: new Set() };
  known.set(attributes, written);
  written.names.add(name);
  return written;
}

function withAgeInBounds(attributes: CookieAttributes): CookieAttributes {
  const { maxAge = 0 } = attributes;
  if (maxAge > MAX_AGE) return { ...attributes, maxAge: MAX_AGE };
  return maxAge < 0 ? { ...attributes, maxAge: 0 } : attributes;
}

class Cookie implements SessionCookie {
  readonly name: string;
  readonly attributes: CookieAttributes;
  // Also from loggers that know neither toJSON nor inspect.
  readonly #value: string;
  readonly #text: string;

  constructor(name: string, value: string, attributes: CookieAttributes, text: string) {
    this.name = name;
    this.#value = value;
    this.attributes = attributes;
    this.#text = text;
  }

  get value(): string {
    return this.#value;
  }

  toString(): string {
    return `${this.name}=${this.#value}${this.#text}`;
  }

  toJSON(): object {
    return { name: this.name, value: "[hidden]", attributes: this.attributes };
  }

  [Symbol.for("nodejs.util.inspect.custom")](): object {
    return this.toJSON();
  }
}

function textOf(attributes: AnyAttributes): string {
  const { path, domain, secure, httpOnly = true, sameSite, partitioned, maxAge } = attributes;
  const expiresAt = maxAge === 0 ? 0 : attributes.expiresAt;
  let text = `; Path=${path}`;
  if (domain !== undefined) text += `; Domain=${domain}`;
  if (maxAge !== undefined) text += `; Max-Age=${maxAge}`;
  if (expiresAt !== undefined) text += `; Expires=${new Date(expiresAt).toUTCString()}`;
  if (secure) text += "; Secure";
  if (httpOnly) text += "; HttpOnly";
  if (sameSite !== undefined) text += `; SameSite=${SAME_SITE[sameSite]}`;
  return partitioned ? `${text}; Partitioned` : text;
}

const SAME_SITE = { strict: "Strict", lax: "Lax", none: "None" } as const;

// The longer of two that fit first.
const PREFIXES = ["__Host-Http-", "__Host-", "__Http-", "__Secure-"] as const;

/** What can be the beginning of a URL's path as browsers send it. */
const PATH = /^\/[\x21\x22\x24-\x3a\x3c-\x3e\x40-\x7e]*$/;
const DOMAIN = /^[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?(?:\.[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?)*$/i;
