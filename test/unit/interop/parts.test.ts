import { createHash } from "node:crypto";
import { deflateSync } from "node:zlib";
import fc from "fast-check";
import { describe, expect, it, vi } from "vitest";
import { beakerCookie, beakerSession } from "../../../src/interop/beaker.ts";
import { djangoSession, djangoSigning } from "../../../src/interop/django.ts";
import { flashesOf, flaskCookie, withFlash } from "../../../src/interop/flask.ts";
import { flaskKvSession, flaskKvSessionId } from "../../../src/interop/flask-kvsession.ts";
import { flaskSession, writeFlaskSessionRecord } from "../../../src/interop/flask-session.ts";
import {
  signer,
  urlSafeSerializer,
  urlSafeTimedSerializer,
} from "../../../src/interop/itsdangerous.ts";
import { readMsgpack, writeMsgpack } from "../../../src/interop/msgpack.ts";
import { readPickle, writePickle } from "../../../src/interop/pickle.ts";
import { md5 } from "../../../src/interop/python/md5.ts";
import { answer } from "../../../src/interop/python/refusal.ts";
import {
  markup,
  plain,
  plainDate,
  timeDelta,
  tuple,
  uuid,
} from "../../../src/interop/python/values.ts";
import { inflate, inflateByStream } from "../../../src/interop/python/zlib.ts";
import { foreignCookieText } from "../../../src/interop/set-cookie.ts";
import { isRefused } from "../../../src/interop/source.ts";
import { decodeBase64, encodeBase64 } from "../../../src/lib/base64.ts";
import { cookieReader, recordsInMemory } from "../../interop/records.ts";
import { fuzzRuns, fuzzTimeout } from "../../support/fuzz.ts";

describe("inflate", () => {
  const inflates = { "node:zlib": inflate, "the platform's streams": inflateByStream };

  it.each(Object.entries(inflates))("by %s gives back what was compressed", async (_, run) => {
    await fc.assert(
      fc.asyncProperty(fc.uint8Array({ maxLength: 5000 }), async (bytes) => {
        expect(await run(deflateSync(bytes), 5000)).toEqual(bytes);
      }),
      { numRuns: 30 },
    );
  });

  it.each(Object.entries(inflates))("P14 by %s stops at the limit", async (_, run) => {
    const bomb = deflateSync(Buffer.alloc(4_000_000));
    const open = async (limit: number) =>
      await answer(async () => ({ value: await run(bomb, limit) }));
    expect(await open(3_999_999)).toMatchObject({ refused: "too-large" });
    expect(await open(4_000_000)).toHaveProperty("value");
  });

  it("P14 by streams makes no more than a few chunks beyond the limit", async () => {
    const Platform = DecompressionStream;
    let made = 0;
    vi.stubGlobal(
      "DecompressionStream",
      function counting(format: CompressionFormat): GenericTransformStream {
        const { readable, writable } = new Platform(format);
        const counter = new TransformStream<Uint8Array, Uint8Array>({
          transform(chunk, controller) {
            made += chunk.length;
            controller.enqueue(chunk);
          },
        });
        return { readable: readable.pipeThrough(counter), writable };
      },
    );
    try {
      const bomb = deflateSync(Buffer.alloc(30_000_000));
      const opened = await answer(async () => ({ value: await inflateByStream(bomb, 1000) }));
      expect(opened).toMatchObject({ refused: "too-large" });
      expect(made).toBeLessThan(1_000_000);
    } finally {
      vi.unstubAllGlobals();
    }
  });

  it.each(Object.entries(inflates))("by %s refuses what is no whole stream", async (_, run) => {
    const whole = deflateSync("tea ".repeat(20));
    for (const bytes of [whole.subarray(0, 5), whole.subarray(0, -1), Buffer.from("tea")]) {
      const opened = await answer(async () => ({ value: await run(bytes, 1000) }));
      expect(opened).toMatchObject({ refused: "malformed" });
    }
  });
});

