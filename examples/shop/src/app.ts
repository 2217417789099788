/**
 * The shop as an Express app.
 *
 * @module
 */

import { fileURLToPath } from "node:url";
import { coatcheck } from "coatcheck/adapters/express";
import type { Express, RequestHandler } from "express";
import express from "express";
import { createAttempts } from "./attempts.ts";
import { pageShower } from "./page.ts";
import { accountPages } from "./pages/account.ts";
import { doorPages } from "./pages/door.ts";
import { shopPages } from "./pages/shop.ts";
import type { People } from "./people.ts";
import { sameOrigin } from "./same-origin.ts";
import type { ShopSessions } from "./sessions.ts";
import { notFound, onError } from "./trouble.ts";

export interface ShopParts {
  readonly sessions: ShopSessions;
  readonly people: People;
  /** Whether browsers come over https, through a proxy on this machine. */
  readonly secure: boolean;
  /** Told about what is the shop's own fault. */
  readonly log: (error: unknown) => void;
}

export function createShop({ sessions, people, secure, log }: ShopParts): Express {
  const app = express();
  const showPage = pageShower(people);

  app.disable("x-powered-by");
  // The only proxy whose word about the client's address is believed is one on this machine.
  if (secure) app.set("trust proxy", "loopback");

  app.use(securityHeaders(secure));
  // Before the sessions: a style sheet has nobody's name on it, and any cache may keep it.
  app.use(express.static(fileURLToPath(new URL("../public", import.meta.url)), { maxAge: "10m" }));
  app.use("/fonts", fonts());

  app.use(sameOrigin);
  app.use(express.urlencoded({ extended: false, limit: "10kb", parameterLimit: 10 }));
  app.use(coatcheck(sessions));
  app.use(shopPages(showPage));
  app.use(doorPages(people, createAttempts(), showPage));
  app.use(accountPages(sessions, people, showPage));
  app.use(notFound);
  app.use(onError(log));
  return app;
}

/** No script, nothing from elsewhere, in nobody's frame. */
function securityHeaders(secure: boolean): RequestHandler {
  const policy = [
    "default-src 'none'",
    "style-src 'self'",
    "img-src 'self'",
    "font-src 'self'",
    "form-action 'self'",
    "base-uri 'none'",
    "frame-ancestors 'none'",
  ].join("; ");
  return (_req, res, next) => {
    res.set({
      "Content-Security-Policy": policy,
      "Cross-Origin-Opener-Policy": "same-origin",
      "Cross-Origin-Resource-Policy": "same-origin",
      "Referrer-Policy": "same-origin",
      "X-Content-Type-Options": "nosniff",
    });
    if (secure) res.set("Strict-Transport-Security", "max-age=31536000");
    next();
  };
}

/** Two typefaces under the SIL Open Font License, from their packages. */
function fonts(): RequestHandler {
  const files: Readonly<Record<string, string>> = {
    "/fraunces.woff2": "@fontsource-variable/fraunces/files/fraunces-latin-wght-normal.woff2",
    "/figtree.woff2": "@fontsource-variable/figtree/files/figtree-latin-wght-normal.woff2",
  };
  return (req, res, next) => {
    const file = files[req.path];
    if (file === undefined) return next();
    res.sendFile(fileURLToPath(import.meta.resolve(file)), { maxAge: "30d", dotfiles: "allow" });
  };
}
