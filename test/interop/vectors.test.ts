/**
 * Values that real libraries have made, of versions that cannot all be installed at once, and ours.
 */

import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { describe, expect, it } from "vitest";
import { beakerCookie, beakerSession } from "../../src/interop/beaker.ts";
import {
  djangoAuthHash,
  djangoCookie,
  djangoSession,
  djangoSigning,
} from "../../src/interop/django.ts";
import { flaskSerializer } from "../../src/interop/flask.ts";
import { flaskKvSession } from "../../src/interop/flask-kvsession.ts";
import type { FlaskSessionOptions } from "../../src/interop/flask-session.ts";
import { flaskSession, writeFlaskSessionRecord } from "../../src/interop/flask-session.ts";
import type { Digest, KeyDerivation } from "../../src/interop/itsdangerous.ts";
import {
  signer,
  timestampSigner,
  urlSafeSerializer,
  urlSafeTimedSerializer,
} from "../../src/interop/itsdangerous.ts";
import { derivedKey } from "../../src/interop/python/signing.ts";
import { writeTaggedJson } from "../../src/interop/python/tagged-json.ts";
import { hex } from "../../src/interop/python/web-crypto.ts";
import { describeWith } from "../support/needs.ts";
import { coverage } from "./coverage.ts";
import { PYTHON, pythonWith } from "./python/peer.ts";
import { cookieReader, recordsInMemory } from "./records.ts";

const NOW = 1_763_600_000_000;

// biome-ignore lint/suspicious/noExplicitAny: the shape is that of the libraries, each its own.
type Vectors = any;

const vectors: Vectors = JSON.parse(
  readFileSync(new URL("vectors/python-sessions.json", import.meta.url), "utf8"),
);

const cover = coverage("vectors");
function coverValues(name: string, what: string, direction: "read" | "both" = "both"): void {
  const [, library = "", version = ""] = /^(.+?)-(?:head-)?(\d.*)$/.exec(name) ?? [];
  cover({ library: TITLES[library] ?? library, version, what, direction, how: "by values" });
}

const TITLES: Readonly<Record<string, string>> = {
  beaker: "Beaker",
  django: "Django",
  flask: "Flask",
  "flask-session": "Flask-Session",
  "flask-kvsession": "Flask-KVSession",
};

