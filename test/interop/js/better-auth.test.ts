import { betterAuth } from "better-auth";
import { memoryAdapter } from "better-auth/adapters/memory";
import { getCookieCache } from "better-auth/cookies";
import fc from "fast-check";
import { beforeAll, describe, expect, it } from "vitest";
import type { BetterAuthAdapter, BetterAuthStrategy } from "../../../src/interop/better-auth.ts";
import {
  betterAuthSession,
  readSessionData,
  readTokenCookie,
  writeSessionData,
  writeTokenCookie,
} from "../../../src/interop/better-auth.ts";
import type { ForeignSource } from "../../../src/interop/source.ts";
import { isRefused } from "../../../src/interop/source.ts";
import { opened, refusal, takeFields } from "./browser.ts";
import { covering } from "./covered.ts";
import { refusesHostileCookies } from "./hostile.ts";
import { sessionData } from "./values.ts";

const cover = covering("better-auth");

const SECRET = "the secret of an app with Better Auth, long enough";
const DAY = 86_400_000;
const TOKEN = "__Secure-better-auth.session_token";
const DATA = "__Secure-better-auth.session_data";

function makeApp(strategy?: BetterAuthStrategy) {
  return betterAuth({
    baseURL: "https://example.com",
    secret: SECRET,
    database: memoryAdapter({ user: [], session: [], account: [], verification: [] }),
    emailAndPassword: { enabled: true },
    rateLimit: { enabled: false },
    session: {
      additionalFields: {
        theme: { type: "string", required: false },
        visits: { type: "number", required: false },
      },
      ...(strategy === undefined ? {} : { cookieCache: { enabled: true, strategy, maxAge: 300 } }),
    },
  });
}

/** Signs somebody up, and gives the cookies that the browser then has. */
async function signUp(app: ReturnType<typeof makeApp>): Promise<Map<string, string>> {
  const answer = await app.handler(
    new Request("https://example.com/api/auth/sign-up/email", {
      method: "POST",
      headers: { "content-type": "application/json", origin: "https://example.com" },
      body: JSON.stringify({
        name: "Zoë ❄",
        email: `${crypto.randomUUID()}@example.com`,
        password: "correct horse battery",
      }),
    }),
  );
  if (!answer.ok) throw new Error(await answer.text());
  const jar = new Map<string, string>();
  takeFields(jar, answer.headers.getSetCookie());
  return jar;
}

async function seen(app: ReturnType<typeof makeApp>, jar: ReadonlyMap<string, string>) {
  const cookie = Array.from(jar, ([name, value]) => `${name}=${value}`).join("; ");
  return await app.api.getSession({ headers: new Headers({ cookie }) });
}

