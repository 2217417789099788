/**
 * Values in a form that Python and JavaScript can both say, kinds and all. `peer.py` has the other half.
 *
 * @module
 */

import { define } from "../../../src/codec/define.ts";
import {
  isMarkup,
  isNaive,
  isPlainDate,
  isTimeDelta,
  isTuple,
  isUuid,
  markup,
  naiveDate,
  plainDate,
  timeDelta,
  tuple,
  uuid,
} from "../../../src/interop/python/values.ts";

/** JSON, with `{ $: kind, v: content }` for what is more. */
export type Described = unknown;

/** Our value, described. Dicts and sets are sorted, so that two descriptions can be compared. */
export function describeValue(value: unknown): Described {
  return sorted(described(value));
}

/** A description with dicts and sets in one order. */
export function sorted(value: Described): Described {
  if (Array.isArray(value)) return value.map(sorted);
  if (typeof value !== "object" || value === null) return value;
  const { $: kind, v: content, ...rest } = value as { $: string; v: unknown };
  // Both write numbers as they like: 1e+22, 1e22.
  if (kind === "float" && /\d/.test(String(content)) && content !== "-0") {
    return { $: kind, v: String(Number(content)) };
  }
  const items = Array.isArray(content) ? content.map(sorted) : content;
  if ((kind === "dict" || kind === "set") && Array.isArray(items)) {
    items.sort((a, b) => (JSON.stringify(a) < JSON.stringify(b) ? -1 : 1));
  }
  return { $: kind, v: items, ...rest };
}

function described(value: unknown): Described {
  if (typeof value === "bigint") return { $: "int", v: String(value) };
  if (typeof value === "number") return describedNumber(value);
  if (typeof value !== "object" || value === null) return value;
  if (Array.isArray(value)) {
    const items = value.map(described);
    return isTuple(value) ? { $: "tuple", v: items } : items;
  }
  if (value instanceof Uint8Array) return { $: "bytes", v: Buffer.from(value).toString("hex") };
  if (value instanceof Date) return { $: "datetime", v: value.getTime(), naive: isNaive(value) };
  if (isMarkup(value)) return { $: "markup", v: value.markup };
  if (isUuid(value)) return { $: "uuid", v: value.uuid };
  if (isPlainDate(value)) return { $: "date", v: value.date };
  if (isTimeDelta(value)) return { $: "timedelta", v: value.seconds };
  if (value instanceof Set) return { $: "set", v: [...value].map(described) };
  const entries = value instanceof Map ? [...value] : Object.entries(value);
  return { $: "dict", v: entries.map(([key, item]) => [described(key), described(item)]) };
}

function describedNumber(value: number): Described {
  if (Number.isNaN(value)) return { $: "float", v: "nan" };
  if (!Number.isFinite(value)) return { $: "float", v: value > 0 ? "inf" : "-inf" };
  if (Object.is(value, -0)) return { $: "float", v: "-0" };
  const isWhole = Number.isInteger(value) && !Number.isSafeInteger(value);
  return isWhole ? { $: "float", v: String(value) } : value;
}

/** The value of a description. */
export function undescribed(value: Described): unknown {
  if (Array.isArray(value)) return value.map(undescribed);
  if (typeof value !== "object" || value === null) return value;
  const { $: kind, v, naive } = value as { $: string; v: never; naive?: boolean };
  switch (kind) {
    case "int":
      return BigInt(v);
    case "float":
      return { nan: Number.NaN, inf: Infinity, "-inf": -Infinity }[v as string] ?? Number(v);
    case "bytes":
      return new Uint8Array(Buffer.from(v, "hex"));
    case "tuple":
      return tuple((v as unknown[]).map(undescribed));
    case "set":
      return new Set((v as unknown[]).map(undescribed));
    case "markup":
      return markup(v);
    case "uuid":
      return uuid(v);
    case "date":
      return plainDate(v);
    case "timedelta":
      return timeDelta(v);
    case "datetime":
      return naive === true ? naiveDate(v) : new Date(v);
    default:
      return dictOf(
        (v as [unknown, unknown][]).map(([key, item]) => [undescribed(key), undescribed(item)]),
      );
  }
}

function dictOf(entries: readonly [unknown, unknown][]): unknown {
  if (!entries.every(([key]) => typeof key === "string")) return new Map(entries);
  const record: Record<string, unknown> = {};
  for (const [key, item] of entries) define(record, key as string, item);
  return record;
}
