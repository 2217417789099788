import fastifySecureSessionLibrary from "@fastify/secure-session";
import fc from "fast-check";
import fastify from "fastify";
import sodium from "sodium-native";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import {
  fastifySecureSession,
  makeSecureCookie,
  openSecureCookie,
} from "../../../src/interop/fastify-secure-session.ts";
import type { Site } from "./browser.ts";
import { opened, refusal, siteOf } from "./browser.ts";
import { covering } from "./covered.ts";
import { refusesHostileCookies } from "./hostile.ts";
import { sessionData } from "./values.ts";

const cover = covering("fastify-secure-session");

const OLD = Buffer.alloc(32, 7);
const NEW = Buffer.alloc(32, 8);
const DAY = 86_400_000;
const text = (value: unknown): string => encodeURIComponent(JSON.stringify(value));

async function start(options: object): Promise<Site> {
  const app = fastify();
  await app.register(fastifySecureSessionLibrary, { cookie: { path: "/" }, ...options } as never);
  app.get("/see", async (request) => {
    // Another library's types of `request.session` may be in sight here.
    return (request.session as unknown as { data(): object | undefined }).data() ?? {};
  });
  app.get<{ Querystring: { data: string } }>("/set", async (request) => {
    request.session.regenerate();
    for (const [key, value] of Object.entries(JSON.parse(request.query.data))) {
      request.session.set(key as never, value as never);
    }
    return true;
  });
  await app.listen({ host: "127.0.0.1", port: 0 });
  return { browser: siteOf(app.server).browser, close: () => app.close() };
}

describe("@fastify/secure-session, live", () => {
  let site: Site;
  let rotated: Site;
  beforeAll(async () => {
    site = await start({ key: OLD });
    rotated = await start({ key: [NEW, OLD] });
  });
  afterAll(async () => {
    await site.close();
    await rotated.close();
  });
  const source = fastifySecureSession({ key: OLD });

  it("is read as the app left it", async () => {
    const browser = site.browser();
    await browser.get(`/set?data=${text({ passport: 42, name: "Zoë ❄" })}`);
    const found = await opened(source, browser.read);
    expect(found).toMatchObject({
      userId: "42",
      persistent: false,
      data: { passport: 42, name: "Zoë ❄" },
    });
    const now = Date.now();
    expect(found.expiresAt).toBeGreaterThan(now + DAY - 10_000);
    const cookies = Object.fromEntries(browser.cookies);
    expect(await refusal(source, cookies, now + DAY + 10_000)).toBe("expired");
    expect(await refusal(source, cookies, now - DAY)).toBe("future");
    expect(await refusal(source, cookies, now - 60_000)).toBe("taken");
  });

  it("reads what the app wrote, and the app reads what we wrote, whatever it is", async () => {
    await fc.assert(
      fc.asyncProperty(sessionData, sessionData, async (first, second) => {
        const browser = site.browser();
        await browser.get(`/set?data=${text(first)}`);
        const found = await opened(source, browser.read);
        expect(found.data).toEqual(first);
        browser.take((await source.seal({ ...found, data: second }, Date.now())).cookies);
        expect(await browser.get("/see")).toEqual(second);
      }),
      { numRuns: 40 },
    );
    cover({ library: "@fastify/secure-session", what: "cookie" });
  });

  it("is made from nothing, and ends when it should", async () => {
    const browser = site.browser();
    const now = Date.now();
    const made = await source.seal({ data: { a: 1 }, userId: "ada", expiresAt: now + 60_000 }, now);
    browser.take(made.cookies);
    expect(await browser.get("/see")).toEqual({ a: 1, passport: "ada" });
    const found = await opened(source, browser.read);
    expect(found.expiresAt).toBeLessThanOrEqual(now + 60_000);
    expect(found.expiresAt).toBeGreaterThan(now + 58_000);
    browser.take((await source.seal({ data: { a: 1 }, expiresAt: now - 1000 }, now)).cookies);
    expect(await browser.get("/see")).toEqual({});
  });

  it("goes on through a rotation of keys", async () => {
    const browser = rotated.browser();
    browser.take((await source.seal({ data: { a: 1 } }, Date.now())).cookies);
    expect(await browser.get("/see")).toEqual({ a: 1 });
    // The library has written it anew, under the new key.
    expect(await refusal(source, Object.fromEntries(browser.cookies))).toBe("forged");
    const both = fastifySecureSession({ key: [NEW.toString("base64"), OLD] });
    expect((await opened(both, browser.read)).data).toEqual({ a: 1 });
    const old = { session: makeSecureCookie({}, OLD, Date.now() / 1000) };
    expect(await refusal(both, old)).toBe("taken");
  });

  it("is read with the key that the page says how to derive from a secret", async () => {
    const secret = "a secret of more than thirty-two bytes";
    const salt = "sixteen bytes ok";
    const key = Buffer.alloc(sodium.crypto_secretbox_KEYBYTES);
    sodium.crypto_pwhash(
      key,
      Buffer.from(secret),
      Buffer.from(salt, "ascii"),
      sodium.crypto_pwhash_OPSLIMIT_MODERATE,
      sodium.crypto_pwhash_MEMLIMIT_MODERATE,
      sodium.crypto_pwhash_ALG_DEFAULT,
    );
    const derived = await start({ secret, salt });
    try {
      const browser = derived.browser();
      await browser.get(`/set?data=${text({ a: 1 })}`);
      const source = fastifySecureSession({ key: key.toString("base64") });
      expect((await opened(source, browser.read)).data).toEqual({ a: 1 });
    } finally {
      await derived.close();
    }
  });
});

