/**
 * Handlers of `Request` for the adapter suite.
 *
 * @module
 */

import type { Server } from "node:http";
import { createAdaptorServer } from "@hono/node-server";
import type * as adapter from "../../../src/adapters/web.ts";
import type { Sessions } from "../../../src/core/sessions.ts";
import type { Route, SuiteData } from "../../../src/testing/adapter-fixture.ts";
import type { AdapterApp } from "./serve.ts";
import { listenOn, webStream } from "./serve.ts";

type Coatcheck = typeof adapter.coatcheck;

function handlerOf(
  coatcheck: Coatcheck,
  sessions: Sessions<SuiteData>,
  route: Route,
): (request: Request) => Promise<Response> {
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

export function webApp(coatcheck: Coatcheck): AdapterApp {
  return {
    lacks: ["sockets", "pipelining", "trailers"],
    start: (sessions, route) => ({
      target: handlerOf(coatcheck, sessions, route),
      close: () => undefined,
    }),
  };
}

/** Behind the server of @hono/node-server. */
export function webNodeApp(coatcheck: Coatcheck): AdapterApp {
  return {
    lacks: ["trailers"],
    start(sessions, route) {
      const fetch = handlerOf(coatcheck, sessions, route);
      return listenOn(createAdaptorServer({ fetch }) as Server);
    },
  };
}
