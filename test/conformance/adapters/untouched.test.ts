import type { RequestListener } from "node:http";
import { getRequestListener } from "@hono/node-server";
import express5 from "express";
import express4 from "express4";
import fastify from "fastify";
import { Hono } from "hono";
import Koa from "koa";
import { describe, expect, it } from "vitest";
import * as forExpress from "../../../src/adapters/express.ts";
import * as forFastify from "../../../src/adapters/fastify.ts";
import * as forHono from "../../../src/adapters/hono.ts";
import * as forKoa from "../../../src/adapters/koa.ts";
import * as forNode from "../../../src/adapters/node.ts";
import * as forWeb from "../../../src/adapters/web.ts";
import type { Sessions } from "../../../src/index.ts";
import { signedInCookie } from "../../../src/testing/signed-in-cookie.ts";
import type { Data } from "../../support/test-sessions.ts";
import { testSessions } from "../../support/test-sessions.ts";
import { listen } from "../../support/wire.ts";

/** An app that answers the same with coatcheck and without. */
type Make = (sessions?: Sessions<Data>) => RequestListener | Promise<RequestListener>;

const forExpressApps = (express: typeof express5): Make => {
  return (sessions) => {
    const app = express();
    if (sessions !== undefined) app.use(forExpress.coatcheck(sessions));
    return app.use((_req, res) => void res.send("hello"));
  };
};

const apps: Readonly<Record<string, Make>> = {
  "Express 5": forExpressApps(express5),
  "Express 4": forExpressApps(express4),
  async Fastify(sessions) {
    const app = fastify();
    if (sessions !== undefined) await app.register(forFastify.coatcheck(sessions));
    app.get("/", async () => "hello");
    await app.ready();
    return (request, response) => app.routing(request, response);
  },
  Hono(sessions) {
    const app = new Hono();
    if (sessions !== undefined) app.use(forHono.coatcheck(sessions));
    app.get("/", (c) => c.text("hello"));
    return getRequestListener(app.fetch);
  },
  Koa(sessions) {
    const app = new Koa();
    if (sessions !== undefined) app.use(forKoa.coatcheck(sessions));
    app.use((ctx) => {
      ctx.body = "hello";
    });
    return app.callback();
  },
  "node:http"(sessions) {
    const listener: RequestListener = (_request, response) => response.end("hello");
    return sessions === undefined ? listener : forNode.coatcheck(sessions, listener);
  },
  Web(sessions) {
    const handler = () => new Response("hello");
    return getRequestListener(
      sessions === undefined ? handler : forWeb.coatcheck(sessions, handler),
    );
  },
};

async function answerOf(app: RequestListener, cookie: string): Promise<string> {
  const wire = await listen(app);
  const lines = ["GET / HTTP/1.1", "Host: shop.test", "Connection: close", `Cookie: ${cookie}`];
  const answer = await wire.exchange(`${lines.join("\r\n")}\r\n\r\n`);
  await wire.close();
  return answer.replace(/^Date: .*\r\n/im, "");
}

describe.each(["stored", "sealed"] as const)("a request with a %s session", (method) => {
  it.each(Object.keys(apps))(
    "P1 that is not used gets, byte by byte, what %s answers without coatcheck",
    async (name) => {
      const make = apps[name] as Make;
      const { sessions } = testSessions({ method });
      const data = { text: "x".repeat(6000) };
      const cookie = await signedInCookie(sessions, "ada", { data });
      expect(cookie.split("; ")).toHaveLength(method === "stored" ? 1 : 3);
      const answer = await answerOf(await make(sessions), cookie);
      expect(answer).toContain("hello");
      expect(answer).toBe(await answerOf(await make(), cookie));
    },
  );
});
