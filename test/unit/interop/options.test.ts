import { describe, expect, it } from "vitest";
import { authJsSession } from "../../../src/interop/auth-js.ts";
import { beakerCookie, beakerSession } from "../../../src/interop/beaker.ts";
import { betterAuthSession } from "../../../src/interop/better-auth.ts";
import { cookieSession } from "../../../src/interop/cookie-session.ts";
import { djangoCookie, djangoSession, djangoSigning } from "../../../src/interop/django.ts";
import {
  connectMongo,
  connectPgSimple,
  connectRedis,
  expressSession,
  inBackend,
  sessionFileStore,
  userAt,
} from "../../../src/interop/express-session.ts";
import { fastifySecureSession } from "../../../src/interop/fastify-secure-session.ts";
import { fastifySession } from "../../../src/interop/fastify-session.ts";
import { flaskCookie, flaskSerializer } from "../../../src/interop/flask.ts";
import { flaskKvSession } from "../../../src/interop/flask-kvsession.ts";
import { flaskSession } from "../../../src/interop/flask-session.ts";
import { h3Session } from "../../../src/interop/h3.ts";
import { ironSession } from "../../../src/interop/iron-session.ts";
import {
  signer,
  timestampSigner,
  urlSafeSerializer,
  urlSafeTimedSerializer,
} from "../../../src/interop/itsdangerous.ts";
import { koaSession } from "../../../src/interop/koa-session.ts";
import { deviseUser, railsSession } from "../../../src/interop/rails.ts";
import { reactRouterSession } from "../../../src/interop/react-router.ts";
import { recordsInMemory } from "../../interop/records.ts";

const SECRET = "the-secret-of-the-other-app-0123456789";
const records = recordsInMemory({});
const { read, write } = records;
const store = { get: () => undefined, set: () => undefined, destroy: () => undefined };
const storage = {
  createData: async () => "id",
  readData: async () => null,
  updateData: async () => undefined,
  deleteData: async () => undefined,
};
const adapter = {
  findSession: async () => null,
  createSession: async () => ({ token: "t" }),
  updateSession: async () => null,
  deleteSession: async () => null,
};

const text = [null, 0, true, {}, ["a"]];
const cookieName = [...text, "", "a b", "a;b", "x".repeat(300)];
const flag = [null, "", "false", 0, 1];
const word = [null, "", "other", 0, true];
const keys = [undefined, null, "", [], [""], [undefined], [null], 5, {}];
const list = [undefined, null, "", SECRET, [], [""], [undefined], [null], 5, {}];
const duration = [null, "", "31", "31 d", -1, 0, Number.NaN, 1_800_000];
const age = [null, "", "3600", -1, Number.NaN, Number.POSITIVE_INFINITY, new Date()];
const verbs = [null, "", {}, { read }, { read, write }, []];
const user = [null, "", "userId", {}, { read }];
const limits = [
  null,
  "",
  5,
  { maxBites: 1 },
  { maxBytes: "1mb" },
  { maxItems: 0 },
  { maxDepth: null },
];
const attributes = [
  null,
  "Secure",
  { samesite: "lax" },
  { sameSite: "Lax" },
  { sameSite: null },
  { secure: "auto" },
  { httpOnly: 1 },
  { partitioned: "yes" },
  { path: "shop" },
  { path: "/;HttpOnly" },
  { path: null },
  { domain: "a b" },
  { domain: 5 },
];
const flat = {
  sameSite: ["Lax", null, 1],
  secure: flag,
  httpOnly: flag,
  partitioned: flag,
  path: ["shop", "/;HttpOnly", null],
  domain: ["a b", 5],
};
const django = {
  secrets: list,
  cookieName,
  cookieAge: duration,
  expireAtBrowserClose: flag,
  passwordHash: [null, "", {}],
  authBackend: text,
  attributes,
  limits,
};
const beaker = {
  cookieName,
  serializer: word,
  encryption: [
    null,
    "",
    { key: SECRET },
    { key: "", module: "cryptography" },
    { key: SECRET, module: "cryptography", nonceBit: 48 },
    { key: SECRET, module: "cryptography", nonceBits: 12 },
  ],
  timeout: duration,
  cookieExpires: duration,
  userKey: text,
  attributes,
  limits,
};
const signing = { secrets: list, salt: [null, 5, {}], digest: word };

