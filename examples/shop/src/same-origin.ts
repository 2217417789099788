/**
 * Refuses requests of other sites that would change something, by the headers that browsers add.
 *
 * The rule is that of Go's `http.CrossOriginProtection`: no tokens, no forms to remember.
 *
 * @module
 */

import { CrossOriginError } from "coatcheck";
import type { RequestHandler } from "express";

/** Stands before every route that changes something, sign-in and sign-out included. */
export const sameOrigin: RequestHandler = (req, _res, next) => {
  if (req.method === "GET" || req.method === "HEAD" || req.method === "OPTIONS") return next();

  const site = req.get("sec-fetch-site");
  if (site === "same-origin" || site === "none") return next();
  if (site !== undefined) throw new CrossOriginError(`a ${req.method} from another site`);

  // A browser that is older than 2023, or one that came over plain http: not from this machine.
  const origin = req.get("origin");
  if (origin === undefined || hostOf(origin) === req.get("host")) return next();
  throw new CrossOriginError(`a ${req.method} from another origin`);
};

function hostOf(origin: string): string | undefined {
  return URL.canParse(origin) ? new URL(origin).host : undefined;
}
