/**
 * The grammar that the headers here have in common: tokens, and the blanks around things.
 *
 * Blanks are SP and HTAB and no other white space. `String.prototype.trim` also takes U+00A0 off a
 * name, and so lets a cookie that the browser does not see as prefixed pass for one that is
 * (CVE-2026-39410).
 *
 * @module
 */

/** RFC 9110 §5.6.2. */
export const TOKEN: RegExp = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/;

const SPACE = 0x20;
const TAB = 0x09;

export function isBlank(code: number): boolean {
  return code === SPACE || code === TAB;
}

/** The place of the first character from here on that is none. */
export function skipBlanks(text: string, from: number): number {
  let at = from;
  while (isBlank(text.charCodeAt(at))) at++;
  return at;
}

/** What stands between two places, without the blanks around it. */
export function trimmed(text: string, from: number, to: number): string {
  const start = skipBlanks(text, from);
  let end = to;
  while (end > start && isBlank(text.charCodeAt(end - 1))) end--;
  return text.slice(start, Math.max(start, end));
}
