/**
 * Sessions behind an id, in both directions, with the real library and a real back end at the other end.
 */

import { readdir, rm } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { BeakerLayout } from "../../src/interop/beaker.ts";
import { beakerCookie, beakerSession } from "../../src/interop/beaker.ts";
import { djangoCookie, djangoSession } from "../../src/interop/django.ts";
import { flaskSession } from "../../src/interop/flask-session.ts";
import { markup, tuple } from "../../src/interop/pickle.ts";
import type { ForeignRecords, ForeignSource } from "../../src/interop/source.ts";
import { describeWith } from "../support/needs.ts";
import { temporaryFolder } from "../support/temporary-folder.ts";
import { coverage } from "./coverage.ts";
import {
  beakerRows,
  djangoRecords,
  filesIn,
  flaskSessionRows,
  redisKeys,
} from "./python/backends.ts";
import { describeValue, sorted } from "./python/describe.ts";
import type { Peer } from "./python/peer.ts";
import { pythonWith, startPeer } from "./python/peer.ts";
import { redisServer, startRedis } from "./python/redis-server.ts";
import { afterCookies, cookieReader } from "./records.ts";

const cover = coverage("live-records");
async function coverLive(library: string, what: string): Promise<void> {
  const version = await peer.call<string>("version", { package: library });
  cover({ library, version, what, direction: "both", how: "live" });
}

const DATA = {
  cart: ["tea", { "ünï✓": 1.5 }],
  seen: tuple([1, null, true]),
  raw: Uint8Array.of(0, 255),
  at: new Date(1_763_600_000_123),
  big: 2n ** 70n,
};
/** The part of it that JSON has. */
const JSON_DATA = { cart: DATA.cart, big: DATA.big, none: null };

let peer: Peer;
let folder: string;
let redis: Awaited<ReturnType<typeof startRedis>> | undefined;
beforeAll(async () => {
  peer = startPeer();
  folder = await temporaryFolder("interop");
  if (redisServer !== undefined) redis = await startRedis();
});
afterAll(async () => {
  await peer.stop();
  await redis?.stop();
  await rm(folder, { recursive: true });
});

describeWith(
  { ...pythonWith("flask_session", "flask_sqlalchemy"), "redis-server": redisServer },
  "Flask-Session 0.3",
  () => {
    const layouts = ["redis", "cachelib", "sql"] as const;
    const cases = layouts.flatMap((layout) => [true, false].map((signed) => ({ layout, signed })));

    it.each(cases)("$layout, id signed: $signed", async ({ layout, signed }) => {
      const { settings, records } = setting(layout);
      const config = { ...settings, SECRET_KEY: "s3cret", SESSION_USE_SIGNER: signed };
      const secrets = signed ? { secrets: ["s3cret"] } : {};
      const source = flaskSession({ records, layout, format: "pickle", ...secrets });

      const made = await peer.call<string>("flask_session_set", {
        settings: config,
        value: describeValue(DATA),
      });
      const opened = await source.open(cookieReader({ session: made }), Date.now());
      if (!("data" in opened)) throw new Error(opened.problem);
      const { _permanent, ...data } = opened.data;
      expect(_permanent).toBe(true);
      expect(describeValue(data)).toEqual(describeValue(DATA));
      const days = ((opened.expiresAt ?? 0) - Date.now()) / 86_400_000;
      expect(Math.round(days)).toBe(31);

      const sealed = await source.seal(
        { ...opened, data: { ...opened.data, more: 1 }, userId: "ada" },
        Date.now(),
      );
      expect(sealed.recordKey).toBe(opened.recordKey);
      const again = await peer.call("flask_session_get", {
        settings: config,
        cookie: sealed.cookies[0]?.value,
      });
      const expected = { ...DATA, _permanent: true, more: 1, _user_id: "ada", _fresh: true };
      expect(sorted(again)).toEqual(describeValue(expected));

      // One that it has not seen before.
      const own = await source.seal({ data: JSON_DATA, persistent: false }, Date.now());
      const read = await peer.call("flask_session_get", {
        settings: config,
        cookie: own.cookies[0]?.value,
      });
      expect(sorted(read)).toEqual(describeValue(JSON_DATA));
      const id = signed ? "signed id" : "id";
      await coverLive("Flask-Session", `${id}, ${layout}, pickles`);
    });

    it("leaves nothing in the folder but what the libraries keep there", async () => {
      const names = await readdir(join(folder, "flask"));
      expect(names.every((name) => /^[0-9a-f]{32}$/.test(name))).toBe(true);
    });

    it("a record of a class of the app is refused by name, and left as it is", async () => {
      const { settings, records } = setting("redis");
      const config = { ...settings, SECRET_KEY: "s3cret" };
      const value = describeValue({ name: markup("<b>") });
      const cookie = await peer.call<string>("flask_session_set", { settings: config, value });
      const source = flaskSession({ records, layout: "redis" });
      expect(await source.open(cookieReader({ session: cookie }), Date.now())).toEqual({
        refused: "unsupported",
        problem: "is a pickle with the global markupsafe.Markup, which is never called",
      });
      const left = await peer.call("flask_session_get", { settings: config, cookie });
      expect(JSON.stringify(left)).toContain("markup");
    });

    function setting(layout: (typeof layouts)[number]) {
      if (layout === "redis") {
        const port = (redis as { port: number }).port;
        const settings = { SESSION_TYPE: "redis", redis_port: port };
        return { settings, records: redisKeys(peer, port) };
      }
      if (layout === "cachelib") {
        const path = join(folder, "flask");
        const settings = { SESSION_TYPE: "filesystem", SESSION_FILE_DIR: path };
        return { settings, records: filesIn(path) };
      }
      const path = join(folder, "flask.sqlite3");
      const uri = `sqlite:///${path}`;
      const settings = { SESSION_TYPE: "sqlalchemy", SQLALCHEMY_DATABASE_URI: uri };
      return { settings, records: flaskSessionRows(peer, path) };
    }
  },
);

