import { describe, expect, it } from "vitest";
import { isUnchanged, merge, withCookieOf } from "../../../src/compat/express/merge.ts";

function merged(base: object, mine: object, theirs: object) {
  const { text, overwritten } = merge(...([base, mine, theirs].map(textOf) as Texts));
  return { result: JSON.parse(text) as unknown, overwritten };
}

type Texts = [string, string, string];
const textOf = (value: object): string => JSON.stringify(value);

describe("merge", () => {
  it("takes each side's changes of different keys", () => {
    const { result, overwritten } = merged(
      { a: 1, b: 1, c: 1 },
      { a: 2, b: 1, c: 1, d: 1 },
      { a: 1, b: 2, e: 1 },
    );
    expect(result).toEqual({ a: 2, b: 2, d: 1, e: 1 });
    expect(overwritten).toEqual([]);
  });

  it("takes mine, and says so, where both have changed one key", () => {
    expect(merged({ a: 1 }, { a: 2 }, { a: 3 })).toEqual({ result: { a: 2 }, overwritten: ["a"] });
    expect(merged({ a: 1 }, {}, { a: 3 })).toEqual({ result: {}, overwritten: ["a"] });
    expect(merged({}, { a: 2 }, { a: 3 })).toEqual({ result: { a: 2 }, overwritten: ["a"] });
  });

  it("says nothing where both have made the same change", () => {
    expect(merged({ a: 1 }, { a: 2 }, { a: 2 }).overwritten).toEqual([]);
    expect(merged({ a: 1 }, {}, {}).overwritten).toEqual([]);
  });

  it("holds a key named __proto__ like any other", () => {
    const theirs = '{"__proto__":{"x":1}}';
    const { text } = merge("{}", '{"a":1}', theirs);
    expect(text).toBe('{"__proto__":{"x":1},"a":1}');
    expect(merge(theirs, "{}", theirs).text).toBe("{}");
  });

  const at = (seconds: number): string => new Date(seconds * 1000).toISOString();
  const cookie = (seconds: number, age = 60) => ({
    cookie: { originalMaxAge: age, expires: at(seconds), path: "/" },
  });

  it("keeps the later expiry of the cookie", () => {
    expect(merged(cookie(1), cookie(2), cookie(3)).result).toEqual(cookie(3));
    expect(merged(cookie(1), cookie(4), cookie(3)).result).toEqual(cookie(4));
  });

  it("keeps the settings of the cookie that one side has changed", () => {
    expect(merged(cookie(1), cookie(9), cookie(3, 10)).result).toEqual(cookie(3, 10));
    expect(merged(cookie(1), cookie(2, 10), cookie(9)).result).toEqual(cookie(2, 10));
    const session = { cookie: { originalMaxAge: null, expires: null } };
    expect(merged(cookie(1), cookie(9), session).result).toEqual(session);
  });
});

describe("isUnchanged", () => {
  it("does not look at the running age", () => {
    const one = '{"cookie":{"originalMaxAge":5,"expires":"2026-01-01T00:00:00.000Z"},"a":1}';
    const two = '{"cookie":{"originalMaxAge":5,"expires":"2026-01-02T00:00:00.000Z"},"a":1}';
    expect(isUnchanged(one, two)).toBe(true);
    expect(isUnchanged(one, two.replace('"a":1', '"a":2'))).toBe(false);
    expect(isUnchanged(one, two.replace("5", "6"))).toBe(false);
  });

  it("looks at a moment that was set", () => {
    const one = '{"cookie":{"originalMaxAge":null,"expires":"2026-01-01T00:00:00.000Z"}}';
    expect(isUnchanged(one, one.replace("-01T", "-02T"))).toBe(false);
  });
});

describe("withCookieOf", () => {
  it("changes nothing but the cookie", () => {
    expect(withCookieOf('{"a":1,"cookie":{"path":"/"}}', '{"b":1,"cookie":{"path":"/x"}}')).toEqual(
      {
        a: 1,
        cookie: { path: "/x" },
      },
    );
  });
});
