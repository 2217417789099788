import { describe, expect, it } from "vitest";
import { ConfigError } from "../../../src/errors.ts";
import type { SessionsOptions } from "../../../src/index.ts";
import { createSessions } from "../../../src/index.ts";
import { djangoCookie } from "../../../src/interop/django.ts";
import { flaskCookie } from "../../../src/interop/flask.ts";
import { memoryStore } from "../../../src/stores/memory.ts";
import type { Data } from "../../support/ways.ts";
import { OTHER_SECRET, SECRET } from "../../support/ways.ts";

type Options = Partial<Record<keyof SessionsOptions, unknown>>;

function create(options: Options) {
  const given = { secrets: [SECRET], store: memoryStore(), ...options };
  return createSessions<Data>(given as SessionsOptions<Data>);
}

function refusalOf(options: Options): ConfigError {
  try {
    create(options);
  } catch (error) {
    if (error instanceof ConfigError) return error;
    throw error;
  }
  throw new Error("the options were accepted");
}

/** A store without the verbs of the feed. */
function storeWithoutFeed(): object {
  const { load, create: add, update, touch, cutOff, list, sweep, close } = memoryStore();
  const { name, traits } = memoryStore();
  return { name, traits, load, create: add, update, touch, cutOff, list, sweep, close };
}

const SOURCE = flaskCookie({ secrets: ["dev"] });
const SPILLING = { method: "sealed", sealed: { overflow: "store" } } as const;
const SHARED = { method: "shared", share: SOURCE } as const;
const ADOPTED = { from: SOURCE } as const;
const DJANGO = djangoCookie({ secrets: ["dev"] });
const DELAYED = { sealed: { revocationDelay: "5s" } } as const;
const REPLAYABLE = {
  method: "sealed",
  sealed: { revocations: "accept-replay", revocationDelay: "5s" },
} as const;

