/**
 * What requests of the façade cost, in calls of the store.
 */

import express from "express";
import { afterEach, describe, expect, it, vi } from "vitest";
import type { Session, SessionOptions } from "../../src/compat/express-session.ts";
import session from "../../src/compat/express-session.ts";
import type { SessionStore } from "../../src/stores/contract.ts";
import { memoryStore } from "../../src/stores/memory.ts";
import type { Browser, Site } from "../support/express-visitor.ts";
import { serve } from "../support/express-visitor.ts";
import { SECRET } from "../support/express-ways.ts";

type Data = Session & Record<string, unknown>;

const VERBS = ["load", "create", "update", "touch"] as const;
let site: Site;

afterEach(() => {
  vi.useRealTimers();
  return site.close();
});

async function open(options: SessionOptions = {}) {
  const store = memoryStore();
  const calls: string[] = [];
  const counted = { ...store } as Record<string, unknown>;
  for (const verb of VERBS) {
    counted[verb] = (...args: never[]) => {
      calls.push(verb);
      return (store[verb] as (...given: never[]) => unknown)(...args);
    };
  }
  const app = express();
  const defaults = { secret: SECRET, resave: false, saveUninitialized: false };
  app.use(session({ ...defaults, store: counted as unknown as SessionStore, ...options }));
  const sessionOf = (req: express.Request): Data => req.session as never as Data;
  app.get("/read", (req, res) => void res.send(String(sessionOf(req)["value"])));
  app.get("/put/:value", (req, res) => {
    sessionOf(req)["value"] = req.params.value;
    res.send("put");
  });
  app.get("/sign-in", (req, res) => {
    sessionOf(req).regenerate(() => {
      sessionOf(req)["user"] = "ada";
      sessionOf(req).save(() => res.send("signed in"));
    });
  });
  app.get("/destroy-and-save", (req, res) => {
    const mine = sessionOf(req);
    mine.destroy(() => {
      mine["value"] = "again";
      mine.save(() => res.send("saved"));
    });
  });
  site = await serve(app);
  const browser = site.browser();
  return {
    browser,
    store,
    /** The calls of one request. */
    async cost(path: string, by: Browser = browser): Promise<string[]> {
      calls.length = 0;
      await by.get(path);
      return [...calls];
    },
  };
}

describe("a request", () => {
  it("P15 of a visitor costs nothing, and sets no cookie", async () => {
    const { cost, browser } = await open();
    expect(await cost("/read")).toEqual([]);
    expect(browser.jar.size).toBe(0);
  });

  it("P3 with a forged cookie never reaches the store", async () => {
    const { cost, browser } = await open();
    browser.jar.set("connect.sid", "s%3Aforged.c2lnbmF0dXJl");
    expect(await cost("/read")).toEqual([]);
    browser.jar.set("connect.sid", "unsigned");
    expect(await cost("/read")).toEqual([]);
  });

  it("that begins a session is one write", async () => {
    expect(await (await open()).cost("/put/tea")).toEqual(["create"]);
  });

  it("P2 that reads is one read, and now and then a touch, which moves the end", async () => {
    vi.useFakeTimers({ toFake: ["Date"], now: Date.now() });
    const { cost, store } = await open({ cookie: { maxAge: 5000 } });
    await cost("/put/tea");
    const endOf = async () => (await store.list({ limit: 1 }, Date.now())).records[0]?.expiresAt;
    const before = await endOf();
    expect(await cost("/read")).toEqual(["load"]);
    expect(await endOf()).toBe(before);
    // More than a tenth of its life.
    vi.setSystemTime(Date.now() + 600);
    expect(await cost("/read")).toEqual(["load", "touch"]);
    expect(await endOf()).toBeGreaterThan(Number(before));
    expect(await cost("/read")).toEqual(["load"]);
  });

  it("P16 that sets the cookie again makes sure first that the session is there", async () => {
    const { cost } = await open({ rolling: true, cookie: { maxAge: 60_000 } });
    await cost("/put/tea");
    expect(await cost("/read")).toEqual(["load", "touch"]);
  });

  it("that changes something is one read and one write", async () => {
    const { cost } = await open();
    await cost("/put/tea");
    expect(await cost("/put/milk")).toEqual(["load", "update"]);
    expect(await cost("/put/milk")).toEqual(["load"]);
  });

  it("with resave is no write either when nothing has changed", async () => {
    const { cost } = await open({ resave: true });
    await cost("/put/tea");
    expect(await cost("/read")).toEqual(["load"]);
  });

  it("that regenerates and saves, as passport does, writes the new session once", async () => {
    const { cost } = await open();
    await cost("/put/tea");
    expect(await cost("/sign-in")).toEqual(["load", "load", "update", "create"]);
  });

  it("P5 that saves what it has destroyed writes nothing", async () => {
    const { cost } = await open();
    await cost("/put/tea");
    expect(await cost("/destroy-and-save")).toEqual(["load", "load", "update"]);
    expect(await cost("/read")).toEqual(["load"]);
  });
});

describe("a response", () => {
  it("P12 that sets the cookie is kept out of shared caches, and no other is", async () => {
    const { browser } = await open();
    expect((await browser.get("/read")).headers.get("cache-control")).toBeNull();
    expect((await browser.get("/put/tea")).headers.get("cache-control")).toBe("private");
    expect((await browser.get("/read")).headers.get("cache-control")).toBeNull();
  });
});
