/**
 * Every option of express-session: the same requests to the real one and to each way here, and the
 * same answers, cookies and attributes.
 */

import express from "express";
import { expect, it } from "vitest";
import type { Session, SessionOptions } from "../../src/compat/express-session.ts";
import type { Browser } from "../support/express-visitor.ts";
import { serve } from "../support/express-visitor.ts";
import type { Way } from "../support/express-ways.ts";
import { OURS, REAL } from "../support/express-ways.ts";

type Req = express.Request & { session: (Session & Record<string, unknown>) | null };

interface Case {
  readonly name: string;
  readonly options?: SessionOptions;
  /** Paths, each with the headers of its request. */
  readonly visits: readonly (string | readonly [path: string, headers: Record<string, string>])[];
  /** Where the app is mounted. */
  readonly mount?: string;
}

const HTTPS = { "x-forwarded-proto": "https" };

const CASES: readonly Case[] = [
  { name: "the defaults", visits: ["/read", "/put", "/read", "/put", "/read"] },
  {
    name: "resave",
    options: { resave: true },
    visits: ["/read", "/put", "/read", "/destroy", "/read"],
  },
  { name: "saveUninitialized", options: { saveUninitialized: true }, visits: ["/read", "/read"] },
  {
    name: "rolling",
    options: { rolling: true, cookie: { maxAge: 60_000 } },
    visits: ["/read", "/put", "/read", "/read"],
  },
  {
    name: "rolling with saveUninitialized",
    options: { rolling: true, saveUninitialized: true },
    visits: ["/read", "/read"],
  },
  {
    name: "maxAge without rolling",
    options: { cookie: { maxAge: 60_000 } },
    visits: ["/put", "/read", "/put", "/read"],
  },
  {
    name: "unset: destroy",
    options: { unset: "destroy" },
    visits: ["/put", "/unset", "/read", "/unset"],
  },
  { name: "unset: keep", options: { unset: "keep" }, visits: ["/put", "/unset", "/read"] },
  {
    name: "genid",
    options: { genid: (req: express.Request) => `id of ${req.path}/%;é` },
    visits: ["/put", "/read"],
  },
  { name: "name", options: { name: "sid" }, visits: ["/put", "/read"] },
  { name: "the old name of name", options: { key: "sid" }, visits: ["/put", "/read"] },
  {
    name: "cookie attributes",
    options: {
      cookie: {
        domain: "example.com",
        httpOnly: false,
        sameSite: "strict",
        partitioned: true,
        priority: "high",
      },
    },
    visits: ["/put", "/read"],
  },
  {
    name: "a cookie made for the request",
    options: { cookie: (req: express.Request) => ({ path: "/", sameSite: req.path === "/put" }) },
    visits: ["/put", "/read"],
  },
  {
    name: "cookie.secure without https",
    options: { cookie: { secure: true } },
    visits: ["/put", ["/put", HTTPS]],
  },
  {
    name: "proxy: true",
    options: { proxy: true, cookie: { secure: true } },
    visits: ["/put", ["/put", HTTPS], ["/put", { "x-forwarded-proto": "HTTPS, http" }], "/read"],
  },
  {
    name: "proxy: false",
    options: { proxy: false, cookie: { secure: true } },
    visits: [["/put", HTTPS]],
  },
  {
    name: "cookie.secure: auto",
    options: { proxy: true, cookie: { secure: "auto", sameSite: "auto" } },
    visits: ["/put", ["/new", HTTPS], ["/read", HTTPS]],
  },
  {
    name: "cookie.path",
    options: { cookie: { path: "/shop" } },
    visits: ["/put", "/shop/put", "/shop/read", "/shopping/read"],
  },
  {
    name: "cookie.path under a mounted app",
    options: { cookie: { path: "/shop/in" } },
    mount: "/shop",
    visits: ["/shop/put", "/shop/in/put", "/shop/in/read"],
  },
  { name: "a mounted app", mount: "/shop", visits: ["/put", "/shop/put", "/shop/read"] },
  { name: "save, reload and touch", visits: ["/save", "/reload", "/touch", "/read"] },
  { name: "regenerate", visits: ["/put", "/new", "/read", "/destroy", "/read"] },
  { name: "a session changed while it is streamed", visits: ["/put", "/stream", "/read"] },
  { name: "a new session in a stream", visits: ["/stream", "/read"] },
  { name: "an answer in pieces", visits: ["/pieces", "/read"] },
  { name: "a redirect", visits: ["/redirect", "/read"] },
  { name: "no body", visits: ["/no-content", "/read"] },
  { name: "an error", visits: ["/put", "/error", "/read"] },
  {
    name: "the cookie's own age",
    options: { cookie: { maxAge: 60_000 } },
    visits: ["/put", "/age/80000", "/read-age", "/age/120000", "/read-age"],
  },
  {
    name: "a cookie that shall end with the browser, as old pages say it",
    options: { cookie: { maxAge: 60_000 } },
    visits: ["/put", "/forget", "/read", "/put", "/read-age", "/read"],
  },
  {
    name: "cookie.expires: false",
    options: { cookie: { expires: false as never } },
    visits: ["/put", "/read", "/put", "/read"],
  },
  {
    name: "a cookie that the app has replaced by an object of its own",
    visits: ["/own-cookie", "/read", "/put", "/read"],
  },
  { name: "a session that ends at once", visits: ["/put", "/expire", "/read"] },
];

