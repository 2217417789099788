import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { readJson, writeJson } from "../../../src/interop/python/json.ts";
import { limitsOf } from "../../../src/interop/python/limits.ts";
import { answerNow } from "../../../src/interop/python/refusal.ts";
import { readTaggedJson, writeTaggedJson } from "../../../src/interop/python/tagged-json.ts";
import { fuzzRuns, fuzzTimeout } from "../../support/fuzz.ts";

const limits = limitsOf();
const read = (text: string) => answerNow(() => ({ value: readJson(text, limits) }));

describe("readJson", () => {
  it("reads what JSON.parse reads, to the same values", () => {
    fc.assert(
      fc.property(fc.json(), fc.constantFrom(0, 2), (text, space) => {
        // Whole numbers that JSON.parse rounds have a test of their own.
        fc.pre(!/\d{16}/.test(text));
        const spaced = JSON.stringify(JSON.parse(text), undefined, space);
        expect(read(spaced)).toEqual({ value: JSON.parse(spaced) });
      }),
    );
  });

  it(
    "P14 refuses what JSON.parse refuses",
    () => {
      const texts = fc.string({
        unit: fc.constantFrom(...'{}[]":,\\u0019eE+-.ntrufalse \n\u0001"'),
      });
      fc.assert(
        fc.property(texts, (text) => {
          let expected: unknown = { refused: "malformed" };
          try {
            expected = { value: JSON.parse(text) };
          } catch {}
          expect(read(text)).toMatchObject(expected as object);
        }),
        { numRuns: fuzzRuns() },
      );
    },
    fuzzTimeout(),
  );

  it.each([
    ["NaN", Number.NaN],
    ["[Infinity,-Infinity]", [Infinity, -Infinity]],
    ["9007199254740993", 9007199254740993n],
    ["-9007199254740993", -9007199254740993n],
    ["9007199254740993.0", 9007199254740992],
    ["1e400", Infinity],
  ])("reads %s as Python does", (text, value) => {
    expect(read(text)).toEqual({ value });
  });

  it("P14 has a limit on keys that are numbers to an engine", () => {
    const keys = (count: number, before = ""): string =>
      JSON.stringify(
        Object.fromEntries(Array.from({ length: count }, (_, at) => [before + at, 1])),
      );
    expect(read(keys(10_000))).toHaveProperty("value");
    expect(read(keys(10_001))).toMatchObject({ refused: "too-large" });
    expect(read(keys(20_000, "k"))).toHaveProperty("value");
  });

  it("has limits on depth, on values and on length", () => {
    const refused = { refused: "too-large" };
    expect(read(`${"[".repeat(65)}${"]".repeat(65)}`)).toMatchObject(refused);
    expect(read(`${"[".repeat(64)}${"]".repeat(64)}`)).toHaveProperty("value");
    expect(read(`[${"1,".repeat(100_000)}1]`)).toMatchObject(refused);
    expect(read(`"${"a".repeat(1_048_576)}"`)).toMatchObject(refused);
  });
});

describe("writeJson", () => {
  it.each([
    [{ a: [1, "é😀"] }, '{"a": [1, "\\u00e9\\ud83d\\ude00"]}', { ascii: true, spaced: true }],
    [{ a: [1, "é😀"] }, '{"a":[1,"é😀"]}', { ascii: false }],
    [
      [-0, 1e300, 2 ** 53, 2n ** 64n],
      "[-0.0,1e+300,9007199254740992.0,18446744073709551616]",
      { ascii: true },
    ],
    ["\u007f\u0080", '"\u007f\\u0080"', { ascii: true }],
  ])("writes as Python does", (value, text, style) => {
    expect(writeJson(value, style)).toBe(text);
  });

  it.each([
    ["undefined", { a: { b: undefined } }, "a.b"],
    ["a date", { a: [new Date(0)] }, "a[0]"],
    ["a map", { a: new Map() }, "a"],
    ["half a pair", { a: "\ud800" }, "a"],
  ])("cannot write %s, and says where it is", (_, value, path) => {
    expect(() => writeJson(value, { ascii: false })).toThrow(
      expect.objectContaining({ code: "ERR_VALUE", path }),
    );
  });
});

describe("tagged JSON", () => {
  it("keeps apart what only looks like a tag, at any depth", () => {
    const values = [
      { " t": 1 },
      { " di": { " di": 2 } },
      { " t__": 3 },
      { " di": {}, a: 1 },
      { " x": 4 },
    ];
    for (const value of values) {
      expect(readTaggedJson(writeTaggedJson({ value }), limits)).toEqual({ value });
    }
  });

  it.each([
    ["a map", new Map()],
    ["a set", new Set()],
    ["a date that is none", new Date(Number.NaN)],
    ["a year that Python takes for another", new Date(-60_000_000_000_000)],
  ])("cannot write %s", (_, value) => {
    expect(() => writeTaggedJson({ a: value })).toThrow(
      expect.objectContaining({ code: "ERR_VALUE", path: "a" }),
    );
  });
});
