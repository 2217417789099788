import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { mergeCacheControl, mergeVary } from "../../src/cookie/cache.ts";
import { chunkNames, splitSeal, wholeSeals } from "../../src/cookie/chunks.ts";
import { readCookies } from "../../src/cookie/read.ts";
import type { CookieAttributes } from "../../src/cookie/write.ts";
import { cookieProblem, deletedCookie, ownCookie, replaceCookies } from "../../src/cookie/write.ts";
import { isCoatcheckError } from "../../src/errors.ts";
import { decodeBase64url, encodeBase64url } from "../../src/lib/base64url.ts";
import { fuzzRuns, fuzzTimeout } from "../support/fuzz.ts";
import { storeCookie } from "../support/user-agent.ts";

const numRuns = fuzzRuns();
const timeout = fuzzTimeout();

describe("readCookies", () => {
  it("P3 P14 finds what a slow parser finds, in any header", { timeout }, () => {
    fc.assert(
      fc.property(header(), fc.constantFrom(...NAMES), (text, name) => {
        expect(readCookies(text, name)).toEqual(slowly(text, name));
      }),
      { numRuns },
    );
  });

  it("P14 takes any text for a header", { timeout }, () => {
    fc.assert(
      fc.property(octets(200), (text) => {
        expect(readCookies(text, "sid")).toEqual(slowly(text, "sid"));
      }),
      { numRuns },
    );
  });
});

describe("ownCookie", () => {
  it("P14 is refused, or a browser stores just what was meant", { timeout }, () => {
    fc.assert(
      fc.property(cookieName(), cookieValue(), attributes(), (name, value, all) => {
        let field: string;
        try {
          field = String(ownCookie(name, value, all));
        } catch (error) {
          expect(isCoatcheckError(error)).toBe(true);
          return;
        }
        const { path, domain, secure, sameSite, partitioned, maxAge } = all;
        expect(cookieProblem(name, all)).toBeUndefined();
        expect(storeCookie(field)).toEqual({
          name,
          value,
          path,
          domain: domain?.toLowerCase(),
          secure,
          httpOnly: true,
          sameSite,
          partitioned,
          maxAge: maxAge === undefined ? undefined : Math.min(maxAge, 34_560_000),
        });
        expect(storeCookie(String(deletedCookie(name, all)))).toMatchObject({
          name,
          value: "",
          path,
          partitioned,
          maxAge: 0,
        });
      }),
      { numRuns },
    );
  });
});

describe("replaceCookies", () => {
  it("sets every name of ours once and leaves the rest alone", { timeout }, () => {
    const fields = fc.array(
      fc.tuple(header(), fc.constantFrom("", "; Path=/", ";")).map((p) => p.join("")),
    );
    const ours = fc.array(
      fc.tuple(fc.constantFrom("sid", "sid-1", "xsid"), fc.constantFrom("a", "b")),
      { maxLength: 4 },
    );
    fc.assert(
      fc.property(fields, ours, (existing, pairs) => {
        const cookies = pairs.map(([name, value]) => ownCookie(name, value, PLAIN));
        const names = new Set<string>(pairs.map(([name]) => name));
        const after = replaceCookies(existing, cookies);
        const isOurs = (field: string): boolean => names.has(nameSlowly(field));
        expect(after.filter(isOurs)).toHaveLength(names.size);
        expect(after.filter((field) => !isOurs(field))).toEqual(
          existing.filter((field) => !isOurs(field)),
        );
        expect(replaceCookies(after, cookies)).toEqual(after);
      }),
      { numRuns },
    );
  });
});

describe("mergeCacheControl", () => {
  it("P12 restricts enough, loosens nothing, and is content with its own work", { timeout }, () => {
    fc.assert(
      fc.property(directives(), (list) => {
        const existing = list.join(", ");
        const personal = mergeCacheControl(existing, "private");
        const never = mergeCacheControl(existing, "no-store");
        expect(sharedCacheMayReuse(personal)).toBe(false);
        expect(anyCacheMayStore(never)).toBe(false);
        if (!anyCacheMayStore(existing)) expect(anyCacheMayStore(personal)).toBe(false);
        for (const name of ["no-cache", "no-transform", "must-revalidate"]) {
          if (list.includes(name)) expect(personal).toContain(name);
        }
        expect(mergeCacheControl(personal, "private")).toBe(personal);
        expect(mergeCacheControl(never, "no-store")).toBe(never);
        expect(anyCacheMayStore(mergeCacheControl(never, "private"))).toBe(false);
      }),
      { numRuns },
    );
  });

  it("P12 P14 restricts enough whatever stands there", { timeout }, () => {
    const junk = fc.string({
      unit: fc.constantFrom('"', "\\", ",", "=", " ", "private", "public", "no-store", "s-maxage"),
      maxLength: 12,
    });
    fc.assert(
      fc.property(junk, (existing) => {
        expect(sharedCacheMayReuse(mergeCacheControl(existing, "private"))).toBe(false);
        expect(anyCacheMayStore(mergeCacheControl(existing, "no-store"))).toBe(false);
      }),
      { numRuns },
    );
  });
});

