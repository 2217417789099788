/**
 * Finds our cookie in a `Cookie` header, and looks at nothing else.
 *
 * Only SP and HTAB are trimmed, nothing is percent-decoded, a name is matched exactly and a pair
 * without a name is nobody's: each of these, done otherwise, let a cookie pass for one with a
 * `__Host-` prefix (CVE-2026-39410, CVE-2020-8184, CVE-2022-36032, CVE-2022-31629, CVE-2023-23934).
 *
 * @module
 */

import { isBlank, skipBlanks, trimmed } from "./grammar.ts";

/** One more is a flood, not a browser with cookies of several paths, domains or partitions. */
const MAX_VALUES = 4;

const NONE: readonly string[] = Object.freeze([]);

const SEMICOLON = 0x3b;
const EQUALS = 0x3d;

/**
 * The values of the cookies with exactly this name, in the order of the header.
 *
 * Values are what stands there, quotation marks included. The same value twice counts once; at most
 * four different ones are returned, and the rest of the header is not looked at. The time is linear
 * in the length of the header, with nothing kept for cookies of other names (CVE-2025-58186,
 * CVE-2016-1000232), so there is no cap that our cookie could lie behind.
 *
 * @param header - all `Cookie` fields of the request, joined by `; ` (RFC 9113 §8.2.3). A comma
 *   separates nothing.
 * @param name - a cookie name (a token, so without spaces, `=` and `;`).
 */
export function readCookies(header: string, name: string): readonly string[] {
  if (name === "") return NONE;
  let values: string[] | undefined;
  let hit = header.indexOf(name);
  while (hit !== -1) {
    const equals = skipBlanks(header, hit + name.length);
    if (header.charCodeAt(equals) !== EQUALS || !startsPair(header, hit)) {
      // A name has no blanks, so no pair can begin inside this hit.
      hit = header.indexOf(name, hit + name.length);
      continue;
    }
    const semicolon = header.indexOf(";", equals + 1);
    const end = semicolon === -1 ? header.length : semicolon;
    const value = trimmed(header, equals + 1, end);
    if (values === undefined) values = [value];
    else if (!values.includes(value) && values.push(value) === MAX_VALUES) break;
    hit = semicolon === -1 ? -1 : header.indexOf(name, semicolon + 1);
  }
  return values ?? NONE;
}

/** Whether only blanks lie between this place and the `;` before it, or the beginning. */
function startsPair(header: string, at: number): boolean {
  let before = at - 1;
  while (before >= 0 && isBlank(header.charCodeAt(before))) before--;
  return before < 0 || header.charCodeAt(before) === SEMICOLON;
}

/** Reads the first cookie of each name; with -1 the last. */
export function cookieReader(header: string, at = 0): (name: string) => string | undefined {
  return (name) => readCookies(header, name).at(at);
}
