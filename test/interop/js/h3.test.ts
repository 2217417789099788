import fc from "fast-check";
import { H3, updateSession, useSession } from "h3";
import {
  createApp,
  eventHandler,
  getQuery,
  toNodeListener,
  useSession as useSession1,
} from "h3-v1";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { h3Session, makeH3Seal, openH3Seal, userAt } from "../../../src/interop/h3.ts";
import type { Site } from "./browser.ts";
import { opened, refusal, serve, takeFields } from "./browser.ts";
import { covering } from "./covered.ts";
import { refusesHostileCookies } from "./hostile.ts";
import { sessionData } from "./values.ts";

const cover = covering("h3");

const PASSWORD = "the password of the app, long enough";
const HOUR = 3_600_000;
type Data = Record<string, unknown>;

/** An app on h3 2, called without a network. */
function h3App(config: { maxAge?: number; idleTimeout?: number; name?: string }) {
  const settings = { password: PASSWORD, ...config };
  const app = new H3();
  app.get("/see", async (event) => {
    const { data, id } = await useSession<Data>(event, settings);
    return { data, id };
  });
  app.get("/set", async (event) => {
    const data = JSON.parse(event.url.searchParams.get("data") ?? "{}") as Data;
    const { id } = await updateSession(event, settings, (old) => {
      for (const key of Object.keys(old)) delete old[key];
      return data;
    });
    return { id };
  });
  return {
    cookies: new Map<string, string>(),
    async get(path: string): Promise<{ data: Data; id: string }> {
      const cookie = Array.from(this.cookies, ([name, value]) => `${name}=${value}`).join("; ");
      const answer = await app.request(path, { headers: { cookie } });
      takeFields(this.cookies, answer.headers.getSetCookie());
      return (await answer.json()) as { data: Data; id: string };
    },
  };
}

const text = (value: unknown): string => encodeURIComponent(JSON.stringify(value));

describe("h3 2, live", () => {
  const source = h3Session({ password: PASSWORD, maxAge: 3600, user: userAt("user", "id") });

  it("is read as the app left it", async () => {
    const app = h3App({ maxAge: 3600 });
    const { id } = await app.get(`/set?data=${text({ user: { id: 42 }, name: "Zoë ❄" })}`);
    const found = await opened(source, (name) => app.cookies.get(name));
    expect(found).toMatchObject({
      identity: id,
      userId: "42",
      persistent: true,
      data: { user: { id: 42 }, name: "Zoë ❄" },
    });
    expect(found.expiresAt).toBe((found.createdAt as number) + HOUR);
  });

  it("reads what the app wrote, and the app reads what we wrote, whatever it is", async () => {
    await fc.assert(
      fc.asyncProperty(sessionData, sessionData, async (first, second) => {
        const app = h3App({ maxAge: 3600 });
        const { id } = await app.get(`/set?data=${text(first)}`);
        const found = await opened(source, (name) => app.cookies.get(name));
        expect(found.data).toEqual(first);
        const { cookies } = await source.seal({ ...found, data: second }, Date.now());
        for (const { name, value } of cookies) app.cookies.set(name, value);
        expect(await app.get("/see")).toEqual({ data: second, id });
      }),
      { numRuns: 20 },
    );
    cover({ library: "h3", what: "cookie" });
  });

  it("is made from nothing, with both timeouts", async () => {
    const both = h3Session({ password: PASSWORD, maxAge: 7200, idleTimeout: 3600 });
    const app = h3App({ maxAge: 7200, idleTimeout: 3600 });
    const now = Date.now();
    const { cookies, identity } = await both.seal({ data: { a: 1 } }, now);
    expect(cookies[0]?.expiresAt).toBe(now + HOUR);
    for (const { name, value } of cookies) app.cookies.set(name, value);
    expect(await app.get("/see")).toEqual({ data: { a: 1 }, id: identity });
    expect(await refusal(both, Object.fromEntries(app.cookies), now + HOUR + 1)).toBe("expired");
  });

  it("is read and written in several cookies", async () => {
    const large = { text: "❄".repeat(2000) };
    const app = h3App({ maxAge: 3600 });
    await app.get(`/set?data=${text(large)}`);
    expect([...app.cookies.keys()]).toEqual(["h3", "h3.1", "h3.2", "h3.3"]);
    const found = await opened(source, (name) => app.cookies.get(name));
    expect(found.data).toEqual(large);
    expect(found.cookieNames).toEqual(["h3", "h3.1", "h3.2", "h3.3"]);
    const larger = { text: "x".repeat(6000) };
    const sealed = await source.seal({ ...found, data: larger }, Date.now());
    for (const { name, value, expiresAt } of sealed.cookies) {
      if (expiresAt === 0) app.cookies.delete(name);
      else app.cookies.set(name, value);
    }
    expect((await app.get("/see")).data).toEqual(larger);
    const without = Object.fromEntries(app.cookies);
    delete without["h3.2"];
    expect(await refusal(source, without)).toBe("malformed");
    for (const count of ["0", "-1", "1e3", "9999999", "", "two"]) {
      expect(await refusal(source, { ...without, h3: `__chunked__${count}` })).toBe("malformed");
    }
    cover({ library: "h3", what: "several cookies" });
  });

  it("P14 looks for a few parts only, however many a cookie says that there are", async () => {
    let looks = 0;
    const opened = await source.open((name) => {
      looks += 1;
      return name === "h3" ? "__chunked__999" : "x";
    }, Date.now());
    expect(opened).toMatchObject({ refused: "too-large" });
    expect(looks).toBeLessThan(20);
  });
});

