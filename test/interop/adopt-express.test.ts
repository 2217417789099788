/**
 * A real Express app with express-session, connect-redis and passport gives way to one with coatcheck
 * while people use it, and comes back. Whoever is signed in stays so.
 */

import { setTimeout as wait } from "node:timers/promises";
import { RedisStore } from "connect-redis";
import type { Express, NextFunction, Request, Response } from "express";
import express from "express";
import session from "express-session";
import passport from "passport";
import { Strategy } from "passport-local";
import { afterAll, beforeAll, expect, it } from "vitest";
import { coatcheck } from "../../src/adapters/express.ts";
import type { Sessions } from "../../src/core/sessions.ts";
import { createSessions } from "../../src/core/sessions.ts";
import { expressSession } from "../../src/interop/express-session.ts";
import type { SessionStore } from "../../src/stores/contract.ts";
import { memoryStore } from "../../src/stores/memory.ts";
import type { Browser, Reply, Site } from "../support/express-visitor.ts";
import { browserOf, serve } from "../support/express-visitor.ts";
import { describeWith } from "../support/needs.ts";
import { SECRET as OUR_SECRET } from "../support/ways.ts";
import { covering } from "./js/covered.ts";
import type { TestRedis } from "./js/redis-server.ts";
import { redisServer, startRedis } from "./js/redis-server.ts";

interface Shop {
  cart: string[];
  seen: number;
}

const cover = covering("adopt-express");
const SECRET = "a secret of the old app";
const OURS = "sid";
const THEIRS = "connect.sid";

const users = new passport.Passport();
users.use(
  new Strategy((name, password, done) =>
    done(null, password === `${name}'s password` ? ({ id: name } as Express.User) : false),
  ),
);
users.serializeUser<unknown>((user, done) => done(null, (user as { id: unknown }).id));
users.deserializeUser<unknown>((id, done) => done(null, { id } as Express.User));

/** The app as it was. */
function oldApp(store: session.Store): Express {
  const app = express();
  app.use(express.urlencoded());
  app.use(session({ secret: SECRET, store, resave: false, saveUninitialized: false }));
  app.use(users.session());
  app.get("/", (request, response) => {
    const { cart = [] } = request.session as Partial<Shop>;
    response.json({ user: (request.user as { id?: string } | undefined)?.id, cart });
  });
  app.post("/cart/:item", (request, response) => {
    const shop = request.session as Partial<Shop>;
    shop.cart = [...(shop.cart ?? []), request.params.item];
    response.sendStatus(204);
  });
  app.post("/sign-in", users.authenticate("local", { keepSessionInfo: true }), (_, response) => {
    response.sendStatus(204);
  });
  app.post("/sign-out", (request, response, next) => {
    request.logout((error) => (error ? next(error) : response.sendStatus(204)));
  });
  return app;
}

/** The same app on coatcheck. */
function newApp(sessions: Sessions<Shop>): Express {
  const app = express();
  app.use(express.urlencoded());
  app.use(coatcheck(sessions));
  app.get("/", async (request, response) => {
    const values = await sessions.of(request).load();
    response.json({ user: values.userId, cart: values.get("cart") ?? [] });
  });
  app.post("/cart/:item", async (request, response) => {
    await sessions.of(request).update("cart", (cart = []) => [...cart, request.params.item]);
    response.sendStatus(204);
  });
  app.post(
    "/sign-in",
    users.authenticate("local", { session: false }),
    async (request: Request, response: Response) => {
      await sessions.of(request).signIn((request.user as unknown as { id: string }).id);
      response.sendStatus(204);
    },
  );
  app.post("/sign-out", async (request, response) => {
    await sessions.of(request).signOut();
    response.sendStatus(204);
  });
  app.use((error: Error, _request: Request, _response: Response, next: NextFunction) =>
    next(error),
  );
  return app;
}

