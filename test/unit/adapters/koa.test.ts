import { createReadStream } from "node:fs";
import { createServer } from "node:http";
import type { Readable } from "node:stream";
import { PassThrough } from "node:stream";
import Koa from "koa";
import { afterEach, describe, expect, it } from "vitest";
import { coatcheck } from "../../../src/adapters/koa.ts";
import type { Session } from "../../../src/index.ts";
import { memoryStore } from "../../../src/stores/memory.ts";
import { faulty, gate, nthCall } from "../../../src/testing/faults.ts";
import { listenOn } from "../../support/adapter-apps/serve.ts";
import type { Data } from "../../support/test-sessions.ts";
import { cookieOf, testSessions } from "../../support/test-sessions.ts";
import { until } from "../../support/until.ts";

type Context = { session: Session<Data> };
type App = Koa<Koa.DefaultState, Context>;

const closing: (() => unknown)[] = [];
afterEach(async () => {
  for (const close of closing.splice(0)) await close();
});

async function serve(
  build: (app: App) => void,
  before?: (app: App) => void,
  parts = testSessions(),
) {
  const app: App = new Koa();
  const errors: unknown[] = [];
  app.on("error", (error) => errors.push(error));
  before?.(app);
  app.use(coatcheck(parts.sessions));
  build(app);
  const { target, close } = await listenOn(createServer(app.callback()));
  closing.push(close);
  const ask = (path = "/"): Promise<Response> => fetch(`${target}${path}`, { redirect: "manual" });
  return { ...parts, ask, errors };
}

/** Sets a key, which is kept as the head is written. */
async function written({ session }: Context): Promise<string> {
  (await session.load()).set("n", 1);
  return "raw";
}

/** As streams of libraries fail that are none of Node's. */
function brokenStream(): Readable {
  const stream = new PassThrough();
  setImmediate(() => {
    stream.emit("error", new Error("broken"));
    stream.emit("close");
  });
  return stream;
}

describe("the Koa adapter", () => {
  it("keeps the cookie of what acted, though Koa removes all headers before an error", async () => {
    const { ask, errors, sessions } = await serve((app) => {
      app.use(async (ctx) => {
        await ctx.session.signIn("ada");
        ctx.set("x-one", "1");
        ctx.throw(418, "tea");
      });
    });
    const response = await ask();
    expect([response.status, await response.text()]).toEqual([418, "tea"]);
    expect(response.headers.get("x-one")).toBeNull();
    const session = await sessions.open({ headers: { cookie: cookieOf(response) } }).load();
    expect(session.userId).toBe("ada");
    expect(errors).toHaveLength(1);
  });

  it("drops buffered changes of a middleware that throws a 4xx, too", async () => {
    const { ask, recorded } = await serve((app) => {
      app.use(async (ctx) => {
        (await ctx.session.load()).set("n", 1);
        ctx.throw(404);
      });
    });
    expect((await ask()).status).toBe(404);
    expect(recorded.count("create")).toBe(0);
  });

  it("hands a failed commit to Koa: its error event, its answer", async () => {
    const { ask, errors, down } = await serve((app) => {
      app.use(async (ctx) => {
        (await ctx.session.load()).set("n", 1);
        down.begin();
        ctx.set("etag", '"1"');
        ctx.body = { fine: true };
      });
    });
    const response = await ask();
    expect([response.status, await response.text()]).toEqual([503, "Service Unavailable"]);
    expect(response.headers.get("etag")).toBeNull();
    expect(errors).toMatchObject([{ code: "ERR_STORE_UNAVAILABLE" }]);
  });

  it("keeps cookies also when a middleware before it answers the error", async () => {
    const { ask } = await serve(
      (app) => {
        app.use(async (ctx) => {
          await ctx.session.signIn("ada");
          throw new Error("after the sign-in");
        });
      },
      (app) => {
        app.use(async (ctx, next) => {
          try {
            await next();
          } catch {
            ctx.status = 500;
            ctx.body = "sorry";
          }
        });
      },
    );
    const response = await ask();
    expect([response.status, await response.text()]).toEqual([500, "sorry"]);
    expect(response.headers.getSetCookie()).toHaveLength(1);
  });

  it("P9 covers a response that bypasses Koa", async () => {
    const { ask, sessions } = await serve((app) => {
      app.use(async (ctx) => {
        const session = await ctx.session.load();
        session.set("n", 1);
        ctx.respond = false;
        ctx.res.writeHead(201, { "x-one": "1" });
        ctx.res.end("raw");
      });
    });
    const response = await ask();
    expect([response.status, await response.text()]).toEqual([201, "raw"]);
    const session = await sessions.open({ headers: { cookie: cookieOf(response) } }).load();
    expect(session.get("n")).toBe(1);
  });

  it("P9 covers one whose method was looked up before the session was used", async () => {
    const { ask, sessions } = await serve((app) => {
      app.use(async (ctx) => {
        ctx.respond = false;
        ctx.res.end(await written(ctx));
      });
    });
    const response = await ask();
    expect([response.status, await response.text()]).toEqual([404, "raw"]);
    const session = await sessions.open({ headers: { cookie: cookieOf(response) } }).load();
    expect(session.get("n")).toBe(1);
  });

  it.each<[string, () => Readable]>([
    ["is not there", () => createReadStream("/nowhere/at/all")],
    ["goes on as if nothing were", () => brokenStream()],
  ])("outlives a stream that fails while the commit is under way, and %s", async (_name, open) => {
    const shut = gate();
    const store = faulty(memoryStore(), nthCall("create", 1, { answeredAfter: shut }));
    const { ask, errors } = await serve(
      (app) => {
        app.use(async (ctx) => {
          await written(ctx);
          ctx.body = open().once("close", () => shut.open());
        });
      },
      undefined,
      testSessions({ store }),
    );
    await ask().catch(() => undefined);
    // Koa hears of it, as it would have without a session.
    await until("Koa has heard of it", async () => errors.length > 0);
  });

  it("takes changes that a middleware before it makes after the others are done", async () => {
    const { ask, sessions } = await serve(
      (app) => {
        app.use(async (ctx) => {
          (await ctx.session.load()).set("inner", true);
          ctx.body = "x";
        });
      },
      (app) => {
        app.use(async (ctx, next) => {
          await next();
          (await ctx.session.load()).set("outer", true);
        });
      },
    );
    const session = await sessions.open({ headers: { cookie: cookieOf(await ask()) } }).load();
    expect(session.all()).toEqual({ inner: true, outer: true });
  });
});
