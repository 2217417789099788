import { format, inspect } from "node:util";
import { describe, expect, it } from "vitest";
import type { CookieAttributes } from "../../../src/cookie/write.ts";
import {
  cookieProblem,
  deletedCookie,
  MAX_COOKIE_BYTES,
  ownCookie,
  replaceCookies,
} from "../../../src/cookie/write.ts";
import { ConfigError, SessionTooLargeError } from "../../../src/errors.ts";
import { storeCookie } from "../../support/user-agent.ts";

const NAME = "__Host-Http-sid";
const DEFAULTS: CookieAttributes = {
  path: "/",
  secure: true,
  sameSite: "lax",
  partitioned: false,
};

describe("ownCookie", () => {
  it.each<[string, string, Partial<CookieAttributes>]>([
    ["__Host-Http-sid=v; Path=/; Secure; HttpOnly; SameSite=Lax", NAME, {}],
    ["__Host-Http-sid=v; Path=/; Secure; HttpOnly; SameSite=Strict", NAME, { sameSite: "strict" }],
    ["__Host-Http-sid=v; Path=/; Max-Age=60; Secure; HttpOnly; SameSite=Lax", NAME, { maxAge: 60 }],
    [
      "__Host-Http-sid=v; Path=/; Secure; HttpOnly; SameSite=None; Partitioned",
      NAME,
      { sameSite: "none", partitioned: true },
    ],
    ["sid=v; Path=/; HttpOnly; SameSite=Lax", "sid", { secure: false }],
    ["sid=v; Path=/shop; Secure; HttpOnly; SameSite=Lax", "sid", { path: "/shop" }],
    [
      "__Secure-sid=v; Path=/; Domain=example.com; Secure; HttpOnly; SameSite=Lax",
      "__Secure-sid",
      { domain: "example.com" },
    ],
  ])("writes %s", (field, name, attributes) => {
    const all = { ...DEFAULTS, ...attributes };
    const cookie = ownCookie(name, "v", all);
    expect(String(cookie)).toBe(field);
    expect(cookie.name).toBe(name);
    expect(cookie.value).toBe("v");
    expect(cookie.attributes).toEqual(all);
  });

  it("caps the age at the 400 days that browsers keep", () => {
    for (const maxAge of [34_560_000, 34_560_001, 99_999_999_999, Number.POSITIVE_INFINITY]) {
      const cookie = ownCookie("sid", "v", { ...DEFAULTS, maxAge });
      expect(String(cookie)).toContain("; Max-Age=34560000;");
      expect(cookie.attributes.maxAge).toBe(34_560_000);
    }
  });

  it("deletes a cookie whose session ended while it was written", () => {
    const late = { ...DEFAULTS, maxAge: -2 };
    expect(String(ownCookie("sid", "v", late))).toContain("; Max-Age=0; Expires=Thu, 01 Jan 1970");
    expect(cookieProblem("sid", late)?.option).toBe("cookie.maxAge");
  });

  it("takes 4096 bytes of name and value, and not one more", () => {
    const room = MAX_COOKIE_BYTES - "sid".length;
    expect(storeCookie(String(ownCookie("sid", "v".repeat(room), DEFAULTS)))).toBeDefined();
    try {
      ownCookie("sid", "v".repeat(room + 1), DEFAULTS);
      expect.unreachable();
    } catch (error) {
      expect(error).toBeInstanceOf(SessionTooLargeError);
      expect(error).toMatchObject({ size: 4097, limit: 4096 });
    }
  });

  it("refuses what cookieProblem finds, by the name of the option", () => {
    const make = () => ownCookie(NAME, "v", { ...DEFAULTS, domain: "example.com" });
    expect(make).toThrow(ConfigError);
    expect(make).toThrow(/`cookie\.domain`/);
  });

  it("takes a name that is made of the longest one allowed", () => {
    const name = "x".repeat(256);
    expect(cookieProblem(name, DEFAULTS)).toBeUndefined();
    expect(() => ownCookie(`${name}-3`, "v", DEFAULTS)).not.toThrow();
    expect(cookieProblem(`${name}-3`, DEFAULTS)?.option).toBe("cookie.name");
  });

  it("P13 shows its value to nobody who does not ask for it", () => {
    const cookie = ownCookie("sid", "s3cret", DEFAULTS);
    const deep = { response: { cookies: [cookie] } };
    const shown = [
      JSON.stringify(deep),
      inspect(deep, { depth: 9 }),
      inspect(cookie, { showHidden: true }),
      inspect(cookie, { customInspect: false }),
      format("%o %O %j", cookie, cookie, cookie),
      JSON.stringify({ ...cookie }),
      JSON.stringify(Object.entries(cookie)),
    ];
    for (const text of shown) {
      expect(text).toContain("sid");
      expect(text).not.toContain("s3cret");
    }
    expect(JSON.parse(JSON.stringify(cookie)).value).toBe("[hidden]");
    expect(`${cookie}`).toContain("s3cret");
  });
});

