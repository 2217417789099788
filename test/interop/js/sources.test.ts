import session from "express-session";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { authJsSession } from "../../../src/interop/auth-js.ts";
import type { BetterAuthAdapter } from "../../../src/interop/better-auth.ts";
import { betterAuthSession } from "../../../src/interop/better-auth.ts";
import { cookieSession } from "../../../src/interop/cookie-session.ts";
import { connectRedis, expressSession, inBackend } from "../../../src/interop/express-session.ts";
import { fastifySecureSession } from "../../../src/interop/fastify-secure-session.ts";
import { fastifySession } from "../../../src/interop/fastify-session.ts";
import { h3Session } from "../../../src/interop/h3.ts";
import { ironSession, userAt } from "../../../src/interop/iron-session.ts";
import { koaSession } from "../../../src/interop/koa-session.ts";
import { railsSession } from "../../../src/interop/rails.ts";
import { reactRouterSession } from "../../../src/interop/react-router.ts";
import type { ForeignRecord, ForeignSource } from "../../../src/interop/source.ts";
import { isRefused } from "../../../src/interop/source.ts";
import { opened } from "./browser.ts";

const SECRET = "one secret for all of them, 32 characters or more";
const cookie = { domain: "example.com", path: "/shop", secure: true, sameSite: "strict" } as const;
const user = userAt("userId");

const rows = new Map<string, ForeignRecord>();
const redis = inBackend(connectRedis(), {
  read: async (key) => rows.get(key),
  write: async (key, record) => void rows.set(key, record),
  remove: async (key) => void rows.delete(key),
});
const kept = new Map<string, string>();
const store = {
  get: async (key: string) => JSON.parse(kept.get(key) ?? "null"),
  set: async (key: string, record: object) => void kept.set(key, JSON.stringify(record)),
  destroy: async (key: string) => void kept.delete(key),
};

const sources: readonly ForeignSource[] = [
  expressSession({ secret: SECRET, store: new session.MemoryStore(), cookie }),
  { ...expressSession({ secret: SECRET, store: redis, cookie }), name: "express-session in Redis" },
  fastifySession({ secret: SECRET, store: new session.MemoryStore(), cookie }),
  cookieSession({ keys: SECRET, ...cookie }),
  koaSession({ keys: SECRET, ...cookie }),
  { ...koaSession({ keys: SECRET, store, ...cookie }), name: "koa-session in a store" },
  ironSession({ cookieName: "app", password: SECRET, cookieOptions: cookie, user }),
  h3Session({ password: SECRET, version: 1, cookie, user }),
  fastifySecureSession({ key: new Uint8Array(32).fill(5), cookie }),
  reactRouterSession({ secrets: [SECRET], cookie, user }),
  authJsSession({ secret: SECRET, cookie }),
  railsSession({ name: "_app_session", secretKeyBase: SECRET, cookie, user }),
];

