/**
 * What a browser makes of a `Set-Cookie` field: layered-cookies §5.4.2 and §5.4.3, written from the
 * text of the draft and from nothing in `src`.
 *
 * @module
 */

/** A cookie as a browser stores it. */
export interface StoredCookie {
  readonly name: string;
  readonly value: string;
  /** Absent for the default path. */
  readonly path: string | undefined;
  readonly domain: string | undefined;
  readonly secure: boolean;
  readonly httpOnly: boolean;
  readonly sameSite: "strict" | "lax" | "none" | undefined;
  readonly partitioned: boolean;
  /** Seconds, from `Max-Age`, else from `Expires`; absent for the time the browser runs. */
  readonly maxAge: number | undefined;
}

const MAX_AGE = 400 * 24 * 60 * 60;

/** The cookie that a browser keeps, or `undefined` when it ignores the field. */
export function storeCookie(field: string): StoredCookie | undefined {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is refused
  if (/[\x00-\x08\x0a-\x1f\x7f]/.test(field)) return undefined;
  const [pair = "", ...attributes] = field.split(";");
  const [name, value] = cut(pair, "");
  if (name.length + value.length === 0 || name.length + value.length > 4096) return undefined;

  const found = new Map<string, string>();
  for (const attribute of attributes) {
    const [key, text] = attribute.includes("=") ? cut(attribute, "") : [blank(attribute), ""];
    if (text.length <= 1024) found.set(key.toLowerCase(), text);
  }
  const sameSite = found.get("samesite")?.toLowerCase();
  const cookie: StoredCookie = {
    name,
    value,
    path: found.get("path")?.startsWith("/") ? found.get("path") : undefined,
    domain: found.get("domain")?.replace(/^\./, "").toLowerCase(),
    secure: found.has("secure"),
    httpOnly: found.has("httponly"),
    sameSite:
      sameSite === "strict" || sameSite === "lax" || sameSite === "none" ? sameSite : undefined,
    partitioned: found.has("partitioned"),
    maxAge: lifetime(found.get("max-age"), found.get("expires")),
  };
  return isRefused(cookie) ? undefined : cookie;
}

function isRefused(cookie: StoredCookie): boolean {
  const name = cookie.name.toLowerCase();
  const asHost = cookie.secure && cookie.path === "/" && cookie.domain === undefined;
  const asHttp = cookie.secure && cookie.httpOnly;
  if (cookie.sameSite === "none" && !cookie.secure) return true;
  if (cookie.partitioned && !cookie.secure) return true;
  if (name.startsWith("__secure-") && !cookie.secure) return true;
  if (name.startsWith("__host-") && !asHost) return true;
  if (name.startsWith("__http-") && !asHttp) return true;
  if (name.startsWith("__host-http-") && !(asHost && asHttp)) return true;
  return name === "" && /^__(?:secure|host|http|host-http)-/i.test(cookie.value);
}

function lifetime(maxAge: string | undefined, expires: string | undefined): number | undefined {
  if (maxAge !== undefined && /^-?\d+$/.test(maxAge)) {
    return Math.max(0, Math.min(Number(maxAge), MAX_AGE));
  }
  if (expires === undefined || Number.isNaN(Date.parse(expires))) return undefined;
  return Math.max(0, Math.min((Date.parse(expires) - Date.now()) / 1000, MAX_AGE));
}

/** Name and value around the first equals sign; all of it is the value when there is none. */
function cut(pair: string, nameless: string): [string, string] {
  const equals = pair.indexOf("=");
  if (equals === -1) return [nameless, blank(pair)];
  return [blank(pair.slice(0, equals)), blank(pair.slice(equals + 1))];
}

function blank(text: string): string {
  return text.replace(/^[ \t]*/, "").replace(/[ \t]*$/, "");
}
