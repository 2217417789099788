import { describe, expect, it } from "vitest";
import { ConfigError } from "../../../src/errors.ts";
import type { SessionsOptions } from "../../../src/index.ts";
import { createSessions } from "../../../src/index.ts";
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
  ["app", /string/, { app: 5 }],
  // As a file of settings says "nothing here", which must not mean: as if there were only one app.
  ["app", /string/, { app: null }],
  ["dev", /true or false/, { dev: "yes" }],
  ["rotateEvery", /seconds or a string such as "30m"/, { rotateEvery: "often" }],
  ["rotateEvery", /positive/, { rotateEvery: 0 }],
  ["rotationGrace", /positive/, { rotationGrace: -1 }],
  ["onReuse", /"end" or "report"/, { onReuse: "ignore" }],
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
    expect(error.option).toBe("store");
  });

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
