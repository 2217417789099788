import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { decodeCookieText, encodeCookieText } from "../../../src/interop/js/cookie-text.ts";
import { foreignAttributes, foreignCookie } from "../../../src/interop/js/cookies.ts";
import { readConnectFlash, writeConnectFlash } from "../../../src/interop/js/flash.ts";
import {
  readJsonObject,
  readJsonValue,
  writeExactJson,
  writeJson,
} from "../../../src/interop/js/json.ts";
import { keyList } from "../../../src/interop/js/keys.ts";
import { fastifyPassportUser, passportUser, userAt } from "../../../src/interop/js/user.ts";
import { decodeBase64, encodeBase64, encodeBase64Unpadded } from "../../../src/lib/base64.ts";

describe("base64", () => {
  it("is that of every other library, and has one spelling", () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 100 }), (bytes) => {
        const text = Buffer.from(bytes).toString("base64");
        expect(encodeBase64(bytes)).toBe(text);
        expect(encodeBase64Unpadded(bytes)).toBe(text.replace(/=+$/, ""));
        expect(decodeBase64(text)).toEqual(bytes);
      }),
    );
  });

  it.each([
    "AA",
    "AA=",
    "AA===",
    "AB==",
    "AAB=",
    "A-A=",
    "-_-_",
    "++++ ",
    "====",
    "A=A=",
    "AAA=AAAA",
    "é",
  ])("is refused in any other one: %s", (text) => {
    expect(decodeBase64(text)).toBeUndefined();
  });
});

describe("the text of foreign cookies", () => {
  it("comes back as it was", () => {
    fc.assert(
      fc.property(fc.string({ unit: "grapheme" }), (text) => {
        expect(decodeCookieText(encodeCookieText(text))).toBe(text);
      }),
    );
  });

  it("is decoded once, without quotation marks, and a plus stays one", () => {
    expect(decodeCookieText("a+b/c=")).toBe("a+b/c=");
    expect(decodeCookieText("%2525")).toBe("%25");
    expect(decodeCookieText('"s%3Aid"')).toBe("s:id");
    for (const broken of ["%", "%2", "%zz", "%ff", "a%"]) {
      expect(decodeCookieText(broken)).toBeUndefined();
    }
  });
});

describe("JSON of foreign sessions", () => {
  it("comes back as it was", () => {
    fc.assert(
      fc.property(fc.jsonValue({ maxDepth: 5 }), (value) => {
        const json: unknown = JSON.parse(JSON.stringify(value));
        if (JSON.stringify(json).includes("__proto__")) return;
        expect(readJsonValue(writeJson(json))).toEqual({ value: json });
        expect(readJsonValue(writeExactJson(json), true)).toEqual({ value: json });
      }),
    );
  });

  it("is read up to 64 levels, and a million characters", () => {
    const nested = (levels: number): string =>
      `${'{"a":'.repeat(levels - 1)}{}${"}".repeat(levels - 1)}`;
    expect(readJsonObject(nested(64))).toHaveProperty("object");
    expect(readJsonObject(nested(65))).toMatchObject({ refused: "too-large" });
    expect(readJsonObject(nested(200_000))).toMatchObject({ refused: "too-large" });
    expect(readJsonObject(`{"a":"${"x".repeat(1_048_576)}"}`)).toMatchObject({
      refused: "too-large",
    });
  });

  it("P14 is read up to ten thousand keys in one object", () => {
    const keys = (count: number): string =>
      JSON.stringify(Object.fromEntries(Array.from({ length: count }, (_, at) => [at * 7, 1])));
    expect(readJsonObject(keys(10_000))).toHaveProperty("object");
    for (const text of [keys(10_001), `{"a":[${keys(10_001)}]}`]) {
      expect(readJsonObject(text)).toMatchObject({ refused: "too-large" });
    }
    expect(readJsonObject(JSON.stringify({ a: Array(20_000).fill(1) }))).toHaveProperty("object");
  });

  it("is written with the path of what it cannot hold", () => {
    const wrong = { cart: [{ at: new Date(0) }] };
    expect(() => writeJson(wrong)).toThrow(expect.objectContaining({ path: "cart[0].at" }));
    const round: { self?: unknown } = {};
    round.self = round;
    expect(() => writeJson(round)).toThrow(expect.objectContaining({ code: "ERR_VALUE" }));
  });
});

