/**
 * Random values of the kinds that each format has.
 *
 * @module
 */

import fc from "fast-check";
import { define } from "../../../src/codec/define.ts";
import {
  markup,
  naiveDate,
  plainDate,
  timeDelta,
  tuple,
  uuid,
} from "../../../src/interop/python/values.ts";

// Also above 2^53, where a number would be rounded, and text that looks like a tag or a prototype.
const numbers = fc.oneof(
  fc.integer(),
  fc.double({ noNaN: true, noDefaultInfinity: true }),
  fc.bigInt({ min: -(2n ** 63n), max: 2n ** 64n - 1n }).filter((value) => !isSafe(value)),
  fc.constantFrom(0, -0, 255, 256, 65_535, 65_536, 2 ** 31, -(2 ** 31) - 1, 2 ** 53 - 1),
);
const text = fc.string({
  unit: fc.constantFrom(...'ab"\\/\n\u0000\u001f\u007fé✓😀 _<&'),
  maxLength: 40,
});
const keys = fc.oneof(
  text,
  fc.constantFrom("__proto__", "constructor", " t", " b", " di", " d", " m", " u", " t__", ""),
);
const bytes = fc.uint8Array({ maxLength: 300 });
const longText = fc.nat({ max: 600 }).map((length) => "tea ".repeat(length));
const dates = (seconds: boolean) =>
  fc
    .integer({ min: -59_000_000_000, max: 250_000_000_000 })
    .map((moment) => new Date(seconds ? moment * 1000 : moment * 1000 + (Math.abs(moment) % 1000)));

/** What JSON has. */
export const jsonValues: fc.Arbitrary<unknown> = tree(
  fc.oneof(fc.constant(null), fc.boolean(), numbers, text, longText),
  [],
);

/** What Flask's tagged JSON has, in a session. */
export const flaskValues: fc.Arbitrary<Record<string, unknown>> = records(
  tree(
    fc.oneof(
      ...[fc.constant(null), fc.boolean(), numbers, text, longText, bytes],
      dates(true),
      text.map(markup),
      fc.uuid().map(uuid),
    ),
    [tuples],
  ),
);

const whole = fc.bigInt({ min: -(2n ** 200n), max: 2n ** 200n }).filter((value) => !isSafe(value));
const hashable = fc.oneof(fc.integer(), text, bytes, whole);

/** What a pickle of plain data has. */
export const pickleValues: fc.Arbitrary<unknown> = tree(
  fc.oneof(
    ...[fc.constant(null), fc.boolean(), numbers, whole, text, longText, bytes, dates(false)],
    dates(false).map((date) => naiveDate(date.getTime())),
    dates(true).map((date) => plainDate(date.toISOString().slice(0, 10))),
    fc.integer({ min: -1_000_000, max: 1_000_000 }).map((half) => timeDelta(half / 2)),
    fc.constantFrom(Number.NaN, Infinity, -Infinity),
    fc.uniqueArray(fc.integer(), { maxLength: 4 }).map((items) => new Set(items)),
    fc.uniqueArray(text, { maxLength: 4 }).map((items) => new Set(items)),
  ),
  [
    tuples,
    (items) =>
      fc
        .uniqueArray(fc.tuple(hashable, items), {
          maxLength: 3,
          selector: ([key]) => String(key),
        })
        .filter((entries) => entries.some(([key]) => typeof key !== "string"))
        .map((entries) => new Map(entries)),
  ],
);

/** What MessagePack has. */
export const msgpackValues: fc.Arbitrary<unknown> = tree(
  fc.oneof(
    ...[fc.constant(null), fc.boolean(), numbers, text, longText, bytes, dates(false)],
    fc.constantFrom(Number.NaN, Infinity, -Infinity),
  ),
  [
    (items) =>
      fc
        .uniqueArray(fc.tuple(fc.integer(), items), { minLength: 1, selector: ([key]) => key })
        .map((entries) => new Map(entries)),
  ],
);

type More = (items: fc.Arbitrary<unknown>) => fc.Arbitrary<unknown>;

function tree(leaves: fc.Arbitrary<unknown>, more: readonly More[]): fc.Arbitrary<unknown> {
  return fc.letrec((tie) => ({
    node: fc.oneof(
      { maxDepth: 4, depthIdentifier: "tree" },
      leaves,
      fc.array(tie("node"), { maxLength: 20, depthIdentifier: "tree" }),
      records(tie("node")),
      ...more.map((make) => make(tie("node"))),
    ),
  })).node as fc.Arbitrary<unknown>;
}

function records(items: fc.Arbitrary<unknown>): fc.Arbitrary<Record<string, unknown>> {
  const entries = fc.uniqueArray(fc.tuple(keys, items), { maxLength: 5, selector: ([key]) => key });
  return entries.map((pairs) => {
    const record: Record<string, unknown> = {};
    for (const [key, item] of pairs) define(record, key, item);
    return record;
  });
}

function tuples(items: fc.Arbitrary<unknown>): fc.Arbitrary<unknown> {
  return fc.array(items, { maxLength: 4 }).map((array) => tuple(array));
}

function isSafe(value: bigint): boolean {
  return Number.isSafeInteger(Number(value));
}
