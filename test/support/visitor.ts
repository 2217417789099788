/**
 * A browser without a screen: keeps cookies, follows nothing, and says where its requests come from.
 *
 * @module
 */

export interface Visitor {
  /** Reads a page. */
  get(path: string, headers?: Record<string, string>): Promise<Answer>;
  /** Sends a form, as a page of the same site would. */
  post(
    path: string,
    fields?: Record<string, string>,
    headers?: Record<string, string>,
  ): Promise<Answer>;
  /** The cookies that it would send. */
  readonly cookies: Map<string, string>;
}

export interface Answer {
  readonly status: number;
  readonly headers: Headers;
  /** The path that a redirect leads to. */
  readonly location: string | null;
  readonly setCookies: readonly string[];
  readonly text: string;
}

export function newVisitor(url: string, userAgent = "coatcheck-test"): Visitor {
  const cookies = new Map<string, string>();

  async function send(path: string, init: RequestInit): Promise<Answer> {
    const headers = new Headers(init.headers);
    headers.set("user-agent", headers.get("user-agent") ?? userAgent);
    if (cookies.size > 0) {
      headers.set("cookie", [...cookies].map(([name, value]) => `${name}=${value}`).join("; "));
    }
    const response = await fetch(url + path, { ...init, headers, redirect: "manual" });
    const setCookies = response.headers.getSetCookie();
    for (const cookie of setCookies) keep(cookie);
    return {
      status: response.status,
      headers: response.headers,
      location: response.headers.get("location"),
      setCookies,
      text: await response.text(),
    };
  }

  function keep(cookie: string): void {
    const [pair = "", ...attributes] = cookie.split("; ");
    const name = pair.slice(0, pair.indexOf("="));
    if (attributes.some((attribute) => attribute.toLowerCase() === "max-age=0")) {
      cookies.delete(name);
    } else {
      cookies.set(name, pair.slice(name.length + 1));
    }
  }

  return {
    cookies,
    get: (path, headers = {}) => send(path, { headers }),
    post: (path, fields = {}, headers = {}) =>
      send(path, {
        method: "POST",
        headers: { "sec-fetch-site": "same-origin", ...headers },
        body: new URLSearchParams(fields),
      }),
  };
}