describe("mergeVary", () => {
  it("P12 names Cookie once, whatever stands there", { timeout }, () => {
    const names = fc.array(
      fc.constantFrom("Accept", "cookie", "COOKIE", "*", "", "Set-Cookie", "Cookie2"),
    );
    fc.assert(
      fc.property(names, fc.constantFrom(",", ", ", " ,"), (list, comma) => {
        const merged = mergeVary(list.join(comma));
        const after = merged.split(",").map((name) => name.trim().toLowerCase());
        expect(after.includes("cookie") || after.includes("*")).toBe(true);
        const already = list.some((name) => name === "*" || name.toLowerCase() === "cookie");
        expect(merged).toBe(already ? list.join(comma) : merged);
        const kept = list.every((name) => name === "" || after.includes(name.toLowerCase()));
        expect(kept).toBe(true);
        expect(mergeVary(merged)).toBe(merged);
      }),
      { numRuns },
    );
  });
});

describe("chunks", () => {
  it("come back whole whatever the sizes", { timeout }, () => {
    fc.assert(
      fc.property(seal(), fc.integer({ min: 20, max: 400 }), (text, limit) => {
        const parts = splitSeal("sid", text, limit);
        if (parts === undefined) {
          expect(fitsFour(text, limit)).toBe(false);
          return;
        }
        expect(parts.length).toBeLessThanOrEqual(4);
        for (const { name, value } of parts) {
          expect(name.length + value.length).toBeLessThanOrEqual(limit);
        }
        const found = parts.map(({ value }, index) => ({ index, values: [value] }));
        expect(wholeSeals(found)).toEqual([text]);
      }),
      { numRuns },
    );
  });

  it("P14 give the seals that were made, or none, after any change but to a part itself", {
    timeout,
  }, () => {
    const cut = fc.record({
      seals: fc.array(seal(100), { minLength: 1, maxLength: 3 }),
      // Which generation's value lies under each name, twice over for cookies of two paths.
      picks: fc.array(fc.tuple(fc.nat(3), fc.nat(2), fc.nat(3)), { maxLength: 10 }),
    });
    fc.assert(
      fc.property(cut, ({ seals, picks }) => {
        const made = seals.map((text) => splitSeal("sid", text, 80) ?? []);
        const found = chunkNames("sid").map((_, index) => ({
          index,
          values: picks
            .filter(([name]) => name === index)
            .map(([, generation, part]) => made[generation]?.[part]?.value ?? ""),
        }));
        for (const text of wholeSeals(found)) expect(seals).toContain(text);
      }),
      { numRuns },
    );
  });

  it("P14 answer to hostile heads and texts with nothing that is not a seal", { timeout }, () => {
    const head = fc.tuple(
      fc.constantFrom(0, 1, 2, 3, 4, 255),
      fc.uint8Array({ minLength: 6, maxLength: 6, max: 1 }),
      fc.nat(5),
      fc.nat(6),
      fc.uint8Array({ maxLength: 20 }),
    );
    const chunk = head.map(([kind, generation, index, total, part]) =>
      encodeBase64url(Uint8Array.from([kind, ...generation, index, total, ...part])),
    );
    const value = fc.oneof(chunk, fc.base64String({ maxLength: 40 }), fc.string({ maxLength: 40 }));
    const names = fc.array(
      fc.record({ index: fc.nat(5), values: fc.array(value, { maxLength: 4 }) }),
    );
    fc.assert(
      fc.property(names, (found) => {
        const whole = wholeSeals(found);
        expect(whole.length).toBeLessThanOrEqual(found.flatMap(({ values }) => values).length);
        for (const text of whole) expect(decodeBase64url(text.slice(0, 4))?.[0]).toBe(2);
      }),
      { numRuns },
    );
  });
});

const NAMES = ["sid", "sid-1", "__Host-Http-sid", "__proto__", "aa"] as const;
const PLAIN: CookieAttributes = { path: "/", secure: true, sameSite: "lax", partitioned: false };

/** Headers of what confuses parsers. */
function header(): fc.Arbitrary<string> {
  const piece = fc.constantFrom(
    ...NAMES,
    ...NAMES.map((name) => `${name}=`),
    ...'=;, \t\u00a0\v\n"%a-_'.split(""),
    "; ",
    "%73id",
    "SID",
    "$Version",
    "value",
  );
  return fc.array(piece, { maxLength: 24 }).map((pieces) => pieces.join(""));
}

