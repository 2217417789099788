import { createSecretKey } from "node:crypto";
import { createRequire } from "node:module";
import { describe, expect, it } from "vitest";
import {
  cookieText,
  openSigned,
  sidFromHeader,
  signedValue,
  signingKeys,
} from "../../../src/compat/express/cookie-text.ts";
import { Cookie } from "../../../src/compat/express-session.ts";

// What express-session itself signs with.
const require = createRequire(createRequire(import.meta.url).resolve("express-session"));
const signature = require("cookie-signature") as {
  sign(value: string, secret: unknown): string;
};
const cookie = require("cookie") as {
  serialize(name: string, value: string, options: object): string;
};

const SIDS = ["apple", "%", "/foo", "", "a.b", "é😀", "x".repeat(300), "s:nested"];
const secrets = ["keyboard cat", "é😀", "x".repeat(100)];

describe("the signature", () => {
  it.each(SIDS.flatMap((sid) => secrets.map((secret) => [sid, secret] as const)))(
    "is cookie-signature's for %j under %j",
    (sid, secret) => {
      const [key] = signingKeys([secret]);
      const signed = signedValue(sid, key as never);
      expect(signed).toBe(`s:${signature.sign(sid, secret)}`);
      if (sid !== "") expect(openSigned(signed, signingKeys(["other", secret]))).toBe(sid);
      expect(openSigned(signed, signingKeys(["other"]))).toBeUndefined();
    },
  );

  it("is made with a Buffer or a KeyObject just so", () => {
    const bytes = Buffer.from([0, 1, 2, 255]);
    for (const [key] of [signingKeys([bytes]), signingKeys([createSecretKey(bytes)])]) {
      expect(signedValue("a", key as never)).toBe(`s:${signature.sign("a", bytes)}`);
    }
  });

  it("P13 is refused without the secret in the error", () => {
    expect(() => signingKeys([{ secret: "hush" }])).toThrow("a string, a Buffer or a KeyObject");
  });

  it.each(["", "s:", "s:.", "s:a", "a.b", "s:a.", "S:a.b", "s:apple.é"])(
    "P3 refuses %j",
    (value) => {
      expect(openSigned(value, signingKeys(secrets))).toBeUndefined();
    },
  );

  it("P3 refuses every changed character", () => {
    const keys = signingKeys(["keyboard cat"]);
    const signed = signedValue("apple", keys[0] as never);
    for (let at = 2; at < signed.length; at += 1) {
      for (const other of ["A", "b", "+", "="]) {
        if (other === signed[at]) continue;
        const changed = signed.slice(0, at) + other + signed.slice(at + 1);
        expect(openSigned(changed, keys)).toBeUndefined();
      }
    }
  });
});

describe("the cookie of a request", () => {
  const keys = signingKeys(["keyboard cat"]);
  const good = encodeURIComponent(signedValue("apple", keys[0] as never));

  it.each([
    `connect.sid=${good}`,
    `a=b; connect.sid=${good}; c=d`,
    `connect.sid="${good}"`,
    `connect.sid=planted; connect.sid=${good}`,
    `connect.sid=s%3Aapple.forged; connect.sid=${good}`,
    `connect.sid=%E0%A4%A; connect.sid=${good}`,
  ])("is found in %s", (header) => {
    expect(sidFromHeader(header, "connect.sid", keys)).toBe("apple");
  });

  it.each([`xconnect.sid=${good}`, `connect.sid.x=${good}`, `connect_sid=${good}`, "connect.sid"])(
    "is not found in %s",
    (header) => {
      expect(sidFromHeader(header, "connect.sid", keys)).toBeUndefined();
    },
  );
});

describe("the text of a cookie", () => {
  it.each([
    {},
    { path: "/", httpOnly: true },
    { domain: "example.com", path: "/a b", secure: true, partitioned: true },
    { expires: new Date(0), priority: "high", sameSite: true },
    { expires: new Date(1e12), priority: "LOW", sameSite: "None", httpOnly: false },
  ])("is the package cookie's for %j", (settings) => {
    const text = cookieText("sid", "s:é.x/y+z=", settings as never);
    expect(text).toBe(cookie.serialize("sid", "s:é.x/y+z=", settings));
  });

  it.each([
    ["a b", {}],
    ["", {}],
    ["sid", { domain: "a b" }],
    ["sid", { path: "/; Domain=evil" }],
    ["sid", { expires: new Date(Number.NaN) }],
    ["sid", { expires: "tomorrow" }],
    ["sid", { priority: "urgent" }],
    ["sid", { sameSite: "toString" }],
    ["sid", { sameSite: 1 }],
  ])("is refused in the same words: %j %j", (name, settings) => {
    const theirs = thrown(() => cookie.serialize(name, "v", settings));
    expect(thrown(() => cookieText(name, "v", settings as never))).toBe(theirs);
    expect(theirs).toMatch(/is invalid$/);
  });

  it("keeps the age that was asked for, to the millisecond", () => {
    const made = new Cookie({ maxAge: 2000 });
    made.maxAge = 5000;
    expect(made.originalMaxAge).toBe(5000);
  });
});

function thrown(run: () => unknown): string {
  try {
    run();
  } catch (error) {
    return (error as Error).message;
  }
  return "nothing";
}
