/**
 * Sessions for whatever takes a `Request` and gives a `Response`: Deno, Bun, Workers, Next, Astro.
 *
 * @module
 */

import { commitHead, onFirstUse } from "../core/handle.ts";
import type { HeadChanges, Session } from "../core/session.ts";
import type { Sessions } from "../core/sessions.ts";
import { failureOf, isAnswer } from "./failure.ts";
import { NO_CHANGES } from "./head.ts";
import { discard, withHead } from "./response.ts";

/**
 * Gives a handler the session of its request and commits it before the response is returned.
 *
 * What else the runtime passes (environment, context) comes after the session. When the handler
 * throws, buffered changes are dropped and what acted at once keeps its cookie: a thrown `Response`
 * is thrown on with it; an error of coatcheck's own (401, 403, 409, 503) becomes a response with its
 * status; any other error is thrown on, unless a cookie has to go out: then it is a 500, and the
 * error is printed.
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
export function coatcheck<Data extends object, Rest extends readonly unknown[]>(
  sessions: Sessions<Data>,
  handler: (
    request: Request,
    session: Session<Data>,
    ...rest: Rest
  ) => Response | Promise<Response>,
): (request: Request, ...rest: Rest) => Promise<Response> {
  return async function coatcheckRequest(request, ...rest) {
    const session = sessions.open(request);
    sessions.attach(request, session);
    const use = new Use(session);
    try {
      const response = await handler(request, session, ...rest);
      return use.isUsed ? await commitResponse(session, response, sessions.dev) : response;
    } catch (thrown) {
      if (!use.isUsed && !isAnswer(thrown)) throw thrown;
      if (thrown instanceof Response) throw await commitResponse(session, thrown, sessions.dev);
      return await failedResponse(session, thrown, sessions.dev);
    } finally {
      use.headIsOut();
    }
  };
}

type Committer = Pick<Session, "commit">;

/** Whether a handle was used before its response left. A class, for the reason that `State` gives. */
export class Use {
  isUsed = false;
  private isOut = false;

  /** Follows a handle, for adapters that look at the response after the handler. */
  constructor(session: Committer) {
    onFirstUse(session, () => {
      this.isUsed = true;
      if (this.isOut) session.commit({ at: "head" }).catch(ignore);
    });
  }

  /** From here on the first use is too late for a header, and the handle is told. */
  headIsOut(): void {
    this.isOut = true;
  }
}

/**
 * Commits the session and gives the response with what that asks of its head. With a status of 500 or
 * above buffered changes are dropped.
 *
 * @param failed - the response is for something that was thrown: they are dropped as well.
 * @throws what the commit throws. The body of the response is cancelled then.
 */
export async function commitResponse(
  session: Committer,
  response: Response,
  dev: boolean,
  failed: boolean = response.status >= 500,
): Promise<Response> {
  let changes: HeadChanges;
  try {
    const answer = commitHead(session, failed);
    changes = answer instanceof Promise ? await answer : answer;
  } catch (error) {
    discard(response);
    throw error;
  }
  return withHead(response, changes, dev ? () => tellEnd(session) : undefined);
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

function tellEnd(session: Committer): void {
  session.commit({ at: "end" }).catch(ignore);
}

function ignore(): void {
  // The handle has told whom it concerns.
}
