/**
 * Every format in both directions, with the real library at the other end: random values that we write
 * and it reads, and that it writes and we read.
 */

import fc from "fast-check";
import { afterAll, beforeAll, expect, it } from "vitest";
import { djangoAuthHash, djangoSigning } from "../../src/interop/django.ts";
import { flaskCookie, flaskLoginIdentifier, flaskSerializer } from "../../src/interop/flask.ts";
import type { Digest, KeyDerivation } from "../../src/interop/itsdangerous.ts";
import {
  signer,
  timestampSigner,
  urlSafeSerializer,
  urlSafeTimedSerializer,
} from "../../src/interop/itsdangerous.ts";
import { readMsgpack, writeMsgpack } from "../../src/interop/msgpack.ts";
import { readPickle, writePickle } from "../../src/interop/pickle.ts";
import { describeWith } from "../support/needs.ts";
import { coverage } from "./coverage.ts";
import { describeValue, sorted } from "./python/describe.ts";
import type { Peer } from "./python/peer.ts";
import { pythonWith, startPeer } from "./python/peer.ts";
import { flaskValues, jsonValues, msgpackValues, pickleValues } from "./python/values.ts";

const cover = coverage("live-formats");
async function coverLive(library: string, what: string): Promise<void> {
  const version = await peer.call<string>("version", { package: library });
  cover({ library, version, what, direction: "both", how: "live" });
}

const RUNS = { numRuns: Number(process.env["INTEROP_RUNS"] ?? 40) };
const SECOND = 1000;

let peer: Peer;
beforeAll(() => {
  peer = startPeer();
});
afterAll(async () => {
  await peer.stop();
});

const signers = fc.record({
  keys: fc.array(fc.uint8Array({ minLength: 1, maxLength: 80 }), { minLength: 1, maxLength: 3 }),
  salt: fc.uint8Array({ maxLength: 40 }),
  derivation: fc.constantFrom<KeyDerivation>("concat", "django-concat", "hmac", "none"),
  digest: fc.constantFrom<Digest>("sha1", "sha256", "sha512"),
});
const moments = fc.integer({ min: 1, max: 4_000_000_000 });
const texts = fc.string({ unit: "binary", maxLength: 60 });

describeWith(pythonWith("itsdangerous"), "itsdangerous", () => {
  it("signs what we open, and opens what we sign, by every derivation, digest and key", async () => {
    const separators = fc.constantFrom(".", ":", "|", "~~", "a.");
    await check(signers, texts, separators, async (how, value, sep) => {
      const ours = signer({ ...oursOf(how), separator: sep });
      const theirs = { kind: "Signer", sep, ...theirsOf(how) };
      const signed = await peer.call<string>("sign", { value, ...theirs });
      expect(await ours.sign(value)).toBe(signed);
      expect(await ours.unsign(signed)).toEqual({ value });
      for (const key of how.keys) {
        const old = await signer({ ...oursOf(how), secrets: [key], separator: sep }).sign(value);
        expect(await peer.call("unsign", { signed: old, ...theirs })).toBe(value);
        expect(await ours.unsign(old)).toEqual({ value });
      }
    });
    await coverLive("itsdangerous", "Signer");
  });

  it("signs with the time", async () => {
    await check(signers, texts, moments, async (how, value, at) => {
      const theirs = { kind: "TimestampSigner", ...theirsOf(how) };
      await peer.call("clock", { at });
      const signed = await peer.call<string>("sign", { value, ...theirs });
      const ours = timestampSigner(oursOf(how));
      expect(await ours.sign(value, at * SECOND)).toBe(signed);
      const signedAt = at * SECOND;
      const now = (at + 5) * SECOND;
      expect(await ours.unsign(signed, { now, maxAge: 5 })).toEqual({ value, signedAt });
      expect(await ours.unsign(signed, { now, maxAge: 4 })).toMatchObject({ refused: "expired" });
      await peer.call("clock", { at: null });
    });
    await coverLive("itsdangerous", "TimestampSigner");
  });

  it.each(["URLSafeSerializer", "URLSafeTimedSerializer"])("%s", async (kind) => {
    await check(signers, jsonValues, moments, async (how, value, at) => {
      const theirs = { kind, ...theirsOf(how) };
      const isTimed = kind.includes("Timed");
      await peer.call("clock", { at });
      const timed = urlSafeTimedSerializer(oursOf(how));
      const plain = urlSafeSerializer(oursOf(how));
      const text = isTimed ? await timed.dumps(value, at * SECOND) : await plain.dumps(value);
      const read = await peer.call("loads", {
        text,
        ...theirs,
        ...(isTimed ? { max_age: 0 } : {}),
      });
      expect(sorted(read)).toEqual(describeValue(value));
      const made = await peer.call<string>("dumps", { value: describeValue(value), ...theirs });
      const loaded = isTimed
        ? await timed.loads(made, { now: at * SECOND })
        : await plain.loads(made);
      expect(describeValue(valueIn(loaded))).toEqual(describeValue(value));
      await peer.call("clock", { at: null });
    });
    await coverLive("itsdangerous", kind);
  });
});