it.each(
  OURS.flatMap((way) => CASES.map((each) => ({ way: way.name, case: each.name, each, of: way }))),
)("$way answers as express-session: $case", async ({ each, of }) => {
  expect(await traceOf(of, each)).toEqual(await traceOfReal(each));
});

const real = new Map<Case, Promise<unknown[]>>();

function traceOfReal(each: Case): Promise<unknown[]> {
  const trace = real.get(each) ?? traceOf(REAL, each);
  real.set(each, trace);
  return trace;
}

async function traceOf(way: Way, { options, visits, mount }: Case): Promise<unknown[]> {
  const { install, close } = await way.open();
  const app = express();
  if (mount === undefined) app.use(install(options));
  else app.use(mount, install(options));
  for (const prefix of ["/", "/shop", "/shop/in", "/shopping"]) app.use(prefix, routes());
  app.use(((_error, _req, res, _next) => {
    res.status(500).send("an error");
  }) as express.ErrorRequestHandler);
  const site = await serve(app);
  const browser = site.browser();
  const trace: unknown[] = [];
  for (const visit of visits) trace.push(await lineOf(browser, visit));
  await site.close();
  await close();
  return trace;
}

async function lineOf(browser: Browser, visit: Case["visits"][number]): Promise<unknown> {
  const [path, headers] = typeof visit === "string" ? [visit, {}] : visit;
  const before = [...browser.jar.values()].join();
  const { status, text, cookies } = await browser.get(path, headers);
  const changed = [...browser.jar.values()].join() !== before;
  return { path, status, text, changed, cookies: cookies.map(attributesOf) };
}

/** Without the value, which is random, and with the age in steps of ten seconds. */
function attributesOf(field: string): string {
  return field
    .replace(/=[^;]*/, (value) => (value.includes("id%20of") ? value : "="))
    .replace(/Expires=([^;]*)/, (_, date: string) => {
      const seconds = (Date.parse(date) - Date.now()) / 1000;
      return `Expires=${seconds < 0 ? "past" : Math.round(seconds / 10)}`;
    });
}

function routes(): express.Router {
  const router = express.Router();
  const sessionOf = (req: express.Request) => (req as Req).session;
  router.get("/read", (req, res) => {
    const { cookie, ...data } = sessionOf(req) ?? { cookie: undefined };
    res.json({ ...data, hasSession: cookie !== undefined });
  });
  router.get("/put", (req, res) => {
    const session = sessionOf(req);
    if (session) session["count"] = Number(session["count"] ?? 0) + 1;
    res.send("put");
  });
  router.get("/unset", (req, res) => {
    (req as { session: unknown }).session = null;
    res.send("unset");
  });
  router.get("/destroy", (req, res) => {
    sessionOf(req)?.destroy((error) => res.send(String(error ?? "destroyed")));
  });
  router.get("/new", (req, res) => {
    sessionOf(req)?.regenerate((error) => res.send(String(error ?? "regenerated")));
  });
  router.get("/save", (req, res) => {
    const session = sessionOf(req);
    if (session) session["saved"] = true;
    session?.save((error) => res.send(String(error ?? "saved")));
  });
  router.get("/reload", (req, res) => {
    const session = sessionOf(req);
    if (session) session["saved"] = "changed and not kept";
    session?.reload((error) => res.send(String(error ?? sessionOf(req)?.["saved"])));
  });
  router.get("/touch", (req, res) => {
    res.send(String(sessionOf(req)?.touch() === sessionOf(req)));
  });
  router.get("/stream", (req, res) => {
    const session = sessionOf(req);
    if (session) session["before"] = true;
    res.write("one ");
    setTimeout(() => {
      if (session) session["after"] = true;
      res.end("two");
    }, 20);
  });
  router.get("/pieces", (req, res) => {
    const session = sessionOf(req);
    if (session) session["before"] = true;
    res.setHeader("Content-Length", "6");
    res.write("abc");
    res.end("def");
  });
  router.get("/redirect", (req, res) => {
    const session = sessionOf(req);
    if (session) session["went"] = true;
    res.redirect("/elsewhere");
  });
  router.get("/no-content", (req, res) => {
    const session = sessionOf(req);
    if (session) session["seen"] = true;
    res.status(204).end();
  });
  router.get("/error", (req) => {
    const session = sessionOf(req);
    if (session) session["failed"] = true;
    throw new Error("on purpose");
  });
  router.get("/age/:ms", (req, res) => {
    const session = sessionOf(req);
    if (session) session.cookie.maxAge = Number(req.params["ms"]);
    if (session) session["aged"] = req.params["ms"];
    res.send("aged");
  });
  router.get("/read-age", (req, res) => {
    res.send(String(Math.round(Number(sessionOf(req)?.cookie.maxAge) / 10_000)));
  });
  router.get("/forget", (req, res) => {
    const session = sessionOf(req);
    if (session) session.cookie.expires = false as never;
    if (session) session["forgotten"] = true;
    res.send("forgotten");
  });
  router.get("/own-cookie", (req, res) => {
    const session = sessionOf(req);
    if (session) session.cookie = { maxAge: 60_000, path: "/" } as never;
    if (session) session["owned"] = true;
    res.send("replaced");
  });
  router.get("/expire", (req, res) => {
    const session = sessionOf(req);
    if (session) session.cookie.expires = new Date(0);
    if (session) session["gone"] = true;
    res.send("expired");
  });
  return router;
}
