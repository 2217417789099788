import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { createServer, ServerResponse } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import compression from "compression";
import type { NextFunction, Request, Response } from "express";
import express5 from "express";
import express4 from "express4";
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from "vitest";
import { coatcheck } from "../../../src/adapters/express.ts";
import type { Sessions } from "../../../src/index.ts";
import { listenOn } from "../../support/adapter-apps/serve.ts";
import type { Data, WithSession } from "../../support/test-sessions.ts";
import { cookieOf, testSessions } from "../../support/test-sessions.ts";

const FILE = "0123456789".repeat(50_000);
let folder: string;
const closing: (() => unknown)[] = [];

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "coatcheck-express-"));
  await writeFile(join(folder, "file.txt"), FILE);
});
afterAll(() => rm(folder, { recursive: true }));
afterEach(async () => {
  for (const close of closing.splice(0)) await close();
});

// As somebody calls it who overrides it and does not ask what was there.
const endOfNode = ServerResponse.prototype.end as (...args: never[]) => unknown;

type App = ReturnType<typeof express5>;
type Handler = (req: Request & WithSession, res: Response, next: NextFunction) => unknown;

/** Sets a key, which is kept as the head is written. */
async function written(req: WithSession): Promise<string> {
  (await req.session.load()).set("name", "ada");
  return "ada";
}

