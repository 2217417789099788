/**
 * Apps of `node:http` and `node:http2` for the adapter suite.
 *
 * @module
 */

import type { IncomingMessage, ServerResponse } from "node:http";
import { createServer } from "node:http";
import type { Http2ServerRequest, Http2ServerResponse } from "node:http2";
import { createServer as createHttp2Server } from "node:http2";
import { text } from "node:stream/consumers";
import type * as adapter from "../../../src/adapters/node.ts";
import type { Route, RouteAnswer, SuiteData } from "../../../src/testing/adapter-fixture.ts";
import type { AdapterApp } from "./serve.ts";
import { listenOn, sendOn } from "./serve.ts";

type Coatcheck = typeof adapter.coatcheck;

function handle(route: Route) {
  return async (
    request: adapter.WithSession<IncomingMessage, SuiteData>,
    res: ServerResponse,
  ): Promise<void> => {
    let answer: RouteAnswer;
    try {
      const { method = "GET", url: path = "/" } = request;
      answer = await route(request.session, {
        method,
        path,
        carrier: request,
        body: () => text(request),
      });
    } catch (error) {
      // What is thrown on ends a process that does not catch it, as it would without coatcheck. Its own errors
      // are answers, and have a status.
      if ((error as { status?: number }).status !== undefined) throw error;
      res.writeHead(500).end("failed");
      return;
    }
    await sendOn(res, answer);
  };
}

export function nodeApp(coatcheck: Coatcheck): AdapterApp {
  return {
    start: (sessions, route) => listenOn(createServer(coatcheck(sessions, handle(route)))),
  };
}

export function nodeHttp2App(coatcheck: Coatcheck): AdapterApp {
  return {
    http2: true,
    lacks: ["pipelining"],
    start(sessions, route) {
      // The compatibility API of HTTP/2 has the same methods.
      const listener = handle(route) as unknown as (
        request: adapter.WithSession<Http2ServerRequest, SuiteData>,
        response: Http2ServerResponse,
      ) => Promise<void>;
      return listenOn(createHttp2Server(coatcheck(sessions, listener)));
    },
  };
}

/** As connect and its kind use it. */
export function nodeMiddlewareApp(coatcheck: Coatcheck): AdapterApp {
  return {
    lacks: ["thrown errors"],
    start(sessions, route) {
      const withSession = coatcheck(sessions);
      return listenOn(
        createServer((request, response) => {
          withSession(request, response, () => {
            handle(route)(
              request as adapter.WithSession<IncomingMessage, SuiteData>,
              response,
            ).catch((error) => {
              response.statusCode = error.status;
              response.end();
            });
          });
        }),
      );
    },
  };
}
