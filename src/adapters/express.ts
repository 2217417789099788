/**
 * Sessions for Express 4 and 5.
 *
 * @module
 */

import type { RequestHandler, Response } from "express";
import type { Sessions } from "../core/sessions.ts";
import { isCarried, requireSessions } from "./carry.ts";
import { holdBelow, holdHeadOnUse, isPlain, prepareHold } from "./hold.ts";

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
      // A router may do without an app. What another middleware has put on the response goes before ours.
      if (isPlain(res) && req.app !== undefined) holdBelow(outermost(req.app as never).response);
      else prepareHold(res);
      holdHeadOnUse(res, session, sessions.dev);
    }
    next();
  };
}

/** What an app's documentation has, and its types do not: what it is mounted in, and what its responses are made of. */
interface App {
  readonly parent?: App;
  readonly response: Response;
}

/** The responses of an app that is mounted are made of those of the one that it is mounted in. */
function outermost(app: App): App {
  return app.parent === undefined ? app : outermost(app.parent);
}