describe("without the modules of Node", () => {
  it("the platform's own compression is used, and Node reads what it made", async () => {
    const source = flaskCookie({ secrets: ["secret"] });
    const data = { cart: Array.from({ length: 50 }, () => "tea") };
    const open = async (value: string | undefined) =>
      await source.open((name) => (name === "session" ? value : undefined), 0);
    const made: (string | undefined)[] = [];
    vi.stubGlobal("process", { ...process, getBuiltinModule: undefined });
    try {
      made.push((await source.seal({ data }, 0)).cookies[0]?.value);
      expect(await open(made[0])).toMatchObject({ data });
    } finally {
      vi.unstubAllGlobals();
    }
    expect(made[0]).toMatch(/^\.eJ/);
    expect(await open(made[0])).toMatchObject({ data });
  });
});

describe("readMsgpack", () => {
  it.each([
    ["an extension", "d4052a", "unsupported"],
    ["an unused code", "c1", "malformed"],
    ["a text that is cut off", "a5746561", "malformed"],
    ["an array without its items", "dd00ffffff", "malformed"],
    ["two values", "c0c0", "malformed"],
    ["nothing", "", "malformed"],
    ["broken UTF-8", "a1ff", "malformed"],
    ["a billionth of a second too many", "d7ffffffffff00000000", "malformed"],
    ["a hundred levels", `${"91".repeat(100)}c0`, "too-large"],
  ])("refuses %s", (_, hexadecimal, reason) => {
    expect(readMsgpack(Buffer.from(hexadecimal, "hex"))).toMatchObject({ refused: reason });
  });

  it("P14 reads a few thousand numbers as keys", () => {
    const map = (count: number) =>
      writeMsgpack(new Map(Array.from({ length: count }, (_, at) => [at, at])));
    expect(readMsgpack(map(9_000))).toHaveProperty("value");
    // With one hash they would take seconds.
    expect(readMsgpack(map(30_000))).toMatchObject({ refused: "too-large" });
  });

  it(
    "P14 answers to any bytes",
    () => {
      fc.assert(
        fc.property(fc.uint8Array(), (bytes) => {
          const found = readMsgpack(bytes);
          expect(isRefused(found) || "value" in found).toBe(true);
        }),
        { numRuns: fuzzRuns() },
      );
    },
    fuzzTimeout(),
  );

  it.each([
    ["MessagePack", readMsgpack, writeMsgpack],
    ["a pickle", readPickle, writePickle],
  ])("bytes from %s are bytes of their own", (_, read, write) => {
    const record = Buffer.from(write(Uint8Array.of(1, 2, 3)));
    const { value } = read(record) as { value: Uint8Array };
    record.fill(0);
    expect(Object.getPrototypeOf(value)).toBe(Uint8Array.prototype);
    expect([...value]).toEqual([1, 2, 3]);
  });

  it("a hole in an array is not left out, as the length counts it", () => {
    // biome-ignore lint/suspicious/noSparseArray: it is what is tested
    expect(() => writeMsgpack({ a: [1, , 2] })).toThrow(
      expect.objectContaining({ code: "ERR_VALUE", path: "a[1]" }),
    );
  });

  it("a refusal in the data is data", () => {
    const data = { refused: "forged", problem: "none" };
    expect(readMsgpack(writeMsgpack(data))).toEqual({ value: data });
  });
});