describe("Better Auth, live", () => {
  const app = makeApp();
  let adapter: BetterAuthAdapter;
  let source: ForeignSource;
  beforeAll(async () => {
    adapter = (await app.$context).internalAdapter as BetterAuthAdapter;
    source = betterAuthSession({ secret: SECRET, adapter });
  });

  it("is read as the app left it", async () => {
    const jar = await signUp(app);
    const found = await opened(source, (name) => jar.get(name));
    const theirs = await seen(app, jar);
    expect(found).toMatchObject({
      identity: theirs?.session.token,
      userId: theirs?.user.id,
      persistent: true,
      expiresAt: theirs?.session.expiresAt.getTime(),
      createdAt: theirs?.session.createdAt.getTime(),
      cookieNames: [TOKEN],
    });
  });

  it("is written back into its row, and the app sees it", async () => {
    const jar = await signUp(app);
    const found = await opened(source, (name) => jar.get(name));
    const data = { theme: "dark", visits: 3 };
    const sealed = await source.seal(
      { ...found, data, expiresAt: Date.now() + 30 * DAY },
      Date.now(),
    );
    for (const { name, value, expiresAt } of sealed.cookies) {
      if (expiresAt === 0) jar.delete(name);
      else jar.set(name, value);
    }
    const theirs = await seen(app, jar);
    expect(theirs?.session).toMatchObject(data);
    expect(theirs?.session.expiresAt.getTime()).toBeGreaterThan(Date.now() + 29 * DAY);
    expect((await opened(source, (name) => jar.get(name))).data).toEqual(data);
    cover({ library: "better-auth", what: "token cookie and row" });
  });

  it("is made from nothing for a user of the app's, and removed", async () => {
    const first = await opened(source, await reader(signUp(app)));
    const draft = { data: { theme: "dark" }, userId: first.userId as string };
    const made = await source.seal(draft, Date.now());
    const jar = new Map(made.cookies.map(({ name, value }) => [name, value]));
    const theirs = await seen(app, jar);
    expect(theirs?.user.id).toBe(first.userId);
    expect(theirs?.session).toMatchObject({ theme: "dark" });
    await source.remove?.(await opened(source, (name) => jar.get(name)));
    expect(await seen(app, jar)).toBeNull();
    expect(await refusal(source, Object.fromEntries(jar))).toBe("absent");
  });

  it("cannot be written for nobody, or over the library's own columns", async () => {
    await expect(source.seal({ data: {} }, 0)).rejects.toMatchObject({ path: "userId" });
    const draft = { data: { token: "mine" }, userId: "x" };
    await expect(source.seal(draft, 0)).rejects.toMatchObject({ path: "token" });
  });

  it("ends when the row says so", async () => {
    const jar = await signUp(app);
    const later = Date.now() + 8 * DAY;
    expect(await refusal(source, Object.fromEntries(jar), later)).toBe("expired");
  });

  it("reads what an old secret signed, which the library itself would not", async () => {
    const jar = await signUp(app);
    const rotated = betterAuthSession({
      secret: ["a newer secret of the app, long too", SECRET],
      adapter,
    });
    const found = await opened(rotated, (name) => jar.get(name));
    expect((await rotated.seal(found, Date.now())).cookies.map(({ name }) => name)).toContain(
      TOKEN,
    );
  });

  it.each([
    { session: {}, user: {} },
    { session: { userId: "x", expiresAt: "soon" }, user: {} },
  ])("refuses rows of another shape: %j", async (row) => {
    const odd = betterAuthSession({
      secret: SECRET,
      adapter: { ...adapter, findSession: async () => row },
    });
    expect(await refusal(odd, { [TOKEN]: writeTokenCookie("a", SECRET) })).toBe("malformed");
  });

  describe("with a cookie that is not right", () => {
    let jar: Map<string, string>;
    let token: ForeignSource;
    beforeAll(async () => {
      jar = await signUp(app);
      token = source;
    });
    // The source is there only when the app is.
    refusesHostileCookies({
      source: { open: (cookie, now) => token.open(cookie, now) } as ForeignSource,
      cookie: TOKEN,
      genuine: () => Object.fromEntries(jar),
    });
  });
});

