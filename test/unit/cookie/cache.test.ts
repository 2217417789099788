import { describe, expect, it } from "vitest";
import { mergeCacheControl, mergeVary } from "../../../src/cookie/cache.ts";

describe("mergeVary", () => {
  it.each([
    [undefined, "Cookie"],
    ["", "Cookie"],
    [" , ", "Cookie"],
    ["Accept-Encoding", "Accept-Encoding, Cookie"],
    ["Accept-Encoding,Origin ,", "Accept-Encoding, Origin, Cookie"],
    ["Cookie", "Cookie"],
    ["accept, COOKIE", "accept, COOKIE"],
    ["Set-Cookie", "Set-Cookie, Cookie"],
    ["Cookie2", "Cookie2, Cookie"],
    ["*", "*"],
    ["Accept, *", "Accept, *"],
  ])("P12 makes of %o %o", (existing, merged) => {
    expect(mergeVary(existing)).toBe(merged);
    expect(mergeVary(merged)).toBe(merged);
  });
});

describe("mergeCacheControl", () => {
  it.each([
    [undefined, "private"],
    ["", "private"],
    [" , ", "private"],
    // What the app says to the browser stays.
    ["max-age=60", "private, max-age=60"],
    [
      "max-age=60, immutable, stale-while-revalidate=5",
      "private, max-age=60, immutable, stale-while-revalidate=5",
    ],
    ["max-age=60, must-revalidate", "private, max-age=60, must-revalidate"],
    // What it says to shared caches does not: the response belongs to one person.
    ["public", "private"],
    ["public, max-age=60", "private, max-age=60"],
    ["PUBLIC , Max-Age=60", "private, Max-Age=60"],
    ["s-maxage=600, max-age=60", "private, max-age=60"],
    ["public, s-maxage=600, private", "private"],
    // What is stricter stays.
    ["private", "private"],
    ["no-cache", "private, no-cache"],
    ["no-store", "no-store"],
    ["No-Store, max-age=0", "no-store, max-age=0"],
    ["no-store, public, s-maxage=9", "no-store"],
    ["no-store, private", "private, no-store"],
    ["no-transform", "private, no-transform"],
    // A cache that knows must-understand ignores the no-store beside it.
    ["must-understand, no-store, max-age=60", "private, must-understand, no-store, max-age=60"],
    // With a list of fields the rest of the response may be shared.
    ['private="Set-Cookie, X-User", max-age=60', "private, max-age=60"],
    ["private=x-user", "private"],
    ['no-cache="Set-Cookie, X-User", public', 'private, no-cache="Set-Cookie, X-User"'],
    // Only a quoted string that says so.
    ['community="public, s-maxage=9"', 'private, community="public, s-maxage=9"'],
    ['x="a\\", public, ", public', 'private, x="a\\", public, "'],
    // A string that does not end would swallow what is appended.
    ['no-cache="Set-Cookie, public', "private, no-cache"],
    ['private="x', "private"],
    ['"max-age=60", max-age=9', "private, max-age=9"],
    ['max-age"', "private"],
    ['x="a\\', "private, x"],
  ])("P12 private makes of %o %o", (existing, merged) => {
    expect(mergeCacheControl(existing, "private")).toBe(merged);
    expect(mergeCacheControl(merged, "private")).toBe(merged);
  });

  it.each([
    [undefined, "no-store"],
    ["", "no-store"],
    ["max-age=60", "no-store"],
    ["public, max-age=60, immutable", "no-store"],
    ["s-maxage=9, stale-while-revalidate=9, stale-if-error=9", "no-store"],
    ["must-understand, no-store, max-age=60", "no-store"],
    ["x-unknown, community=1", "no-store"],
    ["no-store", "no-store"],
    ["NO-STORE", "no-store"],
    ["private", "no-store"],
    [
      "private, no-cache, no-store, max-age=0, must-revalidate",
      "no-store, private, no-cache, max-age=0, must-revalidate",
    ],
    ["proxy-revalidate, no-transform", "no-store, proxy-revalidate, no-transform"],
    ['private="x, no-transform", no-cache="y"', "no-store"],
    ['x="no-store', "no-store"],
  ])("P12 no-store makes of %o %o", (existing, merged) => {
    expect(mergeCacheControl(existing, "no-store")).toBe(merged);
    expect(mergeCacheControl(merged, "no-store")).toBe(merged);
  });

  it("P12 never loosens no-store to private", () => {
    const strict = mergeCacheControl("public, max-age=60", "no-store");
    expect(mergeCacheControl(strict, "private")).toBe("no-store");
  });
});
