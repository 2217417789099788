/**
 * A client over http that keeps cookies as a browser does.
 *
 * @module
 */

import { UsageError } from "../errors.ts";

export interface Agent {
  /**
   * Sends a request with the agent's cookies and keeps those of the response. Redirects within the
   * site are followed, cookies and all, unless `redirect` says otherwise.
   *
   * @param path - a path, or a whole URL of the same site
   * @throws {UsageError} when a `Secure` cookie comes over plain http, which a browser would drop:
   *   make the sessions with `dev: true`.
   */
  fetch(path: string, init?: RequestInit): Promise<Response>;
  /** The cookies it would send to a path, by name. */
  cookies(path?: string): ReadonlyMap<string, string>;
  /** Another agent with a copy of the cookies, as of now. */
  copy(): Agent;
}

interface KeptCookie {
  readonly name: string;
  readonly value: string;
  readonly path: string;
  /** Milliseconds since the epoch. */
  readonly expiresAt: number;
}

const MOST_REDIRECTS = 20;

/**
 * Creates an agent without cookies. Over http it needs sessions made with `dev: true`.
 *
 * @example
 * ```ts
 * const ada = agent("http://127.0.0.1:3000");
 * await ada.fetch("/sign-in", { method: "POST", body: new URLSearchParams({ name: "ada" }) });
 * const response = await ada.fetch("/account");
 * ```
 */
export function agent(baseUrl: string | URL): Agent {
  return createAgent(new URL(baseUrl), new Map());
}

function createAgent(base: URL, jar: Map<string, KeptCookie>): Agent {
  function matching(path: string): KeptCookie[] {
    const now = Date.now();
    return [...jar.values()]
      .filter((cookie) => cookie.expiresAt > now && isWithin(path, cookie.path))
      .sort((a, b) => b.path.length - a.path.length);
  }

  function keep(response: Response, url: URL): void {
    for (const field of response.headers.getSetCookie()) {
      const { secure, ...cookie } = parseSetCookie(field, url);
      if (secure && url.protocol === "http:") {
        throw new UsageError(
          `the server sets the Secure cookie ${cookie.name} over http, where a browser drops it: ` +
            "make the sessions with `dev: true`",
        );
      }
      // RFC 6265bis §5.7: one cookie per name and path; a moment in the past deletes it.
      jar.set(`${cookie.name};${cookie.path}`, cookie);
    }
  }

  function urlOf(path: string, from: URL): URL {
    const url = new URL(path, from);
    if (url.origin === base.origin) return url;
    throw new UsageError(`this agent keeps the cookies of ${base.origin}, not of ${url.origin}`);
  }

  return {
    async fetch(path, init = {}) {
      let url = urlOf(path, base);
      let next = init;
      for (let redirects = 0; redirects <= MOST_REDIRECTS; redirects += 1) {
        const headers = new Headers(next.headers);
        const cookies = matching(url.pathname).map(({ name, value }) => `${name}=${value}`);
        if (cookies.length > 0 && !headers.has("cookie")) headers.set("cookie", cookies.join("; "));
        // Followed by hand: `fetch` hides the cookies that a redirect sets.
        const response = await fetch(url, { ...next, headers, redirect: "manual" });
        keep(response, url);
        const location = response.headers.get("location");
        const isRedirect = response.status >= 300 && response.status < 400 && location !== null;
        if (!isRedirect || init.redirect === "manual") return response;
        if (init.redirect === "error") throw new TypeError(`redirected to ${location}`);
        await response.body?.cancel();
        url = urlOf(location, url);
        next = followed(next, response.status);
      }
      throw new TypeError(`more than ${MOST_REDIRECTS} redirects`);
    },
    cookies: (path = "/") =>
      // The longest path goes first on the wire, and is the one that a server sees.
      new Map(
        matching(urlOf(path, base).pathname)
          .reverse()
          .map(({ name, value }) => [name, value]),
      ),
    copy: () => createAgent(base, new Map(jar)),
  };
}

/** The request after a redirect (Fetch standard, HTTP-redirect fetch). */
function followed(init: RequestInit, status: number): RequestInit {
  const method = (init.method ?? "GET").toUpperCase();
  const becomesGet = (status === 303 && method !== "HEAD") || (status < 303 && method === "POST");
  if (!becomesGet) return init;
  const headers = new Headers(init.headers);
  for (const name of ["content-type", "content-length", "content-encoding"]) headers.delete(name);
  const { body: _, ...rest } = init;
  return { ...rest, method: "GET", headers };
}

function parseSetCookie(field: string, url: URL): KeptCookie & { readonly secure: boolean } {
  const [pair = "", ...attributes] = field.split(";");
  const [name, value] = splitAt(pair);
  let path = defaultPath(url.pathname);
  let expiresAt = Number.POSITIVE_INFINITY;
  let maxAge: number | undefined;
  let secure = false;
  for (const attribute of attributes) {
    const [key, given] = splitAt(attribute);
    switch (key.toLowerCase()) {
      case "path":
        if (given.startsWith("/")) path = given;
        break;
      case "expires":
        expiresAt = Date.parse(given);
        break;
      case "max-age":
        if (/^-?\d+$/.test(given)) maxAge = Number(given);
        break;
      case "secure":
        secure = true;
        break;
    }
  }
  // RFC 6265bis §5.7: Max-Age has precedence over Expires.
  if (maxAge !== undefined) expiresAt = maxAge <= 0 ? 0 : Date.now() + maxAge * 1000;
  if (Number.isNaN(expiresAt)) expiresAt = Number.POSITIVE_INFINITY;
  return { name, value, path, expiresAt, secure };
}

function splitAt(pair: string): [name: string, value: string] {
  const at = pair.indexOf("=");
  return at === -1 ? [pair.trim(), ""] : [pair.slice(0, at).trim(), pair.slice(at + 1).trim()];
}

/** RFC 6265bis §5.1.4. */
function defaultPath(path: string): string {
  const end = path.lastIndexOf("/");
  return end <= 0 ? "/" : path.slice(0, end);
}

/** RFC 6265bis §5.1.4, path-match. */
function isWithin(path: string, cookiePath: string): boolean {
  if (path === cookiePath) return true;
  return (
    path.startsWith(cookiePath) && (cookiePath.endsWith("/") || path[cookiePath.length] === "/")
  );
}
