/**
 * What comes in with a form, and where to go after it.
 *
 * @module
 */

import type { Request } from "express";

/** A field that was sent once, as text; "" when it was not, or more than once. */
export function field(req: Request, name: string): string {
  const value: unknown = (req.body as Record<string, unknown> | undefined)?.[name];
  return typeof value === "string" ? value : "";
}

/** A path of this shop to go to, and nothing else: a link must not lead through us to another site. */
export function ownPath(path: unknown, otherwise = "/"): string {
  if (typeof path !== "string" || !path.startsWith("/")) return otherwise;
  // "//elsewhere" and "/\elsewhere" are other sites to a browser, so let its own parser judge.
  if (!URL.canParse(path, HERE)) return otherwise;
  const { origin, pathname, search } = new URL(path, HERE);
  // "/.//elsewhere" is a path of ours until its dots are gone.
  return origin === HERE && !pathname.startsWith("//") ? pathname + search : otherwise;
}

/** The page to come back to when this request has to wait for a sign-in. */
export function returnPath(req: Request): string {
  if (req.method === "GET" || req.method === "HEAD") return ownPath(req.originalUrl);
  const referer = req.get("referer");
  if (referer === undefined || !URL.canParse(referer)) return "/";
  const { host, pathname, search } = new URL(referer);
  return host === req.get("host") ? ownPath(pathname + search) : "/";
}

const HERE = "http://shop.invalid";
