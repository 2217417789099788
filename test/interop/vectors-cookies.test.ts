/**
 * The cookies that the libraries have set, opened and set again with the same value and attributes; and the
 * ids, keys and times in them and in their records.
 */

import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { beakerSession } from "../../src/interop/beaker.ts";
import { djangoCookie, djangoSession, djangoSigning } from "../../src/interop/django.ts";
import { flaskCookie } from "../../src/interop/flask.ts";
import { flaskKvSession } from "../../src/interop/flask-kvsession.ts";
import { signer } from "../../src/interop/itsdangerous.ts";
import { hex, pbkdf2Sha1 } from "../../src/interop/python/web-crypto.ts";
import type { ForeignAttributes } from "../../src/interop/source.ts";
import { cookieReader, recordsInMemory } from "./records.ts";

const NOW = 1_763_600_000_000;

// biome-ignore lint/suspicious/noExplicitAny: the shape is that of the libraries, each its own.
type Vectors = any;

const vectors: Vectors = JSON.parse(
  readFileSync(new URL("vectors/python-sessions.json", import.meta.url), "utf8"),
);

/** A `Set-Cookie` field as its parts. */
interface Field {
  readonly name: string;
  readonly value: string;
  readonly attributes: ForeignAttributes;
  readonly expiresAt?: number;
}

function fieldOf(text: string): Field {
  const [pair = "", ...parts] = text.trim().split("; ");
  const at = pair.indexOf("=");
  const given = new Map(
    parts.map((part) => {
      const [, name = "", value = ""] = /^([^=]+)=?(.*)$/.exec(part) ?? [];
      return [name.toLowerCase(), value] as const;
    }),
  );
  const [domain, expires, site] = ["domain", "expires", "samesite"].map((name) => given.get(name));
  return {
    name: pair.slice(0, at),
    value: pair.slice(at + 1).replaceAll('"', ""),
    attributes: {
      path: given.get("path") ?? "",
      secure: given.has("secure"),
      httpOnly: given.has("httponly"),
      ...(domain !== undefined && { domain }),
      sameSite: site?.toLowerCase() as "lax" | undefined,
      ...(given.has("partitioned") && { partitioned: true }),
    },
    ...(expires !== undefined && { expiresAt: Date.parse(expires.replaceAll("-", " ")) }),
  };
}

/** The cookies of one library, by what it was asked to do. */
function cookiesOf(http: Vectors): (Field & { readonly asked: string })[] {
  return Object.entries(http).flatMap(([asked, row]) => {
    const [text] = (Array.isArray(row) ? row : (row as { set_cookie: string[] }).set_cookie) ?? [];
    return text === undefined ? [] : [{ asked, ...fieldOf(text) }];
  });
}

const isSet = ({ value }: Field): boolean => value !== "";

describe.each(["flask-2.2.2", "flask-3.1.3"])("%s", (version) => {
  const { cookie_values, http } = vectors.flask[version];
  const all = cookiesOf(http);

  it.each(all.filter(isSet))("$asked: $name=$value", async ({ asked, ...field }) => {
    const { name, value } = field;
    // A browser drops one with such a name and without `Secure`, so it is refused.
    const isPrefixed = name.startsWith("__Host-");
    const attributes = isPrefixed ? { ...field.attributes, secure: true } : field.attributes;
    const source = flaskCookie({
      ...{ secrets: [cookie_values.secret], cookieName: name, attributes },
      lifetime: asked === "set_permanent_3600" ? "1h" : "31d",
    });
    const opened = await source.open(cookieReader({ [name]: value }), NOW);
    expect(opened).toMatchObject({ data: { a: 1 }, persistent: field.expiresAt !== undefined });
    // We sign by so much earlier than now.
    const early = 10_000;
    const { cookies } = await source.seal(opened as never, NOW + early);
    const until = field.expiresAt && { expiresAt: field.expiresAt + early };
    expect(cookies[0]).toEqual({ ...field, attributes, ...until });
  });

  it.each(all.filter((field) => !isSet(field)))("$asked", ({ asked: _, ...field }) => {
    const { name, attributes } = field;
    const source = flaskCookie({ secrets: ["s"], cookieName: name, attributes });
    expect(source.deletion()).toEqual([field]);
  });
});