describe("h3 1, live", () => {
  let site: Site;
  const config = {
    password: PASSWORD,
    maxAge: 3600,
    name: "nuxt-session",
    cookie: { secure: false },
  };
  const source = h3Session({ ...config, version: 1 });
  beforeAll(async () => {
    const app = createApp();
    app.use(
      "/",
      eventHandler(async (event) => {
        const session = await useSession1<Data>(event, config);
        const { data } = getQuery(event);
        if (typeof data === "string") await session.update(JSON.parse(data));
        return { data: session.data, id: session.id };
      }),
    );
    site = await serve(toNodeListener(app));
  });
  afterAll(() => site.close());

  it("is read and written in both directions", async () => {
    const browser = site.browser();
    const theirs = (await browser.get(`/?data=${text({ a: { b: "Zoë" } })}`)) as { id: string };
    const found = await opened(source, browser.read);
    expect(found).toMatchObject({ identity: theirs.id, data: { a: { b: "Zoë" } } });
    browser.take((await source.seal({ ...found, data: { c: 1 } }, Date.now())).cookies);
    expect(await browser.get("/")).toEqual({ data: { c: 1 }, id: theirs.id });
    cover({ library: "h3", what: "cookie", folder: "h3-v1" });
  });

  it("is read by a source for h3 2 as well, as h3 2 does itself", async () => {
    const browser = site.browser();
    await browser.get(`/?data=${text({ a: 1 })}`);
    const second = h3Session({ ...config, version: 2 });
    expect((await opened(second, browser.read)).data).toEqual({ a: 1 });
    const app = h3App({ name: "nuxt-session", maxAge: 3600 });
    for (const [name, value] of browser.cookies) app.cookies.set(name, value);
    expect((await app.get("/see")).data).toEqual({ a: 1 });
    // The other way round it is not: one iteration gives other keys.
    const third = new Map<string, string>();
    const made = await second.seal({ data: {} }, Date.now());
    for (const { name, value } of made.cookies) third.set(name, value);
    expect(await refusal(source, Object.fromEntries(third))).toBe("forged");
  });
});

describe("seals of h3", () => {
  const now = Date.now();
  const content = { id: "an-id", createdAt: now, data: { a: 1 } };
  const source = h3Session({
    password: ["a newer password of the app, long too", PASSWORD],
    version: 1,
  });

  it("are made and opened by functions alone", async () => {
    for (const version of [1, 2] as const) {
      const seal = await makeH3Seal(content, PASSWORD, now + HOUR, version);
      expect(await openH3Seal(seal, PASSWORD, now, version)).toEqual(content);
    }
  });

  it("are opened with an old password", async () => {
    const h3 = await makeH3Seal(content, PASSWORD, undefined, 1);
    expect(await refusal(source, { h3 })).toBe("taken");
  });

  it.each([
    { id: "", createdAt: 1, data: {} },
    { id: "x", createdAt: "now", data: {} },
    { id: "x", createdAt: 1, data: [] },
    { id: "x", createdAt: 1, data: "text" },
    { id: "x", createdAt: 1, lastSeenAt: "now", data: {} },
    { _data: {}, _expire: null },
    {},
  ])("that hold something else are refused: %j", async (odd) => {
    const h3 = await makeH3Seal({ data: {}, ...odd } as never, PASSWORD, undefined, 1);
    expect(await refusal(source, { h3 })).toBe("malformed");
  });

  describe("in a cookie that is not right", () => {
    refusesHostileCookies({
      source,
      cookie: "h3",
      genuine: async () => ({ h3: await makeH3Seal(content, PASSWORD, undefined, 1) }),
    });
  });
});
