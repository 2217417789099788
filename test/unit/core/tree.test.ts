import fc from "fast-check";
import { expect, it } from "vitest";
import type { Cell } from "../../../src/core/tree.ts";
import {
  cellOf,
  decodeAll,
  EMPTY_TREE,
  encodeAll,
  textOf,
  treeOf,
} from "../../../src/core/tree.ts";
import { fuzzRuns } from "../../support/fuzz.ts";

const key = fc.oneof(
  fc.integer({ min: 0, max: 40 }).map((n) => `k${n}`),
  fc.constantFrom("__proto__", "constructor", "", "0"),
);
const changes = fc.array(fc.tuple(key, fc.option(fc.integer(), { nil: undefined })), {
  maxLength: 30,
});

it("is what a map would be, whatever is changed, and the trees before stay as they were", () => {
  fc.assert(
    fc.property(fc.array(changes, { maxLength: 6 }), (batches) => {
      let tree = EMPTY_TREE;
      let model = new Map<string, Cell>();
      for (const batch of batches) {
        const before = { tree, entries: tree.entries() };
        const cells = new Map(batch.map(([k, n]) => [k, n === undefined ? n : cellOf(n, k)]));
        tree = tree.with(cells);
        model = new Map(model);
        for (const [k, cell] of cells) {
          if (cell === undefined) model.delete(k);
          else model.set(k, cell);
        }
        expect(tree.entries()).toEqual([...model]);
        expect([tree.size, tree.keys()]).toEqual([model.size, [...model.keys()]]);
        for (const k of ["k0", "k7", "k40", "__proto__", "toString", ""]) {
          expect([tree.has(k), tree.get(k)]).toEqual([model.has(k), model.get(k)]);
        }
        expect(before.tree.entries()).toEqual(before.entries);
      }
    }),
    { numRuns: Math.ceil(fuzzRuns() / 4) },
  );
});

it("has the same text, whether it was written anew or made from the text before", () => {
  const value = fc.oneof(
    fc.integer(),
    fc.string({ unit: "binary", maxLength: 5 }),
    fc.constant({}),
  );
  fc.assert(
    fc.property(fc.array(fc.tuple(key, value), { maxLength: 12 }), (sets) => {
      let tree = encodeAll({ k1: "a", k2: ["b", ","], "": '"' });
      for (const [k, v] of sets) {
        tree = tree.with(new Map([[k, cellOf(v, k)]]));
        const anew = EMPTY_TREE.with(new Map(tree.entries()));
        expect(textOf(tree)).toBe(textOf(anew));
        expect(textOf(tree)).toBe(`{${tree.map((each) => each.member).join(",")}}`);
      }
    }),
    { numRuns: Math.ceil(fuzzRuns() / 4) },
  );
});

it("has the same text when it was read from one", () => {
  const inner = fc.jsonValue({ maxDepth: 2 });
  const name = fc.oneof(key, fc.constantFrom("k1", "7", "10", "-1", "a b", "é", '"'));
  const values = fc.uniqueArray(fc.tuple(name, inner), { selector: ([k]) => k, maxLength: 6 });
  fc.assert(
    fc.property(values, fc.nat(), inner, (entries, n, value) => {
      const cells = new Map(entries.map(([k, v]) => [k, cellOf(v, k)]));
      const written = EMPTY_TREE.with(cells);
      const read = treeOf(JSON.parse(textOf(written)), textOf(written));
      const k = entries[n % entries.length]?.[0] ?? "new";
      const next = read.with(new Map([[k, cellOf(value, k)]]));
      const anew = EMPTY_TREE.with(new Map(next.entries()));
      expect(textOf(next)).toBe(textOf(anew));
      const reread = decodeAll(treeOf(JSON.parse(textOf(next))));
      expect(reread).toEqual(Object.fromEntries([...Object.entries(decodeAll(read)), [k, value]]));
    }),
    { numRuns: Math.ceil(fuzzRuns() / 4) },
  );
});

it("is not led astray by a text that somebody else has written", () => {
  const text = '{ "a": { "b":1 }, "b":1}';
  const tree = treeOf(JSON.parse(text), text).with(new Map([["b", cellOf(2, "b")]]));
  expect(JSON.parse(textOf(tree))).toEqual({ a: { b: 1 }, b: 2 });
});

it("keeps its text when a change is none", () => {
  const tree = encodeAll({ a: 1, b: 2 });
  const text = textOf(tree);
  const same = tree.with(new Map([["b", tree.get("b")]]));
  expect(textOf(same)).toBe(text);
});

it("finds one of very many keys, and adds to them, without a look at all of them", () => {
  const many = new Map(Array.from({ length: 100_000 }, (_, n) => [`k${n}`, cellOf(n, `k${n}`)]));
  const tree = EMPTY_TREE.with(many);
  const next = tree.with(new Map([["k99999", cellOf(-1, "k99999")]]));
  for (const name of many.keys()) expect(next.has(name)).toBe(true);
  expect(next.get("k99999")?.json).toBe(-1);
});