describeWith(
  { ...pythonWith("beaker", "sqlalchemy", "cryptography"), "redis-server": redisServer },
  "Beaker 1.11",
  () => {
    const times = ["_accessed_time", "_creation_time", "_expires"];

    describe.each(["json", "pickle"] as const)("cookie sessions as %s", (serializer) => {
      const data = serializer === "json" ? JSON_DATA : DATA;
      const plainly = { validate_key: "validate", data_serializer: serializer };
      const gcm = { ...plainly, encrypt_key: "encrypt", crypto_type: "cryptography" };
      const module = "cryptography" as const;

      it.each([
        { name: "signed", options: plainly, ours: {} },
        { name: "encrypted", options: gcm, ours: { encryption: { key: "encrypt", module } } },
        {
          name: "encrypted, with the nonce of before 1.8",
          options: { ...gcm, encrypt_nonce_bits: 48 },
          ours: { encryption: { key: "encrypt", module, nonceBits: 48 } },
        },
      ])("$name", async ({ name, options, ours }) => {
        const source = beakerCookie({ validateKeys: ["validate"], serializer, ...ours });
        await bothWays(source, {
          make: async () =>
            await peer.call<string>("beaker_cookie_make", { data: describeValue(data), options }),
          read: async (text) => await peer.call("beaker_cookie_read", { text, options }),
        });
        await coverLive("Beaker", `cookie session, ${serializer}, ${name}`);
      });

      async function bothWays(
        source: ForeignSource,
        theirs: { make(): Promise<string>; read(text: string): Promise<unknown> },
      ): Promise<void> {
        const text = await theirs.make();
        const cookie = cookieReader({ "beaker.session.id": text });
        const opened = await source.open(cookie, Date.now());
        if (!("data" in opened)) throw new Error(opened.problem);
        expect(describeValue(pick(opened.data, Object.keys(data)))).toEqual(describeValue(data));
        const { cookies } = await source.seal(
          { ...opened, data: { ...opened.data, more: 1 } },
          Date.now(),
        );
        const read = await theirs.read(cookies[0]?.value as string);
        const expected = { ...opened.data, more: 1 };
        expect(without(read, times)).toEqual(without(describeValue(expected), times));
      }
    });

    it.each(["redis", "file", "sql"] as const)("a session in %s", async (layout) => {
      const { options, records } = setting(layout);
      const source = beakerSession({ secrets: ["secret"], records, layout, version: "1.11" });
      const made = await peer.call<{ id: string; cookie: string }>("beaker_make", {
        data: describeValue(DATA),
        options,
      });
      const cookie = cookieReader({ "beaker.session.id": made.cookie });
      const opened = await source.open(cookie, Date.now());
      if (!("data" in opened)) throw new Error(opened.problem);
      expect(opened.identity).toBe(made.id);
      expect(describeValue(pick(opened.data, Object.keys(DATA)))).toEqual(describeValue(DATA));
      const data = { ...opened.data, more: 1 };
      const sealed = await source.seal({ ...opened, data }, Date.now());
      expect(sealed.cookies[0]?.value).toBe(made.cookie);
      const read = await peer.call<{ data: unknown; new: boolean }>("beaker_read", {
        text: made.cookie,
        options,
      });
      expect(read.new).toBe(false);
      expect(without(read.data, times)).toEqual(without(describeValue(data), times));
      const own = await source.seal({ data: JSON_DATA }, Date.now());
      const text = own.cookies[0]?.value;
      expect(await peer.call("beaker_read", { text, options })).toMatchObject({ new: false });
      await coverLive("Beaker", `signed id, ${layout}, pickles`);
    });

    function setting(layout: BeakerLayout): {
      options: Record<string, unknown>;
      records: ForeignRecords;
    } {
      const common = { secret: "secret" };
      if (layout === "redis") {
        const port = (redis as { port: number }).port;
        const url = `redis://127.0.0.1:${port}`;
        return {
          options: { ...common, type: "ext:redis", url },
          records: redisKeys(peer, port),
        };
      }
      const path = join(folder, "beaker");
      if (layout === "file") {
        return { options: { ...common, type: "file", data_dir: path }, records: filesIn(path) };
      }
      const file = join(folder, "beaker.sqlite3");
      const options = { type: "ext:database", url: `sqlite:///${file}`, data_dir: path };
      return { options: { ...common, ...options }, records: beakerRows(peer, file) };
    }
  },
);

