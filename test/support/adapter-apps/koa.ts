/**
 * Apps of Koa for the adapter suite.
 *
 * @module
 */

import { createServer } from "node:http";
import { createServer as createHttp2Server } from "node:http2";
import { Readable } from "node:stream";
import { text } from "node:stream/consumers";
import Koa from "koa";
import type * as adapter from "../../../src/adapters/koa.ts";
import type { Session } from "../../../src/core/session.ts";
import type { Sessions } from "../../../src/core/sessions.ts";
import type { Route, SuiteData } from "../../../src/testing/adapter-fixture.ts";
import type { AdapterApp } from "./serve.ts";
import { headersOf, listenOn } from "./serve.ts";

type Context = { session: Session<SuiteData> };

type Coatcheck = typeof adapter.coatcheck;

function callback(
  coatcheck: Coatcheck,
  sessions: Sessions<SuiteData>,
  route: Route,
): ReturnType<Koa["callback"]> {
  const app = new Koa<Koa.DefaultState, Context>();
  app.use(coatcheck(sessions));
  app.use(async (ctx) => {
    const { method, path, req } = ctx;
    const answer = await route(ctx.session, {
      method,
      path,
      carrier: ctx,
      body: () => text(req),
    });
    const { status = 200, body, trailers } = answer;
    ctx.status = status;
    for (const [name, value] of headersOf(answer)) ctx.append(name, value);
    if (trailers !== undefined) ctx.res.addTrailers(trailers);
    if (body === undefined) ctx.body = status === 200 ? "" : null;
    else ctx.body = typeof body === "object" ? Readable.from(body) : body;
    // Koa answers 204 to a body that is set to nothing.
    ctx.status = status;
  });
  return app.callback();
}

export function koaApp(coatcheck: Coatcheck): AdapterApp {
  return {
    start: (sessions, route) => listenOn(createServer(callback(coatcheck, sessions, route))),
  };
}

export function koaHttp2App(coatcheck: Coatcheck): AdapterApp {
  return {
    http2: true,
    lacks: ["pipelining"],
    start: (sessions, route) => listenOn(createHttp2Server(callback(coatcheck, sessions, route))),
  };
}
