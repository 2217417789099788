/**
 * Requests at the same time, side by side with the real express-session: what that loses and brings
 * back, exactly, and that it is neither lost nor brought back here.
 */

import { rm } from "node:fs/promises";
import express from "express";
import express4 from "express4";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { Session } from "../../src/compat/express-session.ts";
import session from "../../src/compat/express-session.ts";
import { lmdbStore } from "../../src/stores/lmdb.ts";
import type { Browser, Gate, Site } from "../support/express-visitor.ts";
import { browserOf, createGate, serve } from "../support/express-visitor.ts";
import type { Way } from "../support/express-ways.ts";
import { OURS, REAL, SECRET, WAYS } from "../support/express-ways.ts";
import { temporaryFolder } from "../support/temporary-folder.ts";

type Req = { session: Session & Record<string, unknown>; params: Record<string, string> };

const PARALLEL = 10;

function describeWays(name: string, ways: readonly Way[], tests: (shop: () => Shop) => void): void {
  describe.each(ways)(`${name}: $name`, (way) => {
    let shop: Shop;
    let close: () => Promise<void>;
    beforeEach(async () => {
      const opened = await way.open();
      shop = await openShop(opened.install({ rolling: true, cookie: { maxAge: 60_000 } }));
      close = opened.close;
    });
    afterEach(async () => {
      await shop.site.close();
      await close();
    });
    tests(() => shop);
  });
}

interface Shop {
  readonly site: Site;
  readonly gates: Map<string, Gate>;
}

async function openShop(
  middleware: express.RequestHandler,
  gates: Map<string, Gate> = new Map(),
  make: typeof express = express,
): Promise<Shop> {
  const app = make();
  app.use(middleware);
  app.get("/put/:key/:value", (req, res) => {
    const { session, params } = req as never as Req;
    session[params["key"] as string] = params["value"];
    res.send("put");
  });
  /** Reads the session, waits, and only then writes. */
  app.get("/late/:gate/:key", async (req, res) => {
    const { session, params } = req as never as Req;
    await gates.get(params["gate"] as string)?.wait();
    session[params["key"] as string] = "late";
    res.send("put");
  });
  /** Reads the session, waits, and writes nothing. */
  app.get("/idle/:gate", async (req, res) => {
    await gates.get(req.params["gate"])?.wait();
    res.send("idle");
  });
  app.get("/append/:gate/:list", async (req, res) => {
    const { session, params } = req as never as Req;
    await gates.get(params["gate"] as string)?.wait();
    session["list"] = params["list"];
    res.send("set");
  });
  app.get("/data", (req, res) => {
    const { cookie, ...data } = (req as never as Req).session;
    res.json(data);
  });
  app.get("/destroy", (req, res) => {
    (req as never as Req).session.destroy(() => res.send("destroyed"));
  });
  app.get("/regenerate", (req, res) => {
    (req as never as Req).session.regenerate(() => {
      (req as never as Req).session["user"] = "ada";
      res.send("regenerated");
    });
  });
  return { site: await serve(app), gates };
}

async function begin({ site }: Shop): Promise<Browser> {
  const browser = site.browser();
  await browser.get("/put/user/visitor");
  return browser;
}

async function dataOf(browser: Browser): Promise<Record<string, unknown>> {
  return JSON.parse((await browser.get("/data")).text) as Record<string, unknown>;
}

/** Ten requests that have all read before the first one writes. */
async function writeTenKeys(shop: Shop): Promise<string[]> {
  const browser = await begin(shop);
  shop.gates.set("all", createGate(PARALLEL));
  const keys = Array.from({ length: PARALLEL }, (_, at) => `key${at}`);
  await Promise.all(keys.map((key) => browser.copy().get(`/late/all/${key}`)));
  const kept = await dataOf(browser);
  return keys.filter((key) => key in kept);
}

describeWays("ten requests that write ten keys", [REAL], (shop) => {
  it("loses nine of ten changes", async () => {
    expect(await writeTenKeys(shop())).toHaveLength(1);
  });
});

describeWays("ten requests that write ten keys", OURS, (shop) => {
  it("P4 keeps ten of ten changes", async () => {
    expect(await writeTenKeys(shop())).toHaveLength(PARALLEL);
  });

  it("P4 keeps what another request has deleted deleted, and what it has added", async () => {
    const browser = await begin(shop());
    const gate = createGate();
    shop().gates.set("one", gate);
    const late = browser.copy().get("/late/one/late");
    await gate.arrived;
    await browser.get("/put/early/yes");
    gate.open();
    await late;
    expect(await dataOf(browser)).toEqual({ user: "visitor", early: "yes", late: "late" });
  });

  it("P4 lets the later of two sets of one key win", async () => {
    const browser = await begin(shop());
    const gate = createGate();
    shop().gates.set("one", gate);
    const late = browser.copy().get("/append/one/later");
    await gate.arrived;
    await browser.get("/put/list/earlier");
    gate.open();
    await late;
    expect(await dataOf(browser)).toEqual({ user: "visitor", list: "later" });
  });
});