describe.each(["itsdangerous-2.1.2", "itsdangerous-2.2.0"])("%s", (version) => {
  const made = vectors.itsdangerous[version];

  it.each(made.signer as SignerRow[])("$key_derivation with $digest: «$signed»", async (row) => {
    const { secret, value, signed } = row;
    const [salt, sep] = [row.salt, row.sep].map((text) => text.replace(" (default)", ""));
    const key_derivation = row.key_derivation.replace(" (default)", "") as KeyDerivation;
    const digest = row.digest.replace(" (default)", "") as Digest;
    const key = await derivedKey(key_derivation, digest, secret, salt as string);
    if (row.derived_key_hex !== undefined) expect(hex(key)).toBe(row.derived_key_hex);
    const how = {
      ...{ secrets: [secret], salt: salt as string, separator: sep as string },
      keyDerivation: key_derivation,
      digest,
    };
    expect(await signer(how).sign(value)).toBe(signed);
    expect(await signer(how).unsign(signed)).toEqual({ value });
    coverValues(version, "Signer");
  });

  it("secrets and salts are bytes", async () => {
    const { secret_hex, salt_hex, value, signed } = made.signer_binary_key;
    const how = { secrets: [bytes(secret_hex)], salt: bytes(salt_hex) };
    expect(await signer(how).sign(value)).toBe(signed);
  });

  it("the last of its keys makes, which is our first, and the others open", async () => {
    const { signed_by_list, signed_by_old_only } = made.signer_rotation;
    const both = signer({ secrets: ["new", "old"], salt: "itsdangerous.Signer" });
    expect(await both.sign("v")).toBe(signed_by_list);
    expect(await both.unsign(signed_by_old_only)).toEqual({ value: "v" });
    const old = signer({ secrets: ["old"] });
    expect(await old.unsign(signed_by_list)).toMatchObject({ refused: "forged" });
  });

  it.each(made.timestamp_signer as TimeRow[])("the time $time is «$timestamp_b64»", async (row) => {
    const how = { secrets: [row.secret], salt: row.salt, keyDerivation: row.key_derivation };
    expect(await timestampSigner(how).sign("value", row.time * 1000)).toBe(row.signed);
    expect(await timestampSigner(how).unsign(row.signed, { now: row.time * 1000 })).toEqual({
      value: "value",
      signedAt: row.time * 1000,
    });
    coverValues(version, "TimestampSigner");
  });

  const urlSafe = (made.serializers as SerializerRow[]).filter((row) =>
    row.class.includes("URLSafe"),
  );
  it.each(urlSafe)("$class: «$token»", async (row) => {
    const how = {
      secrets: [row.secret],
      salt: row.salt,
      ...(row.key_derivation === undefined ? {} : { keyDerivation: row.key_derivation }),
      ...(row.digest === undefined ? {} : { digest: row.digest }),
    };
    const isTimed = row.class.includes("Timed");
    const timed = urlSafeTimedSerializer(how);
    const plain = urlSafeSerializer(how);
    const loaded = isTimed
      ? await timed.loads(row.token, { now: NOW })
      : await plain.loads(row.token);
    expect(loaded).toMatchObject({ value: row.obj });
    const dumped = isTimed ? await timed.dumps(row.obj, NOW) : await plain.dumps(row.obj);
    // What was compressed differs from Python's in its bytes, though not in what it stands for.
    if (row.token.startsWith(".")) expect(dumped).toMatch(/^\./);
    else expect(dumped).toBe(row.token);
    coverValues(version, row.class);
  });

  it("another digest is read as a fallback", async () => {
    const { token_sha512, loaded } = made.fallback_signers;
    const how = { secrets: ["secret-key"] };
    const found = await urlSafeSerializer({ ...how, fallbacks: [{ digest: "sha512" }] }).loads(
      token_sha512,
    );
    expect(found).toEqual({ value: loaded });
    expect(await urlSafeSerializer(how).loads(token_sha512)).toMatchObject({ refused: "forged" });
  });
});

describe.each(["flask-2.2.2", "flask-3.1.3"])("%s", (version) => {
  const { cookie_values: made, fallbacks } = vectors.flask[version];
  const rows = (made.rows as FlaskRow[]).filter((row) => row.cookie_value !== undefined);

  it.each(rows)("the cookie «$name»", async ({ cookie_value, tagged_json }) => {
    const { loads, dumps } = flaskSerializer({ secrets: [made.secret] });
    const loaded = await loads(cookie_value, { now: NOW });
    if (!("value" in loaded)) throw new Error(loaded.problem);
    // 1.0 and 1 are one number here, and equal there.
    const expected = tagged_json.replace(":1.0}", ":1}");
    expect(writeTaggedJson(loaded.value)).toBe(expected);
    const again = await dumps(loaded.value, NOW);
    if (!cookie_value.startsWith(".") && expected === tagged_json) expect(again).toBe(cookie_value);
    expect(await loads(again, { now: NOW })).toEqual(loaded);
    coverValues(version, "session cookie");
  });

  // Flask 2 has none of them.
  const withFallbacks = fallbacks === undefined ? [] : [fallbacks];
  it.each(withFallbacks)("SECRET_KEY_FALLBACKS open and do not make", async (fallback) => {
    const both = flaskSerializer({ secrets: ["new-key", "old-1", "old-2"] });
    expect(await both.dumps({ a: 1 }, NOW)).toBe(fallback.signed_now);
    const old = await both.loads(fallback.signed_by_old_1, { now: NOW });
    expect(old).toMatchObject({ value: { a: 1 } });
  });
});

