import fc from "fast-check";
import Koa from "koa";
import koaSessionLibrary from "koa-session";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { signSessionValue } from "../../../src/interop/cookie-session.ts";
import type { KoaStore } from "../../../src/interop/koa-session.ts";
import { koaSession, readKoaValue, writeKoaValue } from "../../../src/interop/koa-session.ts";
import { foreignCookieText } from "../../../src/interop/set-cookie.ts";
import type { Site } from "./browser.ts";
import { opened, refusal, serve, takeFields } from "./browser.ts";
import { covering } from "./covered.ts";
import { refusesHostileCookies } from "./hostile.ts";
import { sessionData } from "./values.ts";

const cover = covering("koa-session");

const KEYS = ["some secret hurr", "an older one"];
const HOUR = 3_600_000;
const data = (value: unknown): string => encodeURIComponent(JSON.stringify(value));

function app(options: object): ReturnType<Koa["callback"]> {
  const app = new Koa();
  app.keys = KEYS;
  // The types lag one major version behind.
  app.use(
    (koaSessionLibrary as unknown as (options: object, app: Koa) => Koa.Middleware)(options, app),
  );
  app.use(async (context) => {
    const url = new URL(context.url, "http://localhost");
    const { session } = context as unknown as { session: Record<string, unknown> | null };
    if (url.pathname === "/set") {
      (context as unknown as { session: unknown }).session = JSON.parse(
        url.searchParams.get("data") ?? "{}",
      );
      context.body = "true";
    } else {
      context.body = JSON.stringify(session);
    }
  });
  return app.callback();
}

function memory(): KoaStore & { readonly kept: Map<string, string>; readonly ages: unknown[] } {
  const kept = new Map<string, string>();
  const ages: unknown[] = [];
  return {
    kept,
    ages,
    get: async (key) => JSON.parse(kept.get(key) ?? "null"),
    async set(key, session, maxAge) {
      kept.set(key, JSON.stringify(session));
      ages.push(maxAge);
    },
    // As the library hands it over: an object with the context.
    async destroy(key, { ctx: _ctx }: { readonly ctx?: unknown }) {
      kept.delete(key);
    },
  };
}

const store = memory();

it("reads and writes a cookie with a colon in its name, as koa-session's once was", async () => {
  const key = "koa:sess";
  const site = await serve(app({ key, maxAge: HOUR }));
  const browser = site.browser();
  await browser.get(`/set?data=${data({ a: 1 })}`);
  const source = koaSession({ keys: KEYS, key, maxAge: HOUR });
  const found = await opened(source, browser.read);
  const { cookies } = await source.seal({ ...found, data: { a: 2 } }, Date.now());
  takeFields(browser.cookies, cookies.map(foreignCookieText));
  expect(await browser.get("/see")).toEqual({ a: 2 });
  takeFields(browser.cookies, source.deletion().map(foreignCookieText));
  expect(await browser.get("/see")).toEqual({});
  await site.close();
});

it("ends with the browser also where the app's store knows no age but a number, as koa-redis", async () => {
  const { set, ...rest } = memory();
  const numbersOnly: KoaStore = {
    ...rest,
    async set(key, session, maxAge, options) {
      if (typeof maxAge !== "number") throw new Error("ERR value is not an integer");
      await set(key, session, maxAge, options);
    },
  };
  const site = await serve(app({ maxAge: HOUR, store: numbersOnly }));
  const browser = site.browser();
  const source = koaSession({ keys: KEYS, maxAge: HOUR, store: numbersOnly });
  const { cookies } = await source.seal({ data: { a: 1 }, persistent: false }, Date.now());
  expect(cookies.map(({ expiresAt }) => expiresAt)).toEqual([undefined, undefined]);
  takeFields(browser.cookies, cookies.map(foreignCookieText));
  expect(await browser.get("/see")).toEqual({ a: 1 });
  await browser.get(`/set?data=${data({ a: 2 })}`); // what the old app writes, it writes as ever
  expect(await browser.get("/see")).toEqual({ a: 2 });
  await site.close();
});

