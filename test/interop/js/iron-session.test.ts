import fc from "fast-check";
import { getIronSession } from "iron-session";
import {
  getIronSession as getIronSession8,
  sealData as sealData8,
  unsealData as unsealData8,
} from "iron-session8";
import { describe, expect, it } from "vitest";
import { ironSession, makeSeal, openSeal, userAt } from "../../../src/interop/iron-session.ts";
import { opened, refusal } from "./browser.ts";
import { covering } from "./covered.ts";
import { refusesHostileCookies } from "./hostile.ts";
import { sessionData } from "./values.ts";

const cover = covering("iron-session");
const FOLDERS = { 8: "iron-session8", 9: "iron-session" } as const;

const OLD = "the old password of the app, long enough";
const NEW = "the new password of the app, long enough";
const DAY = 86_400_000;

type Data = Record<string, unknown>;

/** The real libraries, on a jar of cookies. */
const libraries = {
  8: async (
    jar: Map<string, string>,
    password: string | Record<string, string>,
    _chunk?: boolean,
  ) => {
    const store = {
      get: (name: string) => (jar.has(name) ? { name, value: jar.get(name) as string } : undefined),
      set: (name: string, value: string) => void jar.set(name, value),
    };
    return await getIronSession8<Data>(store as never, { cookieName: "app", password });
  },
  9: async (jar: Map<string, string>, password: string | Record<string, string>, chunk = false) =>
    await getIronSession<Data>(
      {
        read: (name) => jar.get(name),
        names: () => [...jar.keys()],
        write(name, value, { maxAge }) {
          if (maxAge === 0) jar.delete(name);
          else jar.set(name, value);
        },
      },
      { cookieName: "app", password, chunk },
    ),
} as const;

describe.each([8, 9] as const)("iron-session %s, live", (version) => {
  const library = libraries[version];
  const source = ironSession({ cookieName: "app", password: OLD, user: userAt("userId") });

  it("is read as the app left it", async () => {
    const jar = new Map<string, string>();
    const session = await library(jar, OLD);
    Object.assign(session, { userId: 42, name: "Zoë ❄" });
    await session.save();
    const found = await opened(source, (name) => jar.get(name));
    expect(found).toMatchObject({ userId: "42", data: { userId: 42, name: "Zoë ❄" } });
    expect(found.expiresAt).toBeGreaterThan(Date.now() + 14 * DAY);
    const later = Date.now() + 14 * DAY + 120_000;
    expect(await refusal(source, Object.fromEntries(jar), later)).toBe("expired");
  });

  it("reads what the app wrote, and the app reads what we wrote, whatever it is", async () => {
    await fc.assert(
      fc.asyncProperty(sessionData, sessionData, async (first, second) => {
        const jar = new Map<string, string>();
        const session = await library(jar, OLD);
        Object.assign(session, first);
        await session.save();
        const found = await opened(source, (name) => jar.get(name));
        expect(found.data).toEqual(first);
        const { cookies } = await source.seal({ ...found, data: second }, Date.now());
        for (const { name, value } of cookies) jar.set(name, value);
        expect({ ...(await library(jar, OLD)) }).toEqual(second);
      }),
      { numRuns: 40 },
    );
    cover({ library: "iron-session", what: "cookie", folder: FOLDERS[version] });
  });

  it("goes on through a rotation of passwords", async () => {
    const jar = new Map<string, string>();
    const session = await library(jar, OLD);
    Object.assign(session, { a: 1 });
    await session.save();
    const both = { 1: OLD, 2: NEW };
    const rotated = ironSession({ cookieName: "app", password: both });
    const found = await opened(rotated, (name) => jar.get(name));
    const { cookies } = await rotated.seal(found, Date.now());
    for (const { name, value } of cookies) jar.set(name, value);
    expect({ ...(await library(jar, both)) }).toEqual({ a: 1 });
    expect(await refusal(source, Object.fromEntries(jar))).toBe("forged");
  });

  it("does not read one that has ended", async () => {
    const jar = new Map([["app", await makeSeal({ a: 1 }, OLD, Date.now() - 61_000)]]);
    expect({ ...(await library(jar, OLD)) }).toEqual({});
    expect(await refusal(source, Object.fromEntries(jar))).toBe("expired");
  });
});

