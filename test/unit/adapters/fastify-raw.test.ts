// Replies that are sent past Fastify, so that no `onSend` hook hears of them.
import { once } from "node:events";
import type { IncomingMessage, OutgoingHttpHeaders } from "node:http";
import { ServerResponse } from "node:http";
import { connect } from "node:http2";
import type { Socket } from "node:net";
import { text } from "node:stream/consumers";
import fastifyExpress from "@fastify/express";
import type { FastifyInstance, FastifyReply, FastifyRequest } from "fastify";
import fastify from "fastify";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { WebSocket, WebSocketServer } from "ws";
import { coatcheck } from "../../../src/adapters/fastify.ts";
import { memoryStore } from "../../../src/stores/memory.ts";
import { faulty, gate } from "../../../src/testing/faults.ts";
import { signedInCookie } from "../../../src/testing/signed-in-cookie.ts";
import type { TestSessions, WithSession } from "../../support/test-sessions.ts";
import { testSessions } from "../../support/test-sessions.ts";
import type { Wire } from "../../support/wire.ts";
import { listenWith } from "../../support/wire.ts";

const GET_ONCE = "GET / HTTP/1.1\r\nHost: test\r\nConnection: close\r\n\r\n";

const closing: (() => unknown)[] = [];
const warnings: string[] = [];
const warn = ({ message }: Error): void => void warnings.push(message);

beforeEach(() => {
  process.on("warning", warn);
});
afterEach(async () => {
  process.off("warning", warn);
  warnings.length = 0;
  for (const close of closing.splice(0).reverse()) await close();
});

/** An app with the adapter; `build` adds to it before and after. */
async function open(parts: TestSessions = testSessions()) {
  const app = fastify({ forceCloseConnections: true });
  closing.push(() => app.close());
  await app.register(coatcheck(parts.sessions));
  return { ...parts, app };
}

async function serve(app: FastifyInstance): Promise<Wire> {
  await app.ready();
  return await listenWith(app.server);
}

/** Sessions whose store takes the first one when the gate opens. */
function late() {
  const [asked, shut] = [gate(), gate()];
  const store = faulty(memoryStore(), ({ verb }) => {
    if (verb !== "create") return undefined;
    asked.open();
    return { heldBy: shut };
  });
  return { ...testSessions({ store }), asked, shut };
}

const sessionOf = (request: FastifyRequest): WithSession["session"] =>
  (request as FastifyRequest & WithSession).session;

/** Sets a key, which is kept as the head is written. */
async function written(request: FastifyRequest): Promise<string> {
  (await sessionOf(request).load()).set("n", 1);
  return "raw";
}

const field = (name: string, answer: string): readonly string[] =>
  [...answer.matchAll(new RegExp(`^${name}: (.*)\r$`, "gim"))].map(([, value]) => value ?? "");

/** What is kept under the cookie of this answer. */
async function keptBy({ sessions }: TestSessions, answer: string): Promise<unknown> {
  const cookie = field("set-cookie", answer)[0]?.split(";")[0] ?? "";
  return (await sessions.open({ headers: { cookie } }).load()).all();
}

/** A whole other exchange on the same machine: what had been sent would have come by now. */
async function another(wire: Wire): Promise<void> {
  await once((await wire.open()).socket.end(), "close");
}

/** Redirects the root. */
async function withExpress(app: FastifyInstance): Promise<FastifyInstance> {
  await app.register(fastifyExpress);
  app.use("/", (req, res, next) => (req.url === "/" ? res.redirect("/there") : next()));
  return app.get("/", async () => "never");
}

const WAYS: readonly [string, (reply: FastifyReply) => unknown][] = [
  ["end", ({ raw }) => raw.end("raw")],
  ["write", ({ raw }) => [raw.write("r"), raw.end("aw")]],
  ["writeHead", ({ raw }) => raw.writeHead(200, { "x-one": "1" }).end("raw")],
  ["flushHeaders", ({ raw }) => [raw.flushHeaders(), raw.end("raw")]],
  ["hijack", (reply) => reply.hijack().raw.end("raw")],
];