/** What makes it, options that work, and for each option that there is what cannot be its value. */
type Case = readonly [
  name: string,
  make: (options: never) => unknown,
  options: object,
  wrong: Readonly<Record<string, readonly unknown[]>>,
];

const cases: readonly Case[] = [
  [
    "expressSession",
    expressSession,
    { secret: SECRET, store },
    {
      secret: keys,
      store: verbs,
      name: cookieName,
      cookie: [...attributes, { maxAge: "1h" }],
      user,
    },
  ],
  [
    "fastifySession",
    fastifySession,
    { secret: SECRET, store },
    {
      secret: keys,
      store: verbs,
      cookieName,
      cookiePrefix: text,
      cookie: [...attributes, { maxAge: "1h" }],
      user,
    },
  ],
  [
    "fastifySecureSession",
    fastifySecureSession,
    { key: new Uint8Array(32) },
    {
      key: [...keys, new Uint8Array(31)],
      cookieName,
      expiry: age,
      cookie: [...attributes, { maxAge: "1h" }],
      user,
    },
  ],
  [
    "cookieSession",
    cookieSession,
    { keys: SECRET },
    { keys, algorithm: word, name: cookieName, maxAge: age, user, ...flat },
  ],
  [
    "koaSession",
    koaSession,
    { keys: SECRET },
    {
      keys,
      algorithm: word,
      key: cookieName,
      maxAge: [...age, "browser"],
      store: [null, "", {}, records],
      prefix: text,
      user,
      ...flat,
    },
  ],
  [
    "h3Session",
    h3Session,
    { password: SECRET },
    {
      password: [...keys, "short"],
      name: cookieName,
      maxAge: age,
      idleTimeout: age,
      version: [null, 0, "2", 3],
      cookie: attributes,
      user,
    },
  ],
  [
    "ironSession",
    ironSession,
    { cookieName: "app", password: SECRET },
    {
      cookieName: [undefined, ...cookieName],
      password: [undefined, null, "", "short", {}, { a: SECRET }, { 1: "short" }],
      ttl: age,
      chunk: flag,
      cookieOptions: attributes,
      endsWithBrowser: flag,
      user,
    },
  ],
  [
    "betterAuthSession",
    betterAuthSession,
    { secret: SECRET, adapter },
    {
      secret: keys,
      adapter: [undefined, null, {}, { findSession: adapter.findSession }],
      secure: flag,
      cookiePrefix: [...text, "a b"],
      expiresIn: age,
      cookie: attributes,
    },
  ],
  [
    "authJsSession",
    authJsSession,
    { secret: SECRET },
    {
      secret: keys,
      version: [null, 3, "5"],
      secure: flag,
      cookieName,
      maxAge: age,
      cookie: attributes,
    },
  ],
  [
    "reactRouterSession",
    reactRouterSession,
    { secrets: [SECRET] },
    {
      secrets: list,
      name: cookieName,
      cookie: [...attributes, { maxAge: "1h" }],
      storage: [null, "", {}, { readData: storage.readData }],
      user,
    },
  ],
  [
    "railsSession",
    railsSession,
    { secretKeyBase: SECRET, name: "_shop_session" },
    {
      secretKeyBase: keys,
      name: [undefined, ...cookieName],
      keyDigest: [null, "", "md5", [], ["sha1", "md5"]],
      cookie: attributes,
      expireAfter: age,
      user,
    },
  ],
  [
    "flaskCookie",
    flaskCookie,
    { secrets: [SECRET] },
    {
      ...signing,
      limits,
      cookieName,
      lifetime: duration,
      leeway: duration,
      userKey: text,
      attributes,
    },
  ],
  ["flaskSerializer", flaskSerializer, { secrets: [SECRET] }, { ...signing, limits }],
  [
    "flaskSession",
    flaskSession,
    { records, layout: "redis" },
    {
      records: [undefined, ...verbs],
      layout: [undefined, ...word],
      format: word,
      secrets: list.slice(1),
      cookieName,
      keyPrefix: text,
      lifetime: duration,
      fileHash: [...word, "sha256"],
      userKey: text,
      attributes,
      limits,
    },
  ],
  [
    "flaskKvSession",
    flaskKvSession,
    { records, secrets: [SECRET] },
    {
      records: [undefined, ...verbs],
      secrets: list,
      format: word,
      cookieName,
      keyPrefix: text,
      lifetime: duration,
      userKey: text,
      attributes,
      limits,
    },
  ],
  ["djangoCookie", djangoCookie, { secrets: [SECRET] }, django],
  [
    "djangoSession",
    djangoSession,
    { records, layout: "db", secrets: [SECRET] },
    {
      ...django,
      records: [undefined, ...verbs],
      layout: [undefined, ...word],
      cacheKeyPrefix: [...text, "no cache"],
      cacheVersion: [null, "1", 1.5, Number.NaN, 2],
    },
  ],
  ["djangoSigning", djangoSigning, { secrets: [SECRET] }, { ...signing, limits }],
  ["beakerCookie", beakerCookie, { validateKeys: [SECRET] }, { ...beaker, validateKeys: list }],
  [
    "beakerSession",
    beakerSession,
    { records, layout: "redis", secrets: [SECRET] },
    {
      ...beaker,
      records: [undefined, ...verbs],
      layout: [undefined, ...word],
      secrets: list,
      validateKey: [null, 5],
      version: [null, "1.10", 1.12],
    },
  ],
  ...(
    [
      ["signer", signer, {}],
      ["timestampSigner", timestampSigner, {}],
      ["urlSafeSerializer", urlSafeSerializer, { limits, payload: [null, {}, "json"] }],
      ["urlSafeTimedSerializer", urlSafeTimedSerializer, { limits, payload: [null, {}, "json"] }],
    ] as const
  ).map(
    ([name, make, more]): Case => [
      name,
      make,
      { secrets: [SECRET] },
      {
        secrets: list,
        salt: [null, 5, {}],
        separator: [null, 5, "", "_"],
        keyDerivation: word,
        digest: word,
        fallbacks: [null, "", {}, [null], [{ secret: SECRET }]],
        ...more,
      },
    ],
  ),
  ["connectRedis", connectRedis, {}, { prefix: text, ttl: age }],
  ["connectPgSimple", connectPgSimple, {}, { ttl: age }],
  ["connectMongo", connectMongo, {}, { transformId: [null, "", {}], ttl: age }],
  ["sessionFileStore", sessionFileStore, {}, { ttl: age, fileExtension: text }],
];

