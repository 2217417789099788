/**
 * Apps of Fastify for the adapter suite.
 *
 * @module
 */

import { Readable } from "node:stream";
import { text } from "node:stream/consumers";
import type { FastifyInstance, FastifyReply, FastifyRequest } from "fastify";
import fastify from "fastify";
import type * as adapter from "../../../src/adapters/fastify.ts";
import type { Session } from "../../../src/core/session.ts";
import type { Sessions } from "../../../src/core/sessions.ts";
import type {
  AdapterServer,
  Route,
  RouteAnswer,
  SuiteData,
} from "../../../src/testing/adapter-fixture.ts";
import type { AdapterApp } from "./serve.ts";
import { headersOf, sendOn } from "./serve.ts";

type Coatcheck = typeof adapter.coatcheck;
type Send = (reply: FastifyReply, answer: RouteAnswer) => unknown;

async function start(
  coatcheck: Coatcheck,
  app: FastifyInstance,
  sessions: Sessions<SuiteData>,
  route: Route,
  send: Send = sendWithFastify,
): Promise<AdapterServer> {
  await app.register(coatcheck(sessions));

  async function handle(request: FastifyRequest, reply: FastifyReply): Promise<FastifyReply> {
    const { session } = request as FastifyRequest & { session: Session<SuiteData> };
    const { method, url: path } = request;
    const body = async () => String(request.body ?? (await text(request.raw)));
    send(reply, await route(session, { method, path, carrier: request, body }));
    return reply;
  }

  app.all("*", handle);
  const target = await app.listen({ host: "127.0.0.1", port: 0 });
  return { target, close: () => app.close() };
}

function sendWithFastify(reply: FastifyReply, answer: RouteAnswer): void {
  const { status = 200, body, trailers = {} } = answer;
  for (const [name, value] of headersOf(answer)) {
    if (name !== "trailer") reply.header(name, value);
  }
  for (const [name, value] of Object.entries(trailers)) {
    reply.trailer(name, async () => value);
  }
  reply.code(status).send(typeof body === "object" ? Readable.from(body) : body);
}

/** The body is left to the handler. */
function unparsed(app: FastifyInstance): FastifyInstance {
  app.removeAllContentTypeParsers();
  app.addContentTypeParser("*", (_request, _body, done) => done(null));
  return app;
}

export function fastifyApp(coatcheck: Coatcheck): AdapterApp {
  return {
    start: (sessions, route) =>
      start(coatcheck, fastify({ forceCloseConnections: true }), sessions, route),
    // Its own parsers read it before the handler.
    lacks: ["partial bodies"],
  };
}

/** With handlers that read the body. */
export function fastifyUnparsedApp(coatcheck: Coatcheck): AdapterApp {
  return {
    start: (sessions, route) =>
      start(coatcheck, unparsed(fastify({ forceCloseConnections: true })), sessions, route),
  };
}

/** With replies that are sent past Fastify. */
export function fastifyRawApp(coatcheck: Coatcheck): AdapterApp {
  const send: Send = (reply, answer) => sendOn(reply.hijack().raw, answer);
  return {
    start: (sessions, route) =>
      start(coatcheck, unparsed(fastify({ forceCloseConnections: true })), sessions, route, send),
  };
}

export function fastifyHttp2App(coatcheck: Coatcheck): AdapterApp {
  return {
    http2: true,
    lacks: ["pipelining"],
    start(sessions, route) {
      const app = fastify({ http2: true, forceCloseConnections: true });
      return start(coatcheck, unparsed(app as unknown as FastifyInstance), sessions, route);
    },
  };
}
