/**
 * Sessions for Koa 3.
 *
 * @module
 */

import type { DefaultState, Middleware } from "koa";
import { onFirstUse } from "../core/handle.ts";
import type { Session } from "../core/session.ts";
import type { Sessions } from "../core/sessions.ts";
import { listenToBody } from "./body.ts";
import { isCarried, requireSessions } from "./carry.ts";
import { holdHead, prepareHold } from "./hold.ts";

/**
 * Gives every request a session, `ctx.session`, and commits it when the middleware after it is done,
 * so that a failure reaches Koa's error handling; and again before the first byte.
 *
 * When a later middleware throws, buffered changes are dropped. What acted at once keeps its cookie:
 * Koa removes all headers before it answers an error, so cookies are set last, as the head is written.
 * That holds with `ctx.respond = false` too.
 *
 * @example
 * ```ts
 * app.use(coatcheck(sessions));
 * app.use(async (ctx) => {
 *   const session = await ctx.session.load();
 *   ctx.body = { user: session.userId };
 * });
 * ```
 */
export function coatcheck<Data extends object>(
  sessions: Sessions<Data>,
): Middleware<DefaultState, { session: Session<Data> }> {
  requireSessions(sessions);
  return async function coatcheckRequest(ctx, next) {
    if (isCarried(sessions, ctx.session)) return await next();
    const session = sessions.open(ctx.request);
    ctx.session = session;
    let used = false;
    prepareHold(ctx.res);
    onFirstUse(session, () => {
      used = true;
      holdHead(ctx.res, session, sessions.dev);
    });
    try {
      await next();
      if (used) {
        listenToBody(ctx.body);
        await session.commit({ failed: ctx.status >= 500 });
      }
    } catch (error) {
      if (used) await session.commit({ failed: true }).catch(ignore);
      throw error;
    }
  };
}

function ignore(): void {
  // The error that is thrown on is the one that matters.
}