describe("iron-session 9 with several cookies", () => {
  const source = ironSession({ cookieName: "app", password: OLD, chunk: true });
  const large = { text: "❄".repeat(2500) };

  it("is read and written in both directions, and leaves no old parts behind", async () => {
    const jar = new Map<string, string>();
    const session = await libraries[9](jar, OLD, true);
    Object.assign(session, large);
    await session.save();
    expect([...jar.keys()]).toEqual(["app.0", "app.1", "app.2"]);
    const found = await opened(source, (name) => jar.get(name));
    expect(found.data).toEqual(large);
    expect(found.cookieNames).toEqual(["app.0", "app.1", "app.2"]);

    const small = await source.seal({ ...found, data: { a: 1 } }, Date.now());
    for (const { name, value, expiresAt } of small.cookies) {
      if (expiresAt === 0) jar.delete(name);
      else jar.set(name, value);
    }
    expect([...jar.keys()]).toEqual(["app"]);
    const again = await opened(source, (name) => jar.get(name));
    const grown = await source.seal({ ...again, data: large }, Date.now());
    for (const { name, value, expiresAt } of grown.cookies) {
      if (expiresAt === 0) jar.delete(name);
      else jar.set(name, value);
    }
    expect({ ...(await libraries[9](jar, OLD, true)) }).toEqual(large);
    cover({ library: "iron-session", what: "several cookies" });
  });

  it("refuses parts that are missing, swapped, or of two sessions", async () => {
    const parts = async (text: string) =>
      Object.fromEntries(
        (await source.seal({ data: { text } }, Date.now())).cookies.map(({ name, value }) => [
          name,
          value,
        ]),
      ) as Record<string, string>;
    const one = await parts("a".repeat(8000));
    const two = await parts("b".repeat(8000));
    const { "app.0": first = "", "app.1": second = "", ...rest } = one;
    expect(await refusal(source, one)).toBe("taken");
    expect(await refusal(source, { "app.0": first, ...rest })).not.toBe("taken");
    expect(await refusal(source, { ...one, "app.0": second, "app.1": first })).not.toBe("taken");
    expect(await refusal(source, { ...one, "app.1": two["app.1"] as string })).toBe("forged");
  });

  it("takes no more than four, and none unless it is asked to", async () => {
    const whole = ironSession({ cookieName: "app", password: OLD });
    const tooLarge = { code: "ERR_SESSION_TOO_LARGE" };
    await expect(whole.seal({ data: large }, 0)).rejects.toMatchObject(tooLarge);
    const huge = { text: "a".repeat(20_000) };
    await expect(source.seal({ data: huge }, 0)).rejects.toMatchObject(tooLarge);
  });
});

describe("seals of iron-session", () => {
  const source = ironSession({ cookieName: "app", password: OLD });

  it("are made and opened by functions alone", async () => {
    const now = Date.now();
    const made = await makeSeal({ a: 1 }, OLD, now + DAY);
    expect(await unsealData8(made, { password: OLD })).toEqual({ a: 1 });
    const theirs = await sealData8({ a: 2 }, { password: OLD, ttl: 0 });
    expect(await openSeal(theirs, OLD, now)).toEqual({ object: { a: 2 } });
    expect(await openSeal(made, NEW, now)).toMatchObject({ refused: "forged" });
  });

  it("of version 6 are read", async () => {
    // Made by `sealData` of iron-session 6.3.1, with `ttl: 0`.
    const seal =
      "Fe26.2*1*67f9c3f27a674ccbfd5f414acda35a438bc2402667e4964c72e1cd9b895aca31*VoKkSNOIAbaGwa849LeKng*" +
      "PiIYCZ2CZXkilbCKNQBi5PT-9LdBGHLvhotCSUYTphQ**d641a2d704116e5125af7a7926e0a9a30d78b7e87b9a7527793d792a6bb73776*" +
      "cXJ4nysl3FbBb0YhVhfZY5ZZ7lYOz9yJZptdITSthKw~2";
    const opened = await openSeal(seal, "a password of at least 32 characters!!", Date.now());
    expect(opened).toEqual({ object: { user: { id: 7 }, s: "é😀" } });
  });

  it("of before version 6 are refused: their mark is not authenticated", async () => {
    const seal = await makeSeal({ persistent: { admin: true } }, OLD);
    expect(await refusal(source, { app: seal.replace("~2", "~1") })).toBe("unsupported");
    expect(await refusal(source, { app: seal.replace("~2", "") })).toBe("malformed");
    expect(await refusal(source, { app: seal.replace("~2", "~3") })).toBe("malformed");
  });

  it.each([
    ["malformed", "[1]"],
    ["malformed", "null"],
    ["malformed", '"text"'],
  ])("that hold no object are refused as %s: %s", async (reason, json) => {
    const app = await sealData8(JSON.parse(json), { password: OLD });
    expect(await refusal(source, { app })).toBe(reason);
  });

  it("that hold odd objects are refused", async () => {
    const deep = JSON.parse(`${'{"a":'.repeat(100)}1${"}".repeat(100)}`);
    const app = await sealData8(deep, { password: OLD });
    expect(await refusal(source, { app })).toBe("too-large");
    const proto = await sealData8(JSON.parse('{"a":{"__proto__":{"admin":1}}}'), { password: OLD });
    expect(await refusal(source, { app: proto })).toBe("unsupported");
  });

  it("cannot hold what the library would refuse, or hide", async () => {
    for (const data of [
      { at: new Date() },
      { save: 1 },
      { toString: 1 },
      { n: Number.POSITIVE_INFINITY },
    ]) {
      await expect(source.seal({ data }, 0)).rejects.toMatchObject({ code: "ERR_VALUE" });
    }
  });

  it("need a password that the library takes", () => {
    for (const password of ["short", {}, { one: OLD }] as never[]) {
      expect(() => ironSession({ cookieName: "app", password })).toThrow(/`password`/);
    }
  });

  describe("in a cookie that is not right", () => {
    refusesHostileCookies({
      source,
      cookie: "app",
      genuine: async () => ({ app: await makeSeal({ a: 1 }, OLD, Date.now() + DAY) }),
    });
  });
});
