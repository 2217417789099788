import { afterEach, describe, expect, it } from "vitest";
import { runCli } from "../../../src/cli/run.ts";
import { authJsSession, makeAuthJsToken } from "../../../src/interop/auth-js.ts";
import { beakerCookie, beakerSession } from "../../../src/interop/beaker.ts";
import { writeTokenCookie } from "../../../src/interop/better-auth.ts";
import { cookieSession } from "../../../src/interop/cookie-session.ts";
import { djangoCookie } from "../../../src/interop/django.ts";
import { writeSidCookie } from "../../../src/interop/express-session.ts";
import { makeSecureCookie } from "../../../src/interop/fastify-secure-session.ts";
import { writeSidCookie as writeFastifySid } from "../../../src/interop/fastify-session.ts";
import { flaskCookie } from "../../../src/interop/flask.ts";
import { flaskKvSession } from "../../../src/interop/flask-kvsession.ts";
import { flaskSession } from "../../../src/interop/flask-session.ts";
import { h3Session, makeH3Seal } from "../../../src/interop/h3.ts";
import { ironSession, makeSeal } from "../../../src/interop/iron-session.ts";
import { writeSessionData } from "../../../src/interop/js/better-auth-data.ts";
import { koaSession } from "../../../src/interop/koa-session.ts";
import { makeEncryptedCookie, makeSignedCookie } from "../../../src/interop/rails.ts";
import { writeSignedCookie } from "../../../src/interop/react-router.ts";
import type { ForeignSource } from "../../../src/interop/source.ts";
import { recordsInMemory } from "../../interop/records.ts";
import { memoryApp, SECRET } from "../../support/ways.ts";

const THEIRS = "a secret of theirs, of more than 32 characters";
const OTHER = "another secret that they have, of more than 32";
const TOKEN = "the-token-of-a-row-of-better-auth";
const KEY = Buffer.alloc(32, 7).toString("base64");

afterEach(() => {
  delete process.env["SESSION_SECRET"];
});

async function inspect(...args: string[]): Promise<{ code: number; out: string }> {
  let out = "";
  const write = (text: string) => (out += text);
  const code = await runCli(["inspect", ...args], { stdout: { write }, stderr: { write } });
  return { code, out };
}

async function sealedBy(source: ForeignSource): Promise<string> {
  const draft = { data: { cart: ["tea"] }, createdAt: Date.now() - 1000 };
  const { cookies } = await source.seal(draft, Date.now());
  return cookies.map(({ name, value }) => `${name}=${value}`).join("; ");
}

interface Case {
  readonly kind: string;
  readonly secret?: string;
  readonly make: () => Promise<string> | string;
  readonly shows: RegExp;
}

