import { describe, expect, it } from "vitest";
import { describesEntity } from "../../../src/adapters/failure.ts";
import type { HeadTarget } from "../../../src/adapters/head.ts";
import { applyHead, mergeChanges, NO_CHANGES } from "../../../src/adapters/head.ts";
import { ownCookie } from "../../../src/cookie/write.ts";

const attributes = { path: "/", secure: true, sameSite: "lax", partitioned: false } as const;
const COOKIE = ownCookie("sid", "new", attributes);

function targetWith(headers: Readonly<Record<string, string | number | readonly string[]>>) {
  const kept = new Map(Object.entries(headers));
  const target: HeadTarget = {
    getHeaderNames: () => [...kept.keys()],
    getHeader: (name) => kept.get(name.toLowerCase()),
    setHeader: (name, value) => kept.set(name.toLowerCase(), value),
  };
  return { target, headers: () => Object.fromEntries(kept) };
}

describe("the changes of a head", () => {
  it("touch nothing when nothing is asked for", () => {
    const { target, headers } = targetWith({ vary: "Origin", "cache-control": "public" });
    applyHead(NO_CHANGES, target);
    expect(headers()).toEqual({ vary: "Origin", "cache-control": "public" });
  });

  it("P12 tighten every field that caches and CDNs obey, and add only Cache-Control", () => {
    const { target, headers } = targetWith({
      "cdn-cache-control": ["public", "max-age=60"],
      "surrogate-control": "max-age=3600",
      "vercel-cdn-cache-control": "s-maxage=60",
      "x-cache-control-hint": "public",
    });
    applyHead({ ...NO_CHANGES, cookies: [COOKIE], vary: true, cacheControl: "no-store" }, target);
    expect(headers()).toEqual({
      "cdn-cache-control": "no-store",
      "surrogate-control": "no-store",
      "vercel-cdn-cache-control": "no-store",
      "x-cache-control-hint": "public",
      "cache-control": "no-store",
      vary: "Cookie",
      "set-cookie": String(COOKIE),
    });
  });

  it("read headers in every form that a server may keep them in", () => {
    const { target, headers } = targetWith({
      vary: ["Origin", "Accept"],
      "cache-control": ["max-age=5", "no-cache"],
      "set-cookie": "sid=old",
    });
    applyHead({ ...NO_CHANGES, cookies: [COOKIE], vary: true, cacheControl: "private" }, target);
    expect(headers()).toEqual({
      vary: "Origin, Accept, Cookie",
      "cache-control": "private, max-age=5, no-cache",
      "set-cookie": String(COOKIE),
    });
  });

  it("of several kinds of sessions are the strictest of all", () => {
    const other = ownCookie("admin", "1", attributes);
    const read = { ...NO_CHANGES, vary: true, cacheControl: "private" } as const;
    const written = { ...read, cookies: [COOKIE], cacheControl: "no-store" } as const;
    const out = { ...written, cookies: [other], clearSiteData: '"cache"' };
    expect(mergeChanges([NO_CHANGES, NO_CHANGES])).toEqual(NO_CHANGES);
    expect(mergeChanges([NO_CHANGES, read])).toEqual(read);
    expect(mergeChanges([read, written, out])).toEqual({
      cookies: [COOKIE, other],
      vary: true,
      cacheControl: "no-store",
      clearSiteData: '"cache"',
    });
  });
});

describe("what describes an entity", () => {
  it.each([
    "Content-Type",
    "content-length",
    "ETag",
    "Last-Modified",
    "Location",
    "CDN-Cache-Control",
  ])("goes with it: %s", (name) => expect(describesEntity(name)).toBe(true));

  it.each(["Content-Security-Policy", "Content-Security-Policy-Report-Only", "Set-Cookie", "Vary"])(
    "does not, and stays: %s",
    (name) => expect(describesEntity(name)).toBe(false),
  );
});
