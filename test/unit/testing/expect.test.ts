import { describe, expect, it } from "vitest";
import {
  ExpectationError,
  expectEqual,
  expectPresent,
  expectTrue,
  fail,
  sameData,
  show,
} from "../../../src/testing/expect.ts";

describe("sameData", () => {
  it.each([
    [1, 1],
    [Number.NaN, Number.NaN],
    [{ a: 1 }, { a: 1, b: undefined }],
    [{ a: [1, { b: "c" }] }, { a: [1, { b: "c" }] }],
    [undefined, undefined],
    [[], []],
  ])("%j is as %j", (a, b) => {
    expect(sameData(a, b)).toBe(true);
    expect(sameData(b, a)).toBe(true);
  });

  it.each([
    [1, "1"],
    [0, -0],
    [undefined, null],
    [null, {}],
    [{}, []],
    [{ a: 1 }, { a: 2 }],
    [{ a: 1 }, { b: 1 }],
    [[1, 2], [1]],
    [
      [1, 2],
      [2, 1],
    ],
    [{ a: { b: 1 } }, { a: { b: 2 } }],
  ])("%j is not as %j", (a, b) => {
    expect(sameData(a, b)).toBe(false);
    expect(sameData(b, a)).toBe(false);
  });
});

describe("assertions", () => {
  it("carry both values for the runner, and say them in a bounded message", () => {
    try {
      expectEqual({ a: "x".repeat(5000) }, { a: 1 }, "the value");
      expect.unreachable();
    } catch (error) {
      expect(error).toBeInstanceOf(ExpectationError);
      const { message, actual, expected } = error as ExpectationError;
      expect([actual, expected]).toEqual([{ a: "x".repeat(5000) }, { a: 1 }]);
      expect(message).toMatch(
        /^the value: expected \{"a":1\}, got \{"a":"x+… \(5008 characters\)$/,
      );
      expect(message.length).toBeLessThan(1000);
    }
  });

  it("pass on what is right and fail with what was promised", () => {
    expectEqual([1], [1], "a list");
    expectTrue(true, "nothing");
    expect(expectPresent(0, "zero")).toBe(0);
    expect(() => expectTrue(false, "water is wet")).toThrow("expected: water is wet");
    expect(() => expectPresent(undefined, "a record")).toThrow("expected: a record is there");
    expect(() => fail("because")).toThrow("because");
  });

  it("shows what JSON can't", () => {
    expect([show(undefined), show("a"), show([1])]).toEqual(["undefined", '"a"', "[1]"]);
    expect(show({ at: 5n, mark: Number.NaN })).toBe('{"at":"5n","mark":"NaN"}');
    const result: Record<string, unknown> = {};
    result["connection"] = { result };
    expect(show(result)).toBe("[object Object]");
    expect(() => expectEqual(5n, 5, "the mark")).toThrow('the mark: expected 5, got "5n"');
  });
});