describeWith(pythonWith("flask"), "Flask", () => {
  it("reads our session cookies, and we read its, tags and all", async () => {
    await check(fc.string({ minLength: 1 }), flaskValues, async (secret, value) => {
      const { dumps, loads } = flaskSerializer({ secrets: [secret] });
      const theirs = await peer.call<string>("flask_dumps", {
        secret,
        value: describeValue(value),
      });
      const loaded = valueIn(await loads(theirs));
      expect(describeValue(loaded)).toEqual(describeValue(value));
      const read = await peer.call("flask_loads", {
        secret,
        text: await dumps(value),
        max_age: 60,
      });
      expect(sorted(read)).toEqual(describeValue(value));
    });
    await coverLive("Flask", "tagged JSON");
  });
});

describeWith(pythonWith("flask"), "Flask, by another clock than ours", () => {
  it("takes what we write while its own is behind, and we what it writes while that is ahead", async () => {
    const secret = "s3cret";
    const source = flaskCookie({ secrets: [secret] });
    const now = Date.now();
    const { cookies } = await source.seal({ data: { a: 1 } }, now);
    const args = { secret, text: cookies[0]?.value, max_age: 60 };
    for (const apart of [-9, -1, 0, 9]) {
      await peer.call("clock", { at: now / SECOND + apart });
      expect(await peer.call("flask_loads", args)).toEqual(describeValue({ a: 1 }));
      const value = describeValue({ b: 2 });
      const text = await peer.call<string>("flask_dumps", { secret, value });
      expect(await source.open(() => text, now)).toMatchObject({ data: { b: 2 } });
    }
    await peer.call("clock", { at: null });
  });
});

describeWith(pythonWith("flask_login"), "Flask-Login", () => {
  it.each([
    ["127.0.0.1", "curl/8"],
    ["::1", undefined],
    ["10.0.0.1", 'it\'s \\ "odd"'],
    ["10.0.0.1", "it's é"],
  ])("makes its identifier of %s and %s as we do", async (address, agent) => {
    const theirs = await peer.call("login_identifier", { address, agent: agent ?? null });
    expect(await flaskLoginIdentifier(address, agent)).toBe(theirs);
    await coverLive("Flask-Login", "`_id`");
  });
});

describeWith(pythonWith("markupsafe"), "pickle", () => {
  it("reads what we write", async () => {
    await check(pickleValues, async (value) => {
      const data = Buffer.from(writePickle(value)).toString("base64");
      expect(sorted(await peer.call("pickle_loads", { data }))).toEqual(describeValue(value));
      expect(describeValue(valueIn(readPickle(writePickle(value))))).toEqual(describeValue(value));
    });
  });

  it.each([0, 1, 2, 3, 4, 5])("writes what we read, in protocol %i", async (protocol) => {
    await check(pickleValues, async (value) => {
      const described = describeValue(value);
      const data = await peer.call<string>("pickle_dumps", { value: described, protocol });
      expect(describeValue(valueIn(readPickle(Buffer.from(data, "base64"))))).toEqual(described);
    });
  });

  it.each([0, 2, 4, 5])(
    "gives back exactly what holds more in Python than here, from protocol %i",
    async (protocol) => {
      type Exact = { readonly data: string; readonly shown: string };
      const { data, shown } = await peer.call<Exact>("pickle_exact", { protocol });
      const value = valueIn(readPickle(Buffer.from(data, "base64"))) as Record<string, unknown>;
      const again = Buffer.from(writePickle(value)).toString("base64");
      expect(await peer.call("pickle_shown", { data: again })).toBe(shown);
      // What the app has changed is what it says now.
      (value["zone"] as Date).setTime(0);
      (value["bytes"] as Uint8Array[])[0]?.set([1]);
      const changed = Buffer.from(writePickle(value)).toString("base64");
      const now = await peer.call<string>("pickle_shown", { data: changed });
      expect(now).toContain(
        "'zone': datetime.datetime(1970, 1, 1, 0, 0, tzinfo=datetime.timezone.utc)",
      );
      expect(now).toContain("[bytearray(b'\\x01'), b'\\xff']");
    },
  );
});