/** What cannot work, the option that is named, and a part of the mend. */
const REFUSED: readonly [option: string, mend: RegExp, options: Options][] = [
  ["secrets", /npx coatcheck secret/, { secrets: undefined }],
  ["secrets", /npx coatcheck secret/, { secrets: [] }],
  ["secrets", /npx coatcheck secret/, { secrets: SECRET }],
  ["secrets", /secrets\[1\].*npx coatcheck secret/, { secrets: [SECRET, "hunter2"] }],
  ["secrets", /replace one/, { secrets: [SECRET, OTHER_SECRET, SECRET] }],
  ["method", /"stored" or "sealed"/, { method: "jwt" }],
  ["store", /lmdbStore.*memoryStore/, { store: undefined }],
  ["store", /memoryStore\(\)/, { store: memoryStore }],
  ["store", /call its factory/, { store: null }],
  ["store", /call its factory/, { store: { load: () => undefined } }],
  ["store", /acceptUnconditionalStore: true/, { store: unconditional() }],
  ["acceptUnconditionalStore", /true or false/, { acceptUnconditionalStore: "false" }],
  ["acceptUnconditionalStore", /true or false/, { acceptUnconditionalStore: 1 }],
  ["app", /string/, { app: 5 }],
  // As a file of settings says "nothing here", which must not mean: as if there were only one app.
  ["app", /string/, { app: null }],
  ["dev", /true or false/, { dev: "yes" }],
  ["rotateEvery", /seconds or a string such as "30m"/, { rotateEvery: "often" }],
  ["rotateEvery", /positive/, { rotateEvery: 0 }],
  ["rotationGrace", /positive/, { rotateEvery: "1h", rotationGrace: -1 }],
  ["rotationGrace", /no effect without `rotateEvery`/, { rotationGrace: "10s" }],
  ["onReuse", /"end" or "report"/, { rotateEvery: "1h", onReuse: "ignore" }],
  // Nobody would hear that nothing is looked for.
  ["onReuse", /no effect without `rotateEvery`/, { onReuse: "end" }],
  ["onReuse", /no effect without `rotateEvery`/, { onReuse: "end", adopt: [SOURCE] }],
  ["onReuse", /no effect without `rotateEvery`/, { onReuse: "end", ...SPILLING }],
  ["onOverwrite", /"report" or "throw"/, { onOverwrite: "merge" }],
  ["outage", /"closed" or "anonymous"/, { outage: "open" }],
  ["outage", /cached\(store, \{ staleFor/, { outage: "stale" }],
  ["outage", /sealed sessions/, { outage: "stale", method: "sealed" }],
  ["storeDeadline", /positive/, { storeDeadline: Number.POSITIVE_INFINITY }],
  ["commitDeadline", /positive/, { commitDeadline: "10 s" }],
  ["watchInterval", /positive/, { watchInterval: Number.NaN }],
  ["maxSessionsPerUser", /whole number from 1/, { maxSessionsPerUser: 0 }],
  ["maxSessionsPerUser", /Infinity/, { maxSessionsPerUser: 1.5 }],
  ["maxSessionsPerUser", /Infinity/, { maxSessionsPerUser: null }],
  ["maxSessionsPerUser", /nobody lists them/, { maxSessionsPerUser: 5, method: "sealed" }],
  ["clearSiteData", /"cache" or "cookies" or "storage"/, { clearSiteData: ["*"] }],
  ["address", /function/, { address: "x-forwarded-for" }],
  ["clock", /function/, { clock: 5 }],
  ["clock", /as Date\.now/, { clock: () => Date.now() / 1000 }],
  ["clock", /as Date\.now/, { clock: () => new Date() }],
  ["clock", /as Date\.now/, { clock: () => undefined }],
  ["migrate", /function/, { migrate: {} }],
  ["schema", /Standard Schema/, { schema: {} }],
  ["version", /whole number/, { version: -1 }],
  ["version", /whole number/, { version: null }],
  ["version", /whole number/, { version: 1.5, migrate: (old: object) => old }],
  ["version", /`migrate`/, { version: 2 }],
  ["migrate", /`version`/, { migrate: (old: object) => old }],
  ["sealed.revocations", /`method: "sealed"`/, { sealed: { revocations: "accept-replay" } }],
  ["sealed.overflow", /`method: "sealed"`/, { sealed: { overflow: "chunks" } }],
  ["sealed.update", /`method: "sealed"`/, { sealed: { update: "refuse" } }],
  ["sealed.revocationDelay", /no revocations are kept/, REPLAYABLE],
  ["sealed.revocationDelay", /no revocations are kept/, { store: storeWithoutFeed(), ...DELAYED }],
  ["commitDeadline", /no effect on sealed sessions/, { method: "sealed", commitDeadline: "5s" }],
  ["commitDeadline", /no effect on shared sessions/, { ...SHARED, commitDeadline: "5s" }],
  ["cookie", /no effect on shared sessions/, { ...SHARED, cookie: { sameSite: "strict" } }],
  [
    "version",
    /no effect on shared sessions/,
    { ...SHARED, version: 1, migrate: (old: object) => old },
  ],
  ["adopt[0].mapBack", /`writeBack: true`/, { adopt: [{ ...ADOPTED, mapBack: () => ({}) }] }],
  [
    "adopt[0].mapBack",
    /`writeBack: true`/,
    { adopt: [{ ...ADOPTED, writeBack: false, mapBack: () => ({}) }] },
  ],
  // Its sessions would look like ours, and nobody's would be taken over.
  [
    "cookie.name",
    /another than that of `adopt\[1\]`/,
    { adopt: [DJANGO, SOURCE], cookie: { name: "session" } },
  ],
  // Meant as milliseconds.
  ["storeDeadline", /300 needs a unit; a number is seconds/, { storeDeadline: 3000 }],
  ["storeDeadline", /24 days/, { storeDeadline: "25d" }],
  ["commitDeadline", /1000 needs a unit; a number is seconds/, { commitDeadline: 10_000 }],
  ["watchInterval", /1000 needs a unit; a number is seconds/, { watchInterval: 10_000 }],
  [
    "rotationGrace",
    /3000 needs a unit; a number is seconds/,
    { rotateEvery: "1h", rotationGrace: 30_000 },
  ],
  [
    "sealed.revocationDelay",
    /1000 needs a unit; a number is seconds/,
    { sealed: { revocationDelay: 10_000 } },
  ],
  [
    "adopt[0].grace",
    /60000 needs a unit; a number is seconds/,
    { adopt: [{ ...ADOPTED, grace: 70_000 }] },
  ],
  ["adopt[0].grace", /24 days/, { adopt: [{ ...ADOPTED, grace: "25d" }] }],
  ["rotateEvery", /has to be whole days/, { rotateEvery: 3_600_000 }],
  ["timeouts.idle", /has to be whole days/, { timeouts: { idle: 1_800_000 } }],
  ["timeouts.visitor.idle", /has to be whole days/, { timeouts: { visitor: { idle: 900_000 } } }],
  ["timeouts.touchInterval", /has to be whole days/, { timeouts: { touchInterval: 300_000 } }],
  ["sealed.overflow", /"chunks" or "store"/, { method: "sealed", sealed: { overflow: "drop" } }],
  ["sealed.update", /"refuse" or "accept-lost/, { method: "sealed", sealed: { update: true } }],
  ["sealed.revocationDelay", /positive/, { method: "sealed", sealed: { revocationDelay: "0s" } }],
  ["sealed.revocations", /`add` and `since`/, { method: "sealed", sealed: { revocations: {} } }],
  ["sealed.revocations", /`add` and `since`/, { method: "sealed", sealed: { revocations: null } }],
  ["sealed.revocations", /"accept-replay"/, { method: "sealed", store: undefined }],
  ["sealed.revocations", /keeps revocations/, { method: "sealed", store: storeWithoutFeed() }],
  [
    "sealed.overflow",
    /there is no `store`/,
    {
      method: "sealed",
      store: undefined,
      sealed: { revocations: "accept-replay", overflow: "store" },
    },
  ],
];

function unconditional(): object {
  const store = memoryStore();
  return { ...store, traits: { ...store.traits, conditionalWrites: false } };
}

describe("the options of createSessions", () => {
  it.each(REFUSED)("name `%s` when it cannot work, with the mend %s", (option, mend, options) => {
    const error = refusalOf(options);
    expect([error.option, error.code, error.status, error.expose]).toEqual([
      option,
      "ERR_CONFIG",
      500,
      false,
    ]);
    expect(error.message).toContain(`\`${option}\``);
    expect(error.message).toMatch(mend);
  });

  it("P13 are not repeated in a refusal: a secret may have slipped in", () => {
    for (const option of ["rotateEvery", "storeDeadline", "timeouts", "method", "app"] as const) {
      expect(refusalOf({ [option]: option === "app" ? [SECRET] : SECRET }).message).not.toContain(
        SECRET,
      );
    }
    // Nor is an object that has no text a TypeError.
    expect(refusalOf({ storeDeadline: Object.create(null) as object }).option).toBe(
      "storeDeadline",
    );
  });

  it("must be an object", () => {
    for (const options of [undefined, null, "secret"]) {
      expect(() => createSessions(options as never)).toThrow(
        expect.objectContaining({ option: "options" }) as Error,
      );
    }
  });

  it.each([
    ["onReused", { onReused: "end" }],
    ["cookie.samesite", { cookie: { samesite: "lax" } }],
    ["sealed.compress", { method: "sealed", sealed: { compress: true } }],
  ] as [string, Options][])("refuse the unknown `%s` and list those there are", (name, options) => {
    const error = refusalOf(options);
    expect(error.option).toBe(name);
    expect(error.message).toMatch(/there are (secrets|name|revocations), /);
  });

  it.each([
    ["secret", "see `secrets`", { secret: SECRET }],
    ["password", "see `secrets`", { password: SECRET }],
    ["name", "see `cookie.name`", { name: "sid" }],
    ["cookieName", "see `cookie.name`", { cookieName: "sid" }],
    ["maxAge", "see `timeouts`, in seconds", { maxAge: 86_400_000 }],
    ["ttl", "see `timeouts`, in seconds", { ttl: 60 }],
    ["rolling", "see `timeouts`", { rolling: true }],
    ["resave", "it is not needed", { resave: false }],
    ["saveUninitialized", "it is not needed", { saveUninitialized: false }],
    ["cookie.maxAge", "see `timeouts`, in seconds", { cookie: { maxAge: 60 } }],
    ["cookie.expires", "see `timeouts`", { cookie: { expires: new Date() } }],
    ["cookie.secure", "see `dev`", { cookie: { secure: false } }],
    ["cookie.httpOnly", "it is not needed", { cookie: { httpOnly: true } }],
    ["cookie.signed", "it is not needed", { cookie: { signed: true } }],
  ] as [string, string, Options][])("that other libraries call `%s`: %s", (name, see, options) => {
    const error = refusalOf(options);
    expect(error.option).toBe(name);
    expect(error.message).toMatch(new RegExp(`\\\`${name}\\\` is not known; ${see}`));
  });

  it("are read once: what is changed later has no effect", async () => {
    const secrets = [SECRET];
    const sessions = create({ secrets });
    secrets[0] = OTHER_SECRET;
    const first = sessions.open({ headers: {} });
    (await first.load()).set("a", 1);
    const [cookie] = (await first.commit({ at: "head" })).cookies;
    const headers = { cookie: `${cookie?.name}=${cookie?.value}` };
    expect((await create({ store: memoryStore() }).open({ headers }).load()).refusal).toBe(
      "absent",
    );
  });

  it("take an unconditional store only where that is spelled out", () => {
    expect(() => create({ store: unconditional(), acceptUnconditionalStore: true })).not.toThrow();
    const error = refusalOf({ store: unconditional(), acceptUnconditionalStore: "yes" });
    expect(error.option).toBe("acceptUnconditionalStore");
  });

  it("may be long where a unit says so, and short in any way", () => {
    for (const timeouts of [{ idle: 604_800 }, { idle: "100h" }, { absolute: 86_400 * 90 }]) {
      expect(() => create({ timeouts })).not.toThrow();
    }
    expect(() =>
      create({ rotateEvery: "1000h", storeDeadline: "1h", watchInterval: 1000 }),
    ).not.toThrow();
  });

  it("may be those of a process that rotates no more, and of one that adopts", () => {
    expect(() =>
      create({ rotateEvery: "never", rotationGrace: "1m", onReuse: "end" }),
    ).not.toThrow();
    expect(() => create({ rotationGrace: "1m", adopt: [SOURCE] })).not.toThrow();
  });

  it.each(["constructor", "__proto__", "toString", "hasOwnProperty"])(
    "refuse `%s` like any other name that is not known",
    (name) => {
      const given = { ...{ secrets: [SECRET], store: memoryStore() } };
      Object.defineProperty(given, name, { value: "x", enumerable: true });
      expect(() => createSessions(given)).toThrow(
        expect.objectContaining({
          option: name,
          message: expect.stringContaining("is not known; there are secrets, "),
        }) as Error,
      );
    },
  );

  it("take a store without a feed for stored sessions", () => {
    expect(() => create({ store: storeWithoutFeed() })).not.toThrow();
  });

  it("take a feed of its own, and none at all where replay is accepted", () => {
    const { add, since } = memoryStore();
    for (const revocations of [{ add, since }, "accept-replay"]) {
      const options = { method: "sealed", store: undefined, sealed: { revocations } };
      expect(() => create(options)).not.toThrow();
    }
  });
});

describe("the cookie of createSessions", () => {
  it.each([
    ["cookie.name", { name: "" }],
    ["cookie.name", { name: "a b" }],
    ["cookie.name", { name: "sid\r\nx" }],
    ["cookie.name", { name: "x".repeat(300) }],
    ["cookie.name", { name: "__host-sid" }],
    ["cookie.path", { name: "__Host-sid", path: "/shop" }],
    ["cookie.path", { path: "shop" }],
    ["cookie.path", { path: "/;HttpOnly" }],
    ["cookie.domain", { name: "__Host-sid", domain: "example.com" }],
    ["cookie.domain", { domain: ".example.com" }],
    ["cookie.domain", { domain: "" }],
    ["cookie.domain", { domain: "127.0.0.1" }],
    ["cookie.sameSite", { sameSite: "Lax" }],
    ["cookie.sameSite", { sameSite: true }],
    ["cookie.partitioned", { partitioned: true }],
    ["cookie.partitioned", { partitioned: "yes", sameSite: "none" }],
  ])("is refused by `%s` for %o", (option, cookie) => {
    expect(refusalOf({ cookie }).option).toBe(option);
  });

  it.each([
    ["cookie.name", { name: "__Secure-sid" }],
    ["cookie.name", { name: "__Http-sid" }],
    ["cookie.sameSite", { sameSite: "none" }],
  ])("is refused by `%s` in development, which has no https: %o", (option, cookie) => {
    expect(refusalOf({ cookie, dev: true }).option).toBe(option);
    const secure = { ...cookie, ...(option === "cookie.name" ? {} : { partitioned: true }) };
    expect(() => create({ cookie: secure })).not.toThrow();
  });

  it.each([
    ["__Host-Http-sid=…; Path=/; Secure; HttpOnly; SameSite=Lax", {}],
    ["sid=…; Path=/; HttpOnly; SameSite=Lax", { dev: true }],
    [
      "__Secure-sid=…; Path=/; Domain=example.com; Secure; HttpOnly; SameSite=Lax",
      { cookie: { domain: "example.com" } },
    ],
    ["__Secure-sid=…; Path=/shop; Secure; HttpOnly; SameSite=Lax", { cookie: { path: "/shop" } }],
    [
      "__Host-Http-sid=…; Path=/; Secure; HttpOnly; SameSite=None; Partitioned",
      { cookie: { sameSite: "none", partitioned: true } },
    ],
    [
      "shop=…; Path=/; Secure; HttpOnly; SameSite=Strict",
      { cookie: { name: "shop", sameSite: "strict" } },
    ],
  ] as [string, Options][])("is %s", async (text, options) => {
    const session = create(options).open({ headers: {} });
    (await session.load()).set("a", 1);
    const [cookie] = (await session.commit({ at: "head" })).cookies;
    expect(String(cookie).replace(/=[\w-]{76}/, "=…")).toBe(text);
  });
});
