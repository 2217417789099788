import cookieSessionLibrary from "cookie-session";
import express from "express";
import fc from "fast-check";
import Keygrip from "keygrip";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import {
  cookieSession,
  readSessionValue,
  signSessionValue,
  userAt,
  writeSessionValue,
} from "../../../src/interop/cookie-session.ts";
import type { Site } from "./browser.ts";
import { opened, refusal, serve } from "./browser.ts";
import { covering } from "./covered.ts";
import { refusesHostileCookies } from "./hostile.ts";
import { sessionData } from "./values.ts";

const cover = covering("cookie-session");

const KEYS = ["key two", "key one"];
const DAY = 86_400_000;
const data = (value: unknown): string => encodeURIComponent(JSON.stringify(value));

function app(options: CookieSessionInterfaces.CookieSessionOptions) {
  const app = express();
  app.use(cookieSessionLibrary(options));
  app.get("/see", (request, response) => void response.json(request.session));
  app.get("/set", (request, response) => {
    request.session = JSON.parse(`${request.query["data"]}`);
    response.json(true);
  });
  return app;
}

describe("cookie-session, live", () => {
  let site: Site;
  let withSha256: Site;
  beforeAll(async () => {
    site = await serve(app({ keys: KEYS, maxAge: DAY }));
    withSha256 = await serve(app({ keys: new Keygrip(KEYS, "sha256"), name: "sess" }));
  });
  afterAll(async () => {
    await site.close();
    await withSha256.close();
  });
  const source = cookieSession({ keys: KEYS, maxAge: DAY });

  it("is read as the app left it", async () => {
    const browser = site.browser();
    await browser.get(`/set?data=${data({ passport: { user: 42 }, name: "Zoë ❄" })}`);
    const found = await opened(source, browser.read);
    expect(found).toMatchObject({
      data: { passport: { user: 42 }, name: "Zoë ❄" },
      userId: "42",
      persistent: true,
      cookieNames: ["session", "session.sig"],
    });
    expect(found.identity).toBe(browser.cookies.get("session"));
  });

  it("is written, and the app takes it", async () => {
    const browser = site.browser();
    const now = Date.now();
    const { cookies } = await source.seal({ data: { theme: "dark" }, userId: "ada" }, now);
    expect(cookies.map((cookie) => cookie.expiresAt)).toEqual([now + DAY, now + DAY]);
    browser.take(cookies);
    expect(await browser.get("/see")).toEqual({ theme: "dark", passport: { user: "ada" } });
    browser.take(source.deletion());
    expect(browser.cookies.size).toBe(0);
  });

  it("reads what the app wrote, and the app reads what we wrote, whatever it is", async () => {
    await fc.assert(
      fc.asyncProperty(sessionData, sessionData, async (first, second) => {
        const browser = site.browser();
        await browser.get(`/set?data=${data({ ...first, always: 1 })}`);
        const found = await opened(source, browser.read);
        expect(found.data).toEqual({ ...first, always: 1 });
        const sealed = await source.seal({ ...found, data: second }, Date.now());
        browser.take(sealed.cookies);
        expect(await browser.get("/see")).toEqual(second);
      }),
      { numRuns: 40 },
    );
    cover({ library: "cookie-session", what: "cookie, SHA-1" });
  });

  it("reads what an old key signed, and signs it with the new one", async () => {
    const browser = site.browser();
    const old = cookieSession({ keys: "key one" });
    browser.take((await old.seal({ data: { a: 1 } }, Date.now())).cookies);
    const rotated = cookieSession({ keys: KEYS });
    const found = await opened(rotated, browser.read);
    browser.take((await rotated.seal(found, Date.now())).cookies);
    const alone = cookieSession({ keys: "key two" });
    expect((await opened(alone, browser.read)).data).toEqual({ a: 1 });
    // What is right already is not sent again.
    const again = await opened(rotated, browser.read);
    expect((await rotated.seal(again, Date.now())).cookies).toEqual([]);
  });

  it("goes by another hash where the app's Keygrip does", async () => {
    const browser = withSha256.browser();
    await browser.get(`/set?data=${data({ id: 7 })}`);
    const other = cookieSession({
      keys: KEYS,
      algorithm: "sha256",
      name: "sess",
      user: userAt("id"),
    });
    const found = await opened(other, browser.read);
    expect(found).toMatchObject({ userId: "7", persistent: false });
    browser.take(
      (await other.seal({ ...found, data: { id: 8 }, userId: "8" }, Date.now())).cookies,
    );
    expect(await browser.get("/see")).toEqual({ id: 8 });
    cover({ library: "cookie-session", what: "cookie, SHA-256" });
  });

  it("cannot hold what the app would not see, or what JSON lacks", async () => {
    for (const wrong of [{ isNew: 1 }, { constructor: 1 }, { a: new Map() }, { a: Number.NaN }]) {
      await expect(source.seal({ data: wrong }, 0)).rejects.toMatchObject({ code: "ERR_VALUE" });
    }
    const long = { a: "a".repeat(4096) };
    await expect(source.seal({ data: long }, 0)).rejects.toMatchObject({
      code: "ERR_SESSION_TOO_LARGE",
    });
  });

  describe("with a cookie that is not right", () => {
    refusesHostileCookies({
      source,
      cookie: "session",
      async genuine() {
        const { cookies } = await source.seal({ data: { a: 1 } }, Date.now());
        return Object.fromEntries(cookies.map(({ name, value }) => [name, value]));
      },
    });

    it("refuses an unsigned one, another app's, and another cookie's signature", async () => {
      const session = writeSessionValue({ a: 1 });
      const sign = (name: string, keys: string[]) => signSessionValue(name, session, keys);
      expect(await refusal(source, { session })).toBe("forged");
      const wrong = { session, "session.sig": await sign("session", ["another"]) };
      expect(await refusal(source, wrong)).toBe("forged");
      const moved = { session, "session.sig": await sign("other", KEYS) };
      expect(await refusal(source, moved)).toBe("forged");
    });

    it.each([
      ["malformed", "bm8gSlNPTg=="],
      ["malformed", "WzFd"],
      ["malformed", "bnVsbA=="],
      ["malformed", "not base64!"],
      ["malformed", "e30"],
      ["unsupported", btoa('{"__proto__":{"admin":1}}')],
      ["too-large", btoa(`{"a":${"[".repeat(100)}${"]".repeat(100)}}`)],
    ])("refuses as %s what was signed and is odd: %.30s", async (reason, session) => {
      const signature = await signSessionValue("session", session, KEYS);
      expect(await refusal(source, { session, "session.sig": signature })).toBe(reason);
    });
  });
});

describe("the cookie of cookie-session", () => {
  it("is the one that is known", async () => {
    const value = "eyJ1c2VySWQiOjQyLCJuYW1lIjoiWm/DqyJ9";
    expect(writeSessionValue({ userId: 42, name: "Zoë" })).toBe(value);
    expect(readSessionValue(value)).toEqual({ object: { userId: 42, name: "Zoë" } });
    const signature = await signSessionValue("session", value, ["key1", "key2"]);
    expect(signature).toBe("Tr7lhq256iIfHC_4fhbBJFVcI6w");
    expect(signature).toBe(new Keygrip(["key1"]).sign(`session=${value}`));
  });
});
