/**
 * The façade under the libraries that expect express-session: passport, connect-flash,
 * @fastify/express; and our stores under @fastify/session.
 */

import fastifyCookie from "@fastify/cookie";
import fastifyExpress from "@fastify/express";
import fastifySession from "@fastify/session";
import flash from "connect-flash";
import express from "express";
import fastify from "fastify";
import passport from "passport";
import { Strategy } from "passport-local";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { Session } from "../../src/compat/express-session.ts";
import session from "../../src/compat/express-session.ts";
import { toExpressStore } from "../../src/compat/express-store.ts";
import { memoryStore } from "../../src/stores/memory.ts";
import type { Browser, Site } from "../support/express-visitor.ts";
import { browserOf, createGate, serve } from "../support/express-visitor.ts";
import { REAL, SECRET, WAYS } from "../support/express-ways.ts";

type Data = Session & Record<string, unknown>;

describe.each(WAYS)("passport on $name", ({ name, open }) => {
  let site: Site;
  let close: () => Promise<void>;
  let browser: Browser;
  let gate = createGate();

  beforeEach(async () => {
    const { install, close: closeStore } = await open();
    close = closeStore;
    gate = createGate();
    site = await serve(peopleApp(install(), () => gate));
    browser = site.browser();
  });
  afterEach(async () => {
    await site.close();
    await close();
  });

  it("signs in and out", async () => {
    expect((await browser.get("/who")).text).toBe("nobody");
    expect((await browser.post("/sign-in", { username: "ada", password: "no" })).status).toBe(401);
    expect((await browser.post("/sign-in", { username: "ada", password: "tea" })).text).toBe("ada");
    expect((await browser.get("/who")).text).toBe("ada");
    expect((await browser.post("/sign-out")).text).toBe("bye");
    expect((await browser.get("/who")).text).toBe("nobody");
  });

  it("P6 gives whoever signs in a new id, and leaves the planted one with nothing", async () => {
    await browser.get("/cart/tea");
    const thief = browser.copy();
    await browser.post("/sign-in", { username: "ada", password: "tea" });
    expect([...browser.jar.values()]).not.toEqual([...thief.jar.values()]);
    expect((await browser.get("/who")).text).toBe("ada");
    expect((await thief.get("/who")).text).toBe("nobody");
  });

  it("takes the cart along where passport is asked to", async () => {
    await browser.get("/cart/tea");
    await browser.post("/sign-in?keep=yes", { username: "ada", password: "tea" });
    expect((await browser.get("/cart")).text).toBe("tea");
  });

  it(
    name === REAL.name
      ? "signs in again who has signed out meanwhile"
      : "P5 signs nobody in again who has signed out meanwhile",
    async () => {
      await browser.post("/sign-in", { username: "ada", password: "tea" });
      const copy = browser.copy();
      const slow = browser.copy().get("/slow");
      await gate.arrived;
      await browser.post("/sign-out");
      gate.open();
      await slow;
      expect((await copy.get("/who")).text).toBe(name === REAL.name ? "ada" : "nobody");
    },
  );
});

function peopleApp(middleware: express.RequestHandler, gate: () => { wait(): Promise<void> }) {
  const people = new passport.Passport();
  people.use(
    new Strategy((name, password, done) => done(null, password === "tea" ? { id: name } : false)),
  );
  people.serializeUser((user, done) => done(null, (user as { id: string }).id));
  people.deserializeUser((id, done) => done(null, { id }));
  const app = express();
  app.use(middleware, express.urlencoded(), people.initialize(), people.session());
  app.post("/sign-in", (req, res, next) => {
    const keepSessionInfo = "keep" in req.query;
    people.authenticate("local", { keepSessionInfo })(req, res, () => {
      res.send((req.user as { id: string }).id);
    });
    void next;
  });
  app.post("/sign-out", (req, res, next) => {
    req.logout((error) => (error ? next(error) : res.send("bye")));
  });
  app.get("/who", (req, res) => {
    res.send((req.user as { id: string } | undefined)?.id ?? "nobody");
  });
  app.get("/slow", async (req, res) => {
    await gate().wait();
    (req.session as never as Data)["seen"] = "yes";
    res.send("done");
  });
  app.get("/cart/:item", (req, res) => {
    (req.session as never as Data)["cart"] = req.params.item;
    res.send("put");
  });
  app.get("/cart", (req, res) => {
    res.send((req.session as never as Data)["cart"] ?? "empty");
  });
  return app;
}

describe.each(WAYS)("connect-flash on $name", ({ open }) => {
  it("shows each message once", async () => {
    const { install, close } = await open();
    const app = express();
    app.use(install(), flash());
    app.get("/add/:text", (req, res) => {
      req.flash("info", req.params.text);
      res.redirect("/");
    });
    app.get("/", (req, res) => void res.json(req.flash("info")));
    const site = await serve(app);
    const browser = site.browser();
    await browser.get("/add/saved");
    await browser.get("/add/sent");
    expect((await browser.get("/")).text).toBe('["saved","sent"]');
    expect((await browser.get("/")).text).toBe("[]");
    await site.close();
    await close();
  });
});

