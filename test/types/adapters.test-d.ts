/**
 * How an app types its requests with each adapter, without any global declaration. With one, see
 * test/dist/consumer.
 *
 * @module
 */

import type { IncomingMessage, ServerResponse } from "node:http";
import { createServer } from "node:http";
import type { Http2ServerRequest, Http2ServerResponse } from "node:http2";
import { createServer as createHttp2Server } from "node:http2";
import express from "express";
import fastify from "fastify";
import { Hono } from "hono";
import Koa from "koa";
import { coatcheck as coatcheckExpress } from "../../src/adapters/express.ts";
import { coatcheck as coatcheckFastify } from "../../src/adapters/fastify.ts";
import { coatcheck as coatcheckHono } from "../../src/adapters/hono.ts";
import { coatcheck as coatcheckKoa } from "../../src/adapters/koa.ts";
import type { WithSession } from "../../src/adapters/node.ts";
import { coatcheck as coatcheckNode } from "../../src/adapters/node.ts";
import { coatcheck as coatcheckWeb } from "../../src/adapters/web.ts";
import type { SessionOf } from "../../src/index.ts";
import { createSessions, isCoatcheckError } from "../../src/index.ts";
import { memoryStore } from "../../src/stores/memory.ts";

interface Shop {
  cart: string[];
}

const sessions = createSessions<Shop>({ secrets: ["…"], store: memoryStore() });

createServer(
  coatcheckNode(sessions, async (request, response) => {
    const session = await request.session.load();
    const cart: string[] | undefined = session.get("cart");
    // @ts-expect-error: not a key of this app
    session.get("basket");
    // @ts-expect-error: the handle has no values
    request.session.userId;
    response.writeHead(200).end(`${request.url} ${cart?.length}`);
  }),
);
createHttp2Server(
  coatcheckNode(
    sessions,
    async (request: WithSession<Http2ServerRequest, Shop>, response: Http2ServerResponse) => {
      const { userId } = await request.session.load();
      const id: number | undefined = request.stream.id;
      response.end(`${userId} ${id}`);
    },
  ),
);

type App = WithSession<IncomingMessage, Shop>;
async function listener(request: App, response: ServerResponse): Promise<void> {
  response.end((await request.session.load()).get("cart")?.join());
}
createServer(coatcheckNode(sessions, listener));

// As a middleware: whoever hands on, or nobody.
const withSession = coatcheckNode(sessions);
createServer((request, response) => {
  withSession(request, response);
  sessions.of(request).load();
});

const handler = coatcheckWeb(sessions, async (request, session, env: { name: string }) => {
  const cart: string[] | undefined = (await session.load()).get("cart");
  return new Response(`${request.url} ${env.name} ${cart?.length}`);
});
const answer: Promise<Response> = handler(new Request("http://a.test"), { name: "x" });
// @ts-expect-error: what the runtime passes is passed on
handler(new Request("http://a.test"));
answer.then();

// A runtime's own kind of request, such as NextRequest or BunRequest, named by the handler or by who calls it.
interface RoutedRequest extends Request {
  readonly params: { readonly id: string };
}
const routed = coatcheckWeb(sessions, async (request: RoutedRequest, session) => {
  const cart: string[] | undefined = (await session.load()).get("cart");
  return new Response(`${request.params.id} ${cart?.length}`);
});
// @ts-expect-error: not the kind of request that the handler asks for
routed(new Request("http://a.test"));
const called: (request: RoutedRequest) => Promise<Response> = coatcheckWeb(
  sessions,
  async (request) => new Response(request.params.id),
);
called.call(undefined, Object.assign(new Request("http://a.test"), { params: { id: "7" } })).then();

const plain = coatcheckWeb(sessions, () => new Response());
plain(new Request("http://a.test")).then();

const hono = new Hono<{ Variables: { session: SessionOf<typeof sessions> } }>();
hono.use(coatcheckHono(sessions));
// Hono wants a status of those that there are, not any number.
hono.onError((error, c) => {
  if (!isCoatcheckError(error)) throw error;
  return c.json({ error: error.code }, error.status);
});
hono.get("/", async (c) => {
  const cart: string[] = (await c.get("session").load()).get("cart") ?? [];
  // @ts-expect-error: the handle has no values
  c.get("session").userId;
  return c.json(cart);
});

const koa = new Koa<Koa.DefaultState, { session: SessionOf<typeof sessions> }>();
koa.use(coatcheckKoa(sessions));
koa.use(async (ctx) => {
  const cart: string[] | undefined = (await ctx.session.load()).get("cart");
  // @ts-expect-error: not a key of this app
  (await ctx.session.load()).get("basket");
  ctx.body = cart;
});

// Without a declaration, by `sessions.of`.
const plainKoa = new Koa();
plainKoa.use(coatcheckKoa(sessions));
plainKoa.use(async (ctx) => {
  const cart: string[] | undefined = (await sessions.of(ctx).load()).get("cart");
  ctx.body = cart;
});
express().use(coatcheckExpress(sessions), async (req, res) => {
  const cart: string[] | undefined = (await sessions.of(req).load()).get("cart");
  res.json(cart);
});
const app = fastify();
app.register(coatcheckFastify(sessions));
app.get("/", async (request) => {
  const cart: string[] | undefined = (await sessions.of(request).load()).get("cart");
  return { cart };
});