describe("the small parts", () => {
  it("MD5 is Node's", () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => {
        const expected = createHash("md5").update(bytes).digest();
        expect(Buffer.from(md5(bytes))).toEqual(expected);
      }),
    );
  });

  it("base64 has one spelling for each value", () => {
    fc.assert(
      fc.property(fc.uint8Array(), (bytes) => {
        expect(encodeBase64(bytes)).toBe(Buffer.from(bytes).toString("base64"));
        expect(decodeBase64(encodeBase64(bytes))).toEqual(bytes);
      }),
    );
    for (const odd of ["QQ", "QR==", "QQ=", "QQ===", "Q-==", "====", "Q", "QQ==\n", "QQ==QQ=="]) {
      expect(decodeBase64(odd), odd).toBeUndefined();
    }
  });

  it("plain values are what an app keeps", () => {
    const value = {
      list: tuple([1, markup("<b>")]),
      map: new Map([["a", uuid("0123456789abcdef0123456789ABCDEF")]]),
      day: [plainDate("2026-11-20"), timeDelta(1.5), new Date(0), Uint8Array.of(1)],
    };
    expect(plain(value)).toEqual({
      list: [1, "<b>"],
      map: new Map([["a", "0123456789abcdef0123456789abcdef"]]),
      day: ["2026-11-20", 1.5, new Date(0), Uint8Array.of(1)],
    });
  });

  it("what looks like markup in a session is not", () => {
    expect(plain({ markup: "<script>" })).toEqual({ markup: "<script>" });
  });

  it("a salt that is undefined is the default, and not an empty one", async () => {
    const secrets = ["s3cret"];
    const given = { secrets, salt: undefined } as never;
    expect(await signer(given).sign("a")).toBe(await signer({ secrets }).sign("a"));
    for (const serializer of [urlSafeSerializer, urlSafeTimedSerializer]) {
      const text = await serializer({ secrets }).dumps("a", 0);
      expect(await serializer(given).dumps("a", 0)).toBe(text);
    }
  });
  it("flashes wait in their order, and what is none is left out", () => {
    const data = withFlash(withFlash({ _flashes: ["odd", [1, 2]] }, "one"), "two", "error");
    expect(flashesOf(data)).toEqual([
      { category: "message", message: "one" },
      { category: "error", message: "two" },
    ]);
    expect(flashesOf({})).toEqual([]);
    expect(flashesOf({ _flashes: "odd" })).toEqual([]);
  });

  it("an id of Flask-KVSession has no zeros before it", () => {
    for (let run = 0; run < 1000; run += 1) {
      expect(flaskKvSessionId(1_763_600_000_000)).toMatch(/^(0|[1-9a-f][0-9a-f]*)_691e6680$/);
    }
  });
});

describe("foreignCookieText", () => {
  const attributes = { path: "/app", secure: true, httpOnly: true, sameSite: "lax" } as const;
  const cookie = { name: "session", value: "a.b", attributes };

  it("writes what it is told", () => {
    expect(foreignCookieText(cookie)).toBe(
      "session=a.b; Path=/app; Secure; HttpOnly; SameSite=Lax",
    );
    const more = { ...attributes, domain: "example.com", partitioned: true };
    expect(foreignCookieText({ ...cookie, attributes: more, expiresAt: 1_766_192_000_000 })).toBe(
      "session=a.b; Path=/app; Domain=example.com; Expires=Sat, 20 Dec 2025 00:53:20 GMT; Secure; HttpOnly; SameSite=Lax; Partitioned",
    );
    expect(foreignCookieText({ ...cookie, value: "", expiresAt: 0 })).toContain(
      "session=; Path=/app; Max-Age=0; Expires=Thu, 01 Jan 1970 00:00:00 GMT",
    );
  });

  it.each([
    { ...cookie, name: "a b" },
    { ...cookie, name: "a;b" },
    { ...cookie, value: "a; Domain=evil" },
    { ...cookie, value: "a\r\nSet-Cookie: b=c" },
    { ...cookie, value: "a b" },
    { ...cookie, value: "ü" },
    { ...cookie, attributes: { ...attributes, path: "/; Domain=evil" } },
    { ...cookie, attributes: { ...attributes, domain: "a;b" } },
  ])("refuses $name=$value with $attributes.path", (odd) => {
    expect(() => foreignCookieText(odd)).toThrow(expect.objectContaining({ code: "ERR_CONFIG" }));
  });

  it("refuses what a browser would drop", async () => {
    const source = flaskCookie({ secrets: ["secret"] });
    const noise = Array.from({ length: 2000 }, () => Math.random().toString(36)).join("");
    const sealing = source.seal({ data: { noise } }, 0);
    await expect(sealing).rejects.toMatchObject({ code: "ERR_SESSION_TOO_LARGE" });
  });
});