describe.each([
  ["in the cookie", {}],
  ["in a store", { store }],
  ["until the browser closes", { maxAge: "session" }],
])("koa-session %s, live", (where, options) => {
  let site: Site;
  const settings = { maxAge: HOUR, ...options } as { maxAge: number | "session"; store?: KoaStore };
  const source = koaSession({ keys: KEYS, ...settings });
  beforeAll(async () => {
    site = await serve(app(settings));
  });
  afterAll(() => site.close());

  it("is read as the app left it", async () => {
    const browser = site.browser();
    await browser.get(`/set?data=${data({ passport: { user: "ada" }, name: "Zoë ❄" })}`);
    const found = await opened(source, browser.read);
    expect(found.data).toEqual({ passport: { user: "ada" }, name: "Zoë ❄" });
    expect(found.userId).toBe("ada");
    expect(found.persistent).toBe(settings.maxAge !== "session");
    if (settings.maxAge === "session") expect(found.expiresAt).toBeUndefined();
    else expect(found.expiresAt).toBeGreaterThan(Date.now() + HOUR - 10_000);
  });

  it("reads what the app wrote, and the app reads what we wrote, whatever it is", async () => {
    await fc.assert(
      fc.asyncProperty(appData, appData, async (first, second) => {
        const browser = site.browser();
        await browser.get(`/set?data=${data({ ...first, always: 1 })}`);
        const found = await opened(source, browser.read);
        expect(found.data).toEqual({ ...first, always: 1 });
        browser.take((await source.seal({ ...found, data: second }, Date.now())).cookies);
        expect(await browser.get("/see")).toEqual(second);
      }),
      { numRuns: 40 },
    );
    cover({ library: "koa-session", what: `session ${where}` });
  });

  it("is made from nothing, and removed", async () => {
    const browser = site.browser();
    browser.take((await source.seal({ data: { a: 1 }, userId: "42" }, Date.now())).cookies);
    expect(await browser.get("/see")).toEqual({ a: 1, passport: { user: "42" } });
    const found = await opened(source, browser.read);
    await source.remove?.(found);
    if (settings.store !== undefined) expect(await browser.get("/see")).toEqual({});
  });

  describe("with a cookie that is not right", () => {
    refusesHostileCookies({
      source,
      cookie: "koa.sess",
      runs: 150,
      async genuine() {
        const { cookies } = await source.seal({ data: { a: 1 } }, Date.now());
        return Object.fromEntries(cookies.map(({ name, value }) => [name, value]));
      },
    });
  });
});

describe("the sessions of koa-session", () => {
  const now = Date.parse("2026-11-20T12:00:00Z");
  const source = koaSession({ keys: KEYS });

  it("end when they say so", () => {
    const value = writeKoaValue({ data: { a: 1 }, expiresAt: now, maxAge: HOUR });
    expect(readKoaValue(value, now)).toEqual({ data: { a: 1 }, expiresAt: now, maxAge: HOUR });
    expect(readKoaValue(value, now + 1)).toMatchObject({ refused: "expired" });
  });

  it("keep an age of their own when they are written again", async () => {
    const value = writeKoaValue({ data: { a: 1 }, expiresAt: now + HOUR, maxAge: HOUR });
    const cookies = {
      "koa.sess": value,
      "koa.sess.sig": await signSessionValue("koa.sess", value, KEYS),
    };
    const found = await opened(source, (name) => (cookies as Record<string, string>)[name], now);
    const { expiresAt: _, ...draft } = found;
    const { cookies: again } = await source.seal(draft, now + 1000);
    expect(readKoaValue(again[0]?.value as string, now)).toMatchObject({
      maxAge: HOUR,
      expiresAt: now + 1000 + HOUR,
    });
  });

  it("are kept in a store ten seconds longer than in the browser", async () => {
    const own = memory();
    await koaSession({ keys: KEYS, store: own, maxAge: HOUR }).seal({ data: {} }, now);
    expect(own.ages).toEqual([HOUR + 10_000]);
  });

  it.each([
    ["malformed", "{}"],
    ["malformed", "[]"],
    ["malformed", "null"],
    ["malformed", '{"_expire":"soon","_maxAge":1}'],
    ["malformed", '{"_expire":1'],
    ["expired", '{"_expire":1,"_maxAge":1}'],
    ["unsupported", '{"_session":true,"__proto__":{}}'],
    ["too-large", `{"_session":true,"a":${"[".repeat(100)}${"]".repeat(100)}}`],
  ])("are refused as %s when they hold %.40s", async (reason, text) => {
    const value = btoa(text);
    const cookies = {
      "koa.sess": value,
      "koa.sess.sig": await signSessionValue("koa.sess", value, KEYS),
    };
    expect(await refusal(source, cookies, now)).toBe(reason);
  });

  it("are refused when the store has another version's record, or none", async () => {
    for (const [record, reason] of [
      ["null", "absent"],
      ['"text"', "malformed"],
      ['{"cookie":{},"a":1}', "malformed"],
    ] as const) {
      const own = memory();
      const source = koaSession({ keys: KEYS, store: own });
      const { cookies, identity } = await source.seal({ data: {} }, now);
      own.kept.set(identity, record);
      const all = Object.fromEntries(cookies.map(({ name, value }) => [name, value]));
      expect(await refusal(source, all, now)).toBe(reason);
    }
  });

  it("cannot hold keys that koa-session takes", async () => {
    for (const key of ["_private", "length", "maxAge", "save", "isNew", "toString"]) {
      await expect(source.seal({ data: { [key]: 1 } }, now)).rejects.toMatchObject({ path: key });
    }
  });
});

/** koa-session keeps nothing whose name begins with an underscore. */
const appData = sessionData.map((all) =>
  Object.fromEntries(
    Object.entries(all).filter(
      ([key]) => !/^_|^(commit|inspect|toJSON|manuallyCommit|externalKey)$/.test(key),
    ),
  ),
);