describe.each(["django-3.2.25", "django-5.2.17"])("%s", (version) => {
  const made = vectors.django[version];
  const secrets = [made.SECRET_KEY as string];

  it.each(cookiesOf(made.http).filter(isSet))("$asked: $name=$value", async (row) => {
    const { asked, ...field } = row;
    const { name, attributes, value: key } = field;
    const records = recordsInMemory({});
    const options = {
      ...{ secrets, attributes, expireAtBrowserClose: asked === "set_browser_close" },
    };
    const [, expiry] = /^set_expiry_(\d+)$/.exec(asked) ?? [];
    const data = { a: 1, ...(expiry !== undefined && { _session_expiry: Number(expiry) }) };
    const isCookie = asked === "set_signed_cookies_engine";
    const source = isCookie
      ? djangoCookie(options)
      : djangoSession({ ...options, records, layout: "db" });
    if (!isCookie) await source.seal({ data, origin: { key } }, NOW);
    const opened = await source.open(cookieReader({ [name]: key }), NOW);
    expect(opened).toMatchObject({ data, persistent: field.expiresAt !== undefined });
    const { cookies } = await source.seal(opened as never, NOW);
    expect(cookies[0]).toEqual(field);
  });

  it("its row, its file and its cache's key", async () => {
    const [key, row] = made.db_row as [string, string];
    const file = made.file_engine as { basename: string; content: string };
    const inFile = file.basename.slice("sessionid".length);
    const records = recordsInMemory({
      [key]: { value: row },
      [file.basename]: { value: file.content },
    });
    const open = async (layout: "db" | "file", id: string) =>
      djangoSession({ secrets, records, layout }).open(cookieReader({ sessionid: id }), NOW);
    expect(await open("db", key)).toMatchObject({ data: { a: 1 }, recordKey: key });
    expect(await open("file", inFile)).toMatchObject({ data: { a: 1 }, recordKey: file.basename });

    const { cache_key, cache_key_prefix } = made.cache_engine;
    const cached = djangoSession({ secrets, records, layout: "cache" });
    const origin = { key: cache_key.slice(cache_key_prefix.length) };
    const { recordKey } = await cached.seal({ data: { a: 1 }, origin }, NOW);
    expect(recordKey).toBe(`:1:${cache_key}`);
  });

  it.each(made.b62 as [number, string][])("the time %i is %s", async (seconds, text) => {
    const { dumps, loads } = djangoSigning({ secrets });
    const signed = await dumps({}, { now: seconds * 1000 });
    expect(signed.split(":")[1]).toBe(text);
    expect(await loads(signed, { now: seconds * 1000 })).toEqual({
      value: {},
      signedAt: seconds * 1000,
    });
  });

  it("signs a text with a salt, by SHA-256 and SHA-1", async () => {
    const how = { secrets, separator: ":" };
    const rows = [
      ["sha256", made.signer],
      ["sha1", made.signer_sha1],
    ] as const;
    for (const [digest, row] of rows) {
      if (row === undefined) continue;
      const { salt, value, signed } = row;
      expect(await signer({ ...how, salt, digest }).sign(value)).toBe(signed);
      expect(await signer({ ...how, salt, digest }).unsign(signed)).toEqual({ value });
    }
  });

  it.each([made.fallback].filter((row) => row?.token_by_old !== undefined))(
    "a key of before opens",
    async (row) => {
      const { dumps, loads } = djangoSigning({ secrets: ["another key", ...secrets] });
      const old = await loads(row.token_by_old, { now: NOW });
      expect(old).toMatchObject({ value: row.loaded });
      expect(await dumps(row.loaded, { now: NOW })).not.toBe(row.token_by_old);
    },
  );
});

describe.each(["beaker-1.11.0", "beaker-head-1.14.0dev"])("%s", (version) => {
  const made = vectors.beaker[version];

  it.each(cookiesOf(made.http))("$asked: $name=$value", async ({ asked: _, ...field }) => {
    const { name, value, attributes } = field;
    const source = beakerSession({
      ...{ secrets: ["secret"], layout: "file", cookieName: name, attributes },
      records: recordsInMemory({}),
    });
    const id = value.slice(40);
    await source.seal({ data: { a: 1 }, origin: { id } }, NOW);
    const opened = await source.open(cookieReader({ [name]: value }), NOW);
    expect(opened).toMatchObject({ data: { a: 1 }, identity: id });
    const { cookies } = await source.seal(opened as never, NOW);
    // When it ends was counted from the day on which it was made.
    const { expiresAt: __, ...rest } = field;
    expect(cookies[0]).toEqual(rest);
  });

  it("derives the key that encrypts as it does", async () => {
    const [{ password, salt, iterations, hex: key }] = made.pbkdf2;
    const derived = await pbkdf2Sha1(password, new TextEncoder().encode(salt), iterations);
    expect(hex(derived)).toBe(key);
  });
});

describe("flask-kvsession", () => {
  const made = vectors.flask_kvsession;
  const { set, perm, regenerate, destroy_then_set, clear_keeps_empty_record } = made.dict;
  const fields: string[] = [set, regenerate, destroy_then_set, clear_keeps_empty_record, made.redis]
    .map(({ set_cookie }) => set_cookie[0])
    .concat(perm);

  it.each(fields)("%s", async (text) => {
    const { name, value, attributes } = fieldOf(text);
    const [key = ""] = value.split(".");
    const record = { value: new Uint8Array(Buffer.from(made.redis.value_hex, "hex")) };
    const source = flaskKvSession({
      ...{ secrets: ["devkey"], attributes },
      records: recordsInMemory({ [key]: record }),
    });
    const opened = await source.open(cookieReader({ [name]: value }), NOW);
    expect(opened).toMatchObject({ data: { a: 1 }, recordKey: key, createdAt: NOW });
    const { cookies } = await source.seal(opened as never, NOW);
    expect(cookies[0]).toMatchObject({ name, value, attributes });
  });

  it("keeps its record in Redis under the id, for as long as the library does", async () => {
    const { key, ttl } = made.redis;
    const records = recordsInMemory({});
    const source = flaskKvSession({ secrets: ["devkey"], records });
    const { recordKey } = await source.seal({ data: { a: 1 }, origin: { id: key } }, NOW);
    expect(recordKey).toBe(key);
    expect(records.kept.get(key)?.expiresAt).toBe(NOW + ttl * 1000);
  });

  it.each(made.session_id as { serialized: string }[])("the id $serialized", async (row) => {
    const records = recordsInMemory({ [row.serialized]: { value: '{"a":1}' } });
    const source = flaskKvSession({ secrets: ["devkey"], records });
    const cookie = await signer({ secrets: ["devkey"] }).sign(row.serialized);
    const opened = await source.open(cookieReader({ session: cookie }), NOW);
    expect(opened).toMatchObject({ data: { a: 1 }, createdAt: NOW, identity: row.serialized });
  });
});
