import { parse } from "node:querystring";
import { runInNewContext } from "node:vm";
import { describe, expect, it } from "vitest";
import type { Json } from "../../../src/codec/value.ts";
import { fromJson, toJson } from "../../../src/codec/value.ts";
import { isCoatcheckError, ValueError } from "../../../src/errors.ts";
import { dump } from "../../support/dump.ts";

describe("toJson", () => {
  it("gives plain JSON back as it is, not a copy", () => {
    const plain = {
      text: "a",
      number: 1.5,
      yes: true,
      nothing: null,
      list: [1, [2, { deep: [] }]],
      object: { $date: 1, $map: [] },
      empty: {},
      bare: Object.assign(Object.create(null), { $: 1, b: 2 }),
    };
    expect(toJson(plain, "plain")).toBe(plain);
    for (const value of ["", "$date", 0, 1, false, null]) expect(toJson(value, "v")).toBe(value);
  });

  it.each<[string, unknown, string]>([
    ["Date", new Date(1_790_000_000_000), '{"$date":1790000000000}'],
    ["Date before 1970", new Date(-1), '{"$date":-1}'],
    [
      "Map",
      new Map<unknown, unknown>([
        ["a", 1],
        [{ b: 2 }, new Map()],
      ]),
      '{"$map":[["a",1],[{"b":2},{"$map":[]}]]}',
    ],
    ["Set", new Set([1, "a", new Set()]), '{"$set":[1,"a",{"$set":[]}]}'],
    ["bigint", 255n, '{"$bigint":"ff"}'],
    ["negative bigint", -(2n ** 64n), '{"$bigint":"-10000000000000000"}'],
    ["zero bigint", 0n, '{"$bigint":"0"}'],
    ["URL", new URL("https://example.com/a?b#c"), '{"$url":"https://example.com/a?b#c"}'],
    ["Uint8Array", Uint8Array.of(1, 2, 255), '{"$bytes":"AQL_"}'],
    ["empty Uint8Array", new Uint8Array(), '{"$bytes":""}'],
    ["-0", -0, '{"$number":"-0"}'],
    ["object that looks like a tag", { $date: 1 }, '{"$object":{"$date":1}}'],
    ["object with one key that begins with $", { $: "x" }, '{"$object":{"$":"x"}}'],
    [
      "wrapped object",
      { $object: { $date: 1 } },
      '{"$object":{"$object":{"$object":{"$date":1}}}}',
    ],
    ["tag look-alike around a Date", { $date: new Date(1) }, '{"$object":{"$date":{"$date":1}}}'],
    [
      "look-alike but for a key that is undefined",
      { $date: 1, x: undefined },
      '{"$object":{"$date":1}}',
    ],
    ["Date deep inside", { a: [{ at: new Date(1) }] }, '{"a":[{"at":{"$date":1}}]}'],
  ])("keeps a %s", (_, value, text) => {
    expect(JSON.stringify(toJson(value, "v"))).toBe(text);
    expect(dump(fromJson(JSON.parse(text)))).toBe(dump(value));
  });

  it("does not change what it is given", () => {
    const value = { at: new Date(1), list: [-0, { $x: 1 }], gone: undefined };
    const before = dump(value);
    toJson(value, "v");
    expect(dump(value)).toBe(before);
    expect(value).toHaveProperty("gone");
  });

  it("takes a property that is undefined for absent", () => {
    const json = toJson({ a: undefined, b: 1 }, "v");
    expect(Object.keys(json as object)).toEqual(["b"]);
  });

  it("keeps __proto__ and constructor as data, and touches no prototype", () => {
    const text =
      '{"__proto__":{"admin":true},"constructor":{"prototype":{"admin":true}},"at":{"$date":1}}';
    const value = fromJson(JSON.parse(text)) as Record<string, unknown>;
    for (const copy of [value, fromJson(structuredClone(toJson(value, "v")))]) {
      expect(Object.keys(copy as object)).toEqual(["__proto__", "constructor", "at"]);
      expect(Object.getPrototypeOf(copy)).toBe(Object.prototype);
      expect((copy as { admin?: unknown }).admin).toBeUndefined();
    }
    expect(JSON.stringify(toJson(value, "v"))).toBe(text);
    expect(JSON.stringify(toJson(JSON.parse('{"__proto__":-0}'), "v"))).toBe(
      '{"__proto__":{"$number":"-0"}}',
    );
    expect(({} as { admin?: unknown }).admin).toBeUndefined();
  });

  it("takes objects without a prototype, and of other realms, for ordinary ones", () => {
    const bare = Object.assign(Object.create(null), { at: new Date(1) });
    expect(JSON.stringify(toJson(bare, "v"))).toBe('{"at":{"$date":1}}');
    expect(JSON.stringify(toJson(parse("a=1&a=2&b=3"), "v"))).toBe('{"a":["1","2"],"b":"3"}');
    expect(JSON.stringify(toJson("x".match(/(?<letter>x)/)?.groups, "v"))).toBe('{"letter":"x"}');
    const foreign: unknown = runInNewContext("({ list: [1, { a: null }] })");
    expect(toJson(foreign, "v")).toEqual({ list: [1, { a: null }] });
  });

  it("leaves out what is not enumerable, and never calls a getter", () => {
    const hidden = Object.defineProperty({ a: 1 }, "b", { get: () => expect.unreachable() });
    expect(JSON.stringify(toJson(hidden, "v"))).toBe('{"a":1}');
    const shown = {
      get a(): unknown {
        return expect.unreachable();
      },
    };
    expect(() => toJson(shown, "v")).toThrow(ValueError);
  });

  it("keeps the same object twice, as two", () => {
    const shared = { a: new Date(1) };
    const back = fromJson(toJson([shared, shared], "v")) as unknown[];
    expect(back[0]).toEqual(back[1]);
    expect(back[0]).not.toBe(back[1]);
  });

  it("keeps 64 levels, of any kind, and refuses the next", () => {
    for (const wrap of [
      (inner: unknown) => [inner],
      (inner: unknown) => ({ a: inner }),
      (inner: unknown) => ({ $a: inner }),
      (inner: unknown) => new Map([[1, inner]]),
      (inner: unknown) => new Map([[inner, 1]]),
      (inner: unknown) => new Set([inner]),
    ]) {
      for (const leaf of [1, -0, new Date(1)]) {
        // A Date is a level of its own.
        const levels = typeof leaf === "object" ? 63 : 64;
        const deep = nested(wrap, leaf, levels);
        const text = JSON.stringify(toJson(deep, "v"));
        expect(dump(fromJson(JSON.parse(text)))).toBe(dump(deep));
        expect(() => toJson(wrap(deep), "v")).toThrow(/more than 64 levels deep/);
      }
    }
  });
});