/** What a header can hold at most: a character is an octet. */
function octets(maxLength: number): fc.Arbitrary<string> {
  return fc.uint8Array({ maxLength }).map((bytes) => String.fromCharCode(...bytes));
}

/** By splitting everything, as the rules are written. */
function slowly(text: string, name: string): string[] {
  const values: string[] = [];
  for (const pair of text.split(";")) {
    const equals = pair.indexOf("=");
    if (equals === -1) continue;
    const value = unblanked(pair.slice(equals + 1));
    const isOurs = unblanked(pair.slice(0, equals)) === name;
    if (isOurs && !values.includes(value)) values.push(value);
  }
  return values.slice(0, 4);
}

function nameSlowly(field: string): string {
  const pair = field.split(";")[0] ?? "";
  return pair.includes("=") ? unblanked(pair.split("=")[0] ?? "") : "";
}

function unblanked(text: string): string {
  return text.replace(/^[ \t]+/, "").replace(/[ \t]+$/, "");
}

const INJECTIONS = ["; Secure", ";Domain=evil.example", "\r\nX: y", "=", ",", " ", "\0", "é", ""];

function spoiled(...texts: string[]): fc.Arbitrary<string> {
  const good = fc.constantFrom(...texts);
  return fc.oneof(
    { weight: 6, arbitrary: good },
    fc.tuple(good, fc.constantFrom(...INJECTIONS)).map((parts) => parts.join("")),
    octets(12),
  );
}

function cookieName(): fc.Arbitrary<string> {
  const cased = fc.mixedCase(fc.constantFrom("__Host-Http-", "__Host-", "__Http-", "__Secure-"));
  return fc.oneof(spoiled("sid", "__Host-Http-sid", "__Secure-sid", "__Host-x"), cased);
}

function cookieValue(): fc.Arbitrary<string> {
  return fc.oneof(
    fc.constantFrom("v", "", "ab_c-d"),
    fc.nat(4200).map((length) => "v".repeat(length)),
  );
}

function attributes(): fc.Arbitrary<CookieAttributes> {
  const maxAge = fc.option(
    fc.oneof(fc.nat(), fc.constantFrom(0, 34_560_000, 34_560_001, 2 ** 53 - 1, Number.NaN, 0.5)),
    { nil: undefined },
  );
  return fc.record({
    path: spoiled("/", "/shop", `/${"x".repeat(1023)}`, `/${"x".repeat(1024)}`),
    domain: fc.option(spoiled("example.com", "Shop.Example", "127.0.0.1"), { nil: undefined }),
    secure: fc.boolean(),
    sameSite: fc.constantFrom("strict", "lax", "none", "Lax" as "lax", "none; x" as "none"),
    partitioned: fc.boolean(),
    maxAge,
  });
}

function directives(): fc.Arbitrary<string[]> {
  const directive = fc.constantFrom(
    "public",
    "private",
    "no-store",
    "no-cache",
    "no-transform",
    "must-revalidate",
    "proxy-revalidate",
    "must-understand",
    "immutable",
    "max-age=60",
    "s-maxage=600",
    "stale-while-revalidate=9",
    'private="Set-Cookie, X"',
    'no-cache="public, private"',
    'x="no-store, private"',
    'y="a\\", private"',
    "X-Odd",
  );
  return fc.array(fc.oneof(directive, fc.mixedCase(directive)), { maxLength: 6 });
}

/** Bare directives in lower case, by another way than the code's: strings are blanked out first. */
function bare(field: string): string[] {
  const blanked = field.replace(/"(?:[^"\\]|\\.)*("|\\?$)/g, "#");
  return blanked.split(",").map((text) => text.trim().toLowerCase());
}

/** RFC 9111 §3, for a cache that knows `must-understand`: the laxest there is. */
function anyCacheMayStore(field: string): boolean {
  const all = bare(field);
  return !all.includes("no-store") || all.includes("must-understand");
}

function sharedCacheMayReuse(field: string): boolean {
  const all = bare(field);
  if (all.includes("public") || all.some((text) => /^s-maxage\s*(?:=|$)/.test(text))) return true;
  return anyCacheMayStore(field) && !all.includes("private");
}

function seal(maxLength = 1200): fc.Arbitrary<string> {
  return fc
    .uint8Array({ minLength: 1, maxLength })
    .map((bytes) => encodeBase64url(Uint8Array.from([2, ...bytes])));
}

/** Whether four cookies could hold it at all, heads and all, one character more or less each. */
function fitsFour(text: string, limit: number): boolean {
  const bytes = decodeBase64url(text)?.length ?? 0;
  const perCookie = Math.floor(((limit - "sid-1".length) * 3) / 4) - 9;
  return perCookie > 0 && bytes <= 4 * perCookie;
}