describeWith({ "redis-server": redisServer }, "an app with express-session that moves here", () => {
  let redis: TestRedis;
  let store: SessionStore;
  let old: Site;
  let dual: Site;
  let alone: Site;
  let last: Site;
  const told: { name: string; event: object }[] = [];
  const opened: Sessions<Shop>[] = [];

  /** `writeBack`: the dual run. Without it: its end. Without `adopt`: there are no old sessions any more. */
  async function open(adopting: { readonly writeBack: boolean } | undefined): Promise<Site> {
    const from = expressSession({
      secret: SECRET,
      store: new RedisStore({ client: redis.client }) as never,
    });
    const sessions = createSessions<Shop>({
      secrets: [OUR_SECRET],
      store,
      dev: true,
      ...(adopting !== undefined && { adopt: [{ from, ...adopting, grace: "1s" }] }),
    });
    for (const name of ["adopted", "adoptionRefused", "foreignFailed", "refused"] as const) {
      sessions.on(name, (event: object) => told.push({ name, event }));
    }
    opened.push(sessions);
    return serve(newApp(sessions));
  }

  beforeAll(async () => {
    redis = await startRedis();
    store = memoryStore();
    old = await serve(oldApp(new RedisStore({ client: redis.client })));
    dual = await open({ writeBack: true });
    alone = await open({ writeBack: false });
    last = await open(undefined);
  });
  afterAll(async () => {
    await Promise.all([old, dual, alone, last].map((site) => site.close()));
    for (const sessions of opened) await sessions.close();
    await redis.stop();
  });

  const at = (site: Site, { jar }: Browser): Browser => browserOf(site.origin, jar);
  const shown = async (browser: Browser): Promise<unknown> =>
    JSON.parse((await browser.get("/")).text);
  const records = async (): Promise<string[]> => await redis.client.keys("sess:*");
  async function signedIn(site: Site, name: string): Promise<Browser> {
    const browser = site.browser();
    await browser.post("/cart/tea");
    await browser.post("/sign-in", { username: name, password: `${name}'s password` });
    expect(await shown(browser)).toEqual({ user: name, cart: ["tea"] });
    return browser;
  }

  it("signs nobody out and fails no request, on the way here, back, and here for good", async () => {
    const names = Array.from({ length: 12 }, (_, index) => `user-${index}`);
    const people = await Promise.all(names.map((name) => signedIn(old, name)));
    // Each has two tabs that go on reading; where to is what a proxy before the servers would say.
    let here = old;
    let asked = 0;
    let isOver = false;
    const wrong: unknown[] = [];
    const reads = people.flatMap((person, index) =>
      [0, 1].map(async () => {
        while (!isOver) {
          const reply: Reply = await at(here, person).get("/");
          asked += 1;
          const isRight = reply.status === 200 && JSON.parse(reply.text).user === names[index];
          if (!isRight) wrong.push([here === old, index, reply.status, reply.text]);
        }
      }),
    );
    const more = async (count = 240): Promise<void> => {
      const until = asked + count;
      while (asked < until) await wait(5);
    };
    await more();
    here = dual;
    await more();
    // What changes here is seen there after a rollback.
    await Promise.all(people.map((person) => at(dual, person).post("/cart/milk")));
    const late = await signedIn(dual, "late");
    here = old;
    await more();
    for (const [index, person] of [...people, late].entries()) {
      const cart = index < names.length ? ["tea", "milk"] : ["tea"];
      expect(await shown(at(old, person))).toEqual({ user: names[index] ?? "late", cart });
    }
    here = dual;
    await more();
    here = alone;
    await more();
    isOver = true;
    await Promise.all(reads);
    expect(wrong).toEqual([]);
    expect(told.filter(({ name }) => name !== "adopted" && name !== "refused")).toEqual([]);
    expect(told.filter(({ name }) => name === "refused")).toEqual([]);
    expect(told.filter(({ name }) => name === "adopted")).toHaveLength(names.length);
    for (const person of people)
      expect(await shown(at(last, person))).toMatchObject({ cart: ["tea", "milk"] });
    const what = "connect-redis and passport, adopted and written back";
    cover({ library: "express-session", what });
  });

  it("P5 a copy of the old cookie opens nothing after a sign-out here, and its record is gone", async () => {
    for (const site of [dual, alone]) {
      const ada = await signedIn(old, "ada");
      const before = await records();
      const copy = ada.copy();
      expect(await shown(at(site, ada))).toEqual({ user: "ada", cart: ["tea"] });
      expect([...ada.jar.keys()].sort()).toEqual(site === dual ? [THEIRS, OURS] : [OURS]);
      await at(site, ada).post("/sign-out");
      expect([...ada.jar.keys()]).toEqual([]);
      expect(await shown(at(site, copy))).toEqual({ cart: [] });
      if (site === alone)
        await expect.poll(async () => (await records()).length).toBe(before.length - 1);
      expect(await records()).toHaveLength(before.length - 1);
      expect(await shown(at(old, copy))).toEqual({ cart: [] });
    }
  });

  it("P5 who is revoked here during the dual run is out there with the record, and not written back", async () => {
    const eve = await signedIn(old, "eve");
    await at(dual, eve).post("/cart/milk");
    const thief = eve.copy();
    const [sessions] = opened as [Sessions<Shop>];
    await sessions.revokeUser("eve");
    expect(await shown(at(dual, eve))).toEqual({ cart: [] });
    expect(await shown(at(old, thief))).toMatchObject({ user: "eve" });
    const theirs = new RedisStore({ client: redis.client });
    const all = (await theirs.all()) as unknown as { id: string; passport?: { user?: string } }[];
    for (const { id, passport } of all) if (passport?.user === "eve") await theirs.destroy(id);
    await at(dual, thief).post("/cart/bread");
    for (const browser of [eve, thief]) {
      expect(await shown(at(old, browser))).not.toHaveProperty("user");
    }
  });

  it("P6 a sign-in during the dual run is a new session there too", async () => {
    const visitor = old.browser();
    await visitor.post("/cart/tea");
    const thief = visitor.copy();
    await at(dual, visitor).post("/sign-in", { username: "bob", password: "bob's password" });
    expect(visitor.jar.get(THEIRS)).not.toBe(thief.jar.get(THEIRS));
    expect(await shown(at(old, visitor))).toEqual({ user: "bob", cart: ["tea"] });
    expect(await shown(at(old, thief))).toEqual({ cart: [] });
    expect(await shown(at(dual, thief))).toEqual({ cart: [] });
  });

  it("P16 who signs in at an old server keeps that session, whatever the browser writes here", async () => {
    const visitor = dual.browser();
    await visitor.post("/cart/tea");
    // Passport gives the session another id.
    await at(old, visitor).post("/cart/milk");
    await at(old, visitor).post("/sign-in", { username: "gil", password: "gil's password" });
    const theirs = visitor.jar.get(THEIRS);
    await at(dual, visitor).post("/cart/bread");
    expect(await shown(at(dual, visitor))).toEqual({ cart: ["tea", "bread"] });
    expect(visitor.jar.get(THEIRS)).toBe(theirs);
    expect(await shown(at(old, visitor))).toEqual({ user: "gil", cart: ["tea", "milk"] });
    await at(dual, visitor).post("/sign-in", { username: "gil", password: "gil's password" });
    expect(await shown(at(old, visitor))).toEqual({ user: "gil", cart: ["tea", "bread"] });
  });

  it("P15 is asked for nothing by visitors who have nothing", async () => {
    const before = await records();
    const visitor = dual.browser();
    await visitor.get("/");
    expect([[...visitor.jar], await records()]).toEqual([[], before]);
  });
});