describe("two processes with one LMDB file", () => {
  it.each([
    ["express 5", express],
    ["express 4", express4],
  ])(
    "P4 keep ten of ten changes, with the session read before the first write (%s)",
    async (_, make) => {
      const path = await temporaryFolder("facade-two");
      const stores = [lmdbStore({ path }), lmdbStore({ path })];
      const options = { secret: SECRET, resave: false, saveUninitialized: false };
      const gate = createGate(PARALLEL);
      const gates = new Map([["all", gate]]);
      const shops = await Promise.all(
        stores.map((store) => openShop(session({ ...options, store }), gates, make)),
      );
      const [first, second] = shops as [Shop, Shop];
      const browser = await begin(first);
      const there = browserOf(second.site.origin, browser.jar);
      const keys = Array.from({ length: PARALLEL }, (_, at) => `key${at}`);
      await Promise.all(
        keys.map((key, at) => (at % 2 === 0 ? browser : there).get(`/late/all/${key}`)),
      );
      expect(Object.keys(await dataOf(there)).sort()).toEqual([...keys, "user"]);
      await Promise.all(shops.map(({ site }) => site.close()));
      await Promise.all(stores.map((store) => store.close()));
      await rm(path, { recursive: true });
    },
  );
});

/** A request reads, another one ends the session, the first one writes. */
async function writeAfterEnd(shop: Shop, how: "destroy" | "regenerate", what: "late" | "idle") {
  const browser = await begin(shop);
  const old = browser.copy();
  const gate = createGate();
  shop.gates.set("one", gate);
  const late = browser.copy().get(what === "late" ? "/late/one/late" : "/idle/one");
  await gate.arrived;
  await browser.get(`/${how}`);
  gate.open();
  const reply = await late;
  return { after: await dataOf(old), cookies: reply.cookies, status: reply.status, browser };
}

const ENDS = ["destroy", "regenerate"] as const;

describeWays("a request that writes after the end", [REAL], (shop) => {
  it.each(ENDS)("brings the session back after %s, and sends its cookie", async (how) => {
    const { after, cookies } = await writeAfterEnd(shop(), how, "late");
    expect(after).toEqual({ user: "visitor", late: "late" });
    expect(cookies).toHaveLength(1);
  });
});

describeWays("a request that writes after the end", OURS, (shop) => {
  it.each(ENDS)("P5 brings nothing back after %s", async (how) => {
    const { after, status } = await writeAfterEnd(shop(), how, "late");
    expect(after).toEqual({});
    expect(status).toBe(200);
  });

  it.each(ENDS)("P5 is no touch either after %s", async (how) => {
    const { after } = await writeAfterEnd(shop(), how, "idle");
    expect(after).toEqual({});
  });
});

const FACADES = OURS.filter(({ name }) => name.startsWith("the façade"));

describeWays("a late response", FACADES, (shop) => {
  it.each(ENDS)("P16 sends no cookie of the session that has ended by %s", async (how) => {
    expect((await writeAfterEnd(shop(), how, "late")).cookies).toEqual([]);
    expect((await writeAfterEnd(shop(), how, "idle")).cookies).toEqual([]);
  });
});

const CONTRACT = OURS.filter(({ name }) => name.includes("the façade on"));

/** A request that comes with the cookie from before a sign-in, whose own cookie is on its way. */
async function straggle(shop: Shop) {
  const browser = await begin(shop);
  const straggler = browser.copy();
  await browser.get("/regenerate");
  const reply = await straggler.get("/put/late/late");
  return { reply, data: await dataOf(browser) };
}

describeWays("a straggler after a sign-in", [REAL], (shop) => {
  it("replaces the cookie of the person who has signed in", async () => {
    expect((await straggle(shop())).reply.cookies).toHaveLength(1);
  });
});

describeWays("a straggler after a sign-in", CONTRACT, (shop) => {
  it("P16 leaves the cookie of the person who has signed in", async () => {
    const { reply, data } = await straggle(shop());
    expect(reply.cookies).toEqual([]);
    expect(data).toEqual({ user: "ada" });
  });

  it("may sign in itself", async () => {
    const browser = await begin(shop());
    const straggler = browser.copy();
    await browser.get("/regenerate");
    expect((await straggler.get("/regenerate")).cookies).toHaveLength(1);
    expect(await dataOf(straggler)).toEqual({ user: "ada" });
  });

  it("may begin anew after a plain end", async () => {
    const browser = await begin(shop());
    await browser.get("/destroy");
    expect((await browser.get("/put/user/next")).cookies).toHaveLength(1);
    expect(await dataOf(browser)).toEqual({ user: "next" });
  });
});

describeWays("a whole visit", WAYS, (shop) => {
  it("keeps what it was given", async () => {
    const browser = await begin(shop());
    await browser.get("/put/theme/dark");
    expect(await dataOf(browser)).toEqual({ user: "visitor", theme: "dark" });
    await browser.get("/destroy");
    expect(await dataOf(browser)).toEqual({});
  });
});