describe("what toJson refuses", () => {
  class Money {
    readonly amount = 1;
  }
  class Decimal {
    toJSON(): string {
      return "1.0";
    }
  }
  class Cart extends Array {}
  class Stamp extends Date {}
  class Bag extends Map {}
  class Bytes extends Uint8Array {}
  const circle: { self?: unknown; list: unknown[] } = { list: [] };
  circle.list.push({ circle });
  const sparse = [1, 2, 3];
  delete sparse[1];

  it.each<[string, unknown, string, RegExp]>([
    ["undefined", undefined, "v", /is undefined/],
    ["undefined in an array", { a: [1, undefined] }, "v.a[1]", /is undefined: keep null/],
    ["a hole", sparse, "v[1]", /is undefined/],
    ["a function", { a: { b: () => 1 } }, "v.a.b", /is a function/],
    ["a symbol", [Symbol("x")], "v[0]", /is a symbol/],
    ["a symbol key", { a: { [Symbol("x")]: 1 } }, "v.a", /has the key Symbol\(x\)/],
    ["NaN", { price: Number.NaN }, "v.price", /is NaN/],
    ["Infinity", [[Number.POSITIVE_INFINITY]], "v[0][0]", /is Infinity/],
    ["-Infinity", [Number.NEGATIVE_INFINITY], "v[0]", /is -Infinity/],
    ["a class", { total: new Money() }, "v.total", /is a Money, .* plain object/],
    ["a class with toJSON", [new Decimal()], "v[0]", /is a Decimal, .* toJSON\(\)/],
    ["a nameless class", [new (class {})()], "v[0]", /whose class would be lost/],
    ["an object with toJSON", { toJSON: () => 1 }, "v.toJSON", /is a function/],
    ["an inherited object", Object.create({ a: 1 }), "v", /class would be lost/],
    [
      "an object that inherits by a detour",
      Object.create(Object.create({ a: 1 })),
      "v",
      /class would be lost/,
    ],
    ["a URL that does not parse to itself", [changedUrl()], "v[0]", /is a URL that its own `href`/],
    ["an array's subclass", { cart: new Cart() }, "v.cart", /is a Cart/],
    ["a Date's subclass", [new Stamp()], "v[0]", /is a Stamp/],
    ["a Map's subclass", [new Bag()], "v[0]", /is a Bag/],
    ["a Uint8Array's subclass", [new Bytes(1)], "v[0]", /is a Bytes/],
    [
      "a Buffer",
      { raw: Buffer.from("x") },
      "v.raw",
      /is a Buffer: keep `new Uint8Array\(buffer\)` or a string/,
    ],
    ["a Float32Array", [new Float32Array(1)], "v[0]", /is a Float32Array: keep a Uint8Array/],
    ["a BigInt64Array", [new BigInt64Array(1)], "v[0]", /is a BigInt64Array/],
    ["a DataView", [new DataView(new ArrayBuffer(1))], "v[0]", /is a DataView: keep a Uint8Array/],
    ["an ArrayBuffer", [new ArrayBuffer(1)], "v[0]", /is an ArrayBuffer: keep a Uint8Array/],
    ["a boxed number", [Object(1)], "v[0]", /is a Number object/],
    ["a boxed string", [Object("a")], "v[0]", /is a String object/],
    ["a boxed boolean", [Object(false)], "v[0]", /is a Boolean object/],
    ["a boxed bigint", [Object(1n)], "v[0]", /is a BigInt object/],
    ["an invalid Date", { at: new Date(Number.NaN) }, "v.at", /is an invalid Date/],
    ["a promise", { user: Promise.resolve(1) }, "v.user", /is a Promise: await it first/],
    ["an error", [new Error("x")], "v[0]", /is an Error/],
    ["a RegExp", [/x/], "v[0]", /is a RegExp/],
    ["a WeakMap", [new WeakMap()], "v[0]", /is a WeakMap/],
    [
      "a getter",
      {
        a: {
          get now() {
            return 1;
          },
        },
      },
      "v.a.now",
      /is a getter or setter/,
    ],
    ["a setter", { set now(_: number) {} }, "v.now", /is a getter or setter/],
    ["a circle", circle, "v.list[0].circle", /contains itself/],
    ["a proxy of a Date", [new Proxy(new Date(), {})], "v[0]", /not a proxy/],
    ["a false Map", [Object.create(Map.prototype)], "v[0]", /only looks like its class/],
  ])("names %s and where it is", (_, value, path, problem) => {
    const error = refusalOf(value);
    expect(error.path).toBe(path);
    expect(error.message).toMatch(problem);
  });

  it.each<[string, unknown, string]>([
    [
      "an odd key",
      { "odd key": { "": { "1a": { "a-b": { ä$_1: Number.NaN } } } } },
      'v["odd key"][""]["1a"]["a-b"].ä$_1',
    ],
    ["a key with quotation marks", { 'a"b\n': Number.NaN }, 'v["a\\"b\\n"]'],
    ["__proto__", JSON.parse('{"__proto__":{"a":1e999}}'), "v.__proto__.a"],
    ["a map's value", new Map([["a", [Number.NaN]]]), 'v.get("a")[0]'],
    [
      "a map's value under a key of another type",
      new Map([
        [1, 0],
        [2, Number.NaN],
      ]),
      "[...v.values()][1]",
    ],
    [
      "a map's key",
      new Map([
        ["a", 0],
        [Number.NaN as never, 0],
      ]),
      "[...v.keys()][1]",
    ],
    ["a set's member", new Set([1, [{ a: Number.NaN }]]), "[...v][1][0].a"],
    [
      "a map in a set",
      new Set([new Map([[{ a: 1 }, new Set([Number.NaN])]])]),
      "[...[...[...v][0].values()][0]][0]",
    ],
  ])("writes the path to %s as one would write it in the program", (_, value, path) => {
    expect(refusalOf(value).path).toBe(path);
    // And so it leads there.
    expect(new Function("v", `return ${path}`)(value)).not.toSatisfy(Number.isFinite);
  });

  it("begins the path with what the value is called, or with its own key", () => {
    expect(pathOf("cart", { list: [Number.NaN] })).toBe("cart.list[0]");
    expect(pathOf("", { cart: Number.NaN })).toBe("cart");
    expect(pathOf("", { "odd key": Number.NaN })).toBe('["odd key"]');
  });

  it("puts no long key into an error, and no value", () => {
    const key = "k".repeat(100_000);
    const { message } = refusalOf({ [key]: { [`${key}!`]: Number.NaN }, secret: "s3cret" });
    expect(message.length).toBeLessThan(400);
    expect(message).not.toContain("s3cret");
  });

  it("P14 answers to references that branch without end", () => {
    const circle: unknown[] = [];
    circle.push(circle, circle);
    expect(refusalOf(circle).path).toBe("v[0]");
    let bomb: unknown = "lol";
    for (let level = 0; level < 60; level++) bomb = [bomb, bomb];
    expect(refusalOf(bomb).message).toMatch(/larger than any store takes/);
    const text = "x".repeat(100_000);
    expect(refusalOf(Array(1000).fill(text)).message).toMatch(/larger/);
    expect(refusalOf(Array(1000).fill(new Uint8Array(100_000))).message).toMatch(/larger/);
    expect(refusalOf(Array(1000).fill(1n << 400_000n)).message).toMatch(/larger/);
    expect(refusalOf({ [text.repeat(50)]: 1 }).message).toMatch(/larger/);
  });
});