describe("deletedCookie", () => {
  it("repeats every attribute, empties the value, and ends in the past", () => {
    const attributes: CookieAttributes = { ...DEFAULTS, sameSite: "none", partitioned: true };
    expect(String(deletedCookie(NAME, { ...attributes, maxAge: 60 }))).toBe(
      "__Host-Http-sid=; Path=/; Max-Age=0; Expires=Thu, 01 Jan 1970 00:00:00 GMT; " +
        "Secure; HttpOnly; SameSite=None; Partitioned",
    );
    expect(
      String(deletedCookie("sid", { ...DEFAULTS, path: "/shop", domain: "example.com" })),
    ).toContain("; Path=/shop; Domain=example.com; Max-Age=0;");
  });

  it("is taken by a browser that checks prefixes", () => {
    expect(storeCookie(String(deletedCookie(NAME, DEFAULTS)))).toMatchObject({
      name: NAME,
      value: "",
      maxAge: 0,
    });
  });
});

describe("cookieProblem", () => {
  it.each<[string, Partial<CookieAttributes>]>([
    [NAME, {}],
    [NAME, { sameSite: "none" }],
    ["__Http-sid", { path: "/shop", domain: "example.com" }],
    ["__Secure-sid", { path: "/shop", domain: "shop.example.com" }],
    ["sid", { secure: false }],
    ["sid", { path: "/a/~b/%20(c)" }],
    ["sid", { domain: "localhost" }],
    ["sid", { domain: "xn--bcher-kva.example" }],
    ["sid", { domain: "1.example.com" }],
    ["sid", { maxAge: 0 }],
    ["!#$%&'*+-.^_`|~", {}],
    ["x".repeat(256), {}],
    ["sid", { path: `/${"x".repeat(1023)}` }],
  ])("finds none with %s and %o", (name, attributes) => {
    const all = { ...DEFAULTS, ...attributes };
    expect(cookieProblem(name, all)).toBeUndefined();
    expect(storeCookie(String(ownCookie(name, "v", all)))).toMatchObject({
      name,
      ...attributes,
    });
  });

  it.each<[string, string, Partial<CookieAttributes>]>([
    ["name", "", {}],
    ["name", "a b", {}],
    ["name", "sid=x", {}],
    ["name", "sid; Domain=evil.example", {}],
    ["name", "sid\r\nx", {}],
    ["name", "sïd", {}],
    // Browsers check prefixes in any case.
    ["name", "__host-sid", {}],
    ["name", "__HOST-HTTP-sid", {}],
    ["name", "__Host-http-sid", {}],
    ["name", "__http-sid", {}],
    ["name", "__SECURE-sid", {}],
    ["name", NAME, { secure: false }],
    ["name", "__Host-sid", { secure: false }],
    ["name", "__Http-sid", { secure: false }],
    ["name", "__Secure-sid", { secure: false }],
    ["path", NAME, { path: "/shop" }],
    ["path", "__Host-sid", { path: "/shop" }],
    ["domain", NAME, { domain: "example.com" }],
    ["domain", "__Host-sid", { domain: "example.com" }],
    ["path", "sid", { path: "" }],
    ["path", "sid", { path: "shop" }],
    ["path", "sid", { path: "/a b" }],
    ["path", "sid", { path: "/a?b" }],
    ["path", "sid", { path: "/a#b" }],
    ["path", "sid", { path: "/é" }],
    ["path", "sid", { path: "/; Domain=evil.example" }],
    ["path", "sid", { path: "/\r\nSet-Cookie: x=y" }],
    ["path", "sid", { path: `/${"x".repeat(1024)}` }],
    ["domain", "sid", { domain: "" }],
    ["domain", "sid", { domain: ".example.com" }],
    ["domain", "sid", { domain: "example.com." }],
    ["domain", "sid", { domain: "example..com" }],
    ["domain", "sid", { domain: "-a.example" }],
    ["domain", "sid", { domain: "a_b.example" }],
    ["domain", "sid", { domain: "bücher.example" }],
    ["domain", "sid", { domain: "example.com; Path=/evil" }],
    ["domain", "sid", { domain: "https://example.com" }],
    ["domain", "sid", { domain: "example.com:443" }],
    ["domain", "sid", { domain: "127.0.0.1" }],
    ["domain", "sid", { domain: "[::1]" }],
    ["domain", "sid", { domain: `${"a".repeat(64)}.example` }],
    ["domain", "sid", { domain: `${"a.".repeat(126)}ab` }],
    ["sameSite", "sid", { sameSite: "Lax" as "lax" }],
    ["sameSite", "sid", { sameSite: "toString" as "lax" }],
    ["sameSite", "sid", { sameSite: "lax; Domain=evil.example" as "lax" }],
    ["sameSite", "sid", { sameSite: "none", secure: false }],
    ["partitioned", "sid", { partitioned: true, secure: false }],
    ["partitioned", "sid", { partitioned: true, sameSite: "lax" }],
    ["maxAge", "sid", { maxAge: 1.5 }],
    ["maxAge", "sid", { maxAge: Number.NaN }],
    ["maxAge", "sid", { maxAge: "1; Secure" as never }],
  ])("names cookie.%s for %j with %j", (option, name, attributes) => {
    const all = { ...DEFAULTS, ...attributes };
    expect(cookieProblem(name, all)?.option).toBe(`cookie.${option}`);
    expect(() => ownCookie(name, "v", all)).toThrow(ConfigError);
    if (option !== "maxAge") expect(() => deletedCookie(name, all)).toThrow(ConfigError);
  });
});

