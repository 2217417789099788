import { createDecipheriv, hkdfSync } from "node:crypto";
import { readFileSync } from "node:fs";
import { Auth, skipCSRFCheck } from "@auth/core";
import { decode, encode } from "@auth/core/jwt";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { authJsSession, makeAuthJsToken, openAuthJsToken } from "../../../src/interop/auth-js.ts";
import { coverage } from "../coverage.ts";
import { opened, refusal } from "./browser.ts";
import { covering } from "./covered.ts";
import { refusesHostileCookies } from "./hostile.ts";
import { sessionData } from "./values.ts";

const cover = covering("auth-js");
const note = coverage("js-next-auth");

const NAME = "__Secure-authjs.session-token";
const SECRET = "the secret of an app with Auth.js";
const NEW = "a newer secret of the same app";
const DAY = 86_400_000;

const salt = NAME;
const claims = sessionData.map((data) =>
  Object.fromEntries(
    // jose looks at the types of the claims that JWT registers.
    Object.entries(data).filter(
      ([key]) => !["aud", "exp", "iat", "iss", "jti", "nbf", "sub"].includes(key),
    ),
  ),
);

describe("Auth.js 5, live", () => {
  const source = authJsSession({ secret: SECRET });

  it("is read as the library made it", async () => {
    const token = { sub: "42", name: "Zoë ❄", email: "zoe@example.com" };
    const value = await encode({ token, secret: SECRET, salt });
    const found = await opened(source, (name) => (name === NAME ? value : undefined));
    expect(found).toMatchObject({ userId: "42", data: token, persistent: true });
    expect(found.expiresAt).toBeGreaterThan(Date.now() + 29 * DAY);
  });

  it("reads what the library wrote, and it reads what we wrote, whatever it is", async () => {
    await fc.assert(
      fc.asyncProperty(claims, claims, async (first, second) => {
        const value = await encode({ token: first, secret: SECRET, salt });
        const found = await opened(source, (name) => (name === NAME ? value : undefined));
        expect(found.data).toEqual(first);
        const { cookies, identity } = await source.seal({ ...found, data: second }, Date.now());
        const back = await decode({ token: cookies[0]?.value as string, secret: SECRET, salt });
        expect(back).toEqual({
          ...second,
          iat: expect.any(Number),
          exp: expect.any(Number),
          jti: identity,
        });
      }),
      { numRuns: 40 },
    );
    cover({ library: "@auth/core", what: "JWT cookie" });
  });

  it("is what the library's own session endpoint answers with", async () => {
    const { cookies } = await source.seal({ data: { name: "Ada" }, userId: "7" }, Date.now());
    const answer = await Auth(
      new Request("https://example.com/auth/session", {
        headers: { cookie: `${NAME}=${cookies[0]?.value}` },
      }),
      { secret: SECRET, trustHost: true, basePath: "/auth", providers: [], skipCSRFCheck },
    );
    expect(await answer.json()).toMatchObject({ user: { name: "Ada" } });
  });

  it("goes on through a rotation of secrets", async () => {
    const old = await encode({ token: { sub: "42" }, secret: SECRET, salt });
    const rotated = authJsSession({ secret: [NEW, SECRET] });
    const found = await opened(rotated, (name) => (name === NAME ? old : undefined));
    const { cookies } = await rotated.seal(found, Date.now());
    const token = cookies[0]?.value as string;
    expect(await decode({ token, secret: [NEW], salt })).toMatchObject({ sub: "42" });
    expect(await refusal(source, { [NAME]: token })).toBe("forged");
  });

  it("comes in parts when it is long, and leaves none behind", async () => {
    const large = { text: "❄".repeat(2500) };
    const made = await source.seal({ data: large }, Date.now());
    expect(made.cookies.map((cookie) => cookie.name)).toEqual([
      `${NAME}.0`,
      `${NAME}.1`,
      `${NAME}.2`,
    ]);
    const parts = new Map(made.cookies.map(({ name, value }) => [name, value]));
    const whole = [...parts.values()].join("");
    expect(await decode({ token: whole, secret: SECRET, salt })).toMatchObject(large);
    const answer = await Auth(
      new Request("https://example.com/auth/session", {
        headers: { cookie: Array.from(parts, ([name, value]) => `${name}=${value}`).join("; ") },
      }),
      {
        secret: SECRET,
        trustHost: true,
        basePath: "/auth",
        providers: [],
        skipCSRFCheck,
        callbacks: { session: ({ token }) => ({ text: token["text"] }) as never },
      },
    );
    expect(await answer.json()).toEqual(large);
    // It has written the token anew, in parts of its own size.
    const theirs = new Map(
      answer.headers.getSetCookie().map((field) => {
        const [pair = ""] = field.split(";");
        return [pair.slice(0, pair.indexOf("=")), pair.slice(pair.indexOf("=") + 1)] as const;
      }),
    );
    const found = await opened(source, (name) => theirs.get(name));
    expect(found.data).toEqual(large);
    const small = await source.seal({ ...found, data: { a: 1 } }, Date.now());
    expect(small.cookies.map(({ name, expiresAt }) => [name, expiresAt === 0])).toEqual([
      [`${NAME}.0`, true],
      [`${NAME}.1`, true],
      [`${NAME}.2`, true],
      [NAME, false],
    ]);
    const swapped = {
      ...Object.fromEntries(parts),
      [`${NAME}.0`]: parts.get(`${NAME}.1`) as string,
    };
    expect(await refusal(source, swapped)).not.toBe("taken");
    cover({ library: "@auth/core", what: "JWT in several cookies" });
  });

  it("ends with 15 seconds of tolerance, as in the library", async () => {
    const value = await encode({ token: {}, secret: SECRET, salt, maxAge: 60 });
    const now = Date.now();
    expect(await refusal(source, { [NAME]: value }, now + 70_000)).toBe("taken");
    expect(await refusal(source, { [NAME]: value }, now + 77_000)).toBe("expired");
    expect(await refusal(source, { [NAME]: value }, now - 400_000)).toBe("future");
  });

  it("is refused when it is of another cookie, another app, or odd", async () => {
    const elsewhere = await encode({ token: {}, secret: SECRET, salt: "authjs.session-token" });
    expect(await refusal(source, { [NAME]: elsewhere })).toBe("forged");
    const other = await encode({ token: {}, secret: "another", salt });
    expect(await refusal(source, { [NAME]: other })).toBe("forged");
    const odd = await encode({ token: JSON.parse('{"__proto__":{"a":1}}'), secret: SECRET, salt });
    expect(["taken", "unsupported"]).toContain(await refusal(source, { [NAME]: odd }));
    const deep = JSON.parse(`{"a":${"[".repeat(100)}${"]".repeat(100)}}`);
    const value = await encode({ token: deep, secret: SECRET, salt });
    expect(await refusal(source, { [NAME]: value })).toBe("too-large");
  });

  it.each([
    ["unsupported", { alg: "dir", enc: "A256CBC-HS512", zip: "DEF" }],
    ["unsupported", { alg: "dir", enc: "A128GCM" }],
    ["unsupported", { alg: "A256KW", enc: "A256GCM" }],
    ["unsupported", { alg: "none" }],
    ["unsupported", { alg: "dir", enc: "A256GCM", crit: ["exp"] }],
    ["malformed", { alg: "dir", enc: "A256GCM", kid: 7 }],
    ["malformed", []],
  ])("refuses as %s another header: %j", async (reason, header) => {
    const genuine = await encode({ token: {}, secret: SECRET, salt });
    const text = Buffer.from(JSON.stringify(header)).toString("base64url");
    const value = [text, ...genuine.split(".").slice(1)].join(".");
    expect(await refusal(source, { [NAME]: value })).toBe(reason);
  });

  it("cannot hold the claims that the library writes itself", async () => {
    for (const key of ["exp", "iat", "jti"]) {
      await expect(source.seal({ data: { [key]: 1 } }, 0)).rejects.toMatchObject({ path: key });
    }
  });

  describe("in a cookie that is not right", () => {
    const cookie = { secret: SECRET, cookieName: NAME };
    refusesHostileCookies({
      source,
      cookie: NAME,
      genuine: async () => ({
        [NAME]: await makeAuthJsToken({ sub: "42" }, cookie, Date.now(), Date.now() + DAY),
      }),
    });
  });
});