describe("fromJson", () => {
  it("gives a plain tree back as it is, not a copy", () => {
    const tree = JSON.parse('{"a":[1,{"$x":1,"b":[]}],"c":null,"d":{"e":"$date"}}') as Json;
    expect(fromJson(tree)).toBe(tree);
  });

  it("revives in place, at every depth", () => {
    const tree = JSON.parse(
      '{"a":[{"at":{"$date":1}},{"$object":{"$x":{"$bigint":"a"}}}]}',
    ) as Json;
    const value = fromJson(tree);
    expect(value).toBe(tree);
    expect(value).toEqual({ a: [{ at: new Date(1) }, { $x: 10n }] });
  });

  it("keeps a bigint of a million digits", () => {
    const big = 1n << 4_000_000n;
    expect(fromJson(JSON.parse(JSON.stringify(toJson(big, "v"))) as Json)).toBe(big);
  });

  it.each([
    '{"$nope":1}',
    '{"$":1}',
    '{"$date":"2026-01-01"}',
    '{"$date":1.5}',
    '{"$date":8640000000000001}',
    '{"$date":null}',
    '{"$date":{"$date":1}}',
    '{"$map":{}}',
    '{"$map":[1]}',
    '{"$map":[[1]]}',
    '{"$map":[[1,2,3]]}',
    '{"$map":[[1,2],[1,3]]}',
    '{"$map":{"$set":[[1,2]]}}',
    '{"$set":{}}',
    '{"$set":[1,1]}',
    '{"$set":"ab"}',
    '{"$bigint":1}',
    '{"$bigint":""}',
    '{"$bigint":"-0"}',
    '{"$bigint":"0a"}',
    '{"$bigint":"FF"}',
    '{"$bigint":"0x1"}',
    '{"$bigint":" 1"}',
    '{"$url":"/relative"}',
    '{"$url":1}',
    '{"$bytes":"AQ=="}',
    '{"$bytes":"A"}',
    '{"$bytes":"AR"}',
    '{"$bytes":[1]}',
    '{"$number":"NaN"}',
    '{"$number":0}',
    '{"$object":1}',
    '{"$object":null}',
    '{"$object":{}}',
    '{"$object":[1]}',
    '{"$object":{"a":1}}',
    '{"$object":{"$a":1,"$b":2}}',
    '{"$object":{"$a":{"$nope":1}}}',
    '[[{"a":{"$date":""}}]]',
    '{"a":{"__proto__":{"$nope":1}}}',
  ])("P14 refuses %s", (text) => {
    expect(() => fromJson(JSON.parse(text) as Json)).toThrow(ValueError);
  });

  it.each(["[", '{"a":', '{"$set":[', '{"$object":{"$a":'])(
    "P14 refuses a hundred thousand levels of %s",
    (open) => {
      const close = [...open].reverse().map((bracket) => ({ "[": "]", "{": "}" })[bracket] ?? "");
      const text = `${open.repeat(100_000)}1${close.join("").repeat(100_000)}`;
      expect(() => fromJson(JSON.parse(text) as Json)).toThrow(ValueError);
    },
  );

  it("P13 repeats nothing of what was stored in its errors", () => {
    for (const text of ['{"$s3cret":1}', '{"$url":"s3cret"}', '{"$map":[["s3cret"]]}']) {
      expect(() => fromJson(JSON.parse(text) as Json)).not.toThrow(/s3cret/);
    }
  });
});

/** Its drive letter was none while it was an http URL. */
function changedUrl(): URL {
  const url = new URL("http://a.example/");
  url.pathname = "/C|/x";
  url.protocol = "file";
  return url;
}

function refusalOf(value: unknown): ValueError {
  return thrownBy(() => toJson(value, "v"));
}

function pathOf(name: string, value: unknown): string {
  return thrownBy(() => toJson(value, name)).path;
}

function thrownBy(run: () => unknown): ValueError {
  try {
    run();
  } catch (error) {
    if (isCoatcheckError(error) && error instanceof ValueError) return error;
    throw error;
  }
  throw new Error("nothing was refused");
}

function nested(wrap: (inner: unknown) => unknown, leaf: unknown, levels: number): unknown {
  let value = leaf;
  for (let level = 0; level < levels; level++) value = wrap(value);
  return value;
}
