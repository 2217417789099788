import type { IncomingMessage, ServerResponse } from "node:http";
import { createServer } from "node:http";
import type { Http2ServerRequest, Http2ServerResponse } from "node:http2";
import { createServer as createHttp2Server } from "node:http2";
import { Readable } from "node:stream";
import { text } from "node:stream/consumers";
import { pipeline } from "node:stream/promises";
import type { WithSession } from "../../../src/adapters/node.ts";
import { coatcheck } from "../../../src/adapters/node.ts";
import { isCoatcheckError } from "../../../src/errors.ts";
import type { Route, RouteAnswer, SuiteData } from "../../../src/testing/adapter-fixture.ts";
import { headersOf, listenOn, testAdapter } from "../../support/adapters.ts";

function handle(route: Route) {
  return async (
    request: WithSession<IncomingMessage, SuiteData>,
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
      // What is thrown on ends a process that does not catch it, as it would without coatcheck.
      if (isCoatcheckError(error)) throw error;
      res.writeHead(500).end("failed");
      return;
    }
    const { status = 200, body, trailers } = answer;
    for (const [name, value] of headersOf(answer)) res.setHeader(name, value);
    res.writeHead(status);
    if (trailers !== undefined) res.addTrailers(trailers);
    if (typeof body === "object") await pipeline(Readable.from(body), res).catch(() => undefined);
    else res.end(body);
  };
}

testAdapter("the node:http adapter", {
  start: (sessions, route) => listenOn(createServer(coatcheck(sessions, handle(route)))),
});

testAdapter("the node:http2 adapter", {
  http2: true,
  lacks: ["pipelining"],
  start(sessions, route) {
    // The compatibility API of HTTP/2 has the same methods.
    const listener = handle(route) as unknown as (
      request: WithSession<Http2ServerRequest, SuiteData>,
      response: Http2ServerResponse,
    ) => Promise<void>;
    return listenOn(createHttp2Server(coatcheck(sessions, listener)));
  },
});

testAdapter("the node:http adapter as a middleware", {
  lacks: ["thrown errors"],
  start(sessions, route) {
    const withSession = coatcheck(sessions);
    return listenOn(
      createServer((request, response) => {
        withSession(request, response, () => {
          handle(route)(request as WithSession<IncomingMessage, SuiteData>, response).catch(
            (error) => {
              response.statusCode = error.status;
              response.end();
            },
          );
        });
      }),
    );
  },
});
