/**
 * The cookie options that foreign libraries share, and the cookies made by them.
 *
 * @module
 */

import { checkCookieSize, cookieProblem } from "../../cookie/write.ts";
import { ConfigError } from "../../errors.ts";
import type { ForeignAttributes, ForeignCookie } from "../source.ts";

/** How the foreign app sets its cookie. Give what its own options say: deleting goes by it. */
export interface ForeignCookieOptions {
  /** @default "/" */
  readonly path?: string;
  readonly domain?: string;
  /** @default false */
  readonly secure?: boolean;
  /** @default true */
  readonly httpOnly?: boolean;
  /** `true` means "strict", `false` that it is not written. @default not written */
  readonly sameSite?: "strict" | "lax" | "none" | boolean;
  /** @default false */
  readonly partitioned?: boolean;
}

/** The attributes that the options stand for. @throws {ConfigError} for the first that cannot be. */
export function foreignAttributes(
  name: string,
  options: ForeignCookieOptions = {},
  defaults: ForeignCookieOptions = {},
): ForeignAttributes {
  const {
    path = "/",
    domain,
    secure = false,
    httpOnly = true,
    sameSite,
    partitioned,
  } = {
    ...defaults,
    ...options,
  };
  const site = sameSite === true ? "strict" : sameSite === false ? undefined : sameSite;
  // Other libraries allow a `:` in names: koa-session's default was `koa:sess`.
  const wrong = cookieProblem(name.replaceAll(":", "."), {
    path,
    // Foreign libraries write the leading dot as they get it, and browsers drop it.
    domain: domain?.replace(/^\./, ""),
    secure,
    // Not held to the rules for new cookies: the foreign app has set this one already.
    sameSite: site === "none" ? "lax" : (site ?? "lax"),
    partitioned: false,
  });
  if (wrong !== undefined) throw new ConfigError(wrong.option, wrong.problem);
  return {
    path,
    secure,
    httpOnly,
    ...(domain === undefined ? {} : { domain }),
    ...(site === undefined ? {} : { sameSite: site }),
    ...(partitioned === true ? { partitioned } : {}),
  };
}

/** A cookie to be set. @throws {SessionTooLargeError} when a browser would drop it. */
export function foreignCookie(
  name: string,
  value: string,
  attributes: ForeignAttributes,
  expiresAt: number | undefined,
): ForeignCookie {
  checkCookieSize(name, value);
  return { name, value, attributes, ...(expiresAt === undefined ? {} : { expiresAt }) };
}

/** The cookies that delete these. */
export function deletions(
  names: readonly string[],
  attributes: ForeignAttributes,
): readonly ForeignCookie[] {
  return names.map((name) => ({ name, value: "", attributes, expiresAt: 0 }));
}