describe("replaceCookies", () => {
  const ours = ownCookie("sid", "new", DEFAULTS);

  it("adds ours after those of others, which stay as they are", () => {
    const others = ["a=1; Path=/", "b=sid=x; HttpOnly", "a=2"];
    expect(replaceCookies(others, [ours])).toEqual([...others, String(ours)]);
    expect(others).toHaveLength(3);
  });

  it("replaces every cookie of the same name", () => {
    expect(
      replaceCookies(["sid=1", "a=1", " sid\t= 2; Path=/x", "sid=; Max-Age=0"], [ours]),
    ).toEqual(["a=1", String(ours)]);
  });

  it("leaves names alone that only look like ours", () => {
    const others = [
      "SID=1",
      "sid2=1",
      "xsid=1",
      "sid",
      "=sid",
      "sid;=1",
      "\u00a0sid=1",
      "a=1; sid=2",
    ];
    expect(replaceCookies(others, [ours])).toEqual([...others, String(ours)]);
  });

  it("sets each name once, the later of two of ours", () => {
    const gone = deletedCookie("sid", DEFAULTS);
    const chunk = ownCookie("sid-1", "v", DEFAULTS);
    expect(replaceCookies(["sid=0"], [ours, chunk, gone])).toEqual([String(gone), String(chunk)]);
  });

  it("changes nothing when done again, and nothing without cookies", () => {
    const once = replaceCookies(["a=1", "sid=1"], [ours]);
    expect(replaceCookies(once, [ours])).toEqual(once);
    expect(replaceCookies(once, [])).toEqual(once);
  });

  it("takes time linear in a field of blanks", () => {
    const field = `a${" ".repeat(1_000_000)}b=c`;
    expect(replaceCookies([field], [ours])).toEqual([field, String(ours)]);
  });
});
