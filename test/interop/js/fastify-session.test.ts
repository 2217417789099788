import fastifyCookie from "@fastify/cookie";
import fastifySessionLibrary from "@fastify/session";
import express from "express";
import expressSessionLibrary from "express-session";
import fc from "fast-check";
import fastify from "fastify";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { expressSession } from "../../../src/interop/express-session.ts";
import {
  fastifySession,
  passportUser,
  readSidCookie,
  writeSidCookie,
} from "../../../src/interop/fastify-session.ts";
import type { Site } from "./browser.ts";
import { opened, refusal, serve, siteOf } from "./browser.ts";
import { covering } from "./covered.ts";
import { refusesHostileCookies } from "./hostile.ts";
import { sessionData } from "./values.ts";

const cover = covering("fastify-session");

const SECRET = "a secret of the old app that is long enough";
const HOUR = 3_600_000;
const text = (value: unknown): string => encodeURIComponent(JSON.stringify(value));

async function start(
  store: expressSessionLibrary.MemoryStore,
  options: { cookiePrefix?: string; cookieName?: string },
  maxAge?: number,
): Promise<Site> {
  const app = fastify();
  await app.register(fastifyCookie);
  await app.register(fastifySessionLibrary, {
    secret: SECRET,
    store: store as never,
    saveUninitialized: false,
    cookie: { secure: false, ...(maxAge === undefined ? {} : { maxAge }) },
    ...options,
  });
  app.get("/see", async (request) => {
    const { cookie: _, ...data } = JSON.parse(JSON.stringify(request.session));
    return data;
  });
  app.get<{ Querystring: { data: string } }>("/set", async (request) => {
    for (const [key, value] of Object.entries(JSON.parse(request.query.data))) {
      request.session.set(key as never, value as never);
    }
    return { id: (request.session as unknown as { sessionId: string }).sessionId };
  });
  await app.listen({ host: "127.0.0.1", port: 0 });
  const site = siteOf(app.server);
  return { browser: site.browser, close: () => app.close() };
}

describe.each([
  ["", undefined],
  ["s:", HOUR],
])("@fastify/session with the prefix %j, live", (cookiePrefix, maxAge) => {
  const store = new expressSessionLibrary.MemoryStore();
  let site: Site;
  beforeAll(async () => {
    site = await start(store, { cookiePrefix }, maxAge);
  });
  afterAll(() => site.close());
  const source = fastifySession({
    secret: SECRET,
    store,
    cookiePrefix,
    cookie: { secure: false, ...(maxAge === undefined ? {} : { maxAge }) },
  });

  it("is read as the app left it", async () => {
    const browser = site.browser();
    const made = await browser.get(`/set?data=${text({ passport: "ada", name: "Zoë ❄" })}`);
    const found = await opened(source, browser.read);
    expect(found).toMatchObject({
      identity: (made as { id: string }).id,
      userId: "ada",
      persistent: maxAge !== undefined,
      data: { passport: "ada", name: "Zoë ❄" },
    });
  });

  it("is written back, and made from nothing", async () => {
    const browser = site.browser();
    await browser.get(`/set?data=${text({ passport: 7 })}`);
    const found = await opened(source, browser.read);
    await source.seal({ ...found, data: { ...found.data, by: "us" } }, Date.now());
    expect(await browser.get("/see")).toEqual({ passport: 7, by: "us" });
    const other = site.browser();
    other.take((await source.seal({ data: { a: 1 }, userId: "8" }, Date.now())).cookies);
    expect(await other.get("/see")).toEqual({ passport: "8", a: 1 });
    await source.remove?.(await opened(source, other.read));
    expect(await other.get("/see")).toEqual({});
  });

  it("reads what the app wrote, and the app reads what we wrote, whatever it is", async () => {
    await fc.assert(
      fc.asyncProperty(sessionData, sessionData, async (first, second) => {
        const browser = site.browser();
        await browser.get(`/set?data=${text({ ...first, always: 1 })}`);
        const found = await opened(source, browser.read);
        expect(found.data).toEqual({ ...first, always: 1 });
        await source.seal({ ...found, data: second }, Date.now());
        expect(await browser.get("/see")).toEqual(second);
      }),
      { numRuns: 40 },
    );
    cover({
      library: "@fastify/session",
      what: `cookie with the prefix "${cookiePrefix}", and records`,
    });
  });

  describe("with a cookie that is not right", () => {
    refusesHostileCookies({
      source,
      cookie: "sessionId",
      runs: 150,
      async genuine() {
        const { cookies } = await source.seal({ data: { a: 1 } }, Date.now());
        return { sessionId: cookies[0]?.value as string };
      },
    });
  });

  it("refuses another app's, and one whose record is gone", async () => {
    const other = writeSidCookie("an-id", "another secret", cookiePrefix);
    expect(await refusal(source, { sessionId: other })).toBe("forged");
    const gone = writeSidCookie("an-id", SECRET, cookiePrefix);
    expect(await refusal(source, { sessionId: gone })).toBe("absent");
  });
});

describe("@fastify/session beside express-session", () => {
  it("shares cookie and records, as each library reads the other's", async () => {
    const store = new expressSessionLibrary.MemoryStore();
    const ours = await start(store, { cookiePrefix: "s:", cookieName: "connect.sid" }, HOUR);
    const app = express();
    app.use(
      expressSessionLibrary({ secret: SECRET, store, resave: false, saveUninitialized: false }),
    );
    app.get("/set", (request, response) => {
      Object.assign(request.session, { a: 1 });
      response.json(true);
    });
    const theirs = await serve(app);
    try {
      const browser = theirs.browser();
      await browser.get("/set");
      const options = { secret: SECRET, store };
      const asFastify = fastifySession({
        ...options,
        cookieName: "connect.sid",
        cookiePrefix: "s:",
      });
      expect((await opened(asFastify, browser.read)).data).toEqual({ a: 1 });
      const second = ours.browser();
      second.take((await expressSession(options).seal({ data: { b: 2 } }, Date.now())).cookies);
      expect(await second.get("/see")).toEqual({ b: 2 });
    } finally {
      await ours.close();
      await theirs.close();
    }
  });
});

describe("the cookie of @fastify/session", () => {
  it("is signed as @fastify/cookie signs", () => {
    const signer = new fastifyCookie.Signer(SECRET);
    fc.assert(
      fc.property(fc.string({ minLength: 1, unit: "grapheme" }), (sid) => {
        expect(decodeURIComponent(writeSidCookie(sid, SECRET))).toBe(signer.sign(sid));
        expect(readSidCookie(encodeURIComponent(signer.sign(sid)), ["new", SECRET])).toEqual({
          sid,
          keyIndex: 1,
        });
      }),
    );
  });

  it("takes the user field of other libraries", async () => {
    const store = new expressSessionLibrary.MemoryStore();
    const source = fastifySession({ secret: SECRET, store, user: passportUser });
    const { cookies } = await source.seal({ data: {}, userId: "ada" }, Date.now());
    const found = await opened(source, () => cookies[0]?.value);
    expect(found.data).toEqual({ passport: { user: "ada" } });
  });
});