const TEA = /"cart": \[\s+"tea"/;
const CASES: readonly Case[] = [
  {
    kind: "coatcheck ticket",
    secret: SECRET,
    shows: /session id: [\w-]{24}/,
    async make() {
      const ada = memoryApp().browser();
      await ada.signIn("ada");
      return ada.cookie();
    },
  },
  {
    kind: "coatcheck seal",
    secret: SECRET,
    shows: TEA,
    async make() {
      const ada = memoryApp({ method: "sealed" }).browser();
      await ada.set("cart", ["tea"]);
      return ada.cookie();
    },
  },
  {
    kind: "express-session",
    make: () => writeSidCookie("x".repeat(32), THEIRS),
    shows: /number: 1/,
  },
  {
    kind: "@fastify/session",
    make: () => writeFastifySid("x".repeat(32), THEIRS),
    shows: /number: 1/,
  },
  { kind: "iron-session", make: () => makeSeal({ cart: ["tea"] }, THEIRS), shows: TEA },
  {
    kind: "h3",
    make: () => makeH3Seal({ id: "x", createdAt: Date.now(), data: { cart: ["tea"] } }, THEIRS),
    shows: TEA,
  },
  {
    kind: "Auth.js",
    make: () =>
      makeAuthJsToken(
        { cart: ["tea"] },
        { secret: THEIRS, cookieName: "authjs.session-token" },
        Date.now(),
        Date.now() + 60_000,
      ),
    shows: TEA,
  },
  {
    kind: "Rails, encrypted",
    make: async () => {
      const options = { secretKeyBase: THEIRS, name: "_shop" };
      return `_shop=${await makeEncryptedCookie({ cart: ["tea"] }, options)}`;
    },
    shows: TEA,
  },
  {
    kind: "@fastify/secure-session",
    secret: KEY,
    make: () => makeSecureCookie({ cart: ["tea"] }, KEY, Date.now()),
    shows: TEA,
  },
  { kind: "Flask", make: () => sealedBy(flaskCookie({ secrets: [THEIRS] })), shows: TEA },
  {
    kind: "Django, signed cookie",
    make: () => sealedBy(djangoCookie({ secrets: [THEIRS] })),
    shows: TEA,
  },
  {
    kind: "Beaker, in the cookie",
    make: () => sealedBy(beakerCookie({ validateKeys: [THEIRS], serializer: "json" })),
    shows: TEA,
  },
  {
    kind: "React Router or Remix",
    make: () => writeSignedCookie({ cart: ["tea"] }, [THEIRS]),
    shows: TEA,
  },
  {
    kind: "koa-session",
    make: () => sealedBy(koaSession({ keys: [THEIRS] })),
    shows: TEA,
  },
  {
    kind: "Better Auth, token",
    make: () => `__Secure-better-auth.session_token=${writeTokenCookie("x".repeat(32), THEIRS)}`,
    shows: /number: 1/,
  },
  ...(["compact", "jwt", "jwe"] as const).map((strategy) => ({
    kind: "Better Auth, cache",
    make: () => {
      const now = Date.now();
      const session = { token: TOKEN, cart: ["tea"] };
      const row = { session, user: { id: "ada" }, updatedAt: now };
      return writeSessionData(row, strategy, THEIRS, now, now + 60_000);
    },
    shows: TEA,
  })),
  {
    kind: "Rails, signed",
    make: async () => {
      const options = { secretKeyBase: THEIRS, name: "_shop" };
      return `_shop=${await makeSignedCookie({ cart: ["tea"] }, options)}`;
    },
    shows: TEA,
  },
  {
    kind: "Flask-Session, signed id",
    make: () =>
      sealedBy(flaskSession({ secrets: [THEIRS], layout: "redis", records: recordsInMemory({}) })),
    shows: /genuine/,
  },
  {
    kind: "Flask-KVSession",
    make: () => sealedBy(flaskKvSession({ secrets: [THEIRS], records: recordsInMemory({}) })),
    shows: /created: 20/,
  },
  {
    kind: "Beaker, signed id",
    make: () =>
      sealedBy(beakerSession({ secrets: [THEIRS], layout: "redis", records: recordsInMemory({}) })),
    shows: /genuine/,
  },
  { kind: "cookie-session", make: () => sealedBy(cookieSession({ keys: [THEIRS] })), shows: TEA },
];

describe("coatcheck inspect", () => {
  it.each(CASES)("knows a cookie of $kind, verifies it, and shows what is in it", async (each) => {
    const { kind, secret = THEIRS, make, shows } = each;
    const cookie = await make();
    const blind = await inspect(cookie);
    expect(blind.code).toBe(0);
    expect(blind.out).toContain(kind);
    expect(blind.out).toContain("Not verified");
    expect(blind.out).not.toContain("tea");
    const seen = await inspect(cookie, "--secret", secret);
    expect(seen.out).toContain(`${kind}, genuine`);
    expect(seen.out).toMatch(shows);
    expect(seen.out).not.toContain(secret);
    expect(seen.out).not.toContain(TOKEN);
    const wrong = secret === KEY ? Buffer.alloc(32, 8).toString("base64") : OTHER;
    const other = secret === SECRET ? "ck1_Qw8nB5vZx2Lk0jHg7fDs4aPo9iUy3tRe6mNcVbXzAqS" : wrong;
    const refused = await inspect(cookie, "--secret", other);
    expect(refused.out).toContain("Not genuine");
    expect(refused.out).not.toContain("tea");
  });

  it.each([
    ["Django, by key", "m34n0mefftatmubcun1yjjly2veymxsc"],
    ["Flask-Session 0.3", "a61a0767-e6cc-42fb-91ad-d5988507759b"],
    ["Flask-Session 0.8", "bCqHfiq-hsZF-tr4XmKD9VH0NXEOlMF0c5t67vFJjgk"],
  ])("knows an id that nobody has signed, and does not repeat it: %s", async (_, id) => {
    const { code, out } = await inspect(id, "--secret", THEIRS);
    expect(code).toBe(0);
    expect(out).toContain("an id without a signature");
    expect(out).not.toContain(id);
    expect(out).not.toContain("genuine\n");
  });

  it("puts a sealed session of several cookies together, and knows the one that says when it was used", async () => {
    const app = memoryApp({ method: "sealed", cookie: { name: "sid" } });
    const ada = app.browser();
    await ada.signIn("ada");
    await ada.set("cart", ["tea", "x".repeat(5000)]);
    app.clock.advance("1h");
    await ada.visit((session) => session.load());
    expect(ada.cookie()).toMatch(/^sid=.+; sid-1=.+; sid-seen=.+/);
    const { code, out } = await inspect(ada.cookie(), "--secret", SECRET);
    expect(code).toBe(0);
    expect(out).not.toMatch(/genuine under/);
    expect(out).toMatch(/sid\n {2}is {4}coatcheck chunk, genuine[\s\S]+user: ada[\s\S]+"tea"/);
    expect(out).toMatch(/sid-1\n {2}is {4}coatcheck chunk, genuine\n.+\n {2}part of: sid\n/);
    expect(out).toMatch(/sid-seen\n {2}is {4}coatcheck seal, genuine\n[\s\S]+last seen: \S+Z\n/);
    const [alone = ""] = ada.cookie().split("; ");
    expect((await inspect(alone, "--secret", SECRET)).out).toMatch(/whole `Cookie` line/);
  });

  it.each([
    ["auth-js", "Auth.js", () => authJsSession({ secret: THEIRS, cookieName: "sid" })],
    [
      "iron-session",
      "iron-session",
      () => ironSession({ cookieName: "sid", password: THEIRS, chunk: true }),
    ],
    ["h3", "h3", () => h3Session({ name: "sid", password: THEIRS })],
  ])("puts the parts of %s together", async (_name, kind, source) => {
    const { cookies } = await source().seal(
      { data: { cart: ["tea"], x: "x".repeat(6000) } },
      Date.now(),
    );
    expect(cookies.length).toBeGreaterThan(2);
    const line = cookies.map(({ name, value }) => `${name}=${value}`).join("; ");
    const { code, out } = await inspect(line, "--secret", THEIRS);
    expect([code, out.split("\n")[0]]).toEqual([0, "sid"]);
    expect(out).toContain(`is    ${kind}`);
    expect(out).toMatch(TEA);
    expect(out).not.toMatch(/sid\.\d/);
  });

  it("takes the secret from the environment, where no list of processes shows it", async () => {
    process.env["SESSION_SECRET"] = THEIRS;
    const { out } = await inspect(await makeSeal({ cart: ["tea"] }, THEIRS));
    expect(out).toMatch(TEA);
  });

  it("never prints a ticket secret, nor what a cookie holds besides its session's id", async () => {
    const ada = memoryApp().browser();
    await ada.signIn("ada");
    const value = ada.cookie().split("=")[1] as string;
    const { out } = await inspect(ada.cookie(), "--secret", SECRET);
    for (let at = 40; at + 8 <= value.length; at += 1)
      expect(out).not.toContain(value.slice(at, at + 8));
  });

  it("does not mind what was copied along: white space around it, or Windows' line end", async () => {
    const ada = memoryApp().browser();
    await ada.signIn("ada");
    for (const text of [`${ada.cookie()}\r`, `Cookie: ${ada.cookie()}\r\n`, ` ${ada.cookie()} `]) {
      expect((await inspect(text, "--secret", SECRET)).out).toContain(
        "coatcheck ticket, genuine\n",
      );
    }
  });

  it("says that it knows none, and survives whatever it is given", async () => {
    for (const text of [
      "x",
      "=",
      "a=b; c=d",
      "\u001b]0;x\u0007",
      "Fe26.2*",
      `A${"Q".repeat(75)}`,
      "é".repeat(9),
    ]) {
      const { out } = await inspect(text, "--secret", THEIRS);
      expect(out.replaceAll("\n", "")).not.toMatch(/tea|\p{Cc}/u);
    }
    expect((await inspect("x")).code).toBe(1);
  });

  it("is misused without a cookie, and with two", async () => {
    expect((await inspect()).code).toBe(2);
    expect((await inspect("a", "b")).code).toBe(2);
  });
});