describe.each(["django-3.2.25", "django-5.2.17"])("%s", (version) => {
  const made = vectors.django[version];
  const secrets = [made.SECRET_KEY as string];
  const signing = djangoSigning({ secrets });

  it.each(made.payloads as DjangoRow[])("signed: «$name»", async (row) => {
    for (const text of [row["signing.dumps"], row["signing.dumps(compress)"]]) {
      expect(await signing.loads(text, { now: NOW })).toMatchObject({ value: row.obj });
    }
    expect(await signing.dumps(row.obj, { now: NOW })).toBe(row["signing.dumps"]);
    const compressed = await signing.dumps(row.obj, { now: NOW, compress: true });
    expect(compressed.startsWith(".")).toBe(row["signing.dumps(compress)"].startsWith("."));
    coverValues(version, "signed values");
  });

  it.each(made.payloads as DjangoRow[])("sessions: «$name»", async (row) => {
    const cookies = cookieReader({ sessionid: row.signed_cookies_cookie_value });
    expect(await djangoCookie({ secrets }).open(cookies, NOW)).toMatchObject({
      data: row.obj,
      expiresAt: NOW + 14 * 86_400_000,
    });
    const key = "fxlbyo85tx23abmk5msxq0daxbgcfk91";
    const rows = { db: [key, row.db_session_data], file: [`sessionid${key}`, row.file_content] };
    for (const layout of ["db", "file"] as const) {
      const [name, value] = rows[layout] as [string, string];
      const records = recordsInMemory({ [name]: { value } });
      const source = djangoSession({ secrets, records, layout });
      const opened = await source.open(cookieReader({ sessionid: key }), NOW);
      expect(opened).toMatchObject({ data: row.obj, recordKey: name });
    }
    coverValues(version, "sessions, signed cookies", "read");
    coverValues(version, "sessions, db", "read");
    coverValues(version, "sessions, file", "read");
  });

  it("binds a session to the password", async () => {
    const { password_field: passwordHash, hash } = made.session_auth_hash;
    expect(await djangoAuthHash({ secrets, passwordHash })).toBe(hash);
    coverValues(version, "`_auth_user_hash`");
  });
});

describe.each(["beaker-1.11.0", "beaker-head-1.14.0dev"])("%s", (version) => {
  const made = vectors.beaker[version];
  const now = NOW + 500;

  it.each(made.cookie_sessions as BeakerRow[])("the cookie session $name", async (row) => {
    const cookie = /beaker\.session\.id=([^;]+)/.exec(row.set_cookie[0] as string)?.[1] as string;
    const { options } = row;
    const isEncrypted = options.encrypt_key !== undefined;
    const module = options.crypto_type === "cryptography" ? "cryptography" : "pycryptodome";
    const source = beakerCookie({
      validateKeys: [row.validate_key],
      serializer: options.data_serializer ?? "pickle",
      ...(isEncrypted
        ? {
            encryption: {
              ...{ key: options.encrypt_key as string, module },
              nonceBits: Number(options.encrypt_nonce_bits ?? 128),
            },
          }
        : {}),
    });
    const opened = await source.open(cookieReader({ "beaker.session.id": cookie }), now);
    expect(opened).toMatchObject({ data: { a: 1, _path: "/" }, createdAt: now, lastSeenAt: now });
    coverValues(version, `cookie session, ${row.name.replaceAll("_", " ")}`, "read");
  });

  it("a signed id opens the record in Redis", async () => {
    const [{ key, pickle_hex }] = made.redis;
    const id = (key as string).split(":")[1] as string;
    const records = recordsInMemory({ [key]: { value: bytes(pickle_hex) } });
    const source = beakerSession({ secrets: ["secret"], records, layout: "redis" });
    const { cookies } = await source.seal({ data: { a: 1 }, origin: { id } }, now);
    await records.write(key, { value: bytes(pickle_hex) });
    const opened = await source.open(
      cookieReader({ "beaker.session.id": cookies[0]?.value as string }),
      now,
    );
    expect(opened).toMatchObject({ data: { a: 1 }, recordKey: key, identity: id });
    coverValues(version, "signed id, redis", "read");
  });

  it("signs an id as it does", async () => {
    const { secret, id, cookie } = made.signed_id_cookie;
    const records = recordsInMemory({});
    const source = beakerSession({ secrets: [secret], records, layout: "redis" });
    const sealed = await source.seal({ data: { a: 1 }, origin: { id } }, now);
    expect(`beaker.session.id=${sealed.cookies[0]?.value}`).toBe(cookie);
  });

  it("reads the record in its file", async () => {
    const path = (made.file_layout as string[]).find((name) => name.endsWith(".cache")) as string;
    const id = path.slice(path.lastIndexOf("/") + 1, -".cache".length);
    const { pickle_hex } = made.file_content;
    const records = recordsInMemory({ [path]: { value: bytes(pickle_hex) } });
    const source = beakerSession({ secrets: ["secret"], records, layout: "file" });
    const text = cookieReader({ "beaker.session.id": await signedId(id) });
    expect(await source.open(text, now)).toMatchObject({ data: { a: 1 }, recordKey: path });
    coverValues(version, "signed id, file", "read");
  });

  async function signedId(id: string): Promise<string> {
    const records = recordsInMemory({});
    const source = beakerSession({ secrets: ["secret"], records, layout: "redis" });
    const { cookies } = await source.seal({ data: { a: 1 }, origin: { id } }, now);
    return cookies[0]?.value as string;
  }
});