describe.each(WAYS)("@fastify/express on $name", ({ open }) => {
  it("gives Fastify's own routes the session", async () => {
    const { install, close } = await open();
    const app = fastify();
    await app.register(fastifyExpress);
    app.use(install());
    const sessionOf = (raw: object): Data => (raw as { session: Data }).session;
    app.get("/put/:value", async (request) => {
      sessionOf(request.raw)["value"] = (request.params as { value: string }).value;
      return "put";
    });
    app.get("/", async (request) => ({ value: sessionOf(request.raw)["value"] ?? "nothing" }));
    app.get("/stream", async (request, reply) => {
      sessionOf(request.raw)["value"] = "streamed";
      return reply.send(new Response("a stream").body);
    });
    const browser = browserOf(await app.listen({ port: 0, host: "127.0.0.1" }), new Map());
    expect((await browser.get("/")).text).toBe('{"value":"nothing"}');
    expect((await browser.get("/put/tea")).cookies).toHaveLength(1);
    expect((await browser.get("/")).text).toBe('{"value":"tea"}');
    expect((await browser.get("/stream")).text).toBe("a stream");
    expect((await browser.get("/")).text).toBe('{"value":"streamed"}');
    await app.close();
    await close();
  });
});

describe("@fastify/session on toExpressStore", () => {
  let browser: Browser;
  let gate = createGate();
  const app = () => {
    const server = fastify();
    server.register(fastifyCookie);
    server.register(fastifySession, {
      secret: SECRET,
      cookie: { secure: false, maxAge: 60_000 },
      saveUninitialized: false,
      store: toExpressStore(memoryStore()) as never,
    });
    server.get("/put/:value", async (request) => {
      request.session.set("value" as never, (request.params as { value: string }).value as never);
      return "put";
    });
    server.get("/", async (request) => ({
      value: request.session.get("value" as never) ?? "none",
    }));
    server.get("/destroy", async (request) => {
      await request.session.destroy();
      return "destroyed";
    });
    server.get("/regenerate", async (request) => {
      await request.session.regenerate();
      request.session.set("value" as never, "new" as never);
      return "regenerated";
    });
    server.get("/slow", async (request) => {
      await gate.wait();
      request.session.set("value" as never, "late" as never);
      return "slow";
    });
    return server;
  };
  let server: ReturnType<typeof app>;

  beforeEach(async () => {
    gate = createGate();
    server = app();
    browser = browserOf(await server.listen({ port: 0, host: "127.0.0.1" }), new Map());
  });
  afterEach(() => server.close());

  it("keeps, regenerates and ends sessions", async () => {
    await browser.get("/put/tea");
    expect((await browser.get("/")).text).toBe('{"value":"tea"}');
    const old = browser.copy();
    await browser.get("/regenerate");
    expect((await browser.get("/")).text).toBe('{"value":"new"}');
    expect((await old.get("/")).text).toBe('{"value":"none"}');
    await browser.get("/destroy");
    expect((await browser.get("/")).text).toBe('{"value":"none"}');
  });

  it("P5 does not bring back what was ended while a request ran", async () => {
    await browser.get("/put/tea");
    const old = browser.copy();
    const slow = browser.copy().get("/slow");
    await gate.arrived;
    await browser.get("/destroy");
    gate.open();
    await slow;
    expect((await old.get("/")).text).toBe('{"value":"none"}');
  });
});

describe("two apps with one store", () => {
  it("each go on with their own options after regenerate", async () => {
    const store = memoryStore();
    const shared = toExpressStore(store);
    const options = { secret: SECRET, resave: false, saveUninitialized: false, store: shared };
    const app = express();
    app.use("/one", session({ ...options, name: "one", cookie: { path: "/one" } }));
    app.use("/two", session({ ...options, name: "two", cookie: { path: "/two" } }));
    app.use((req, res) => {
      req.session.regenerate(() => {
        (req.session as never as Data)["in"] = req.path;
        res.send("new");
      });
    });
    const site = await serve(app);
    for (const name of ["one", "two"]) {
      const [cookie = ""] = (await site.browser().get(`/${name}`)).cookies;
      expect(cookie).toMatch(new RegExp(`^${name}=.*; Path=/${name};`));
    }
    await site.close();
  });
});

describe("a socket that is being upgraded", () => {
  it.each([
    ["where there is no response, as the documentation of ws has it", () => ({})],
    ["through io.engine.use() of socket.io", () => new UpgradeResponse()],
  ])("is given its session %s", async (_, makeResponse) => {
    const shared = toExpressStore(memoryStore());
    const options = { secret: SECRET, resave: false, saveUninitialized: true, store: shared };
    const middleware = session(options);
    const app = express();
    app.use(middleware);
    app.get("/", (req, res) => {
      (req.session as never as Data)["user"] = "ada";
      res.send("signed in");
    });
    const site = await serve(app);
    const browser = site.browser();
    await browser.get("/");
    const cookie = [...browser.jar].map((pair) => pair.join("=")).join();
    for (const [headers, user] of [[{ cookie }, "ada"], [{}]] as const) {
      const request = { url: "/", headers } as never as Record<string, Data>;
      const response = makeResponse();
      await new Promise((resolve) => middleware(request, response, resolve));
      if (response instanceof UpgradeResponse) response.writeHead();
      expect(request["session"]?.["user"]).toBe(user);
      await new Promise<void>((resolve, reject) => {
        request["session"]?.save((error) => (error ? reject(error) : resolve()));
      });
    }
    await site.close();
  });
});

/** What engine.io 6 gives to middleware in the place of a response: no more of it than this. */
class UpgradeResponse {
  readonly headers: Record<string, unknown> = {};
  setHeader(name: string, value: unknown): void {
    this.headers[name] = value;
  }
  getHeader(name: string): unknown {
    return this.headers[name];
  }
  removeHeader(name: string): void {
    delete this.headers[name];
  }
  write(): void {}
  writeHead(): void {}
  end(): void {}
}
