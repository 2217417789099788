import type { Server } from "node:http";
import { createAdaptorServer } from "@hono/node-server";
import { coatcheck } from "../../../src/adapters/web.ts";
import type { Sessions } from "../../../src/core/sessions.ts";
import type { Route, SuiteData } from "../../../src/testing/adapter-fixture.ts";
import { listenOn, testAdapter, webStream } from "../../support/adapters.ts";

function handlerOf(sessions: Sessions<SuiteData>, route: Route): (r: Request) => Promise<Response> {
  const handler = coatcheck(sessions, async (request, session) => {
    const { method, url } = request;
    const { pathname: path } = new URL(url);
    const answer = await route(session, {
      method,
      path,
      carrier: request,
      body: () => request.text(),
    });
    const { status = 200, headers: fields = {}, body } = answer;
    const headers = new Headers();
    for (const [name, value] of Object.entries(fields)) {
      for (const each of typeof value === "string" ? [value] : value) headers.append(name, each);
    }
    const content = typeof body === "object" ? webStream(body) : (body ?? null);
    return new Response(content, { status, headers });
  });
  return async (request) => {
    try {
      return await handler(request);
    } catch {
      // What a runtime does with what a handler throws.
      return new Response("failed", { status: 500 });
    }
  };
}

testAdapter("the Web adapter", {
  lacks: ["sockets", "pipelining", "trailers"],
  start: (sessions, route) => ({ target: handlerOf(sessions, route), close: () => undefined }),
});

testAdapter("the Web adapter behind a server", {
  lacks: ["trailers"],
  start(sessions, route) {
    return listenOn(createAdaptorServer({ fetch: handlerOf(sessions, route) }) as Server);
  },
});