describe.each(["flask-session-0.3.2", "flask-session-0.8.0"])("%s", (version) => {
  const made = vectors.flask_session[version];
  const cases = Object.entries(made.redis as Record<string, RedisCase>).filter(
    ([name, value]) => name.startsWith("set_") && value.redis?.length === 1,
  );

  it.each(cases)("in Redis, %s", async (name, { sid, set_cookie, redis }) => {
    const [{ key, value_hex }] = redis as [RedisRow];
    const cookie = /^session=([^;]+)/.exec(set_cookie[0] as string)?.[1] as string;
    const records = recordsInMemory({ [key]: { value: bytes(value_hex) } });
    const source = flaskSession({
      ...{ records, layout: "redis", keyPrefix: key.slice(0, -sid.length) },
      ...(name === "set_signer" ? { secrets: ["dev-secret-key"] } : {}),
    });
    const opened = await source.open(cookieReader({ session: cookie }), NOW);
    expect(opened).toMatchObject({
      data: { a: 1, n: { x: [1, null, true, 1.5] }, u: "Zoë ✓" },
      identity: sid,
      persistent: name !== "set_not_permanent",
    });
    if (!("data" in opened)) return;
    const first = value_hex.slice(0, 2);
    const format = first === "80" ? "pickle" : first === "7b" ? "json" : "msgpack";
    const written = writeFlaskSessionRecord(opened.data, format);
    if (format !== "pickle") expect(hex(written)).toBe(value_hex);
    const id = name === "set_signer" ? "signed id" : "id";
    const direction = format === "pickle" ? "read" : "both";
    coverValues(version, `${id}, redis, ${RECORDS[format]}`, direction);
  });

  it("in a folder of cachelib", async () => {
    const { sid, files } = made.file as { sid: string; files: { name: string; hex: string }[] };
    const records = recordsInMemory(
      Object.fromEntries(files.map((file) => [file.name, { value: bytes(file.hex) }])),
    );
    const options: FlaskSessionOptions = { records, layout: "cachelib" };
    const fileHash = version.endsWith("0.8.0") ? "sha256" : "md5";
    const source = flaskSession({ ...options, fileHash });
    const opened = await source.open(cookieReader({ session: sid }), NOW);
    expect(opened).toMatchObject({ data: { _permanent: true, a: 1 }, persistent: true });
    const late = await source.open(cookieReader({ session: sid }), NOW + 100 * 365 * 86_400_000);
    expect(late).toMatchObject({ refused: "expired" });
    coverValues(version, "id, cachelib, pickles", "read");
  });
});

