import { mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import flash from "connect-flash";
import { RedisStore } from "connect-redis";
import express from "express";
import session from "express-session";
import fc from "fast-check";
import passport from "passport";
import fileStore from "session-file-store";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import {
  connectMongo,
  connectPgSimple,
  connectRedis,
  expressSession,
  inBackend,
  readConnectFlash,
  readExpressRecord,
  readSidCookie,
  sessionFileStore,
  writeConnectFlash,
  writeExpressRecord,
  writeSidCookie,
} from "../../../src/interop/express-session.ts";
import type { ForeignRecord, ForeignRecords } from "../../../src/interop/source.ts";
import { isRefused } from "../../../src/interop/source.ts";
import { describeWith } from "../../support/needs.ts";
import { coverage } from "../coverage.ts";
import type { Site } from "./browser.ts";
import { opened, refusal, serve } from "./browser.ts";
import { covering } from "./covered.ts";
import { refusesHostileCookies } from "./hostile.ts";
import { redisServer, startRedis } from "./redis-server.ts";
import { sessionData } from "./values.ts";

const cover = covering("express-session");
const note = coverage("js-connect-mongo");

declare module "express-session" {
  interface SessionData {
    [key: string]: unknown;
  }
}

const SECRET = "a secret of the old app";
const HOUR = 3_600_000;

/** An app as they are: passport and connect-flash on express-session. */
function app(store: session.Store, options: Partial<session.SessionOptions> = {}) {
  const users = new passport.Passport();
  users.serializeUser<unknown>((user, done) => done(null, (user as { id: unknown }).id));
  users.deserializeUser<unknown>((id, done) => done(null, { id } as Express.User));
  const app = express();
  app.use(session({ secret: SECRET, store, resave: false, saveUninitialized: false, ...options }));
  app.use(users.session());
  app.use(flash());
  app.get("/see", (request, response) => {
    const { cookie: _, ...data } = JSON.parse(JSON.stringify(request.session));
    response.json({ data, user: (request.user as { id?: unknown } | undefined)?.id ?? null });
  });
  app.get("/set", (request, response) => {
    Object.assign(request.session, JSON.parse(`${request.query["data"]}`));
    response.json(request.sessionID);
  });
  app.get("/sign-in", (request, response, next) => {
    const id: unknown = JSON.parse(`${request.query["id"]}`);
    request.logIn({ id } as Express.User, (error) => (error ? next(error) : response.json(id)));
  });
  app.get("/forget", (request, response) => {
    // As the README had it for years, for those who do not tick "remember me".
    request.session.cookie.expires = false as never;
    response.json(true);
  });
  app.get("/flash", (request, response) => {
    request.flash("info", "Saved.");
    request.flash("error", "Not quite.");
    response.json(true);
  });
  app.get("/flashes", (request, response) => void response.json(request.flash()));
  return app;
}

const data = (value: unknown): string => encodeURIComponent(JSON.stringify(value));

describe("express-session, live", () => {
  const store = new session.MemoryStore();
  let site: Site;
  beforeAll(async () => {
    site = await serve(app(store, { cookie: { maxAge: HOUR, sameSite: "lax" } }));
  });
  afterAll(() => site.close());
  const source = expressSession({
    secret: SECRET,
    store,
    cookie: { maxAge: HOUR, sameSite: "lax" },
  });

  it("is read as the app left it", async () => {
    const browser = site.browser();
    await browser.get(`/set?data=${data({ cart: [{ name: "Zoë ❄", price: 9.5 }] })}`);
    await browser.get("/sign-in?id=42");
    await browser.get(`/set?data=${data({ theme: "dark" })}`);
    const found = await opened(source, browser.read);
    expect(found.data).toEqual({ passport: { user: 42 }, theme: "dark" });
    expect(found.userId).toBe("42");
    expect(found.persistent).toBe(true);
    expect(found.expiresAt).toBeGreaterThan(Date.now() + HOUR - 10_000);
    expect(found.cookieNames).toEqual(["connect.sid"]);
  });

  it("is read, and written back, when the app has said `expires = false`", async () => {
    const browser = site.browser();
    await browser.get(`/set?data=${data({ theme: "dark" })}`);
    await browser.get("/forget");
    const found = await opened(source, browser.read);
    expect(found.data).toEqual({ theme: "dark" });
    expect(found.persistent).toBe(false);
    await source.seal({ ...found, data: { theme: "light" } }, Date.now());
    expect(await browser.get("/see")).toEqual({ data: { theme: "light" }, user: null });
  });

  it("is written back under its own id, with nothing lost", async () => {
    const browser = site.browser();
    await browser.get("/sign-in?id=42");
    const found = await opened(source, browser.read);
    const changed = { ...found.data, note: "from the new app" };
    const sealed = await source.seal({ ...found, data: changed, userId: "42" }, Date.now());
    expect(sealed.cookies).toEqual([]);
    expect(sealed.identity).toBe(found.identity);
    // A number stays one: the app's database would not find its text.
    expect(await browser.get("/see")).toEqual({
      data: { passport: { user: 42 }, note: "from the new app" },
      user: 42,
    });
    cover({ library: "passport", what: "the signed-in user" });
  });

  it("is made from nothing, and the app takes it", async () => {
    const browser = site.browser();
    const sealed = await source.seal({ data: { theme: "dark" }, userId: "ada" }, Date.now());
    browser.take(sealed.cookies);
    expect(await browser.get("/see")).toEqual({
      data: { theme: "dark", passport: { user: "ada" } },
      user: "ada",
    });
    expect((await opened(source, browser.read)).userId).toBe("ada");
  });

  it("keeps the messages of connect-flash in both directions", async () => {
    const browser = site.browser();
    await browser.get("/flash");
    const found = await opened(source, browser.read);
    const messages = [
      { kind: "info", text: "Saved." },
      { kind: "error", text: "Not quite." },
    ];
    expect(readConnectFlash(found.data)).toEqual(messages);
    const more = writeConnectFlash([...messages, { kind: "info", text: "Twice." }]);
    await source.seal({ ...found, data: { ...found.data, flash: more } }, Date.now());
    expect(await browser.get("/flashes")).toEqual({
      info: ["Saved.", "Twice."],
      error: ["Not quite."],
    });
    cover({ library: "connect-flash", what: "messages" });
  });

  it("gives the cookie again when it was signed with an old secret, or would end too soon", async () => {
    const browser = site.browser();
    await browser.get("/sign-in?id=42");
    const rotated = expressSession({ secret: ["a new one", SECRET], store });
    const found = await opened(rotated, browser.read);
    const now = Date.now();
    const sealed = await rotated.seal(found, now);
    expect(sealed.cookies).toHaveLength(1);
    const later = await source.seal({ ...found, expiresAt: now + 2 * HOUR }, now);
    expect(later.cookies[0]?.expiresAt).toBe(now + 2 * HOUR);
  });

  it("ends with the browser still after it was written with an end of ours", async () => {
    const own = new session.MemoryStore();
    const source = expressSession({ secret: SECRET, store: own });
    const { identity } = await source.seal(
      { data: { a: 1 }, expiresAt: Date.now() + HOUR },
      Date.now(),
    );
    const kept = await new Promise((resolve) => own.get(identity, (_, record) => resolve(record)));
    expect(kept).toMatchObject({ cookie: { originalMaxAge: null, expires: null } });
  });

  it("is gone when its record is removed", async () => {
    const browser = site.browser();
    await browser.get("/sign-in?id=42");
    const found = await opened(source, browser.read);
    await source.remove?.(found);
    expect(await browser.get("/see")).toEqual({ data: {}, user: null });
    expect(await refusal(source, Object.fromEntries(browser.cookies))).toBe("absent");
  });

  it("reads what the app wrote, and the app reads what we wrote, whatever it is", async () => {
    await fc.assert(
      fc.asyncProperty(sessionData, sessionData, async (first, second) => {
        const browser = site.browser();
        await browser.get(`/set?data=${data({ ...first, always: 1 })}`);
        const found = await opened(source, browser.read);
        expect(found.data).toEqual({ ...first, always: 1 });
        await source.seal({ ...found, data: second }, Date.now());
        expect(await browser.get("/see")).toEqual({ data: second, user: null });
      }),
      { numRuns: 40 },
    );
    cover({ library: "express-session", what: "cookie and records in its MemoryStore" });
  });

  describe("with a cookie that is not right", () => {
    refusesHostileCookies({
      source,
      cookie: "connect.sid",
      async genuine() {
        const { cookies } = await source.seal({ data: { a: 1 } }, Date.now());
        return { "connect.sid": cookies[0]?.value as string };
      },
    });

    it("refuses another app's, an unsigned one, and one without s:", async () => {
      const other = writeSidCookie("some-id", "another secret");
      expect(await refusal(source, { "connect.sid": other })).toBe("forged");
      expect(await refusal(source, { "connect.sid": "some-id" })).toBe("malformed");
      const bare = decodeURIComponent(writeSidCookie("some-id", SECRET)).slice(2);
      expect(await refusal(source, { "connect.sid": bare })).toBe("malformed");
      expect(await refusal(source, { "connect.sid": writeSidCookie("gone", SECRET) })).toBe(
        "absent",
      );
      expect(await refusal(source, { "connect.sid": writeSidCookie("", SECRET) })).toBe(
        "malformed",
      );
    });

    it("P3 asks the store for nothing when the signature is wrong", async () => {
      let asked = 0;
      const counted = expressSession({
        secret: SECRET,
        store: inBackend(connectRedis(), {
          async read() {
            asked += 1;
            return undefined;
          },
          write: async () => undefined,
          remove: async () => undefined,
        }),
      });
      await refusal(counted, { "connect.sid": writeSidCookie("id", "another secret") });
      expect(asked).toBe(0);
      await refusal(counted, { "connect.sid": writeSidCookie("id", SECRET) });
      expect(asked).toBe(1);
    });
  });
});

describe("the cookie of express-session", () => {
  it("is the one that is known", () => {
    const sid = "Vt3h6kqmWQ1r0_aB-cD2eF3gH4iJ5kL6";
    const value = `s%3A${sid}.qb%2By2mF0wgje5ZhQJNc66yhFKSy%2Bz6y4R3U7PhK30kM`;
    expect(writeSidCookie(sid, "keyboard cat")).toBe(value);
    expect(readSidCookie(value, ["newer", "keyboard cat"])).toEqual({ sid, keyIndex: 1 });
  });

  it("holds any id, with dots and odd characters too", () => {
    fc.assert(
      fc.property(fc.string({ minLength: 1, unit: "grapheme" }), (sid) => {
        const read = readSidCookie(writeSidCookie(sid, SECRET), SECRET);
        expect(read).toEqual({ sid, keyIndex: 0 });
      }),
    );
  });
});

describe("records of express-session", () => {
  const good = { cookie: { originalMaxAge: HOUR, expires: "2030-01-01T00:00:00.000Z" }, a: 1 };

  it("come back as they were", () => {
    const read = readExpressRecord(JSON.stringify(good));
    expect(isRefused(read)).toBe(false);
    if (!isRefused(read)) expect(JSON.parse(writeExpressRecord(read))).toEqual(good);
  });

  it("cannot hold a key that req.session has of its own, or what JSON lacks", () => {
    const cookie = { originalMaxAge: null, expires: null };
    expect(() => writeExpressRecord({ cookie, data: { save: 1 } })).toThrow(/`save`/);
    expect(() => writeExpressRecord({ cookie, data: { at: new Date(0) } })).toThrow(/`at`/);
    expect(() => writeExpressRecord({ cookie, data: { a: [1n] } })).toThrow(/`a\[0\]`/);
  });

  it.each([
    ["malformed", JSON.stringify(good).slice(0, -1)],
    ["malformed", ""],
    ["malformed", "null"],
    ["malformed", "[]"],
    ["malformed", '"text"'],
    ["malformed", '{"a":1}'],
    ["malformed", '{"cookie":null}'],
    ["malformed", '{"cookie":[]}'],
    ["malformed", '{"cookie":{"originalMaxAge":"soon"}}'],
    ["malformed", '{"cookie":{"expires":"never"}}'],
    ["malformed", '{"cookie":{"expires":1}}'],
    ["unsupported", '{"cookie":{},"__proto__":{"admin":true}}'],
    ["unsupported", '{"cookie":{},"a":[{"__proto__":1}]}'],
    ["too-large", `{"cookie":{},"a":${"[".repeat(100)}${"]".repeat(100)}}`],
    ["too-large", `{"cookie":{},"a":${"[".repeat(100_000)}${"]".repeat(100_000)}}`],
    ["too-large", `{"cookie":{},"a":"${"a".repeat(2_000_000)}"}`],
  ])("are refused as %s: %.60s", (reason, text) => {
    expect(readExpressRecord(text)).toMatchObject({ refused: reason });
  });

  it("P14 are read or refused, whatever they hold", () => {
    fc.assert(
      fc.property(
        fc.oneof(
          fc.string(),
          fc.json(),
          fc.jsonValue().map((v) => `{"cookie":${JSON.stringify(v)}}`),
        ),
        (text) => {
          expect(() => readExpressRecord(text)).not.toThrow();
        },
      ),
    );
  });
});

describe("records in a backend", () => {
  const now = Date.parse("2026-11-20T12:00:00Z");
  const cookie = { "connect.sid": writeSidCookie("sid1", SECRET) };

  it("are found where connect-pg-simple and connect-mongo put them", async () => {
    const text = '{"cookie":{"originalMaxAge":null,"expires":null},"views":3}';
    for (const layout of [
      connectPgSimple(),
      connectMongo(),
      connectMongo({ transformId: (id) => `m:${id}` }),
    ]) {
      const rows = new Map<string, ForeignRecord>();
      const source = expressSession({ secret: SECRET, store: inBackend(layout, table(rows)) });
      const key = layout.key("sid1") as string;
      rows.set(key, { value: text, expiresAt: now + HOUR });
      const found = await opened(
        source,
        (name) => (name === "connect.sid" ? cookie[name] : undefined),
        now,
      );
      expect(found).toMatchObject({ data: { views: 3 }, recordKey: key, persistent: false });
      await source.seal({ ...found, data: { views: 4 } }, now);
      expect(JSON.parse(`${rows.get(key)?.value}`)).toMatchObject({ views: 4 });
      expect(rows.get(key)?.expiresAt).toBe(now + layout.ttl);
    }
    note({
      library: "connect-mongo",
      version: "–",
      what: "records",
      direction: "both",
      how: "as documented",
    });
  });

  it.each([
    ["expired", { value: '{"cookie":{}}', expiresAt: now }],
    ["malformed", { value: '{"cookie":{"origi', expiresAt: now + HOUR }],
    ["malformed", { value: new Uint8Array([0x7b, 0xff, 0x7d]) }],
    ["malformed", { value: "" }],
    ["too-large", { value: new Uint8Array(2_000_000) }],
  ])("are refused as %s", async (reason, record) => {
    const rows = new Map<string, ForeignRecord>([["sess:sid1", record]]);
    const source = expressSession({
      secret: SECRET,
      store: inBackend(connectRedis(), table(rows)),
    });
    expect(await refusal(source, cookie, now)).toBe(reason);
  });

  it("P10 let a backend's own trouble through", async () => {
    const store = inBackend(connectRedis(), {
      ...table(new Map()),
      read: () => Promise.reject(new Error("down")),
    });
    const source = expressSession({ secret: SECRET, store });
    await expect(
      source.open((name) => (cookie as Record<string, string>)[name], now),
    ).rejects.toThrow("down");
  });
});

describe("session-file-store, live", () => {
  let folder: string;
  let site: Site;
  let store: session.Store;
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), "coatcheck-file-store-"));
    const FileStore = fileStore(session);
    store = new FileStore({
      path: folder,
      reapInterval: -1,
      retries: 0,
      logFn: () => undefined,
    });
    site = await serve(app(store));
  });
  afterAll(async () => {
    await site.close();
    await rm(folder, { recursive: true });
  });

  it("is read and written as files", async () => {
    const records: ForeignRecords = {
      read: async (key) => ({ value: await readFile(join(folder, key)) }),
      write: (key, { value }) => writeFile(join(folder, key), value),
      remove: (key) => rm(join(folder, key)),
    };
    const source = expressSession({
      secret: SECRET,
      store: inBackend(sessionFileStore(), records),
    });
    const browser = site.browser();
    await browser.get("/sign-in?id=%22ada%22");
    const found = await opened(source, browser.read);
    expect(found).toMatchObject({ userId: "ada", persistent: false });
    expect(found.data).toEqual({ passport: { user: "ada" } });
    expect(found.lastSeenAt).toBeGreaterThan(Date.now() - 60_000);
    await source.seal({ ...found, data: { ...found.data, more: true } }, Date.now());
    expect(await browser.get("/see")).toEqual({
      data: { passport: { user: "ada" }, more: true, __lastAccess: expect.any(Number) },
      user: "ada",
    });
    expect(await refusal(source, Object.fromEntries(browser.cookies), Date.now() + 2 * HOUR)).toBe(
      "expired",
    );
    cover({ library: "session-file-store", what: "records" });
  });

  it("names no file outside its folder", () => {
    for (const sid of ["../../etc/passwd", "a/b", "a\\b", ".hidden", "", "a\0b"]) {
      expect(sessionFileStore().key(sid)).toBeUndefined();
    }
  });

  it("P3 names no file outside its folder through the store either, whoever knows the secret", async () => {
    const browser = site.browser();
    await browser.get("/sign-in?id=%22ada%22");
    const [name = ""] = (await readdir(folder)).filter((file) => file.endsWith(".json"));
    const source = expressSession({ secret: SECRET, store });
    const at = (sid: string) => ({ "connect.sid": writeSidCookie(sid, SECRET) });
    const id = name.slice(0, -".json".length);
    expect(await source.open((key) => at(id)[key as "connect.sid"], Date.now())).toMatchObject({
      userId: "ada",
    });
    // The very same file, by a way that leaves the folder.
    for (const sid of [`../${basename(folder)}/${id}`, `x/../${id}`, `${id}\0`]) {
      expect(await refusal(source, at(sid)), sid).toBe("malformed");
    }
  });

  it("P14 tells a record that is half written from an outage", async () => {
    await writeFile(join(folder, "half.json"), '{"cookie":{"originalMax');
    const source = expressSession({ secret: SECRET, store });
    const cookies = { "connect.sid": writeSidCookie("half", SECRET) };
    expect(await refusal(source, cookies)).toBe("malformed");
  });
});

