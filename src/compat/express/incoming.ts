/**
 * What a request says: its path, its session id, and whether its connection is secure.
 *
 * @module
 */

import type { HmacKey } from "../../lib/sha256.ts";
import { openSigned, sidFromHeader } from "./cookie-text.ts";
import type { SessionRequest } from "./types.ts";

/** The session id that the request brings, in its header or as cookie-parser has left it. */
export function sidOf(
  req: SessionRequest,
  name: string,
  keys: readonly HmacKey[],
): string | undefined {
  const { headers, signedCookies, cookies } = req;
  const sent = headers.cookie && sidFromHeader(headers.cookie, name, keys);
  if (sent) return sent;
  const signed = signedCookies?.[name];
  if (typeof signed === "string" && signed !== "") return signed;
  const parsed = cookies?.[name];
  return typeof parsed === "string" ? openSigned(parsed, keys) : undefined;
}

/** The path as the browser asked for it, whatever the app is mounted at. */
export function pathOf(req: SessionRequest): string {
  const url = req.originalUrl ?? req.url ?? "";
  const path = url.startsWith("/") || !URL.canParse(url) ? url : new URL(url).pathname;
  return path.replace(/[?#].*$/s, "") || "/";
}

/** Whether the browser's connection is secure, as far as this server is told and believes it. */
export function isSecure(req: SessionRequest, proxy: boolean | undefined): boolean {
  if ((req.socket as { encrypted?: boolean } | undefined)?.encrypted) return true;
  if (proxy === false) return false;
  if (proxy !== true) return req.secure === true;
  const forwarded = req.headers["x-forwarded-proto"];
  const [first = ""] = String(forwarded ?? "").split(",", 1);
  return first.trim().toLowerCase() === "https";
}
