/**
 * What is not a session of theirs, or one that nobody should take: refused with a reason, and never
 * anything else.
 */

import { deflateSync } from "node:zlib";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { beakerCookie, beakerSession } from "../../src/interop/beaker.ts";
import { djangoAuthHash, djangoCookie, djangoSession } from "../../src/interop/django.ts";
import { flaskCookie, flaskSerializer } from "../../src/interop/flask.ts";
import { flaskKvSession } from "../../src/interop/flask-kvsession.ts";
import { flaskSession } from "../../src/interop/flask-session.ts";
import { signer, timestampSigner, urlSafeTimedSerializer } from "../../src/interop/itsdangerous.ts";
import { writePickle } from "../../src/interop/pickle.ts";
import { signBeaker } from "../../src/interop/python/beaker-crypto.ts";
import type { ForeignCookie, ForeignSource, Refused } from "../../src/interop/source.ts";
import { isRefused } from "../../src/interop/source.ts";
import { fuzzRuns, fuzzTimeout } from "../support/fuzz.ts";
import type { CountedRecords } from "./records.ts";
import { cookieReader, recordsInMemory } from "./records.ts";

const NOW = 1_763_600_000_000;
const DAY = 86_400_000;
const DATA = { cart: ["tea"], _user_id: "ada" };

interface Case {
  readonly name: string;
  readonly source: (secret: string, records: CountedRecords) => ForeignSource;
  /** Signed together with the time. */
  readonly timed?: boolean;
}

const encryption = { key: "encrypt", module: "cryptography" } as const;

const CASES: readonly Case[] = [
  { name: "flask", source: (secret) => flaskCookie({ secrets: [secret] }), timed: true },
  { name: "django-cookie", source: (secret) => djangoCookie({ secrets: [secret] }), timed: true },
  { name: "beaker json", source: (secret) => beakerCookie({ validateKeys: [secret] }) },
  {
    name: "beaker pickle",
    source: (secret) => beakerCookie({ validateKeys: [secret], serializer: "pickle" }),
  },
  {
    name: "beaker encrypted",
    source: (secret) => beakerCookie({ validateKeys: [secret], encryption }),
  },
  ...(["redis", "cachelib", "sql"] as const).map((layout) => ({
    name: `flask-session ${layout}`,
    source: (secret: string, records: CountedRecords) =>
      flaskSession({ secrets: [secret], records, layout }),
  })),
  {
    name: "flask-session pickle",
    source: (secret, records) =>
      flaskSession({ secrets: [secret], records, layout: "redis", format: "pickle" }),
  },
  {
    name: "flask-session json",
    source: (secret, records) =>
      flaskSession({ secrets: [secret], records, layout: "redis", format: "json" }),
  },
  {
    name: "flask-kvsession",
    source: (secret, records) => flaskKvSession({ secrets: [secret], records }),
  },
  ...(["redis", "file", "sql"] as const).map((layout) => ({
    name: `beaker ${layout}`,
    source: (secret: string, records: CountedRecords) =>
      beakerSession({ secrets: [secret], records, layout }),
  })),
];

const DJANGO_LAYOUTS = ["db", "file", "cache", "database-cache"] as const;

