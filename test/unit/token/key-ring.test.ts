import { inspect } from "node:util";
import { describe, expect, it } from "vitest";
import type { ConfigError } from "../../../src/errors.ts";
import { hmac } from "../../../src/lib/sha256.ts";
import type { Key, KeyRing } from "../../../src/token/key-ring.ts";
import { createKeyRing, generateSecret } from "../../../src/token/key-ring.ts";

const [FIRST, SECOND] = [generateSecret(), generateSecret()];
const base = { secrets: [FIRST], app: "shop", cookieName: "sid" };

describe("createKeyRing", () => {
  it("gives the same keys for the same secret, app and cookie, in every process", () => {
    expect(fingerprints(createKeyRing(base))).toEqual(fingerprints(createKeyRing(base)));
  });

  it("P8 makes with the first secret and finds the key of each", () => {
    const rings = [[FIRST], [FIRST, SECOND], [SECOND, FIRST]].map((secrets) =>
      createKeyRing({ ...base, secrets }),
    );
    const [one, old, next] = rings as [KeyRing, KeyRing, KeyRing];
    expect(old.current.kid).toBe(one.current.kid);
    expect(next.current.kid).not.toBe(one.current.kid);
    for (const ring of [old, next]) {
      expect(prints(ring.find(one.current.kid))).toEqual(prints(one.current));
      expect(ring.find(next.current.kid)?.kid).toBe(next.current.kid);
    }
    expect(one.find(next.current.kid)).toBeUndefined();
    expect(one.find(0)).toBeUndefined();
  });

  it("P3 shares no key between purposes, apps, cookies, days and secrets", () => {
    const rings = [
      base,
      { ...base, app: "" },
      { ...base, app: "shops" },
      // The same letters, divided in another way.
      { ...base, app: "shopsid", cookieName: "" },
      { ...base, app: "", cookieName: "shopsid" },
      { ...base, app: "shops", cookieName: "id" },
      { ...base, cookieName: "sid2" },
      { ...base, secrets: [SECOND] },
    ].map(createKeyRing);
    const all = rings.flatMap(fingerprints);
    expect(new Set(all).size).toBe(all.length);
  });

  it("has one key id per secret, whatever the app and the cookie", () => {
    const kids = ["", "shop", "blog"].map((app) => createKeyRing({ ...base, app }).current.kid);
    expect(new Set(kids).size).toBe(1);
    expect(kids[0]).toBeGreaterThanOrEqual(0);
    expect(kids[0]).toBeLessThan(2 ** 32);
  });

  it("takes bytes as well, and does not follow them afterwards", () => {
    const bytes = crypto.getRandomValues(new Uint8Array(32));
    const ring = createKeyRing({ ...base, secrets: [bytes] });
    const before = fingerprints(ring);
    bytes.fill(0);
    expect(fingerprints(ring)).toEqual(before);
  });

  it("refuses a list that is missing or empty", () => {
    for (const secrets of [undefined, [], FIRST, {}]) {
      const error = refusal(secrets);
      expect(error.option).toBe("secrets");
      expect(error.message).toContain("npx coatcheck secret");
    }
  });

  it("names the secret that is refused, and says how to mend it", () => {
    const error = refusal([FIRST, "hunter2"]);
    expect(error).toMatchObject({ code: "ERR_CONFIG", option: "secrets" });
    expect(error.message).toBe(
      "coatcheck: option `secrets` cannot be used: `secrets[1]` has 7 characters and needs 43; " +
        "`npx coatcheck secret` prints a good one",
    );
    expect(refusal([undefined]).message).toContain("`secrets[0]` is undefined");
  });

  it("refuses the same secret twice, and names both", () => {
    expect(refusal([FIRST, SECOND, FIRST]).message).toContain("`secrets[0]` and `secrets[2]`");
    const bytes = new Uint8Array(Buffer.from(SECOND));
    expect(refusal([FIRST, SECOND, bytes]).message).toContain("`secrets[1]` and `secrets[2]`");
  });

  it("P13 shows nothing of a secret or a key: not in the ring, not in an error", () => {
    const ring = createKeyRing({ ...base, secrets: [FIRST, SECOND] });
    ring.current.purpose("csrf");
    const options = { showHidden: true, depth: Number.POSITIVE_INFINITY, maxArrayLength: null };
    const shown = inspect(ring, options) + inspect(ring.current, options) + JSON.stringify(ring);
    const words = new Int32Array(8);
    for (const key of [ring.current.ticket, ring.current.purpose("csrf")]) {
      for (const outer of [false, true]) {
        key.begin(words, outer);
        for (const word of words) expect(shown).not.toContain(String(word));
      }
    }
    expect(shown).not.toContain(FIRST.slice(4, 12));
    expect(shown).not.toMatch(/\d+, \d+, \d+/);
    expect(JSON.parse(JSON.stringify(ring))).toEqual({
      current: { kid: ring.current.kid, ticket: {} },
      keys: ring.keys.map(({ kid }) => ({ kid, ticket: {} })),
      app: "shop",
      cookieName: "sid",
    });
    const secrets = [
      `${FIRST} `,
      FIRST.slice(0, 30),
      "sw0rdfish-sw0rdfish-sw0rdfish-sw0rdfish-sw0rd",
    ];
    for (const secret of secrets) {
      const error = refusal([secret]);
      expect(inspect(error, options)).not.toContain(secret.slice(4, 12));
    }
  });
});

describe("purpose", () => {
  it("gives one key per name, apart from the keys of tickets and seals", () => {
    const { current } = createKeyRing(base);
    expect(current.purpose("csrf")).toBe(current.purpose("csrf"));
    const keys = [
      current.ticket,
      ...["csrf", "binding", "ticket", "seal", ""].map(current.purpose),
    ];
    const tags = keys.map((key) => String(hmac(key, new Uint8Array(1))));
    expect(new Set(tags).size).toBe(tags.length);
  });
});

describe("generateSecret", () => {
  it("prints 32 random bytes that a ring takes", () => {
    const secrets = Array.from({ length: 200 }, generateSecret);
    expect(new Set(secrets).size).toBe(200);
    for (const secret of secrets) {
      expect(secret).toMatch(/^ck1_[\w-]{43}$/);
      expect(Buffer.from(secret.slice(4), "base64url")).toHaveLength(32);
    }
    expect(createKeyRing({ ...base, secrets }).current.kid).toBeTypeOf("number");
  });
});

function fingerprints(ring: KeyRing): string[] {
  return prints(ring.current);
}

function prints(key: Key | undefined): string[] {
  if (key === undefined) return [];
  const message = new Uint8Array(8);
  return [
    ...[key.ticket, key.purpose("csrf"), key.purpose("binding")].map((each) =>
      String(hmac(each, message)),
    ),
    ...[0, 1, 11, 20_000].map((day) => String(key.sealKey(day))),
  ];
}

function refusal(secrets: unknown): ConfigError {
  try {
    createKeyRing({ ...base, secrets: secrets as string[] });
  } catch (error) {
    return error as ConfigError;
  }
  throw new Error("was not refused");
}
