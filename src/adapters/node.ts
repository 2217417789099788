/**
 * Sessions for `node:http` and `node:http2`.
 *
 * @module
 */

import type { IncomingMessage, ServerResponse } from "node:http";
import type { Http2ServerRequest, Http2ServerResponse } from "node:http2";
import type { Session } from "../core/session.ts";
import type { Sessions } from "../core/sessions.ts";
import { answer } from "./answer.ts";
import { isCarried, requireSessions } from "./carry.ts";
import { failureOf, isAnswer } from "./failure.ts";
import { NO_CHANGES } from "./head.ts";
import type { HeldResponse } from "./held-response.ts";
import { HOLD } from "./held-response.ts";
import { holdHeadOnUse, prepareHold } from "./hold.ts";
import type { NodeResponse } from "./node-response.ts";

type Incoming = IncomingMessage | Http2ServerRequest;
type Outgoing = ServerResponse | Http2ServerResponse;

/**
 * A request with its session, for listeners that name the types of their parameters. One for HTTP/2 has
 * to: `WithSession<Http2ServerRequest, Data>`.
 */
export type WithSession<Request, Data extends object> = Request & {
  readonly session: Session<Data>;
};

/** A middleware for anything that hands on with `next()`; without `next` it is simply called first. */
export type NodeMiddleware = (
  request: Incoming,
  response: Outgoing,
  next?: (error?: unknown) => void,
) => void;

/**
 * Gives every request a session, `request.session`, and commits it before the first byte.
 *
 * With a listener it gives a listener for `createServer`, of `node:http` or `node:http2`. When the
 * listener throws, buffered changes are dropped, and what acted at once keeps its cookie. An error of
 * coatcheck's own (401, 403, 409, 503) is answered with its status; any other with a 500, and then
 * it is thrown on, as it would have been without coatcheck.
 *
 * Without a listener it gives a middleware for connect and its kind.
 *
 * @example
 * ```ts
 * const server = createServer(
 *   coatcheck(sessions, async (request, response) => {
 *     const session = await request.session.load();
 *     response.end(session.userId ?? "nobody");
 *   }),
 * );
 * ```
 */
export function coatcheck<Data extends object>(sessions: Sessions<Data>): NodeMiddleware;
export function coatcheck<
  Data extends object,
  Request extends Incoming = IncomingMessage,
  Response extends Outgoing = ServerResponse,
>(
  sessions: Sessions<Data>,
  listener: (request: WithSession<Request, Data>, response: Response) => unknown,
): (
  request: Request extends Http2ServerRequest ? Http2ServerRequest : IncomingMessage,
  response: Response,
) => void;
export function coatcheck<Data extends object>(
  sessions: Sessions<Data>,
  listener?: (request: never, response: never) => unknown,
): NodeMiddleware {
  requireSessions(sessions);
  return function coatcheckRequest(request, response, next) {
    const carrier: { session?: unknown } = request as object;
    // Not among the types of HTTP/2 responses, but there: `flushHeaders`.
    const res = response as NodeResponse;
    if (!isCarried(sessions, carrier.session)) {
      const session = sessions.open(request);
      carrier.session = session;
      prepareHold(res);
      holdHeadOnUse(res, session, sessions.dev);
    }
    if (listener === undefined) next?.();
    else run(listener as Listener, request, res, sessions.dev);
  };
}

type Listener = (request: Incoming, response: NodeResponse) => unknown;

function run(listener: Listener, request: Incoming, response: NodeResponse, dev: boolean): void {
  function fail(error: unknown): void {
    const late = response.headersSent;
    if (!late) {
      // Also where the status says nothing of a failure, such as 401.
      const used = (response as Partial<HeldResponse>)[HOLD]?.sessions ?? [];
      for (const session of used) session.commit({ failed: true }).catch(ignore);
      answer(response, failureOf(error, dev), NO_CHANGES);
    }
    if (late || !isAnswer(error)) throw error;
  }

  let outcome: unknown;
  try {
    outcome = listener(request, response);
  } catch (error) {
    fail(error);
  }
  // What `fail` throws on is an unhandled rejection then, as it is without coatcheck.
  if (outcome instanceof Promise) void outcome.catch(fail);
}

function ignore(): void {
  // The error that is answered is the one that matters.
}
