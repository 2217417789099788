import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { escaped, storedUser, unescaped, userIdOf } from "../../../src/stores/sql-names.ts";

describe("names in a SQL store", () => {
  it("come back as they were, whatever they hold", () => {
    const odd = fc.string({
      unit: fc.constantFrom("\\", "0", "F", "#", "\0", "\uFEFF", "a", "🧥"),
    });
    fc.assert(
      fc.property(fc.oneof(odd, fc.string({ unit: "binary" })), (text) => {
        expect(unescaped(escaped(text))).toBe(text);
        const { key, long } = storedUser(text);
        expect(userIdOf(key, long)).toBe(text);
      }),
    );
  });

  it("lie there as they are, but for the three characters that would not come back", () => {
    expect(storedUser("ada@example.org")).toEqual({ key: "ada@example.org", long: null });
    expect(storedUser("a\\b\0c\uFEFFd")).toEqual({ key: "a\\\\b\\0c\\Fd", long: null });
  });

  it("of more than 400 bytes are found by a digest that no name is spelled like", () => {
    const [one, other] = ["🧥".repeat(101), `${"🧥".repeat(100)}🧣`];
    expect(storedUser(one).long).toBe(one);
    expect(storedUser(one).key).toMatch(/^\\#[\w-]{43}$/);
    expect(storedUser(one).key).not.toBe(storedUser(other).key);
    // A user who is called like the digest of another one.
    expect(storedUser(storedUser(one).key).key).not.toBe(storedUser(one).key);
    expect(storedUser("x".repeat(400)).long).toBe(null);
  });
});