describeWith(pythonWith("django"), "Django 3.2", () => {
  const secrets = ["dj-secret"];
  const engines = [
    { engine: "db", layout: "db" },
    { engine: "file", layout: "file" },
    { engine: "cache", layout: "database-cache" },
  ] as const;

  it.each(engines)("the engine $engine", async ({ engine, layout }) => {
    // The cache keeps pickles, so what JSON has not as well.
    const data = engine === "cache" ? DATA : JSON_DATA;
    const records = djangoRecords(peer, layout);
    const source = djangoSession({ secrets, records, layout });
    const key = await peer.call<string>("django_save", { engine, data: describeValue(data) });
    const opened = await source.open(cookieReader({ sessionid: key }), Date.now());
    if (!("data" in opened)) throw new Error(opened.problem);
    expect(describeValue(opened.data)).toEqual(describeValue(data));
    expect(Math.round(((opened.expiresAt ?? 0) - Date.now()) / 86_400_000)).toBe(14);

    const sealed = await source.seal({ ...opened, data: { ...opened.data, more: 1 } }, Date.now());
    expect(sealed.recordKey).toBe(opened.recordKey);
    const read = await peer.call("django_load", { engine, key });
    expect(sorted(read)).toEqual(describeValue({ ...data, more: 1 }));
    const own = await source.seal({ data: JSON_DATA }, Date.now());
    const theirs = await peer.call("django_load", { engine, key: own.cookies[0]?.value });
    expect(sorted(theirs)).toEqual(describeValue(JSON_DATA));
    await coverLive("Django", `sessions, ${layout}`);
  });

  it("the engine signed_cookies", async () => {
    const engine = "signed_cookies";
    const source = djangoCookie({ secrets });
    const text = await peer.call<string>("django_save", { engine, data: describeValue(JSON_DATA) });
    const opened = await source.open(cookieReader({ sessionid: text }), Date.now());
    if (!("data" in opened)) throw new Error(opened.problem);
    expect(describeValue(opened.data)).toEqual(describeValue(JSON_DATA));
    const { cookies } = await source.seal({ data: { ...JSON_DATA, more: 1 } }, Date.now());
    const key = afterCookies(cookies)["sessionid"];
    const read = await peer.call("django_load", { engine, key });
    expect(sorted(read)).toEqual(describeValue({ ...JSON_DATA, more: 1 }));
    await coverLive("Django", "sessions, signed cookies");
  });

  it("is read and reads while its clock and ours are minutes apart", async () => {
    const records = djangoRecords(peer, "db");
    const now = Date.now();
    for (const [engine, source] of [
      ["signed_cookies", djangoCookie({ secrets })],
      ["db", djangoSession({ secrets, records, layout: "db" })],
    ] as const) {
      for (const apart of [-290, 290]) {
        await peer.call("clock", { at: now / 1000 + apart });
        const data = describeValue({ a: 1 });
        const text = await peer.call<string>("django_save", { engine, data });
        const opened = await source.open(cookieReader({ sessionid: text }), now);
        expect(opened).toMatchObject({ data: { a: 1 } });
        const { cookies } = await source.seal({ data: { b: 2 } }, now);
        const key = afterCookies(cookies)["sessionid"];
        expect(await peer.call("django_load", { engine, key })).toEqual(describeValue({ b: 2 }));
      }
    }
    await peer.call("clock", { at: null });
  });

  it.each([300, 0])("set_expiry(%i) decides when it ends", async (expiry) => {
    const engine = "db";
    const records = djangoRecords(peer, engine);
    const source = djangoSession({ secrets, records, layout: engine });
    const data = describeValue({ a: 1 });
    const key = await peer.call<string>("django_save", { engine, data, expiry });
    const opened = await source.open(cookieReader({ sessionid: key }), Date.now());
    expect(opened).toMatchObject({ persistent: expiry !== 0 });
    const ends = "data" in opened ? ((opened.expiresAt ?? 0) - Date.now()) / 1000 : 0;
    expect(Math.round(ends / 100) * 100).toBe(expiry === 0 ? 1_209_600 : 300);
    if (!("data" in opened)) return;
    const { cookies } = await source.seal(opened, Date.now());
    expect(cookies[0]?.expiresAt === undefined).toBe(expiry === 0);
  });
});

function pick(data: Readonly<Record<string, unknown>>, keys: readonly string[]): object {
  return Object.fromEntries(keys.map((key) => [key, data[key]]));
}

function without(described: unknown, keys: readonly string[]): unknown {
  const { v } = sorted(described) as { v: [string, unknown][] };
  return v.filter(([key]) => !keys.includes(key));
}