describe.each(CASES)("$name", (row) => {
  const { name, source: make } = row;

  it("opens what it has sealed, so that the rest of this table means something", async () => {
    const { opened } = await sealedBy(row);
    expect(opened).toMatchObject({ data: DATA });
  });

  it("P3 a cookie under another key is forged, and no record is read", async () => {
    const { cookie, records } = await sealedBy(row);
    records.calls.length = 0;
    const refused = await make("another secret", records).open(cookieReader(cookie), NOW);
    expect(refused).toMatchObject({ refused: "forged" });
    expect(records.calls).toEqual([]);
  });

  it("P3 no character of the cookie can be another, the last one included", async () => {
    const { cookie, records } = await sealedBy(row);
    const [[cookieName, text]] = Object.entries(cookie) as [[string, string]];
    const source = make("secret", records);
    records.calls.length = 0;
    // Every place at the end, and a sample of the others.
    const step = Math.ceil(text.length / 60);
    for (let at = 0; at < text.length; at += at < text.length - 8 ? step : 1) {
      for (const character of new Set(["A", "B", "-", "="])) {
        if (text[at] === character) continue;
        const changed = text.slice(0, at) + character + text.slice(at + 1);
        const answer = await source.open(cookieReader({ [cookieName]: changed }), NOW);
        expect(answer, `${character} at ${at}`).toHaveProperty("refused");
      }
    }
    for (const end of ["=", "==", "A", ".", " ", "\n"]) {
      const answer = await source.open(cookieReader({ [cookieName]: text + end }), NOW);
      expect(answer, `followed by «${end}»`).toHaveProperty("refused");
    }
    expect(records.calls).toEqual([]);
  });

  it("a cookie that was cut off is refused, wherever it was cut", async () => {
    const { cookie, records } = await sealedBy(row);
    const [[cookieName, text]] = Object.entries(cookie) as [[string, string]];
    const source = make("secret", records);
    for (let end = 0; end < text.length; end += Math.ceil(text.length / 60)) {
      const answer = await source.open(cookieReader({ [cookieName]: text.slice(0, end) }), NOW);
      expect(answer).toHaveProperty("refused");
    }
  });

  it("P14 a cookie that no browser would send is not looked at", async () => {
    const { cookie, records } = await sealedBy(row);
    const [[cookieName, text]] = Object.entries(cookie) as [[string, string]];
    const source = make("secret", records);
    const long = cookieReader({ [cookieName]: "A".repeat(20_000) + text });
    expect(await source.open(long, NOW)).toMatchObject({ refused: "too-large" });
    expect(await source.open(cookieReader({}), NOW)).toMatchObject({ refused: "absent" });
    const empty = cookieReader({ [cookieName]: "" });
    expect(await source.open(empty, NOW)).toMatchObject({ refused: "absent" });
  });

  it("the cookies of the others are refused", async () => {
    const { records } = await sealedBy(row);
    const source = make("secret", records);
    const [cookieName] = source.cookieNames as [string];
    for (const other of CASES) {
      if (other.name === name || sameFormat(other.name, name)) continue;
      const { cookies } = await other
        .source("secret", recordsInMemory({}))
        .seal({ data: DATA }, NOW);
      const value = cookies[0]?.value as string;
      const answer = await source.open(cookieReader({ [cookieName]: value }), NOW);
      expect(answer, other.name).toHaveProperty("refused");
    }
  });

  it(
    "P14 any text is refused; under the right signature it may at most be an empty session",
    async () => {
      const records = recordsInMemory({});
      const source = make("secret", records);
      const [cookieName] = source.cookieNames as [string];
      const sign = SIGNS[name.split(" ")[0] as string] ?? (async (text: string) => text);
      const texts = fc.oneof(
        fc.string({ unit: "binary" }),
        fc.base64String().map((text) => text.replaceAll("=", "")),
        fc.string({ unit: fc.constantFrom(..."ab.:_-=!0 ") }),
      );
      await fc.assert(
        fc.asyncProperty(texts, async (text) => {
          const open = async (value: string) =>
            await source.open(cookieReader({ [cookieName]: value }), NOW);
          expect(isRefused(await open(text))).toBe(true);
          // Under the right signature `e30` is a session: an empty one.
          const answer = await open(await sign(text));
          expect(isRefused(answer) || answer.data).toSatisfy(
            (result) => result === true || Object.keys(result).length === 0,
          );
        }),
        { numRuns: Math.ceil(fuzzRuns(200) / 4) },
      );
    },
    fuzzTimeout(),
  );

  it("P14 __proto__ and its kin are keys like any other", async () => {
    const data = JSON.parse('{"__proto__":{"admin":true},"constructor":1,"a":{"__proto__":[1]}}');
    const records = recordsInMemory({});
    const source = make("secret", records);
    const { cookies } = await source.seal({ data }, NOW);
    const [{ name: cookieName, value }] = cookies as readonly [ForeignCookie];
    const opened = await source.open(cookieReader({ [cookieName]: value }), NOW);
    if (isRefused(opened)) throw new Error(opened.problem);
    expect(Object.getPrototypeOf(opened.data)).toBe(Object.prototype);
    expect(Object.hasOwn(opened.data, "__proto__")).toBe(true);
    expect((opened.data as { admin?: unknown }).admin).toBeUndefined();
    expect(opened.userId).toBeUndefined();
    expect(({} as { admin?: unknown }).admin).toBeUndefined();
  });
});