describeWith(pythonWith("msgpack"), "MessagePack", () => {
  it("reads what we write, and writes what we read", async () => {
    await check(msgpackValues, async (value) => {
      const data = Buffer.from(writeMsgpack(value)).toString("base64");
      expect(sorted(await peer.call("msgpack_loads", { data }))).toEqual(describeValue(value));
      const made = await peer.call<string>("msgpack_dumps", { value: describeValue(value) });
      const read = valueIn(readMsgpack(Buffer.from(made, "base64")));
      expect(describeValue(read)).toEqual(describeValue(value));
    });
    await coverLive("msgpack", "values");
  });

  it("gives back a moment with its nanoseconds, while nobody has changed it", async () => {
    const data = await peer.call<string>("msgpack_moments", {});
    const moments = valueIn(readMsgpack(Buffer.from(data, "base64"))) as Date[];
    const shown = async () =>
      peer.call("msgpack_shown", { data: Buffer.from(writeMsgpack(moments)).toString("base64") });
    const before = await peer.call<string>("msgpack_shown", { data });
    expect(await shown()).toBe(before);
    moments[0]?.setTime(1000);
    expect(await shown()).toBe(
      before.replace("seconds=0, nanoseconds=1000", "seconds=1, nanoseconds=0"),
    );
  });
});

describeWith(pythonWith("django"), "Django", () => {
  const salts = fc.string({ minLength: 1, maxLength: 30 });

  it("loads what we dump, and we load what it dumps, compressed and not", async () => {
    const secrets = fc.string({ minLength: 1 });
    await check(secrets, salts, jsonValues, fc.boolean(), async (key, salt, value, compress) => {
      const signing = djangoSigning({ secrets: [key], salt });
      const described = describeValue(value);
      const made = await peer.call<string>("django_dumps", {
        value: described,
        key,
        salt,
        compress,
      });
      expect(describeValue(valueIn(await signing.loads(made)))).toEqual(described);
      const text = await signing.dumps(value, { compress });
      const read = await peer.call("django_loads", { text, key, salt, max_age: 60 });
      expect(sorted(read)).toEqual(described);
    });
    await coverLive("Django", "signed values");
  });

  it("binds sessions to passwords as we do", async () => {
    await check(fc.string({ minLength: 1 }), fc.string(), async (secret, password) => {
      const theirs = await peer.call("django_auth_hash", { secret, password });
      expect(await djangoAuthHash({ secrets: [secret], passwordHash: password })).toBe(theirs);
    });
    await coverLive("Django", "`_auth_user_hash`");
  });
});

async function check<Values extends [unknown, ...unknown[]]>(
  ...args: [
    ...arbitraries: { [Key in keyof Values]: fc.Arbitrary<Values[Key]> },
    predicate: (...values: Values) => Promise<void>,
  ]
): Promise<void> {
  await fc.assert(fc.asyncProperty(...args), RUNS);
}

function valueIn(result: object): unknown {
  if (!("value" in result)) throw new Error(JSON.stringify(result));
  return result.value;
}

interface How {
  readonly keys: readonly Uint8Array[];
  readonly salt: Uint8Array;
  readonly derivation: KeyDerivation;
  readonly digest: Digest;
}

function oursOf({ keys, salt, derivation, digest }: How) {
  return { secrets: keys, salt, keyDerivation: derivation, digest };
}

/** The library takes the oldest first. */
function theirsOf({ keys, salt, derivation, digest }: How) {
  const hex = (bytes: Uint8Array) => Buffer.from(bytes).toString("hex");
  return { keys: [...keys].reverse().map(hex), salt: hex(salt), derivation, digest };
}