describe.each(["compact", "jwt", "jwe"] as const)(
  "the cache of Better Auth, %s, live",
  (strategy) => {
    const app = makeApp(strategy);
    const now = Date.now();
    const read = (value: string, at = Date.now()) => readSessionData(value, strategy, SECRET, at);
    const cacheOf = (value: string) =>
      getCookieCache(new Headers({ cookie: `${DATA}=${value}` }), {
        secret: SECRET,
        strategy,
        isSecure: true,
      });

    it("is read as the app left it", async () => {
      const jar = await signUp(app);
      const value = jar.get(DATA) as string;
      const found = await read(value);
      const theirs = await seen(app, jar);
      expect(found).toMatchObject({
        session: { token: theirs?.session.token },
        user: { name: "Zoë ❄" },
        version: "1",
      });
      expect(await read(value, Date.now() + 320_000)).toMatchObject({ refused: "expired" });
      expect(await readSessionData(value, strategy, "another", now)).toMatchObject({
        refused: "forged",
      });
    });

    it("does not outlive a write here, also when it takes several cookies", async () => {
      const jar = await signUp(app);
      const adapter = (await app.$context).internalAdapter as BetterAuthAdapter;
      const source = betterAuthSession({ secret: SECRET, adapter });
      const write = async (theme: string): Promise<void> => {
        const found = await opened(source, (name) => jar.get(name));
        const { cookies } = await source.seal({ ...found, data: { theme } }, Date.now());
        for (const { name, value, expiresAt } of cookies) {
          if (expiresAt === 0) jar.delete(name);
          else jar.set(name, value);
        }
      };
      await write("dark".repeat(2000));
      const cookie = Array.from(jar, ([name, value]) => `${name}=${value}`).join("; ");
      const asked = new Request("https://example.com/api/auth/get-session", {
        headers: { cookie },
      });
      takeFields(jar, (await app.handler(asked)).headers.getSetCookie());
      const parts = [...jar.keys()].filter((name) => name.startsWith(`${DATA}.`));
      expect(parts.length).toBeGreaterThan(1);
      const found = await opened(source, (name) => jar.get(name));
      expect(found.cookieNames).toEqual([TOKEN, ...parts]);
      await write("light");
      expect((await seen(app, jar))?.session).toMatchObject({ theme: "light" });
    });

    it("is written, and the library reads it, whatever is in it", async () => {
      await fc.assert(
        fc.asyncProperty(sessionData, async (more) => {
          const at = new Date(now).toISOString();
          const user = {
            id: "u",
            name: "Ada",
            email: "a@example.com",
            emailVerified: true,
            createdAt: at,
            updatedAt: at,
          };
          const end = new Date(now + DAY).toISOString();
          const session = {
            id: "s",
            token: "t",
            userId: "u",
            expiresAt: end,
            createdAt: at,
            updatedAt: at,
            more,
          };
          const value = await writeSessionData(
            { session, user, updatedAt: now },
            strategy,
            SECRET,
            now,
            now + 300_000,
          );
          const theirs = await cacheOf(encodeURIComponent(value));
          expect(JSON.parse(JSON.stringify(theirs))).toMatchObject({ session, user });
          const ours = await read(value);
          if (isRefused(ours)) throw new Error(ours.problem);
          expect(ours.session).toEqual(session);
        }),
        { numRuns: 30 },
      );
      cover({ library: "better-auth", what: `cache cookie, ${strategy}` });
    });

    it("is refused when it was changed, cut, or is of another strategy", async () => {
      const value = (await signUp(app)).get(DATA) as string;
      for (let at = 0; at < value.length; at += 11) {
        const other = value.slice(0, at) + (value[at] === "A" ? "B" : "A") + value.slice(at + 1);
        const same = decodeURIComponent(other) === decodeURIComponent(value);
        if (!same) expect(await read(other)).toHaveProperty("refused");
        expect(await read(value.slice(0, at))).toHaveProperty("refused");
      }
      for (const other of ["compact", "jwt", "jwe"] as const) {
        if (other === strategy) continue;
        expect(await readSessionData(value, other, SECRET, now)).toHaveProperty("refused");
      }
      expect(await read("A".repeat(100_000))).toMatchObject({ refused: "too-large" });
    });
  },
);

describe("cookies of Better Auth", () => {
  it("with a JWT that is not signed are refused", async () => {
    const part = (value: object) => Buffer.from(JSON.stringify(value)).toString("base64url");
    const body = part({ session: {}, user: {}, updatedAt: 1, exp: 9_999_999_999 });
    for (const header of [{ alg: "none" }, { alg: "RS256" }, { alg: "HS256", crit: ["b64"] }]) {
      const value = `${part(header)}.${body}.`;
      expect(await readSessionData(value, "jwt", SECRET, 0)).toMatchObject({
        refused: "unsupported",
      });
    }
  });

  it("hold any token", () => {
    fc.assert(
      fc.property(fc.string({ minLength: 1, unit: "grapheme" }), (token) => {
        expect(readTokenCookie(writeTokenCookie(token, SECRET), ["new", SECRET])).toEqual({
          token,
          keyIndex: 1,
        });
      }),
    );
  });
});

async function reader(jar: Promise<Map<string, string>>) {
  const cookies = await jar;
  return (name: string) => cookies.get(name);
}