describe("options that cannot work are named at the start", () => {
  const records = { read: async () => undefined, write: async () => {}, remove: async () => {} };
  const secrets = ["secret"];
  const beaker = { validateKeys: secrets };
  const module = "cryptography";
  it.each<[string, () => unknown]>([
    ["secrets", () => signer({ secrets: [] })],
    ["secrets", () => signer({ secrets: "secret" as never })],
    ["secrets", () => signer({ secrets: [""] })],
    ["secrets", () => signer({ secrets: ["secret", undefined as never] })],
    ["secrets", () => djangoSigning({ secrets: ["secret", new Uint8Array()] })],
    ["secrets", () => flaskKvSession({ secrets: [undefined as never], records })],
    ["validateKeys", () => beakerCookie({ validateKeys: [undefined as never] })],
    ["encryption.key", () => beakerCookie({ ...beaker, encryption: { key: "", module } })],
    [
      "encryption.module",
      () => beakerCookie({ ...beaker, encryption: { key: "k", module: "nss" as never } }),
    ],
    [
      "encryption.nonceBits",
      () => beakerCookie({ ...beaker, encryption: { key: "k", module, nonceBits: 7 } }),
    ],
    ["separator", () => signer({ secrets, separator: "Z9" })],
    ["separator", () => signer({ secrets, separator: "" })],
    ["separator", () => signer({ secrets, separator: "=" })],
    ["digest", () => signer({ secrets, digest: "md5" as never })],
    ["keyDerivation", () => signer({ secrets, fallbacks: [{ keyDerivation: "odd" as never }] })],
    ["lifetime", () => flaskCookie({ secrets, lifetime: 0 })],
    ["lifetime", () => flaskCookie({ secrets, lifetime: "a month" as never })],
    ["records", () => flaskSession({ records: {} as never, layout: "redis" })],
    ["layout", () => flaskSession({ records, layout: "mongo" as never })],
    ["layout", () => djangoSession({ secrets, records, layout: "files" as never })],
  ])("%s", (option, make) => {
    expect(make).toThrow(expect.objectContaining({ code: "ERR_CONFIG", option }));
  });
});

it.each([Number.NaN, Number.POSITIVE_INFINITY])(
  "Flask-Session gets no JSON with %s, which msgspec does not read",
  (number) => {
    expect(() => writeFlaskSessionRecord({ a: { b: [number] } }, "json")).toThrow(
      expect.objectContaining({ code: "ERR_VALUE", path: "a.b[0]" }),
    );
  },
);

it.each([-5, 0, 300])("Django ends a session after set_expiry(%s) seconds", async (seconds) => {
  const key = "0123456789abcdef";
  const records = recordsInMemory({});
  const source = djangoSession({ secrets: ["secret"], records, layout: "file" });
  const now = 1_000_000;
  await source.seal({ data: { a: 1, _session_expiry: seconds }, origin: { key } }, now);
  // A file of Django's says no end beside the text.
  const { value = "" } = (await records.read(`sessionid${key}`)) ?? {};
  await records.write(`sessionid${key}`, { value });
  const age = seconds === 0 ? 14 * 86_400 : seconds;
  const opened = await source.open(cookieReader({ sessionid: key }), now);
  if (age < 0) expect(opened).toMatchObject({ refused: "expired" });
  else expect(opened).toMatchObject({ expiresAt: now + age * 1000 });
});

it("a session of Beaker that says nothing but whose it is, is kept", async () => {
  const records = recordsInMemory({});
  const sources = {
    cookie: beakerCookie({ validateKeys: ["validate"], userKey: "user" }),
    records: beakerSession({ secrets: ["secret"], records, layout: "redis", userKey: "user" }),
  };
  for (const [kind, source] of Object.entries(sources)) {
    const { cookies } = await source.seal({ data: {}, userId: "ada" }, 1000);
    const cookie = cookieReader({ "beaker.session.id": cookies[0]?.value });
    expect(await source.open(cookie, 1000), kind).toMatchObject({ userId: "ada" });
  }
});
