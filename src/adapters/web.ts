/**
 * Sessions for whatever takes a `Request` and gives a `Response`: Deno, Bun, Workers, Next, Astro.
 *
 * @module
 */

import type { Committer } from "../core/handle.ts";
import type { Session } from "../core/session.ts";
import type { Sessions } from "../core/sessions.ts";
import { requireSessions } from "./carry.ts";
import { failureOf, isAnswer } from "./failure.ts";
import { NO_CHANGES } from "./head.ts";
import { withHead } from "./response.ts";
import { commitResponse, Use } from "./web-use.ts";

/**
 * Gives a handler the session of its request and commits it before the response is returned.
 *
 * What else the runtime passes (environment, context) comes after the session, and its own kind of
 * request, such as `BunRequest`, may be named in the handler. A `Response` that the handler throws is an
 * answer like one that it returns: it is committed, and thrown on. When it throws anything else, buffered
 * changes are dropped and what acted at once keeps its cookie: an error of coatcheck's own (401, 403, 409,
 * 503) becomes a response with its status; any other error is thrown on, unless a cookie has to go out:
 * then it is a 500, and the error is printed.
 *
 * @example
 * ```ts
 * export default {
 *   fetch: coatcheck(sessions, async (request, session) => {
 *     const { userId } = await session.load();
 *     return new Response(userId ?? "nobody");
 *   }),
 * };
 * ```
 */
export function coatcheck<
  Data extends object,
  Rest extends readonly unknown[],
  Incoming extends Request = Request,
>(
  sessions: Sessions<Data>,
  handler: (
    request: Incoming,
    session: Session<Data>,
    ...rest: Rest
  ) => Response | Promise<Response>,
): (request: Incoming, ...rest: Rest) => Promise<Response> {
  requireSessions(sessions);
  return async function coatcheckRequest(request, ...rest) {
    const session = sessions.open(request);
    sessions.attach(request, session);
    const use = new Use(session);
    try {
      const response = await handler(request, session, ...rest);
      return use.isUsed ? await commitResponse(session, response, sessions.dev) : response;
    } catch (thrown) {
      if (!use.isUsed && !isAnswer(thrown)) throw thrown;
      if (!(thrown instanceof Response)) return await failedResponse(session, thrown, sessions.dev);
      let response: Response;
      try {
        response = await commitResponse(session, thrown, sessions.dev);
      } catch (error) {
        return await failedResponse(session, error, sessions.dev);
      }
      throw response;
    } finally {
      use.headIsOut();
    }
  };
}

/** The answer to what was thrown, with the cookies of what acted at once. */
async function failedResponse(session: Committer, error: unknown, dev: boolean): Promise<Response> {
  const changes = await session.commit({ at: "head", failed: true }).catch(() => NO_CHANGES);
  if (!isAnswer(error)) {
    if (changes.cookies.length === 0) throw error;
    // biome-ignore lint/suspicious/noConsole: thrown on, it would take the cookie along; nobody else sees it.
    console.error(error);
  }
  const { status, headers, body } = failureOf(error, dev);
  return withHead(new Response(body, { status, headers }), changes);
}