/** What an error says: its option, and nothing that was secret. */
function refused(make: () => unknown): { readonly option: string; readonly message: string } {
  try {
    make();
  } catch (error) {
    expect(error).toMatchObject({ code: "ERR_CONFIG" });
    const { option, message } = error as { readonly option: string; readonly message: string };
    expect(message).toContain(`\`${option}\``);
    expect(message).not.toContain(SECRET);
    return { option, message };
  }
  throw new Error("the options were accepted");
}

describe.each(cases)("the options of %s", (_name, make, options, wrong) => {
  const made = (given: unknown) => () => make(given as never);

  it("are as they were after they were used, frozen, of a class, and twice", () => {
    const given = Object.freeze(Object.assign(Object.create({ toString: () => "" }), options));
    expect(made(given)).not.toThrow();
    expect(made(given)).not.toThrow();
  });

  it("are refused by name when there is no such option, with those that there are", () => {
    for (const misspelt of ["sallt", "tlt", "onError", "constructor"]) {
      const { option, message } = refused(made({ ...options, [misspelt]: SECRET }));
      expect(option).toBe(misspelt);
      for (const known of Object.keys(wrong)) expect(message).toContain(known);
    }
  });

  it("are refused when they are no object", () => {
    for (const given of [null, SECRET, 5, true, [], () => true]) {
      expect(refused(made(given)).option, String(given)).toBe("options");
    }
  });

  it("are refused by name where one is needed and none is given", () => {
    const needed = Object.keys(options);
    if (needed.length === 0) expect(made(undefined)).not.toThrow();
    else expect(needed).toContain(refused(made(undefined)).option);
  });

  it.each(Object.entries(wrong))("are refused by name when `%s` cannot work", (option, values) => {
    for (const value of values) {
      const named = refused(made({ ...options, [option]: value })).option;
      expect(named.split(".")[0], JSON.stringify(value)).toBe(option);
    }
  });
});

