/**
 * Sessions for Express 4 and 5.
 *
 * @module
 */

import type { RequestHandler } from "express";
import type { Sessions } from "../core/sessions.ts";
import { isCarried, requireSessions } from "./carry.ts";
import { holdBelow, holdHeadOnUse, prepareHold } from "./hold.ts";

/**
 * Gives every request a session, `req.session`, and commits it before the first byte.
 *
 * Express tells a middleware nothing of what a later one throws: what counts is the status of the
 * answer. With one of 500 or above, buffered changes are dropped.
 *
 * @example
 * ```ts
 * app.use(coatcheck(sessions));
 * app.get("/", async (req, res) => {
 *   const session = await req.session.load();
 *   res.json({ user: session.userId });
 * });
 * ```
 */
export function coatcheck<Data extends object>(sessions: Sessions<Data>): RequestHandler {
  requireSessions(sessions);
  return function coatcheckRequest(req, res, next) {
    // The app says in its own types what `req.session` is.
    const carrier: { session?: unknown } = req as object;
    if (!isCarried(sessions, carrier.session)) {
      const session = sessions.open(req);
      carrier.session = session;
      if (!holdBelow(res)) prepareHold(res);
      holdHeadOnUse(res, session, sessions.dev);
    }
    next();
  };
}