describe("a reply that is sent past Fastify", () => {
  it.each(WAYS)("P9 leaves after the store has taken the changes: %s", async (_name, send) => {
    const parts = late();
    const { app } = await open(parts);
    app.get("/", async (request, reply) => {
      await written(request);
      send(reply);
      return reply;
    });
    const wire = await serve(app);
    const { socket, received, rest } = await wire.open();
    socket.write(GET_ONCE);
    await parts.asked.opened;
    await another(wire);
    expect(received()).toBe("");

    parts.shut.open();
    const answer = await rest();
    expect(answer).toMatch(/^HTTP\/1.1 200 OK\r\n/);
    expect(answer.replaceAll(/\r\n[0-9a-f]+\r\n|\r\n$/g, "")).toMatch(/raw/);
    expect(field("set-cookie", answer)).toHaveLength(1);
    expect([field("vary", answer), field("cache-control", answer)]).toEqual([
      ["Cookie"],
      ["no-store"],
    ]);
    expect(await keptBy(parts, answer)).toEqual({ n: 1 });
  });

  it("P9 waits where a method was looked up before the session was used", async () => {
    const parts = await open();
    parts.app.get("/", async (request, reply) => {
      reply.hijack();
      reply.raw.end(await written(request));
    });
    const answer = await (await serve(parts.app)).exchange(GET_ONCE);
    expect(await keptBy(parts, answer)).toEqual({ n: 1 });
  });

  it("P9 sends the events of a stream as they come, once the store has taken the changes", async () => {
    const parts = late();
    const { app } = await open(parts);
    const next = gate();
    app.get("/", async (request, reply) => {
      await written(request);
      reply.hijack();
      const { raw } = reply.header("x-one", "1");
      const headers = reply.getHeaders() as OutgoingHttpHeaders;
      raw.writeHead(200, { ...headers, "content-type": "text/event-stream" });
      raw.flushHeaders();
      await next.opened;
      raw.end("data: bye\n\n");
    });
    const { socket, until, rest } = await (await serve(app)).open();
    socket.write(GET_ONCE);
    await parts.asked.opened;
    parts.shut.open();
    await until("\r\n\r\n");
    next.open();
    const answer = await rest();
    expect(answer).toMatch(/data: bye/);
    expect([field("x-one", answer), field("content-type", answer)]).toEqual([
      ["1"],
      ["text/event-stream"],
    ]);
    expect(await keptBy(parts, answer)).toEqual({ n: 1 });
  });

  it("P9 refuses what is changed after the first byte", async () => {
    const { app } = await open();
    const codes: unknown[] = [];
    app.get("/", async (request, reply) => {
      const session = await sessionOf(request).load();
      reply.hijack().raw.write("raw");
      try {
        session.set("n", 1);
      } catch (error) {
        codes.push((error as { code?: unknown }).code);
      }
      reply.raw.end();
    });
    await (await serve(app)).exchange(GET_ONCE);
    expect(codes).toEqual(["ERR_SESSION_CLOSED"]);
  });

  it("P9 tells in development of what is changed in place after it", async () => {
    const { app, sessions } = await open(testSessions({ dev: true }));
    const keys: unknown[] = [];
    sessions.on("lateChange", (event) => keys.push(event.keys));
    app.get("/", async (request, reply) => {
      reply.hijack().raw.write("raw");
      const session = await sessionOf(request).load();
      (session.get("cart") as string[]).push("tea");
      reply.raw.end();
    });
    const cookie = await signedInCookie(sessions, "ada", { data: { cart: [] } });
    await (await serve(app)).exchange(
      GET_ONCE.replace("\r\n\r\n", `\r\nCookie: ${cookie}\r\n\r\n`),
    );
    await vi.waitUntil(() => keys.length > 0);
    expect(keys).toEqual([["cart"]]);
  });

  it("P12 varies by Cookie where the session was only read", async () => {
    const { app } = await open();
    app.get("/", async (request, reply) => {
      await sessionOf(request).load();
      reply.hijack().raw.end("raw");
    });
    const { headers } = await app.inject("/");
    expect(headers).toMatchObject({ vary: "Cookie", "cache-control": "private" });
  });

  it("P9 P10 is answered with 503 when the store is down, as on Node", async () => {
    const { app, down } = await open();
    const handled: unknown[] = [];
    app.setErrorHandler((error, _request, reply) => {
      handled.push(error);
      return reply.send("handled");
    });
    app.get("/", async (request, reply) => {
      await written(request);
      down.begin();
      reply.hijack();
      reply.raw.writeHead(200, { etag: '"1"', "x-one": "1" }).end("raw");
    });
    const wire = await serve(app);
    const answer = await wire.exchange(GET_ONCE);
    expect(answer).toMatch(
      /^HTTP\/1.1 503 Service Unavailable\r\n.*\r\n\r\nService Unavailable\n$/s,
    );
    const [etag, one] = [field("etag", answer), field("x-one", answer)];
    expect([etag, one, field("retry-after", answer)]).toEqual([[], ["1"], ["5"]]);
    // Whoever answers past Fastify has no error handler.
    expect(handled).toEqual([]);
    down.end();
    expect(await wire.exchange(GET_ONCE)).toMatch(/^HTTP/);
  });

  it("drops the buffered changes of one that says 500", async () => {
    const { app, recorded } = await open();
    app.get("/", async (request, reply) => {
      await written(request);
      reply.hijack().raw.writeHead(500).end("raw");
    });
    expect((await app.inject("/")).statusCode).toBe(500);
    expect(recorded.count("create")).toBe(0);
  });

  it("keeps its cookie from a hook that answers before there is a handler", async () => {
    const parts = await open();
    parts.app.addHook("onRequest", async (request, reply) => {
      reply.hijack().raw.end(await written(request));
    });
    parts.app.get("/", async () => "never");
    const answer = await (await serve(parts.app)).exchange(GET_ONCE);
    expect(answer).toMatch(/raw$/);
    expect(await keptBy(parts, answer)).toEqual({ n: 1 });
  });

  it("keeps its cookie from an Express middleware that redirects", async () => {
    const parts = await open();
    parts.app.addHook("onRequest", written);
    const answer = await (await serve(await withExpress(parts.app))).exchange(GET_ONCE);
    expect([answer.slice(9, 12), field("location", answer)]).toEqual(["302", ["/there"]]);
    expect(await keptBy(parts, answer)).toEqual({ n: 1 });
  });

  it("P9 refuses what is changed after the first byte where @fastify/express says that none was sent", async () => {
    const { app } = await open();
    await withExpress(app);
    const codes: unknown[] = [];
    app.get("/raw", async (request, reply) => {
      reply.hijack().raw.write("ra");
      await written(request).catch(({ code }) => codes.push(code));
      reply.raw.end("w");
    });
    const answer = await (await serve(app)).exchange(GET_ONCE.replace("/", "/raw"));
    expect(answer).toMatch(/ra\r\n1\r\nw\r\n0\r\n/);
    expect(codes).toEqual(["ERR_SESSION_CLOSED"]);
  });

  it("lets the next request of the connection wait for its turn", async () => {
    const parts = late();
    const { app } = await open(parts);
    app.get("/raw", async (request, reply) => {
      reply.hijack().raw.end(await written(request));
    });
    app.get("/", async (request) => ({ next: (await sessionOf(request).load()).isNew }));
    const { socket, received, rest } = await (await serve(app)).open();
    socket.write(`GET /raw HTTP/1.1\r\nHost: test\r\n\r\n${GET_ONCE}`);
    await parts.asked.opened;
    expect(received()).toBe("");
    parts.shut.open();
    expect((await rest()).match(/^raw|\{"next":true\}|HTTP\/1.1 \d+/gm)).toEqual([
      "HTTP/1.1 200",
      "raw",
      "HTTP/1.1 200",
      '{"next":true}',
    ]);
  });

  it("is sent to `inject` as to a client, also as a stream", async () => {
    const parts = await open();
    parts.app.get("/", async (request, reply) => {
      await written(request);
      reply.hijack().raw.write("r");
      reply.raw.end("aw");
    });
    const whole = await parts.app.inject("/");
    const streamed = await parts.app.inject({ url: "/", payloadAsStream: true });
    expect(whole.body).toBe("raw");
    expect(await text(streamed.stream())).toBe("raw");
    for (const { headers } of [whole, streamed]) {
      expect(headers).toMatchObject({ "set-cookie": expect.any(String), vary: "Cookie" });
    }
  });

  it("keeps its cookie over HTTP/2, and one that is sent past the response is told in development", async () => {
    const { sessions } = testSessions({ dev: true });
    const app = fastify({ http2: true });
    closing.push(() => app.close());
    await app.register(coatcheck(sessions) as never);
    app.get("/held", async (request, reply) => {
      reply.hijack().raw.end(await written(request as never));
    });
    app.get("/past", async (request, reply) => {
      await written(request as never);
      reply.hijack().raw.stream.respond({ ":status": 200 });
      reply.raw.stream.end("raw");
    });
    const client = connect(await app.listen({ host: "127.0.0.1", port: 0 }));
    closing.push(() => client.close());
    const ask = async (path: string): Promise<unknown> => {
      const stream = client.request({ ":path": path });
      const [headers] = (await once(stream, "response")) as [Record<string, unknown>];
      expect(await text(stream)).toBe("raw");
      return headers["set-cookie"];
    };
    expect(await ask("/held")).toHaveLength(1);
    expect(warnings).toEqual([]);
    expect(await ask("/past")).toBeUndefined();
    await vi.waitUntil(() => warnings.length > 0);
    expect(warnings).toEqual([expect.stringMatching(/sent past coatcheck/)]);
  });
});