describe.each(sources.map((source) => ({ name: source.name, source })))("$name", ({ source }) => {
  const now = Date.now();

  async function sealed(draft: Parameters<ForeignSource["seal"]>[0]) {
    const { cookies, identity } = await source.seal(draft, now);
    const jar = new Map(cookies.map(({ name, value }) => [name, value]));
    return { jar, identity, read: (name: string) => jar.get(name) };
  }

  it("gives back the user and the data that it was given", async () => {
    const { read, identity } = await sealed({ data: { a: [1, { b: "Zoë ❄" }] }, userId: "ada" });
    const found = await opened(source, read, now);
    expect(found.userId).toBe("ada");
    expect(found.data).toMatchObject({ a: [1, { b: "Zoë ❄" }] });
    expect(found.identity).toBe(identity);
    expect(found.cookieNames.every((name) => read(name) !== undefined)).toBe(true);
  });

  it("writes the same session again with an origin that was kept as JSON", async () => {
    const { read, jar } = await sealed({ data: { a: 1 }, userId: "ada" });
    const found = await opened(source, read, now);
    const origin: unknown = JSON.parse(JSON.stringify(found.origin ?? null));
    const { cookies, identity } = await source.seal(
      { ...found, data: { ...found.data, a: 2 }, origin },
      now,
    );
    if (found.recordKey !== undefined) expect(identity).toBe(found.identity);
    for (const { name, value } of cookies) jar.set(name, value);
    const again = await opened(source, read, now);
    expect(again.data).toEqual({ ...found.data, a: 2 });
    expect(again.userId).toBe("ada");
  });

  it("makes a new session of an origin that is none of its own", async () => {
    for (const origin of [
      null,
      5,
      "text",
      [],
      [1],
      {},
      { sid: 1 },
      { id: "" },
      { sid: "x", cookie: 1 },
    ]) {
      const { read } = await sealed({ data: { a: 1 }, origin });
      expect((await opened(source, read, now)).data).toMatchObject({ a: 1 });
    }
  });

  it("deletes its cookies by the path and the domain that they were set with", () => {
    const deleted = source.deletion();
    expect(deleted.map(({ name }) => name)).toEqual(source.cookieNames);
    for (const { value, expiresAt, attributes } of deleted) {
      expect({ value, expiresAt }).toEqual({ value: "", expiresAt: 0 });
      expect(attributes).toMatchObject(cookie);
    }
    expect(source.deletion(["app.0"]).map(({ name }) => name)).toEqual(["app.0"]);
  });

  it("writes nothing that the format would change in silence", async () => {
    const wrong: unknown[] = [
      new Date(),
      new Map(),
      new Set([1]),
      // Ruby has such numbers, and JSON too.
      ...(source.name === "rails" ? [] : [1n]),
      Number.NaN,
      () => 1,
      Symbol("s"),
    ];
    for (const value of [...wrong, new Uint8Array(2), JSON.parse('{"__proto__":1}')]) {
      const draft = { data: { ok: 1, wrong: { deep: [value] } } };
      await expect(source.seal(draft, now)).rejects.toMatchObject({ code: "ERR_VALUE" });
    }
    // As in JSON, and in every one of these libraries.
    const { read } = await sealed({ data: { a: 1, b: undefined } });
    expect((await opened(source, read, now)).data).not.toHaveProperty("b");
  });

  it("keeps for itself what its usual library for flash messages has under our key for them", () => {
    const has = /express|cookie-session|fastify|koa|rails/.test(source.name);
    expect(source.reserved.includes("flash")).toBe(has);
  });

  it("keeps data in which a refusal's own words are keys", async () => {
    const data = { refused: "forged", problem: "none", object: 1, value: 2 };
    const { read } = await sealed({ data });
    expect((await opened(source, read, now)).data).toMatchObject(data);
  });

  it("P14 answers to any cookies at all, and never fails", async () => {
    const { jar } = await sealed({ data: { a: 1 } });
    const values = fc.oneof(
      fc.constantFrom(
        ...jar.values(),
        undefined,
        "",
        "%",
        '"',
        "__chunked__2",
        "s:",
        ".",
        "--",
        ";",
      ),
      fc.string({ unit: "binary", maxLength: 100 }),
    );
    await fc.assert(
      fc.asyncProperty(fc.func(values), async (read) => {
        const answer = await source.open(read, now);
        if (isRefused(answer)) expect(answer.problem).not.toBe("");
      }),
      { numRuns: 100 },
    );
  });

  it("is refused by a source with another secret", async () => {
    const { read } = await sealed({ data: { a: 1 } });
    const others: Record<string, ForeignSource> = {
      "express-session": expressSession({ secret: "x", store: new session.MemoryStore() }),
      "express-session in Redis": expressSession({ secret: "x", store: redis }),
      "fastify-session": fastifySession({ secret: "x", store: new session.MemoryStore() }),
      "cookie-session": cookieSession({ keys: "x" }),
      "koa-session": koaSession({ keys: "x" }),
      "koa-session in a store": koaSession({ keys: "x", store }),
      "iron-session": ironSession({ cookieName: "app", password: "x".repeat(32) }),
      h3: h3Session({ password: "x".repeat(32), version: 1 }),
      "fastify-secure-session": fastifySecureSession({ key: new Uint8Array(32) }),
      "react-router": reactRouterSession({ secrets: ["x"] }),
      "auth-js": authJsSession({ secret: "x" }),
      rails: railsSession({ name: "_app_session", secretKeyBase: "x" }),
    };
    expect(await others[source.name]?.open(read, now)).toMatchObject({ refused: "forged" });
  });
});

describe("the options of every source", () => {
  const adapter = {} as BetterAuthAdapter;
  const memory = new session.MemoryStore();
  it.each<[string, () => ForeignSource]>([
    ["secret", () => expressSession({ secret: undefined as never, store: memory })],
    ["secret", () => expressSession({ secret: [], store: memory })],
    ["secret", () => expressSession({ secret: ["a", ""], store: memory })],
    ["secret", () => expressSession({ secret: 42 as never, store: memory })],
    ["store", () => expressSession({ secret: "a", store: {} as never })],
    ["name", () => expressSession({ secret: "a", store: memory, name: "a b" })],
    ["path", () => expressSession({ secret: "a", store: memory, cookie: { path: "shop" } })],
    ["store", () => fastifySession({ secret: "a", store: undefined as never })],
    ["keys", () => cookieSession({ keys: undefined as never })],
    ["algorithm", () => cookieSession({ keys: "a", algorithm: "md5" as never })],
    ["keys", () => koaSession({ keys: [] })],
    ["key", () => fastifySecureSession({ key: new Uint8Array(31) })],
    ["key", () => fastifySecureSession({ key: [] })],
    ["secrets", () => reactRouterSession({ secrets: "a" as never })],
    ["secrets", () => reactRouterSession({ secrets: [] })],
    ["password", () => h3Session({ password: "short" })],
    ["version", () => h3Session({ password: SECRET, version: 3 as never })],
    ["version", () => authJsSession({ secret: "a", version: 3 as never })],
    ["adapter", () => betterAuthSession({ secret: "a", adapter })],
  ])("are looked at when it is made: %s", (option, make) => {
    expect(make).toThrow(expect.objectContaining({ code: "ERR_CONFIG" }));
    expect(make).toThrow(new RegExp(option));
  });
});