describe.each([
  ["Express 5", express5],
  ["Express 4", express4],
])("the %s adapter", (_name, express) => {
  async function serve(
    build: (app: App, on: (handler: Handler) => never, sessions: Sessions<Data>) => void,
    options?: Parameters<typeof testSessions>[0],
  ) {
    const parts = testSessions(options);
    const app = express();
    app.use(coatcheck(parts.sessions));
    build(app, (handler) => handler as never, parts.sessions);
    const { target, close } = await listenOn(createServer(app));
    closing.push(close);
    const ask = (path: string, init?: RequestInit): Promise<globalThis.Response> =>
      fetch(`${target}${path}`, { redirect: "manual", ...init });
    return { ...parts, ask };
  }

  it.each<[string, Handler]>([
    ["end", async (req, res) => res.end(await written(req))],
    [
      "write",
      async (req, res) => {
        res.write(await written(req));
        res.end();
      },
    ],
    [
      "writeHead",
      async (req, res) => res.writeHead((await written(req)) === "ada" ? 200 : 404).end("ada"),
    ],
  ])("P9 holds the head where %s is looked up before the session is used", async (_name, run) => {
    const { ask, recorded, sessions } = await serve((app, on) => {
      const mounted = express();
      mounted.get("/", on(run));
      app.use("/mounted", mounted);
      app.get("/", on(run));
    });
    for (const path of ["/", "/mounted"]) {
      recorded.clear();
      const response = await ask(path);
      expect([response.status, await response.text()]).toEqual([200, "ada"]);
      expect(recorded.count("create")).toBe(1);
      const session = await sessions.open({ headers: { cookie: cookieOf(response) } }).load();
      expect(session.get("name")).toBe("ada");
    }
  });

  it("P9 holds the head in an app that is handed a request whose session was used, as vhost does", async () => {
    const { ask, recorded } = await serve((app, on) => {
      const inner = express();
      inner.get(
        "/",
        on(async (req, res) => void res.json(await written(req))),
      );
      app.use(on((req, _res, next) => void req.session.load().then(() => next(), next)));
      app.use((req, res, next) => inner(req, res, next));
    });
    const response = await ask("/");
    expect([response.status, await response.json()]).toEqual([200, "ada"]);
    expect(recorded.count("create")).toBe(1);
    expect(response.headers.getSetCookie()).toHaveLength(1);
  });

  it.each([true, false])(
    "warns in development (%s) of a response whose methods another copy of Express has replaced",
    async (dev) => {
      const warnings: string[] = [];
      const hear = ({ message }: Error): void => void warnings.push(message);
      process.on("warning", hear);
      closing.push(() => process.off("warning", hear));
      const { ask } = await serve(
        (app, on) => {
          app.use(on((req, _res, next) => void written(req).then(() => next(), next)));
          app.get("/held", (_req, res) => void res.end("ada"));
          app.use((_req, res) => {
            Object.setPrototypeOf(res, Object.create(ServerResponse.prototype));
            res.end("ada");
          });
        },
        { dev },
      );
      expect((await ask("/held")).headers.getSetCookie()).toHaveLength(1);
      expect(warnings).toEqual([]);
      expect((await ask("/")).headers.getSetCookie()).toHaveLength(0);
      await vi.waitUntil(() => !dev || warnings.length > 0);
      expect(warnings).toEqual(dev ? [expect.stringMatching(/sent past coatcheck/)] : []);
    },
  );

  it.each([
    ["the app", (app: App) => app.response],
    ["all apps", (app: App) => Object.getPrototypeOf(app.response) as Response],
  ])(
    "P9 holds the head where the responses of %s have an `end` of their own",
    async (_name, of) => {
      const ended: string[] = [];
      const { ask, recorded } = await serve((app, on) => {
        const response = of(app);
        const { end } = response;
        const isOwn = Object.hasOwn(response, "end");
        response.end = function (this: Response, ...args: never[]) {
          ended.push(this.req.url);
          return endOfNode.apply(this, args);
        } as never;
        closing.push(() => {
          if (isOwn) response.end = end;
          else Reflect.deleteProperty(response, "end");
        });
        app.get(
          "/",
          on(async (req, res) => void res.json(await written(req))),
        );
      });
      const response = await ask("/");
      expect([response.status, await response.json()]).toEqual([200, "ada"]);
      expect(recorded.count("create")).toBe(1);
      expect(response.headers.getSetCookie()).toHaveLength(1);
      expect(ended).toEqual(["/"]);
    },
  );

  it("P9 holds the head in an app that is mounted, whose responses have an `end` of their own", async () => {
    const { ask, recorded } = await serve((app, on) => {
      const mounted = express();
      mounted.response.end = function (this: Response, ...args: never[]) {
        return endOfNode.apply(this, args);
      } as never;
      mounted.get(
        "/",
        on(async (req, res) => void res.json(await written(req))),
      );
      app.use("/mounted", mounted);
    });
    const response = await ask("/mounted");
    expect([response.status, await response.json()]).toEqual([200, "ada"]);
    expect(recorded.count("create")).toBe(1);
    expect(response.headers.getSetCookie()).toHaveLength(1);
  });

  it("P12 has the last word on the head, where middleware after it changes that as it is written", async () => {
    const { ask, recorded } = await serve((app, on) => {
      app.use((_req, res, next) => {
        const { writeHead } = res;
        res.writeHead = function (this: Response, status: number) {
          this.setHeader("Cache-Control", "public, max-age=60");
          this.setHeader("Vary", "Accept");
          return writeHead.call(this, status, { "Set-Cookie": "theirs=1" });
        } as never;
        next();
      });
      app.get(
        "/",
        on(async (req, res) => void res.json(await written(req))),
      );
    });
    const { headers } = await ask("/");
    expect(recorded.count("create")).toBe(1);
    expect(headers.getSetCookie().map((field) => field.split("=")[0])).toEqual(["theirs", "sid"]);
    expect(headers.get("cache-control")).toBe("no-store");
    expect(headers.get("vary")).toBe("Accept, Cookie");
  });

  it("sends a file after the commit", async () => {
    const { ask, recorded } = await serve((app, on) => {
      app.get(
        "/file",
        on((req, res, next) => {
          req.session.load().then((session) => {
            session.set("seen", true);
            res.sendFile("file.txt", { root: folder });
          }, next);
        }),
      );
    });
    const response = await ask("/file");
    expect(await response.text()).toBe(FILE);
    expect(response.headers.get("content-length")).toBe(String(FILE.length));
    expect(response.headers.getSetCookie()).toHaveLength(1);
    expect(recorded.count("create")).toBe(1);
  });

  it("sends a part of a file, and not at all what the browser has", async () => {
    const { ask } = await serve((app, on) => {
      app.use(on((req, _res, next) => void req.session.load().then(() => next(), next)));
      app.use(express.static(folder));
    });
    const part = await ask("/file.txt", { headers: { range: "bytes=0-4" } });
    expect([part.status, await part.text()]).toEqual([206, "01234"]);
    const etag = part.headers.get("etag") ?? "";
    const headers = { "if-none-match": etag, "cache-control": "max-age=0" };
    const cached = await ask("/file.txt", { headers });
    expect([cached.status, cached.headers.get("vary")]).toEqual([304, "Cookie"]);
  });

  it("redirects with its cookie", async () => {
    const { ask } = await serve((app, on) => {
      app.post(
        "/sign-in",
        on((req, res, next) => {
          req.session.signIn("ada").then(() => res.redirect("/"), next);
        }),
      );
    });
    const response = await ask("/sign-in", { method: "POST" });
    expect([response.status, response.headers.get("location")]).toEqual([302, "/"]);
    expect(response.headers.getSetCookie()).toHaveLength(1);
  });

  it("reaches routers and apps that are mounted below", async () => {
    const { ask } = await serve((app, on) => {
      const router = express.Router();
      const inner = express();
      inner.get(
        "/who",
        on((req, res, next) => {
          req.session.load().then((session) => res.json({ new: session.isNew }), next);
        }),
      );
      router.use("/inner", inner);
      app.use("/outer", router);
    });
    const response = await ask("/outer/inner/who");
    expect(await response.json()).toEqual({ new: true });
    expect(response.headers.get("vary")).toBe("Cookie");
  });

  it("hands its errors to the app's error middleware, with their status", async () => {
    const { ask } = await serve((app, on) => {
      app.get(
        "/",
        on((req, _res, next) => void req.session.requireUser().catch(next)),
      );
      app.use(
        (
          error: { status: number; code: string },
          _req: Request,
          res: Response,
          _next: NextFunction,
        ) => {
          res.status(error.status).json({ code: error.code });
        },
      );
    });
    const response = await ask("/");
    expect([response.status, await response.json()]).toEqual([
      401,
      { code: "ERR_SIGN_IN_REQUIRED" },
    ]);
  });

  it("drops buffered changes when the error middleware answers 500, and keeps the sign-in", async () => {
    const { ask, sessions } = await serve((app, on) => {
      app.get(
        "/",
        on((req, _res, next) => {
          req.session.signIn("ada").then((session) => {
            session.set("n", 1);
            next(new Error("after the sign-in"));
          }, next);
        }),
      );
      app.use((_error: unknown, _req: Request, res: Response, _next: NextFunction) => {
        res.status(500).send("sorry");
      });
    });
    const response = await ask("/");
    expect([response.status, await response.text()]).toEqual([500, "sorry"]);
    const session = await sessions.open({ headers: { cookie: cookieOf(response) } }).load();
    expect([session.userId, session.get("n")]).toEqual(["ada", undefined]);
  });

  it("gives one handle when it is installed twice", async () => {
    const { ask, sessions, recorded } = await serve((app, on, given) => {
      app.use(
        on((req, _res, next) => {
          req.session.load().then((session) => {
            session.set("outer", 1);
            next();
          }, next);
        }),
      );
      app.use("/inner", coatcheck(given));
      app.get(
        "/inner",
        on((req, res, next) => {
          req.session.load().then((session) => {
            session.set("inner", 2);
            res.json(session.all());
          }, next);
        }),
      );
    });
    const response = await ask("/inner");
    expect(await response.json()).toEqual({ outer: 1, inner: 2 });
    expect(recorded.count("create")).toBe(1);
    const session = await sessions.open({ headers: { cookie: cookieOf(response) } }).load();
    expect(session.all()).toEqual({ outer: 1, inner: 2 });
  });

  it("answers an unknown path like any other", async () => {
    const { ask } = await serve((app, on) => {
      app.use(on((req, _res, next) => void req.session.load().then(() => next(), next)));
    });
    const response = await ask("/nowhere");
    expect([response.status, response.headers.get("vary")]).toEqual([404, "Cookie"]);
  });

  it.each([
    ["before", true],
    ["after", false],
  ])(
    "P9 waits where `end` is looked up early, with compression %s it",
    async (_where, isBefore) => {
      const { sessions } = testSessions();
      const app = express();
      const squeeze = compression({ threshold: 0 }) as never;
      if (isBefore) app.use(squeeze);
      app.use(coatcheck(sessions));
      if (!isBefore) app.use(squeeze);
      app.get("/", (req, res) => {
        const { session } = req as Request & WithSession;
        const { end } = res.type("text");
        void session.load().then((loaded) => {
          loaded.set("n", 1);
          end.call(res, "ada" as never, "utf8");
        });
      });
      const { target, close } = await listenOn(createServer(app));
      closing.push(close);
      const response = await fetch(String(target), { headers: { "accept-encoding": "gzip" } });
      expect([response.status, await response.text()]).toEqual([200, "ada"]);
      expect(response.headers.get("content-encoding")).toBe("gzip");
      expect(response.headers.getSetCookie()).toHaveLength(1);
    },
  );

  it("leaves the commit to the outage policy, whatever the handler has sent", async () => {
    const { ask, down } = await serve((app, on) => {
      app.get(
        "/",
        on((req, res, next) => {
          req.session.load().then((session) => {
            session.set("n", 1);
            down.begin();
            res.json({ fine: true });
          }, next);
        }),
      );
    });
    const response = await ask("/");
    expect([response.status, await response.text()]).toEqual([503, "Service Unavailable\n"]);
    expect(response.headers.get("etag")).toBeNull();
    expect(response.headers.getSetCookie()).toEqual([]);
  });
});

