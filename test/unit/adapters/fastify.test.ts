import { createReadStream } from "node:fs";
import { Readable } from "node:stream";
import type { FastifyInstance, FastifyRequest } from "fastify";
import fastify from "fastify";
import { afterEach, describe, expect, it, vi } from "vitest";
import { coatcheck } from "../../../src/adapters/fastify.ts";
import { memoryStore } from "../../../src/stores/memory.ts";
import { faulty, gate, nthCall } from "../../../src/testing/faults.ts";
import type { TestSessions, WithSession } from "../../support/test-sessions.ts";
import { testSessions } from "../../support/test-sessions.ts";

const apps: FastifyInstance[] = [];
afterEach(async () => {
  for (const app of apps.splice(0)) await app.close();
});

async function open(parts: TestSessions = testSessions()) {
  const app = fastify({ forceCloseConnections: true });
  apps.push(app);
  await app.register(coatcheck(parts.sessions));
  return { ...parts, app };
}

const sessionOf = (request: FastifyRequest): WithSession["session"] =>
  (request as FastifyRequest & WithSession).session;

describe("the Fastify adapter", () => {
  it("replies once when an async handler sends without returning the reply", async () => {
    const { app } = await open();
    const sends: unknown[] = [];
    app.addHook("onSend", async (_request, _reply, payload) => {
      sends.push(payload);
      return payload;
    });
    app.get("/", async (request, reply) => {
      (await sessionOf(request).load()).set("n", 1);
      reply.send({ fine: true });
    });
    const target = await app.listen({ host: "127.0.0.1", port: 0 });
    const response = await fetch(target);
    expect(await response.json()).toEqual({ fine: true });
    expect(response.headers.getSetCookie()).toHaveLength(1);
    expect(sends).toEqual(['{"fine":true}']);
    // The process would have ended on a second head.
    expect((await fetch(target)).status).toBe(200);
  });

  it("covers routes of plugins that were registered before and after", async () => {
    const parts = testSessions();
    const app = fastify();
    apps.push(app);
    const who = async (request: FastifyRequest) => ({
      new: (await sessionOf(request).load()).isNew,
    });
    app.register(async (child) => child.get("/before", who));
    app.register(coatcheck(parts.sessions));
    app.register(async (child) => child.get("/after", who), { prefix: "/deep" });
    for (const url of ["/before", "/deep/after"]) {
      const response = await app.inject(url);
      expect([response.json(), response.headers["vary"]]).toEqual([{ new: true }, "Cookie"]);
    }
  });

  it("refuses to be registered twice", async () => {
    const { app, sessions } = await open();
    await expect(app.register(coatcheck(sessions))).rejects.toMatchObject({
      code: "FST_ERR_DEC_ALREADY_PRESENT",
    });
  });

  it("hands a failed commit to the app's error handler, without the headers of the body", async () => {
    const { app, down } = await open();
    const seen: unknown[] = [];
    app.setErrorHandler(
      (error: Error & { code?: string; statusCode?: number }, _request, reply) => {
        seen.push(error.code);
        reply.code(error.statusCode ?? 500).send({ sorry: true });
      },
    );
    app.get("/", async (request, reply) => {
      (await sessionOf(request).load()).set("n", 1);
      down.begin();
      reply.header("etag", '"1"').header("x-one", "1").type("text/csv");
      return "a,b";
    });
    const response = await app.inject("/");
    expect([response.statusCode, response.json()]).toEqual([503, { sorry: true }]);
    expect(seen).toEqual(["ERR_STORE_UNAVAILABLE"]);
    expect(response.headers).not.toHaveProperty("etag");
    expect(response.headers).toMatchObject({
      "content-type": "application/json; charset=utf-8",
      "x-one": "1",
    });
  });

  it("keeps what the error handler changes, and nothing of the handler that has thrown", async () => {
    const { app, sessions } = await open();
    const noted = vi.fn();
    app.addHook("onError", async (_request, _reply, error) => noted(error.message));
    app.setErrorHandler(async (_error, request, reply) => {
      (await sessionOf(request).load()).set("returnTo", request.url);
      return reply.redirect("/sign-in");
    });
    app.get("/cart", async (request) => {
      (await sessionOf(request).load()).set("n", 1);
      await sessionOf(request).requireUser();
    });
    const response = await app.inject("/cart");
    expect(response.statusCode).toBe(302);
    expect(noted).toHaveBeenCalledOnce();
    const [cookie] = response.cookies;
    const headers = { cookie: `${cookie?.name}=${cookie?.value}` };
    expect((await sessions.open({ headers }).load()).all()).toEqual({ returnTo: "/cart" });
  });

  it("P15 an error handler that changes nothing leaves nothing of the handler behind", async () => {
    const { app, recorded } = await open();
    app.setErrorHandler((_error, _request, reply) => reply.code(400).send("no"));
    app.get("/", async (request) => {
      (await sessionOf(request).load()).set("n", 1);
      throw new Error("the handler failed");
    });
    const response = await app.inject("/");
    expect([response.statusCode, response.cookies]).toEqual([400, []]);
    expect(recorded.count()).toBe(0);
  });

  it("closes the stream that is not sent when the commit fails", async () => {
    const { app, down } = await open();
    const body = new Readable({ read: () => undefined });
    app.get("/", async (request) => {
      (await sessionOf(request).load()).set("n", 1);
      down.begin();
      return body;
    });
    expect((await app.inject("/")).statusCode).toBe(503);
    expect(body.destroyed).toBe(true);
  });

  it("outlives a stream that fails while the commit is under way", async () => {
    const shut = gate();
    const store = faulty(memoryStore(), nthCall("create", 1, { answeredAfter: shut }));
    const { app } = await open(testSessions({ store }));
    app.get("/", async (request) => {
      (await sessionOf(request).load()).set("n", 1);
      return createReadStream("/nowhere/at/all").once("close", () => shut.open());
    });
    const target = await app.listen({ host: "127.0.0.1", port: 0 });
    const response = await fetch(target);
    expect([response.status, await response.json()]).toMatchObject([500, { code: "ENOENT" }]);
  });

  it.each(["ReadableStream", "Response"])("cancels a %s as well", async (kind) => {
    const { app, down } = await open();
    const cancelled = vi.fn();
    app.get("/", async (request) => {
      (await sessionOf(request).load()).set("n", 1);
      down.begin();
      const stream = new ReadableStream({ cancel: cancelled });
      return kind === "Response" ? new Response(stream) : stream;
    });
    expect((await app.inject("/")).statusCode).toBe(503);
    expect(cancelled).toHaveBeenCalledOnce();
  });

  it("answers for a stream that breaks while the store is asked", async () => {
    const body = new Readable({ read: () => undefined });
    const shut = gate();
    const store = faulty(memoryStore(), () => {
      body.destroy(new Error("no such file"));
      setImmediate(shut.open);
      return { heldBy: shut };
    });
    const { app } = await open(testSessions({ store }));
    // Compression, say, would wait for the end of a stream that is over.
    const sent: string[] = [];
    app.addHook("onSend", async (_request, _reply, payload) => {
      sent.push(typeof payload);
      return payload;
    });
    app.get("/", async (request) => {
      (await sessionOf(request).load()).set("n", 1);
      return body;
    });
    const response = await app.inject("/");
    expect(response.statusCode).toBe(500);
    expect(response.json()).toMatchObject({ message: "no such file" });
    expect(sent).toEqual(["string"]);
  });

  it("drops buffered changes of a handler that throws a 4xx, too", async () => {
    const { app, recorded } = await open();
    app.get("/", async (request) => {
      (await sessionOf(request).load()).set("n", 1);
      throw Object.assign(new Error("not here"), { statusCode: 404 });
    });
    expect((await app.inject("/")).statusCode).toBe(404);
    expect(recorded.count("create")).toBe(0);
  });

  it("keeps a reply's own cookies, from whichever place they were set", async () => {
    const { app } = await open();
    app.get("/", async (request, reply) => {
      await sessionOf(request).signIn("ada");
      reply.header("set-cookie", "a=1").header("set-cookie", "b=2");
      return "x";
    });
    app.get("/raw", async (request, reply) => {
      await sessionOf(request).signIn("ada");
      reply.raw.setHeader("set-cookie", "raw=1");
      return "x";
    });
    const names = async (url: string): Promise<string[]> =>
      (await app.inject(url)).cookies.map(({ name }) => name);
    expect(await names("/")).toEqual(["a", "b", "sid"]);
    expect(await names("/raw")).toEqual(["raw", "sid"]);
  });

  it("is not there for a request that another hook has answered before", async () => {
    const parts = testSessions();
    const app = fastify();
    apps.push(app);
    app.addHook("onRequest", async (_request, reply) => reply.code(418).send("tea"));
    await app.register(coatcheck(parts.sessions));
    app.get("/", async () => "never");
    const response = await app.inject("/");
    expect([response.statusCode, response.body]).toEqual([418, "tea"]);
  });

  it("serves a hijacked reply whose session was committed by hand", async () => {
    const { app, sessions } = await open();
    app.get("/", async (request, reply) => {
      const session = sessionOf(request);
      await session.signIn("ada");
      const { cookies } = await session.commit({ at: "head" });
      reply.hijack();
      reply.raw.setHeader("Set-Cookie", cookies.map(String));
      reply.raw.end("raw");
    });
    const target = await app.listen({ host: "127.0.0.1", port: 0 });
    const response = await fetch(target);
    expect(await response.text()).toBe("raw");
    const cookie = response.headers.getSetCookie()[0]?.split(";")[0] ?? "";
    expect((await sessions.open({ headers: { cookie } }).load()).userId).toBe("ada");
  });

  it("waits in onSend: hooks of others after it see its headers", async () => {
    const parts = testSessions();
    const shut = gate();
    const { app } = await open(parts);
    const seen: unknown[] = [];
    app.addHook("onSend", async (_request, reply, payload) => {
      seen.push(reply.getHeader("cache-control"));
      return payload;
    });
    app.get("/", async (request) => {
      (await sessionOf(request).load()).set("n", 1);
      return "x";
    });
    shut.open();
    await app.inject("/");
    expect(seen).toEqual(["no-store"]);
  });
});