describe.each(CASES.filter((row) => row.timed === true))("$name, with its time", (row) => {
  const { source: make } = row;

  it("one that is too old, or from the future, says so", async () => {
    const { cookie, records } = await sealedBy(row);
    const source = make("secret", records);
    const at = async (now: number) => await source.open(cookieReader(cookie), now);
    expect(await at(NOW + 40 * DAY)).toMatchObject({ refused: "expired" });
    // Another server's clock may be ahead: a little, where the library itself takes none that is.
    const [near, far] = row.name === "flask" ? [0, 30_000] : [290_000, 310_000];
    expect(await at(NOW - far)).toMatchObject({ refused: "future" });
    expect(await at(NOW - near)).toMatchObject({ data: DATA });
  });
});

// Those that take records, and so read one.
const STORED = CASES.filter(({ source }) => source.length > 1);

describe.each(STORED)("$name, its record", (row) => {
  const { source: make } = row;

  it("P14 a half-written record is refused, wherever it ends", async () => {
    const { cookie, records, opened } = await sealedBy(row);
    if (isRefused(opened) || opened.recordKey === undefined) throw new Error("no record");
    const source = make("secret", records);
    const whole = Buffer.from(records.kept.get(opened.recordKey)?.value as Uint8Array);
    for (let end = 0; end < whole.length; end += 1) {
      records.kept.set(opened.recordKey, { value: whole.subarray(0, end) });
      const answer = await source.open(cookieReader(cookie), NOW);
      expect(answer, `ends at ${end} of ${whole.length}`).toHaveProperty("refused");
    }
    records.kept.set(opened.recordKey, { value: whole, expiresAt: NOW - 1 });
    expect(await source.open(cookieReader(cookie), NOW)).toMatchObject({ refused: "expired" });
    records.kept.clear();
    expect(await source.open(cookieReader(cookie), NOW)).toMatchObject({ refused: "absent" });
  });

  it(
    "P14 any bytes in the record's place are read or refused",
    async () => {
      const { cookie, records, opened } = await sealedBy(row);
      if (isRefused(opened) || opened.recordKey === undefined) throw new Error("no record");
      const key = opened.recordKey;
      const source = make("secret", records);
      const whole = Buffer.from(records.kept.get(key)?.value as Uint8Array);
      const changes = fc.array(fc.tuple(fc.nat(whole.length - 1), fc.nat(255)), { minLength: 1 });
      await fc.assert(
        fc.asyncProperty(fc.oneof(fc.uint8Array(), changes), async (bytes) => {
          const value = bytes instanceof Uint8Array ? bytes : Buffer.from(whole);
          for (const [at, byte] of Array.isArray(bytes) ? bytes : []) value[at] = byte;
          records.kept.set(key, { value });
          const answer = await source.open(cookieReader(cookie), NOW);
          expect(isRefused(answer) || typeof answer.data === "object").toBe(true);
        }),
        { numRuns: fuzzRuns(200) },
      );
    },
    fuzzTimeout(),
  );
});

async function sealedBy({ source: make }: Case) {
  const records = recordsInMemory({});
  const source = make("secret", records);
  const { cookies } = await source.seal({ data: DATA }, NOW);
  const cookie = Object.fromEntries(cookies.map((each) => [each.name, each.value]));
  const opened = await source.open(cookieReader(cookie), NOW);
  return { cookie, records, opened };
}

/** Signs anything as the format does, so that what is behind the signature is reached. */
const SIGNS: Readonly<Record<string, (text: string) => Promise<string>>> = {
  flask: async (text) => {
    const salt = "cookie-session";
    return await timestampSigner({ secrets: ["secret"], salt, keyDerivation: "hmac" }).sign(
      text,
      NOW,
    );
  },
  "flask-session": async (text) => {
    const salt = "flask-session";
    return await signer({ secrets: ["secret"], salt, keyDerivation: "hmac" }).sign(text);
  },
  "flask-kvsession": async (text) => await signer({ secrets: ["secret"] }).sign(text),
  "django-cookie": async (text) => {
    const salt = "django.contrib.sessions.backends.signed_cookies";
    const how = { secrets: ["secret"], salt, digest: "sha256", separator: ":" } as const;
    return await signer(how).sign(`${text}:1vLsvI`);
  },
  beaker: async (text) => await signBeaker("secret", text),
};