it("gives its session to a socket that is being upgraded, through io.engine.use() of socket.io", async () => {
  const { sessions } = testSessions();
  const first = sessions.open({ headers: {} });
  await first.signIn("ada");
  const { cookies } = await first.commit();
  const cookie = cookies.map(({ name, value }) => `${name}=${value}`).join("; ");
  const request = { url: "/", headers: { cookie } } as never as Request & WithSession;
  // What engine.io 6 gives to middleware in the place of a response has no more than this.
  const none = () => {};
  const response = { setHeader: none, getHeader: none, removeHeader: none, write: none };
  const sent = Object.assign(response, { writeHead: none, end: none });
  await new Promise((resolve) => coatcheck(sessions)(request, sent as never, resolve));
  const session = await request.session.load();
  sent.writeHead();
  expect(session.userId).toBe("ada");
  await request.session.update("n", () => 1);
  expect((await request.session.reload()).get("n")).toBe(1);
  await expect(request.session.signOut()).rejects.toThrow("the head of the response is out");
});

describe("Express 5", () => {
  it("takes a rejected handler as an error", async () => {
    const { sessions } = testSessions();
    const app = express5();
    app.use(coatcheck(sessions));
    app.get("/", async (req, res) => {
      await (req as Request & WithSession).session.requireUser();
      res.send("never");
    });
    const { target, close } = await listenOn(createServer(app));
    closing.push(close);
    const response = await fetch(String(target));
    expect(response.status).toBe(401);
  });
});
