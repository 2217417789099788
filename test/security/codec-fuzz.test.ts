import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { Json } from "../../src/codec/value.ts";
import { fromJson, toJson } from "../../src/codec/value.ts";
import { isCoatcheckError, ValueError } from "../../src/errors.ts";
import { dump } from "../support/dump.ts";
import { fuzzRuns, fuzzTimeout } from "../support/fuzz.ts";

const numRuns = fuzzRuns();
const timeout = fuzzTimeout();

describe("toJson and fromJson", () => {
  it("give back every value that can be kept", { timeout }, () => {
    fc.assert(
      fc.property(keepable(), (value) => {
        const before = dump(value);
        expect(dump(throughText(value))).toBe(before);
        expect(dump(value)).toBe(before);
      }),
      { numRuns },
    );
  });

  it("give back any value at all, or refuse it", { timeout }, () => {
    fc.assert(
      fc.property(anything(), (value) => {
        let back: unknown;
        try {
          back = throughText(value);
        } catch (error) {
          expect(isCoatcheckError(error) && error instanceof ValueError).toBe(true);
          expect(
            (error as ValueError).path.startsWith("v") ||
              (error as ValueError).path.startsWith("[..."),
          ).toBe(true);
          return;
        }
        expect(dump(back)).toBe(dump(value));
      }),
      { numRuns },
    );
  });

  it("copy nothing that JSON keeps anyway", { timeout }, () => {
    fc.assert(
      fc.property(fc.jsonValue(), (value) => {
        const plain = JSON.parse(JSON.stringify(value)) as Json;
        const text = JSON.stringify(plain);
        const json = toJson(plain, "v");
        if (!/"\$|-0/.test(text)) expect(json).toBe(plain);
        expect(dump(throughText(plain))).toBe(dump(plain));
      }),
      { numRuns },
    );
  });

  it("write the same text for what was read as for what was written", { timeout }, () => {
    fc.assert(
      fc.property(keepable(), (value) => {
        const text = JSON.stringify(toJson(value, "v"));
        expect(JSON.stringify(toJson(fromJson(JSON.parse(text) as Json), "v"))).toBe(text);
      }),
      { numRuns },
    );
  });
});

describe("fromJson", () => {
  it("P14 refuses or reads any tree, and pollutes nothing", { timeout }, () => {
    fc.assert(
      fc.property(hostileTree(), (tree) => {
        const text = JSON.stringify(tree);
        let value: unknown;
        try {
          value = fromJson(JSON.parse(text) as Json);
        } catch (error) {
          expect(isCoatcheckError(error) && error instanceof ValueError).toBe(true);
          return;
        } finally {
          expect(Object.getOwnPropertyNames(Object.prototype)).toEqual(PROTOTYPE_NAMES);
        }
        // What is accepted is a value like any other.
        expect(dump(throughText(value))).toBe(dump(value));
      }),
      { numRuns },
    );
  });
});

const PROTOTYPE_NAMES = Object.getOwnPropertyNames(Object.prototype);

const TAGS = [
  "$date",
  "$map",
  "$set",
  "$bigint",
  "$url",
  "$bytes",
  "$number",
  "$object",
  "$",
  "$x",
];

const URLS = [
  "https://example.com/a/%20?b=c#d",
  "http://user:pass@[::1]:8080/",
  "mailto:a@example.com",
  "data:text/plain, x ",
  "file:///C:/x",
  "web+demo:/.//x",
  "https://bücher.example/ä?ö#ü",
];

function throughText(value: unknown): unknown {
  return fromJson(JSON.parse(JSON.stringify(toJson(value, "v"))) as Json);
}

function key(): fc.Arbitrary<string> {
  return fc.oneof(
    fc.string({ maxLength: 6 }),
    fc.constantFrom(...TAGS, "__proto__", "constructor", "toString", "0", "-0", "length", ""),
  );
}

/** An object with just these keys, `__proto__` too. */
function objectOf(value: fc.Arbitrary<unknown>, maxLength: number): fc.Arbitrary<object> {
  return fc.array(fc.tuple(key(), value), { maxLength }).map((entries) => {
    const made = {};
    for (const [name, item] of entries) {
      const property = { value: item, enumerable: true, configurable: true, writable: true };
      Object.defineProperty(made, name, property);
    }
    return made;
  });
}

/** Everything that the codec's documentation says is kept. */
function keepable(): fc.Arbitrary<unknown> {
  const leaf = fc.oneof(
    // Any UTF-16, halves of surrogate pairs included.
    fc.uint16Array({ maxLength: 12 }).map((units) => String.fromCharCode(...units)),
    fc.constantFrom("\ud800", "$date", "__proto__"),
    fc.integer(),
    fc.double({ noNaN: true, noDefaultInfinity: true }),
    fc.constantFrom(0, -0, Number.MAX_VALUE, Number.MIN_VALUE, 2 ** 53),
    fc.boolean(),
    fc.constant(null),
    fc.bigInt(),
    fc.date({ noInvalidDate: true }),
    fc.constantFrom(...URLS).map((href) => new URL(href)),
    fc.uint8Array(),
  );
  const { value } = fc.letrec<{ value: unknown }>((tie) => ({
    value: fc.oneof(
      { depthSize: "small", withCrossShrink: true },
      leaf,
      fc.array(tie("value"), { maxLength: 5 }),
      objectOf(tie("value"), 5),
      objectOf(tie("value"), 1),
      fc.array(fc.tuple(tie("value"), tie("value")), { maxLength: 4 }).map((all) => new Map(all)),
      fc.array(tie("value"), { maxLength: 4 }).map((all) => new Set(all)),
    ),
  }));
  return value;
}

/** Kept or not: also what no app should put into a session. */
function anything(): fc.Arbitrary<unknown> {
  return fc.oneof(
    fc.anything({
      key: key(),
      withBigInt: true,
      withBoxedValues: true,
      withDate: true,
      withMap: true,
      withNullPrototype: true,
      withSet: true,
      withSparseArray: true,
      withTypedArray: true,
      withObjectString: true,
      maxDepth: 4,
    }),
    objectOf(fc.oneof(fc.constant(undefined), keepable(), fc.func(fc.nat())), 4),
  );
}

/** JSON with tags where they belong and where they do not. */
function hostileTree(): fc.Arbitrary<unknown> {
  const content = fc.constantFrom<unknown>(
    ...["", "ff", "-0", "-1", "AQID", "AR", "https://a.example/", "x:y", "__proto__"],
    ...[0, 1, -1, 1e300, 8.64e15, 0.5, null, true],
  );
  const { tree } = fc.letrec<{ tree: unknown }>((tie) => ({
    tree: fc.oneof(
      { depthSize: "medium", withCrossShrink: true },
      content,
      fc.array(tie("tree"), { maxLength: 3 }),
      fc.array(fc.tuple(tie("tree"), tie("tree")), { maxLength: 3 }),
      objectOf(tie("tree"), 3),
      fc.tuple(fc.constantFrom(...TAGS), tie("tree")).map(([tag, inner]) => ({ [tag]: inner })),
    ),
  }));
  return tree;
}