// Those that differ in what the record is, and not in the cookie.
function sameFormat(a: string, b: string): boolean {
  const stored = /redis|file|sql/;
  if (a.startsWith("flask-session")) return b.startsWith("flask-session");
  return a.startsWith("beaker") && b.startsWith("beaker") && stored.test(a) === stored.test(b);
}

describe("what is genuine and odd", () => {
  const flask = flaskCookie({ secrets: ["secret"] });
  const sign = SIGNS["flask"] as (text: string) => Promise<string>;

  it.each([
    ["a list", "[1]", "malformed"],
    ["a number", "1", "malformed"],
    ["null", "null", "malformed"],
    ["no JSON", "{a}", "malformed"],
    ["two values", "{}{}", "malformed"],
    ["a tag without its kind", '{" t":1}', "malformed"],
    ["a date that is none", '{"a":{" d":"yesterday"}}', "malformed"],
    ["a UUID that is none", '{"a":{" u":"1"}}', "malformed"],
    ["bytes that are none", '{"a":{" b":"?"}}', "malformed"],
    ["JSON of a thousand levels", `{"a":${"[".repeat(1000)}${"]".repeat(1000)}}`, "too-large"],
    ["a number of ten thousand digits", `{"a":1${"0".repeat(10_000)}}`, "too-large"],
    ["a million values", `{"a":[${"0,".repeat(999_999)}0]}`, "too-large"],
  ])("Flask: %s", async (_, json, reason) => {
    // Compressed, so that it fits a cookie.
    const value = await sign(`.${deflateSync(json, { level: 9 }).toString("base64url")}`);
    const opened = await flask.open(cookieReader({ session: value }), NOW);
    expect(opened).toMatchObject({ refused: reason });
  });

  it("P14 a zip bomb is given up at the limit, and not when it has been blown up", async () => {
    const bomb = deflateSync(Buffer.alloc(8_000_000), { level: 9 });
    expect(bomb.length).toBeLessThan(10_000);
    const text = `.${bomb.toString("base64url")}`;
    const opened = await flask.open(cookieReader({ session: await sign(text) }), NOW);
    expect(opened).toMatchObject({ refused: "too-large" });
    const django = SIGNS["django-cookie"] as typeof sign;
    expect(
      await djangoCookie({ secrets: ["secret"] }).open(
        cookieReader({ sessionid: await django(text) }),
        NOW,
      ),
    ).toMatchObject({ refused: "too-large" });
    const beaker = await signBeaker("secret", bomb.toString("base64"));
    expect(
      await beakerCookie({ validateKeys: ["secret"] }).open(
        cookieReader({ "beaker.session.id": beaker }),
        NOW,
      ),
    ).toMatchObject({ refused: "too-large" });
  });

  it("a timestamp in another spelling is refused, which itsdangerous takes", async () => {
    const how = { secrets: ["secret"], salt: "s" };
    for (const odd of ["!!!!", "AGkeZoA", "aR5mgA=", "AQIDBAUGBwg"]) {
      const text = await signer(how).sign(`value.${odd}`);
      const opened = await timestampSigner(how).unsign(text, { now: NOW });
      expect(opened, odd).toMatchObject({ refused: "malformed" });
    }
  });

  it("another salt is another signature", async () => {
    const text = await flaskSerializer({ secrets: ["secret"], salt: "csrf" }).dumps(DATA, NOW);
    expect(await flask.open(cookieReader({ session: text }), NOW)).toMatchObject({
      refused: "forged",
    });
    const other = urlSafeTimedSerializer({ secrets: ["secret"], salt: "activate" });
    expect(await other.loads(text, { now: NOW })).toMatchObject({ refused: "forged" });
  });

  it("P8 an old key opens for as long as it is named", async () => {
    const old = await flaskCookie({ secrets: ["old"] }).seal({ data: DATA }, NOW);
    const cookie = cookieReader({ session: old.cookies[0]?.value });
    const both = flaskCookie({ secrets: ["new", "old"] });
    expect(await both.open(cookie, NOW)).toMatchObject({ data: DATA });
    const fresh = flaskCookie({ secrets: ["new"] });
    expect(await fresh.open(cookie, NOW)).toMatchObject({ refused: "forged" });
  });
});

