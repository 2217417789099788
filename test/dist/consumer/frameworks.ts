// Each framework's adapter beside the framework's own types.
import type { SessionOf } from "coatcheck";
import { createSessions } from "coatcheck";
import { coatcheck as forExpress } from "coatcheck/adapters/express";
import { coatcheck as forFastify } from "coatcheck/adapters/fastify";
import { coatcheck as forHono } from "coatcheck/adapters/hono";
import { coatcheck as forKoa } from "coatcheck/adapters/koa";
import { lmdbStore } from "coatcheck/stores/lmdb";
import express from "express";
import fastify from "fastify";
import { Hono } from "hono";
import Koa from "koa";

const sessions = createSessions<{ cart: string[] }>({
  secrets: [new Uint8Array(32)],
  store: lmdbStore({ path: "data/sessions" }),
});

declare global {
  namespace Express {
    interface Request {
      session: SessionOf<typeof sessions>;
    }
  }
}
declare module "fastify" {
  interface FastifyRequest {
    session: SessionOf<typeof sessions>;
  }
}

const onExpress = express();
onExpress.use(forExpress(sessions));
onExpress.get("/", async (req, res) => {
  res.json((await req.session.load()).get("cart"));
});

const onFastify = fastify();
await onFastify.register(forFastify(sessions));
onFastify.get("/", async (request) => (await request.session.load()).get("cart"));

const onHono = new Hono<{ Variables: { session: SessionOf<typeof sessions> } }>();
onHono.use(forHono(sessions));
onHono.get("/", async (c) => c.json((await c.get("session").load()).get("cart") ?? null));

const onKoa = new Koa();
onKoa.use(forKoa(sessions));
onKoa.use(async (ctx) => {
  ctx.body = (await sessions.of(ctx).load()).get("cart");
});
