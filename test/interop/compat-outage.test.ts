/**
 * When the first byte leaves, and what a browser is told when the store does not answer.
 */

import { once } from "node:events";
import express from "express";
import { afterEach, describe, expect, it } from "vitest";
import type { Session, SessionOptions } from "../../src/compat/express-session.ts";
import session from "../../src/compat/express-session.ts";
import { toExpressStore } from "../../src/compat/express-store.ts";
import type { SessionStore } from "../../src/stores/contract.ts";
import { memoryStore } from "../../src/stores/memory.ts";
import type { Site } from "../support/express-visitor.ts";
import { createGate, serve } from "../support/express-visitor.ts";
import { SECRET } from "../support/express-ways.ts";

type Data = Session & Record<string, unknown>;

const options = { secret: SECRET, resave: false, saveUninitialized: false };
let site: Site;

afterEach(() => site.close());

function appOn(store: SessionOptions["store"], errors: unknown[] = []) {
  const app = express();
  app.use(session({ ...options, store }));
  app.get("/put/:value", (req, res) => {
    (req.session as never as Data)["value"] = req.params.value;
    res.set("X-App", "yes").send("put");
  });
  app.get("/read", (req, res) => void res.send((req.session as never as Data)["value"] ?? "none"));
  app.get("/stream", (req, res) => {
    (req.session as never as Data)["value"] = "streamed";
    res.write("one ");
    setTimeout(() => res.end("two"), 5);
  });
  app.use(((error, _req, res, _next) => {
    errors.push(error);
    res.status(error.status ?? 500).send("not today");
  }) as express.ErrorRequestHandler);
  return app;
}

describe("the first byte", () => {
  it.each(["put/tea", "stream"])(
    "P9 leaves after the store has taken the session (%s)",
    async (path) => {
      const store = memoryStore();
      const gate = createGate();
      let isTaken = false;
      const slow: SessionStore = {
        ...store,
        async create(...args) {
          await gate.wait();
          isTaken = true;
          return store.create(...args);
        },
      };
      site = await serve(appOn(slow));
      let isAnswered = false;
      const reply = fetch(`${site.origin}/${path}`).then((response) => {
        isAnswered = true;
        return [response.status, isTaken];
      });
      await gate.arrived;
      // The app has ended its answer by now, and Node has had the time to send it.
      await new Promise((resolve) => setTimeout(resolve, 50));
      expect(isAnswered).toBe(false);
      gate.open();
      expect(await reply).toEqual([200, true]);
    },
  );
});

describe("what an app asks for by itself, and does not wait for", () => {
  const routes = (app: express.Express): express.Express => {
    app.get("/destroy", (req, res) => {
      req.session.destroy(undefined as never);
      res.send("signed out");
    });
    app.get("/save/:value", (req, res) => {
      const data = req.session as never as Data;
      data["value"] = req.params.value;
      data.save();
      res.send("saved");
    });
    return app;
  };

  it.each([
    ["destroy", "ours"],
    ["save/milk", "ours"],
    ["destroy", "theirs"],
    ["save/milk", "theirs"],
  ])("P9 is over before the first byte leaves (%s, a store of %s)", async (path, whose) => {
    const store = memoryStore();
    const gate = createGate();
    let isSlow = false;
    const slow: SessionStore = {
      ...store,
      async update(...args) {
        if (isSlow) await gate.wait();
        return store.update(...args);
      },
    };
    const theirs = Object.assign(toExpressStore(slow), { name: "theirs" });
    site = await serve(routes(appOn(whose === "ours" ? slow : Object.create(theirs))));
    const browser = site.browser();
    await browser.get("/put/tea");
    isSlow = true;
    let isAnswered = false;
    const reply = browser.get(`/${path}`).then(({ status }) => {
      isAnswered = true;
      return status;
    });
    await gate.arrived;
    await new Promise((resolve) => setTimeout(resolve, 50));
    expect(isAnswered).toBe(false);
    gate.open();
    expect(await reply).toBe(200);
    expect((await browser.get("/read")).text).toBe(path === "destroy" ? "none" : "milk");
  });

  it.each(["destroy", "save/milk"])(
    "P10 fails the answer with a store of ours when it fails, and is not told twice (%s)",
    async (path) => {
      const store = memoryStore();
      let fails = false;
      const failing: SessionStore = {
        ...store,
        update: (...args) => (fails ? Promise.reject(new Error("no disk")) : store.update(...args)),
      };
      const errors: unknown[] = [];
      site = await serve(routes(appOn(failing, errors)));
      const browser = site.browser();
      await browser.get("/put/tea");
      fails = true;
      expect((await browser.get(`/${path}`)).status).toBe(503);
      fails = false;
      expect((await browser.get("/read")).text).toBe("tea");
      expect(errors).toEqual([]);
    },
  );
});

describe("an outage", () => {
  const failing = (verb: "load" | "create" | "update"): SessionStore & { fails: boolean } => {
    const store = memoryStore();
    const wrapped = {
      ...store,
      fails: false,
      [verb]: async (...args: never[]) => {
        if (wrapped.fails) throw new Error("the disk is on fire");
        return (store[verb] as (...given: never[]) => Promise<unknown>)(...args);
      },
    };
    return wrapped as unknown as SessionStore & { fails: boolean };
  };

  it("P10 is a 503 where the session cannot be read, and leaves the cookie", async () => {
    const store = failing("load");
    const errors: unknown[] = [];
    site = await serve(appOn(store, errors));
    const browser = site.browser();
    await browser.get("/put/tea");
    store.fails = true;
    const reply = await browser.get("/read");
    expect([reply.status, reply.text, reply.cookies]).toEqual([503, "not today", []]);
    expect(errors).toHaveLength(1);
    store.fails = false;
    expect((await browser.get("/read")).text).toBe("tea");
  });

  it.each([
    ["create", "/put/tea"],
    ["update", "/put/milk"],
  ] as const)("P9 is a 503 in the place of the answer where %s fails", async (verb, path) => {
    const store = failing(verb);
    site = await serve(appOn(store));
    const browser = site.browser();
    if (verb === "update") await browser.get("/put/tea");
    store.fails = true;
    const reply = await browser.get(path);
    expect([reply.status, reply.cookies]).toEqual([503, []]);
    expect(reply.text).not.toContain("fire");
    expect(reply.headers.get("retry-after")).toBe("5");
    store.fails = false;
    expect((await browser.get("/read")).text).toBe(verb === "update" ? "tea" : "none");
  });

  it("is told to who listens, without the session's id or data", async () => {
    const store = failing("create");
    const express = toExpressStore(store);
    site = await serve(appOn(express));
    const told = once(express, "outage");
    store.fails = true;
    await site.browser().get("/put/secret-tea");
    const [event] = (await told) as [{ operation: string; error: Error }];
    expect(event.operation).toBe("create");
    expect(JSON.stringify([event, event.error.message])).not.toContain("secret-tea");
  });
});

describe("a session that is too large", () => {
  it("is an error that names the size, in the place of the answer", async () => {
    const store = memoryStore();
    site = await serve(appOn({ ...store, traits: { ...store.traits, maxBodyBytes: 300 } }));
    const browser = site.browser();
    const warning = once(process, "warning");
    const reply = await browser.get(`/put/${"x".repeat(400)}`);
    expect([reply.status, reply.cookies]).toEqual([500, []]);
    expect(String((await warning)[0])).toMatch(
      /takes \d+ bytes, and the limit of the memory store is 300/,
    );
  });
});