describe("NextAuth.js 4, by vector", () => {
  const { library, version, secret, vectors } = JSON.parse(
    readFileSync(new URL("./vectors/next-auth-4.json", import.meta.url), "utf8"),
  ) as {
    library: string;
    version: string;
    secret: string;
    vectors: { name: string; claims: object; iat: number; exp: number; value: string }[];
  };
  const source = authJsSession({ secret, version: 4, secure: false });

  it.each(vectors)("is read as the library made it: $name", async ({ claims, iat, exp, value }) => {
    const cookies = { "next-auth.session-token": value };
    const now = iat * 1000;
    if (exp < iat) expect(await refusal(source, cookies, now)).toBe("expired");
    else {
      const found = await opened(source, (name) => (cookies as Record<string, string>)[name], now);
      expect(found.data).toEqual(claims);
      expect(found.expiresAt).toBe(exp * 1000);
    }
    note({ library, version, what: "JWT cookie", direction: "read", how: "by values" });
  });

  it("is written as its decoder reads it: A256GCM under the key without a salt", async () => {
    const now = Date.now();
    const cookieName = "next-auth.session-token";
    const token = await makeAuthJsToken(
      { sub: "42" },
      { secret, cookieName, version: 4 },
      now,
      now + DAY,
    );
    const [header = "", none, iv = "", text = "", tag = ""] = token.split(".");
    expect(none).toBe("");
    expect(JSON.parse(Buffer.from(header, "base64url").toString())).toEqual({
      alg: "dir",
      enc: "A256GCM",
    });
    const key = hkdfSync("sha256", secret, "", "NextAuth.js Generated Encryption Key", 32);
    const decipher = createDecipheriv(
      "aes-256-gcm",
      Buffer.from(key),
      Buffer.from(iv, "base64url"),
    );
    decipher.setAAD(Buffer.from(header)).setAuthTag(Buffer.from(tag, "base64url"));
    const json = decipher.update(text, "base64url", "utf8") + decipher.final("utf8");
    expect(JSON.parse(json)).toMatchObject({ sub: "42" });
    expect(await openAuthJsToken(token, { secret, cookieName, version: 4 }, now)).toMatchObject({
      claims: { sub: "42" },
    });
  });

  it("is not taken for version 5, nor version 5 for it", async () => {
    const [vector] = vectors;
    const five = authJsSession({ secret, cookieName: "next-auth.session-token", secure: false });
    const now = (vector?.iat ?? 0) * 1000;
    expect(await refusal(five, { "next-auth.session-token": vector?.value ?? "" }, now)).toBe(
      "forged",
    );
    const other = await encode({ token: {}, secret, salt: "next-auth.session-token" });
    expect(await refusal(source, { "next-auth.session-token": other })).toBe("unsupported");
  });
});