describe("cookies of @fastify/secure-session", () => {
  const now = 1_790_000_000;
  const source = fastifySecureSession({ key: OLD });

  /** What the library would write, with any content. */
  function boxed(content: Uint8Array): { session: string } {
    const nonce = Buffer.alloc(24, 3);
    const box = Buffer.alloc(content.length + 16);
    sodium.crypto_secretbox_easy(box, Buffer.from(content), nonce, OLD);
    return { session: encodeURIComponent(`${box.toString("base64")};${nonce.toString("base64")}`) };
  }

  it.each([
    ["malformed", "{}"],
    ["malformed", '{"__ts":"now"}'],
    ["malformed", `{"__ts":${now}`],
    ["malformed", "[]"],
    ["malformed", ""],
    ["expired", '{"__ts":1}'],
    ["expired", '{"__ts":-1e300}'],
    ["future", '{"__ts":1e300}'],
    ["unsupported", `{"__ts":${now},"__proto__":{"admin":true}}`],
    ["too-large", `{"__ts":${now},"a":${"[".repeat(100)}${"]".repeat(100)}}`],
    ["taken", `{"__ts":${now},"a":1}`],
  ])("that were made with the key are %s: %.40s", async (reason, json) => {
    expect(await refusal(source, boxed(Buffer.from(json)), now * 1000)).toBe(reason);
  });

  it("that hold no UTF-8 are refused", async () => {
    expect(await refusal(source, boxed(Uint8Array.of(0x22, 0xff, 0x22)))).toBe("malformed");
  });

  it("are made and opened by functions alone", () => {
    const value = makeSecureCookie({ a: 1 }, [NEW, OLD], now);
    expect(openSecureCookie(value, [OLD, NEW])).toEqual({
      data: { a: 1 },
      writtenAt: now,
      keyIndex: 1,
    });
    expect(() => makeSecureCookie({ __ts: 1 }, OLD, now)).toThrow(/`__ts`/);
    expect(() => openSecureCookie(value, "c2hvcnQ=")).toThrow(/32 bytes/);
  });

  describe("that are not right", () => {
    refusesHostileCookies({
      source,
      cookie: "session",
      genuine: () => ({ session: makeSecureCookie({ a: 1 }, OLD, Math.floor(Date.now() / 1000)) }),
    });
  });
});
