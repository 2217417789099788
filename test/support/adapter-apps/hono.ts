/**
 * Apps of Hono for the adapter suite.
 *
 * @module
 */

import type { Server } from "node:http";
import type { Http2Server } from "node:http2";
import { createServer as createHttp2Server } from "node:http2";
import { createAdaptorServer } from "@hono/node-server";
import { Hono } from "hono";
import type * as adapter from "../../../src/adapters/hono.ts";
import type { Session } from "../../../src/core/session.ts";
import type { Sessions } from "../../../src/core/sessions.ts";
import type { Route, SuiteData } from "../../../src/testing/adapter-fixture.ts";
import type { AdapterApp } from "./serve.ts";
import { headersOf, listenOn, webStream } from "./serve.ts";

type Env = { Variables: { session: Session<SuiteData> } };

type Coatcheck = typeof adapter.coatcheck;

function appOf(coatcheck: Coatcheck, sessions: Sessions<SuiteData>, route: Route): Hono<Env> {
  const app = new Hono<Env>();
  app.use(coatcheck(sessions));
  app.all("*", async (c) => {
    const { method, path } = c.req;
    const answer = await route(c.get("session"), {
      method,
      path,
      carrier: c,
      body: () => c.req.text(),
    });
    const { status = 200, body } = answer;
    for (const [name, value] of headersOf(answer)) {
      for (const each of typeof value === "string" ? [value] : value) {
        c.header(name, each, { append: typeof value !== "string" });
      }
    }
    c.status(status as 200);
    if (body === undefined) return c.body(null);
    return typeof body === "string" ? c.body(body) : c.body(webStream(body));
  });
  return app;
}

export function honoApp(coatcheck: Coatcheck): AdapterApp {
  return {
    lacks: ["sockets", "pipelining", "trailers"],
    start(sessions, route) {
      const app = appOf(coatcheck, sessions, route);
      return { target: (request) => app.fetch(request), close: () => undefined };
    },
  };
}

/** On the server of @hono/node-server. */
export function honoNodeApp(coatcheck: Coatcheck): AdapterApp {
  return {
    lacks: ["trailers"],
    start(sessions, route) {
      const server = createAdaptorServer({ fetch: appOf(coatcheck, sessions, route).fetch });
      return listenOn(server as Server);
    },
  };
}

export function honoHttp2App(coatcheck: Coatcheck): AdapterApp {
  return {
    http2: true,
    lacks: ["trailers", "pipelining"],
    start(sessions, route) {
      const { fetch } = appOf(coatcheck, sessions, route);
      const server = createAdaptorServer({ fetch, createServer: createHttp2Server });
      return listenOn(server as Http2Server);
    },
  };
}