describeWith({ "redis-server": redisServer }, "connect-redis, live", () => {
  let redis: Awaited<ReturnType<typeof startRedis>>;
  let site: Site;
  beforeAll(async () => {
    redis = await startRedis();
    const store = new RedisStore({ client: redis.client });
    site = await serve(app(store, { cookie: { maxAge: HOUR } }));
  });
  afterAll(async () => {
    await site.close();
    await redis.stop();
  });

  it("is read and written in Redis, and through the store object", async () => {
    const { client } = redis;
    const records: ForeignRecords = {
      async read(key) {
        const [value, ttl] = await Promise.all([client.get(key), client.pTTL(key)]);
        if (value === null) return undefined;
        return ttl < 0 ? { value } : { value, expiresAt: Date.now() + ttl };
      },
      async write(key, { value, expiresAt }) {
        await client.set(key, `${value}`, {
          expiration: { type: "PXAT", value: expiresAt ?? Date.now() + HOUR },
        });
      },
      remove: async (key) => void (await client.del(key)),
    };
    const cookie = { maxAge: HOUR };
    for (const store of [inBackend(connectRedis(), records), new RedisStore({ client })]) {
      const source = expressSession({ secret: SECRET, store, cookie });
      const browser = site.browser();
      await browser.get("/sign-in?id=7");
      const found = await opened(source, browser.read);
      expect(found).toMatchObject({ userId: "7", data: { passport: { user: 7 } } });
      await source.seal({ ...found, data: { ...found.data, by: "us" } }, Date.now());
      expect(await browser.get("/see")).toEqual({
        data: { passport: { user: 7 }, by: "us" },
        user: 7,
      });
      const made = await source.seal({ data: { new: true }, userId: "8" }, Date.now());
      const other = site.browser();
      other.take(made.cookies);
      expect(await other.get("/see")).toMatchObject({ user: "8" });
      expect(await client.ttl(`sess:${made.identity}`)).toBeGreaterThan(3590);
      await source.remove?.(found);
      expect(await browser.get("/see")).toEqual({ data: {}, user: null });
    }
    cover({ library: "connect-redis", what: "records" });
  });
});

function table(rows: Map<string, ForeignRecord>): ForeignRecords {
  return {
    read: async (key) => rows.get(key),
    write: async (key, record) => void rows.set(key, record),
    remove: async (key) => void rows.delete(key),
  };
}