describe.each(DJANGO_LAYOUTS)("django %s", (layout) => {
  it("P3 only what can be a key is looked up", async () => {
    const records = recordsInMemory({});
    const source = djangoSession({ secrets: ["secret"], records, layout });
    for (const key of [
      "short",
      "../../etc/passwd",
      "a".repeat(41),
      "ü".repeat(32),
      "a b c d e f",
    ]) {
      const answer = await source.open(cookieReader({ sessionid: key }), NOW);
      expect(answer).toMatchObject({ refused: "malformed" });
    }
    expect(records.calls).toEqual([]);
    const unknown = cookieReader({ sessionid: "a".repeat(32) });
    expect(await source.open(unknown, NOW)).toMatchObject({ refused: "absent" });
    expect(records.calls).toHaveLength(1);
  });

  it("a half-written record, or another app's, is refused", async () => {
    const records = recordsInMemory({});
    const source = djangoSession({ secrets: ["secret"], records, layout });
    const { cookies, recordKey = "" } = await source.seal({ data: DATA }, NOW);
    const cookie = cookieReader({ sessionid: cookies[0]?.value });
    expect(await source.open(cookie, NOW)).toMatchObject({ data: DATA });
    const { value } = records.kept.get(recordKey) as { value: string | Uint8Array };
    for (let end = 0; end < value.length; end += 1) {
      records.kept.set(recordKey, { value: value.slice(0, end) });
      expect(await source.open(cookie, NOW), `${end}`).toHaveProperty("refused");
    }
    records.kept.set(recordKey, { value });
    if (layout === "cache" || layout === "database-cache") return;
    const other = djangoSession({ secrets: ["another"], records, layout });
    expect(await other.open(cookie, NOW)).toMatchObject({ refused: "forged" });
  });
});

describe("what a signature does not say", () => {
  it("P3 an unsigned id that is none is not looked up", async () => {
    const records = recordsInMemory({});
    const source = flaskSession({ records, layout: "redis" });
    for (const id of ["short", "../../../../etc/passwd", "a".repeat(129), "a b c d e f g h i j"]) {
      const answer = await source.open(cookieReader({ session: id }), NOW);
      expect(answer).toMatchObject({ refused: "malformed" });
    }
    expect(records.calls).toEqual([]);
  });

  it("P3 a signed id that would leave the folder is not looked up", async () => {
    const records = recordsInMemory({});
    const source = beakerSession({ secrets: ["secret"], records, layout: "file" });
    const signed = await signBeaker("secret", "../../../../etc/passwd");
    const answer = await source.open(cookieReader({ "beaker.session.id": signed }), NOW);
    expect(answer).toMatchObject({ refused: "malformed" });
    expect(records.calls).toEqual([]);
    // Nor is one written that comes from somewhere else than `open`.
    const { recordKey } = await source.seal({ data: DATA, origin: { id: "../../x" } }, NOW);
    expect(recordKey).toMatch(/^container_file\/.\/..\/[0-9a-f]{32}\.cache$/);
    const kv = flaskKvSession({ secrets: ["secret"], records });
    const own = await kv.seal({ data: DATA, origin: { id: "../../x" } }, NOW);
    expect(own.recordKey).toMatch(/^[0-9a-f]+_691e6680$/);
  });

  it("P11 an id of Flask-KVSession is too old when it says so, and no record is read", async () => {
    const records = recordsInMemory({});
    const source = flaskKvSession({ secrets: ["secret"], records, lifetime: "1h" });
    const { cookies } = await source.seal({ data: DATA }, NOW);
    const cookie = cookieReader({ session: cookies[0]?.value });
    expect(await source.open(cookie, NOW + 3_599_999)).toMatchObject({ data: DATA });
    records.calls.length = 0;
    expect(await source.open(cookie, NOW + 3_601_000)).toMatchObject({ refused: "expired" });
    expect(await source.open(cookie, NOW - 3_600_000)).toMatchObject({ refused: "future" });
    expect(records.calls).toEqual([]);
  });

  it("P11 Beaker's timeout counts from the last use", async () => {
    const source = beakerCookie({ validateKeys: ["secret"], timeout: "1h" });
    const { cookies } = await source.seal({ data: DATA }, NOW);
    const cookie = cookieReader({ "beaker.session.id": cookies[0]?.value });
    expect(await source.open(cookie, NOW + 3_600_000)).toMatchObject({
      data: DATA,
      expiresAt: NOW + 3_600_000,
    });
    expect(await source.open(cookie, NOW + 3_600_001)).toMatchObject({ refused: "expired" });
  });

  it("P5 what Beaker's delete leaves behind is no session", async () => {
    const records = recordsInMemory({});
    const source = beakerSession({ secrets: ["secret"], records, layout: "redis" });
    const { cookies, recordKey = "" } = await source.seal({ data: DATA }, NOW);
    await records.write(recordKey, { value: writePickle({ _domain: null, _path: "/" }) });
    const cookie = cookieReader({ "beaker.session.id": cookies[0]?.value });
    expect(await source.open(cookie, NOW)).toMatchObject({ refused: "absent" });
  });

  it("the age of a signed value counts in whole seconds, the last one included", async () => {
    const how = timestampSigner({ secrets: ["secret"] });
    const text = await how.sign("tea", NOW);
    const at = async (now: number) => await how.unsign(text, { now, maxAge: 60 });
    expect(await at(NOW + 60_999)).toMatchObject({ value: "tea" });
    expect(await at(NOW + 61_000)).toMatchObject({ refused: "expired" });
    expect(await at(NOW - 10_000)).toMatchObject({ value: "tea" });
    expect(await at(NOW - 10_001)).toMatchObject({ refused: "future" });
  });
});

