/**
 * Percent-encoding of cookie values, as the npm package `cookie` does it.
 *
 * Its versions differ in when they encode (below 1: always; later: where a character needs it), and
 * agree on how to read: decode once where there is a `%`, and leave a `+` alone.
 *
 * @module
 */

/** The value as the foreign library sees it; `undefined` when the encoding is broken. */
export function decodeCookieText(value: string): string | undefined {
  const bare = value.startsWith('"') && value.endsWith('"') ? value.slice(1, -1) : value;
  if (!bare.includes("%")) return bare;
  try {
    return decodeURIComponent(bare);
  } catch {
    return undefined;
  }
}

/** The value as all versions of the foreign library read it back. */
export function encodeCookieText(value: string): string {
  return encodeURIComponent(value);
}