const RECORDS = { pickle: "pickles", msgpack: "MessagePack", json: "JSON" };

describe("flask-kvsession", () => {
  const made = vectors.flask_kvsession;

  it("the record under the signed id, and the same id signed again", async () => {
    const { set_cookie, store } = made.dict.set;
    const [{ key, value_hex }] = store;
    const cookie = /^session=([^;]+)/.exec(set_cookie[0])?.[1] as string;
    const records = recordsInMemory({ [key]: { value: bytes(value_hex) } });
    const source = flaskKvSession({ secrets: ["devkey"], records });
    const opened = await source.open(cookieReader({ session: cookie }), NOW);
    expect(opened).toMatchObject({ data: { a: 1 }, createdAt: NOW, recordKey: key, identity: key });
    if (!("data" in opened)) return;
    const sealed = await source.seal(opened, NOW);
    expect(sealed.cookies[0]?.value).toBe(cookie);
    expect(await source.open(cookieReader({ session: cookie }), NOW)).toMatchObject({
      data: { a: 1 },
    });
    coverValues("flask-kvsession-0.6.3.dev1", "signed id, pickles");
  });

  it.each(made.session_id_parse as { in: string; id?: number }[])("the id «$in»", async (row) => {
    const signed = await signer({ secrets: ["devkey"] }).sign(row.in);
    const records = recordsInMemory({ [row.in]: { value: '{"a":1}' } });
    const source = flaskKvSession({ secrets: ["devkey"], records });
    const opened = await source.open(cookieReader({ session: signed }), NOW);
    // What `int(text, 16)` takes besides what the library writes is nobody's id.
    if (row.in === "4d2_691e6680") expect(opened).toMatchObject({ data: { a: 1 } });
    else expect(opened).toMatchObject({ refused: "malformed" });
  });
});

describeWith(pythonWith("itsdangerous", "flask", "django", "beaker"), "the values", () => {
  it("are those that the installed libraries make", () => {
    const program = fileURLToPath(new URL("vectors/make.py", import.meta.url));
    const told = execFileSync(PYTHON ?? "", [program, "--check"], { encoding: "utf8" });
    expect(told).toMatch(/^\d+ values, 0 of them other ones$/m);
  });
});

function bytes(hexadecimal: string): Uint8Array {
  return new Uint8Array(Buffer.from(hexadecimal, "hex"));
}

interface SignerRow {
  readonly secret: string;
  readonly salt: string;
  readonly sep: string;
  readonly key_derivation: string;
  readonly digest: string;
  readonly value: string;
  readonly derived_key_hex?: string;
  readonly signed: string;
}

interface TimeRow {
  readonly secret: string;
  readonly salt: string;
  readonly key_derivation: KeyDerivation;
  readonly time: number;
  readonly timestamp_b64: string;
  readonly signed: string;
}

interface SerializerRow {
  readonly class: string;
  readonly secret: string;
  readonly salt: string;
  readonly key_derivation?: KeyDerivation;
  readonly digest?: Digest;
  readonly obj: unknown;
  readonly token: string;
}

interface FlaskRow {
  readonly name: string;
  readonly tagged_json: string;
  readonly cookie_value: string;
}

interface DjangoRow {
  readonly name: string;
  readonly obj: Record<string, unknown>;
  readonly "signing.dumps": string;
  readonly "signing.dumps(compress)": string;
  readonly db_session_data: string;
  readonly file_content: string;
  readonly signed_cookies_cookie_value: string;
}

interface BeakerRow {
  readonly name: string;
  readonly validate_key: string;
  readonly set_cookie: readonly string[];
  readonly options: {
    readonly data_serializer?: "json";
    readonly encrypt_key?: string;
    readonly crypto_type?: string;
    readonly encrypt_nonce_bits?: string;
  };
}

interface RedisRow {
  readonly key: string;
  readonly value_hex: string;
}

interface RedisCase {
  readonly sid: string;
  readonly set_cookie: readonly string[];
  readonly redis?: readonly RedisRow[];
}
