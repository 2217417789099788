/**
 * Sessions for Hono 4.
 *
 * @module
 */

import type { Context, MiddlewareHandler } from "hono";
import { mergeCacheControl, mergeVary } from "../cookie/cache.ts";
import type { Committer } from "../core/handle.ts";
import type { Session } from "../core/session.ts";
import type { Sessions } from "../core/sessions.ts";
import { isCarried, requireSessions } from "./carry.ts";
import { describesEntity, failureOf, isAnswer } from "./failure.ts";
import { NO_CHANGES } from "./head.ts";
import { withHead } from "./response.ts";
import { commitResponse, Use } from "./web-use.ts";

/**
 * Gives every request a session, `c.get("session")`, and commits it before the response is sent.
 *
 * When a handler throws, buffered changes are dropped and what acted at once keeps its cookie. Hono's
 * own error handler answers 500 to any error but its own: to errors of coatcheck's the answer is
 * their status instead (401, 403, 409, 503).
 *
 * @example
 * ```ts
 * const app = new Hono<{ Variables: { session: SessionOf<typeof sessions> } }>();
 * app.use(coatcheck(sessions));
 * app.get("/", async (c) => {
 *   const session = await c.get("session").load();
 *   return c.json({ user: session.userId });
 * });
 * ```
 */
export function coatcheck<Data extends object>(
  sessions: Sessions<Data>,
): MiddlewareHandler<{ Variables: { session: Session<Data> } }> {
  requireSessions(sessions);
  const { dev } = sessions;
  return async function coatcheckRequest(c, next) {
    if (isCarried(sessions, c.get("session"))) return await next();
    const session = sessions.open(c.req.raw);
    c.set("session", session);
    const use = new Use(session, () => {
      tellCaches(c);
      dropOnThrow(c, session);
    });
    await next();
    use.headIsOut();
    if (isAnswer(c.error) && c.res.status === 500) setResponse(c, failureResponse(c.error, dev));
    if (!use.isUsed) return;
    try {
      setResponse(c, await commitResponse(session, c.res, dev));
    } catch (error) {
      const changes = await session.commit({ at: "head", failed: true }).catch(() => NO_CHANGES);
      // Hono adds what is here to the answer of the error handler.
      setResponse(c, withHead(emptied(c.res), changes));
      throw isAnswer(error) ? withResponse(error as Error, dev) : error;
    }
  };
}

/**
 * Tells the context what the response will say if the session is only read, so that it is made with these
 * headers: one that is there already could only be copied, which costs more than all the rest.
 */
function tellCaches(c: Context): void {
  if (c.finalized) return;
  c.header("Vary", mergeVary(undefined), APPENDED);
  c.header("Cache-Control", mergeCacheControl(undefined, "private"), APPENDED);
}

const APPENDED = { append: true };

/**
 * Drops the buffered changes when a handler throws. At once: what the app's error handler then changes is its
 * own, and goes by the status of its answer. All that Hono does between the two is to set this property.
 */
function dropOnThrow(c: Context, session: Committer): void {
  (c as Watched)[WATCH] = { session, thrown: c.error };
  Object.defineProperty(c, "error", ERROR);
}

const WATCH: unique symbol = Symbol("coatcheck.watch");

type Watched = Context & { [WATCH]: { readonly session: Committer; thrown: Error | undefined } };

// Shared, because closures for each request cost more than half of it.
const ERROR: PropertyDescriptor & ThisType<Watched> = {
  get() {
    return this[WATCH].thrown;
  },
  set(error: Error | undefined) {
    const watch = this[WATCH];
    watch.thrown = error;
    watch.session.commit({ failed: true }).catch(ignore);
  },
};

/** Hono would merge the old headers into the new response, and restore the old cookies. */
function setResponse(c: Context, response: Response): void {
  c.res = undefined;
  c.res = response;
}

function failureResponse(error: unknown, dev: boolean): Response {
  const { status, headers, body } = failureOf(error, dev);
  return new Response(body, { status, headers });
}

/** What Hono's own error handler looks for. */
function withResponse(error: Error, dev: boolean): Error {
  return Object.assign(error, { getResponse: () => failureResponse(error, dev) });
}

/** The headers of a response whose body is not sent, as far as they are not about the body. */
function emptied({ headers }: Response): Response {
  const kept = new Headers(headers);
  for (const name of [...kept.keys()]) if (describesEntity(name)) kept.delete(name);
  return new Response(null, { headers: kept });
}

function ignore(): void {
  // The error that was thrown is the one that matters.
}