describe("user fields", () => {
  it("read what the libraries write, and leave it alone where it is right", () => {
    const number = { passport: { user: 42, more: 1 } };
    expect(passportUser.read(number)).toBe("42");
    expect(passportUser.write(number, "42")).toBe(number);
    expect(passportUser.write(number, "43")).toEqual({ passport: { user: "43", more: 1 } });
    expect(passportUser.write({}, "ada")).toEqual({ passport: { user: "ada" } });
    expect(fastifyPassportUser.read({ passport: "ada" })).toBe("ada");
    expect(fastifyPassportUser.write({ passport: "bob", a: 1 }, "ada")).toEqual({
      passport: "ada",
      a: 1,
    });
    const deep = userAt("auth", "user", "id");
    expect(deep.read({ auth: { user: { id: 7 } } })).toBe("7");
    expect(deep.write({ auth: { b: 1 }, c: 2 }, "8")).toEqual({
      auth: { b: 1, user: { id: "8" } },
      c: 2,
    });
  });

  it("read the id of an object, which passport's own examples keep", () => {
    const data = { passport: { user: { id: 7, username: "ada" } } };
    expect(passportUser.read(data)).toBe("7");
    expect(passportUser.write(data, "7")).toBe(data);
    const fastify = { passport: { id: "ada", name: "Ada" } };
    expect(fastifyPassportUser.read(fastify)).toBe("ada");
    expect(fastifyPassportUser.write(fastify, "ada")).toBe(fastify);
  });

  it.each([
    {},
    { passport: null },
    { passport: {} },
    { passport: { user: {} } },
    { passport: { user: { id: {} } } },
    { passport: { user: "" } },
    { passport: { user: 1.5 } },
    { passport: { user: true } },
  ])("find nobody in %j", (data) => {
    expect(passportUser.read(data)).toBeUndefined();
  });

  it("are not taken in by what every object inherits", () => {
    expect(userAt("constructor", "name").read({})).toBeUndefined();
    expect(userAt("toString").read({})).toBeUndefined();
  });
});

describe("connect-flash's messages", () => {
  it("come back in the order of their kinds", () => {
    fc.assert(
      fc.property(fc.array(fc.record({ kind: fc.string(), text: fc.string() })), (messages) => {
        const back = readConnectFlash({ flash: writeConnectFlash(messages) });
        const byKind = (kind: string) => (all: readonly { kind: string }[]) =>
          all.filter((one) => one.kind === kind);
        for (const { kind } of messages) expect(byKind(kind)(back)).toEqual(byKind(kind)(messages));
        expect(back).toHaveLength(messages.length);
      }),
    );
  });

  it.each([
    {},
    { flash: null },
    { flash: "text" },
    { flash: { info: "text" } },
    { flash: { info: [1, null] } },
  ])("are none in %j", (data) => {
    expect(readConnectFlash(data)).toEqual([]);
  });
});

describe("keys and cookies", () => {
  it("are copied, so that wiping the app's own changes nothing", () => {
    const key = Buffer.from("a secret");
    const [copy] = keyList(key, "secret");
    key.fill(0);
    expect(Buffer.from(copy as Uint8Array).toString()).toBe("a secret");
  });

  it("keep attributes that a new cookie of ours could not have", () => {
    const old = foreignAttributes("connect.sid", { sameSite: "none", domain: ".example.com" });
    expect(old).toEqual({
      path: "/",
      secure: false,
      httpOnly: true,
      sameSite: "none",
      domain: ".example.com",
    });
    expect(foreignAttributes("a", { sameSite: true }).sameSite).toBe("strict");
    expect(foreignAttributes("a", { sameSite: false })).not.toHaveProperty("sameSite");
    expect(() => foreignCookie("a", "b".repeat(4096), old, undefined)).toThrow(/4096/);
  });
});