describe("a reply that Fastify sends", () => {
  it("goes through as it is, once its session was committed", async () => {
    const { app, recorded } = await open();
    const own: unknown[] = [];
    app.addHook("onResponse", async (_request, { raw }) => own.push(raw.getHeaderNames()));
    app.get("/", written);
    const answer = await (await serve(app)).exchange(GET_ONCE);
    for (const name of ["set-cookie", "vary", "cache-control"]) {
      expect(field(name, answer)).toHaveLength(1);
    }
    // What Fastify gives to `writeHead` is looked through only where the head is held.
    expect(own).toEqual([[]]);
    expect(recorded.count("create")).toBe(1);
  });

  it("P9 keeps what a hook after ours is the first to change", async () => {
    const parts = await open();
    parts.app.addHook("onSend", async (request, _reply, payload) => {
      await written(request);
      return payload;
    });
    parts.app.get("/", async () => "x");
    const answer = await (await serve(parts.app)).exchange(GET_ONCE);
    expect(answer).toMatch(/\r\n\r\nx$/);
    expect(await keptBy(parts, answer)).toEqual({ n: 1 });
  });
});

describe("the handler of a socket", () => {
  /** Upgrades as @fastify/websocket and @fastify/http-proxy do: hooks and handler run, and none answers. */
  async function serveSockets(app: FastifyInstance): Promise<string> {
    const sockets = new WebSocketServer({ noServer: true });
    const heads = new WeakMap<object, Buffer>();
    app.server.on("upgrade", (request, socket, head) => {
      heads.set(request, head);
      const response = new ServerResponse(request);
      response.assignSocket(socket as Socket);
      response.once("finish", () => socket.destroy());
      app.routing(request, response);
    });
    app.get("/", (request, reply) => {
      reply.hijack();
      const head = heads.get(request.raw) as Buffer;
      sockets.handleUpgrade(request.raw, request.raw.socket, head, (socket) => {
        closing.push(() => socket.terminate());
        socket.on("message", async (message) => {
          const handle = sessionOf(request);
          const called =
            String(message) === "set"
              ? written(request)
              : handle.update("n", () => String(message));
          socket.send(await called.then(String, ({ code }) => String(code)));
        });
      });
    });
    const target = await app.listen({ host: "127.0.0.1", port: 0 });
    return target.replace("http", "ws");
  }

  async function talk(url: string, cookie: string, ...messages: string[]): Promise<string[]> {
    const socket = new WebSocket(url, { headers: { cookie } });
    await once(socket, "open");
    const answers: string[] = [];
    for (const message of messages) {
      socket.send(message);
      answers.push(String((await once(socket, "message"))[0]));
    }
    return answers;
  }

  it.each(["the handler", "a hook before it"])(
    "P9 is refused what needs a head, and updates what is there: %s uses the session first",
    async (first) => {
      const { app, sessions } = await open();
      if (first !== "the handler") {
        app.addHook(
          "preValidation",
          async (request) => void (await sessionOf(request).requireUser()),
        );
      }
      const url = await serveSockets(app);
      const cookie = await signedInCookie(sessions, "ada");
      expect(await talk(url, cookie, "set", "tea")).toEqual(["ERR_SESSION_CLOSED", "tea"]);
      expect((await sessions.open({ headers: { cookie } }).load()).all()).toEqual({ n: "tea" });
    },
  );

  it("P9 is refused the same in a test, by the request that `injectWS` makes up", async () => {
    const { app, sessions } = await open();
    const answer = new Promise((resolve) => {
      app.get("/", async (request, reply) => {
        reply.hijack();
        resolve(await written(request).catch(({ code }) => code));
      });
    });
    await app.ready();
    // No message of Node's, and no stream: an object with what a handshake needs.
    const request = {
      method: "GET",
      url: "/",
      httpVersion: "1.1",
      headers: {
        cookie: await signedInCookie(sessions, "ada"),
        connection: "upgrade",
        upgrade: "websocket",
      },
    } as unknown as IncomingMessage;
    app.routing(request, new ServerResponse(request));
    expect(await answer).toBe("ERR_SESSION_CLOSED");
  });

  it("is not reached by who is not signed in: a hook before it answers", async () => {
    const { app } = await open();
    app.addHook("preValidation", async (request) => void (await sessionOf(request).requireUser()));
    const socket = new WebSocket(await serveSockets(app));
    const [, response] = await once(socket, "unexpected-response");
    expect([response.statusCode, response.headers.vary]).toEqual([401, "Cookie"]);
    response.destroy();
  });
});