describe("Django's binding to the password", () => {
  const secrets = ["new", "old"];
  const passwords: Record<string, string> = { "7": "pbkdf2_sha256$1$x$y" };
  const passwordHash = async (userId: string) => passwords[userId];
  const source = djangoCookie({ secrets, passwordHash });

  it("a session that is written is bound, and opens", async () => {
    const { cookies } = await source.seal({ data: { cart: 1 }, userId: "7" }, NOW);
    const cookie = cookieReader({ sessionid: cookies[0]?.value });
    const opened = await source.open(cookie, NOW);
    expect(opened).toMatchObject({
      userId: "7",
      data: { cart: 1, _auth_user_backend: "django.contrib.auth.backends.ModelBackend" },
    });
  });

  it("P5 one of before the password was changed does not, nor one of a user who is gone", async () => {
    const bound = async (userId: string, password: string) => {
      const hash = await djangoAuthHash({ secrets, passwordHash: password });
      const data = { _auth_user_id: userId, _auth_user_hash: hash };
      const { cookies } = await source.seal({ data }, NOW);
      return await source.open(cookieReader({ sessionid: cookies[0]?.value }), NOW);
    };
    expect(await bound("7", "pbkdf2_sha256$1$x$y")).toMatchObject({ userId: "7" });
    expect(await bound("7", "pbkdf2_sha256$1$x$old")).toMatchObject({ refused: "expired" });
    expect(await bound("8", "pbkdf2_sha256$1$x$y")).toMatchObject({ refused: "expired" });
  });

  it("P8 a hash under an old secret is taken", async () => {
    const hash = await djangoAuthHash({ secrets: ["old"], passwordHash: passwords["7"] as string });
    const data = { _auth_user_id: "7", _auth_user_hash: hash };
    const { cookies } = await source.seal({ data }, NOW);
    const opened = await source.open(cookieReader({ sessionid: cookies[0]?.value }), NOW);
    expect(opened).toMatchObject({ userId: "7" });
  });
});

it("P13 a refusal says nothing of the cookie, the record or the secret", async () => {
  const problems: string[] = [];
  for (const { source: make } of CASES) {
    const records = recordsInMemory({});
    const source = make("s3cret-word", records);
    const { cookies, recordKey } = await source.seal({ data: { word: "gr33n-tea" } }, NOW);
    const [{ name, value }] = cookies as readonly [ForeignCookie];
    const attempts = [`${value}x`, value.slice(1), `gr33n-tea.${value}`];
    for (const attempt of attempts) {
      const answer = await source.open(cookieReader({ [name]: attempt }), NOW);
      problems.push((answer as Refused).problem);
    }
    if (recordKey !== undefined) {
      await records.write(recordKey, { value: "gr33n-tea" });
      const answer = await source.open(cookieReader({ [name]: value }), NOW);
      problems.push((answer as Refused).problem);
    }
  }
  const told = problems.join("\n");
  expect(told).not.toMatch(/gr33n|s3cret/);
  expect(problems.length).toBeGreaterThan(30);
});
