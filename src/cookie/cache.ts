/**
 * What a response that used a session tells caches: `Vary` and `Cache-Control`, merged with what the
 * app says.
 *
 * A `Set-Cookie` does not keep a shared cache from storing the response, so the headers have to
 * (RFC 9111 §7.3; CVE-2023-30861, CVE-2014-1418, CVE-2022-24894).
 *
 * @module
 */

import { TOKEN } from "./grammar.ts";

/** The `Vary` field value with `Cookie` in it, once. `*` already says more and stays. */
export function mergeVary(existing: string | undefined): string {
  if (existing === undefined) return "Cookie";
  const names = existing
    .split(",")
    .map((name) => name.trim())
    .filter((name) => name !== "");
  if (names.some((name) => name === "*" || name.toLowerCase() === "cookie")) return existing;
  return [...names, "Cookie"].join(", ");
}

/**
 * The `Cache-Control` field value that says at least this much.
 *
 * `"no-store"` (the response sets a session cookie): nothing else than what also restricts remains.
 * `"private"` (the response read the session): what speaks to shared caches (`public`, `s-maxage`,
 * `private` for some fields only) goes, also when the app asks for it; what it says to the browser,
 * such as `max-age`, and what is stricter, such as `no-cache`, stays.
 */
export function mergeCacheControl(
  existing: string | undefined,
  atLeast: "no-store" | "private",
): string {
  if (existing === undefined || existing === "private") return atLeast;
  const directives = parseDirectives(existing);
  const has = (text: string): boolean =>
    directives.some((directive) => directive.text.toLowerCase() === text);

  if (atLeast === "no-store") {
    const kept = directives.filter(({ text }) => BESIDE_NO_STORE.has(text.toLowerCase()));
    return fieldValue("no-store", kept);
  }
  const kept = directives.filter(({ name }) => !FOR_SHARED_CACHES.has(name));
  // A cache that knows `must-understand` ignores the `no-store` beside it (RFC 9111 §5.2.2.3).
  const stored = !has("no-store") || directives.some(({ name }) => name === "must-understand");
  return stored || has("private") ? fieldValue("private", kept) : fieldValue("no-store", kept);
}

/** Restricts only, so it may stand beside `no-store`. Anything else might loosen it: dropped. */
const BESIDE_NO_STORE: ReadonlySet<string> = new Set([
  "private",
  "no-cache",
  "must-revalidate",
  "proxy-revalidate",
  "no-transform",
  "max-age=0",
]);

/** Dropped before `private`. `private` itself too: it may be for some fields only. */
const FOR_SHARED_CACHES: ReadonlySet<string> = new Set(["public", "s-maxage", "private"]);

interface Directive {
  /** In lower case. */
  readonly name: string;
  /** As it stands, argument included. */
  readonly text: string;
}

/**
 * Cuts a list of directives at its commas, but for those in quoted strings (RFC 9111 §5.2), and
 * drops what is none.
 *
 * A string that does not end is cut off: what is appended would end up inside it. Without its list
 * of fields a directive restricts more, not less.
 */
function parseDirectives(field: string): Directive[] {
  const directives: Directive[] = [];
  let from = 0;
  let quoted = false;
  for (let at = 0; at <= field.length; at++) {
    const character = field[at];
    if (quoted && character === "\\" && at + 1 < field.length) at++;
    else if (character === '"') quoted = !quoted;
    else if (character === undefined || (character === "," && !quoted)) {
      const text = field.slice(from, at).trim();
      const name = text.split("=", 1)[0]?.trim().toLowerCase() ?? "";
      if (TOKEN.test(name)) directives.push({ name, text: quoted ? name : text });
      from = at + 1;
    }
  }
  return directives;
}

function fieldValue(first: string, rest: readonly Directive[]): string {
  const others = rest.map(({ text }) => text).filter((text) => text.toLowerCase() !== first);
  return [first, ...others].join(", ");
}