describe("options of the other library", () => {
  it("may be handed on whole: those that are of no concern are left alone", () => {
    const express = {
      secret: SECRET,
      store,
      resave: false,
      saveUninitialized: false,
      rolling: true,
    };
    const cookie = { maxAge: 60_000, priority: "high", sameSite: true };
    expect(() => expressSession({ ...express, cookie } as never)).not.toThrow();
    expect(() => koaSession({ keys: SECRET, renew: true, rolling: false } as never)).not.toThrow();
    expect(() => cookieSession({ keys: SECRET, overwrite: true } as never)).not.toThrow();
    expect(() => h3Session({ password: SECRET, sessionHeader: false } as never)).not.toThrow();
  });

  it.each([
    ["signed", "not signed", () => koaSession({ keys: SECRET, signed: false } as never)],
    ["encode", "not served", () => koaSession({ keys: SECRET, encode: String } as never)],
    ["externalKey", "not served", () => koaSession({ keys: SECRET, externalKey: {} } as never)],
    ["signed", "not signed", () => cookieSession({ keys: SECRET, signed: false } as never)],
    ["secret", "see `keys`", () => cookieSession({ secret: SECRET } as never)],
    ["secret", "see `key`", () => fastifySecureSession({ secret: SECRET, salt: "s" } as never)],
    [
      "idleTimeout",
      "no effect",
      () => h3Session({ password: SECRET, version: 1, idleTimeout: 60 }),
    ],
    ["format", "always", () => flaskSession({ records, layout: "cachelib", format: "json" })],
    ["user", "userAt", () => userAt(...([] as never as [string]))],
    ["user", "userAt", () => userAt("user", undefined as never)],
    ["scope", "string", () => deviseUser(5 as never)],
    ["layout", "read", () => inBackend(undefined as never, records)],
    ["records", "remove", () => inBackend(connectRedis(), { read, write } as never)],
  ] as [string, string, () => unknown][])(
    "that cannot be served: `%s`, %s",
    (option, mend, make) => {
      const error = refused(make);
      expect(error.option).toBe(option);
      expect(error.message).toContain(mend);
    },
  );

  it("that say how old a text may be are refused: what is no number would be no limit", async () => {
    const serializer = urlSafeTimedSerializer({ secrets: [SECRET] });
    const signed = await serializer.dumps({ a: 1 }, Date.now() - 90_000_000);
    for (const [option, time] of [
      ["maxAge", { maxAge: "1d" }],
      ["maxAge", { maxAge: Number.NaN }],
      ["maxAge", { maxAge: null }],
      ["leeway", { leeway: "10s" }],
      ["now", { now: new Date() }],
      ["max_age", { max_age: 60 }],
    ] as const) {
      const loading = serializer.loads(signed, time as never);
      await expect(loading, option).rejects.toMatchObject({
        code: "ERR_CONFIG",
        option: expect.stringContaining(option),
      });
    }
  });
});
