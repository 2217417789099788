/**
 * Flask's tagged JSON: an object with one key such as `" t"` stands for what JSON has no word for.
 *
 * | tag | Python | here |
 * |---|---|---|
 * | ` t` | tuple | an array that {@link isTuple} knows |
 * | ` b` | bytes, as base64 | `Uint8Array` |
 * | ` m` | `Markup` | {@link Markup} |
 * | ` u` | `UUID`, 32 hexadecimal digits | {@link Uuid} |
 * | ` d` | datetime, as an HTTP date: whole seconds, UTC | `Date` |
 * | ` di` | a dict whose one key looks like a tag; the key has `__` behind it | that object |
 *
 * @see https://flask.palletsprojects.com/en/stable/api/#flask.json.tag.TaggedJSONSerializer
 * @module
 */

import { define } from "../../codec/define.ts";
import { ValueError } from "../../errors.ts";
import { decodeBase64, encodeBase64 } from "../../lib/base64.ts";
import { isPlainObject, readJson, writeJson } from "./json.ts";
import type { Limits } from "./limits.ts";
import { refuse } from "./refusal.ts";
import {
  isMarkup,
  isPlainDate,
  isTimeDelta,
  isTuple,
  isUuid,
  markup,
  tuple,
  uuid,
} from "./values.ts";

/**
 * Writes values as Flask's `TaggedJSONSerializer.dumps` does.
 *
 * @throws {ValueError} naming the path of what Flask would not give back as it was.
 */
export function writeTaggedJson(value: unknown): string {
  return writeJson(tagged(value, "", 0), { ascii: true });
}

/** Reads what Flask's `TaggedJSONSerializer.dumps` has written. Gives up on anything else. */
export function readTaggedJson(text: string, limits: Limits): unknown {
  return untagged(readJson(text, limits));
}

const TAGS: ReadonlySet<string> = new Set([" di", " t", " b", " m", " u", " d"]);
const MAX_DEPTH = 64;

function tagged(value: unknown, path: string, depth: number): unknown {
  if (typeof value !== "object" || value === null) return value;
  if (depth > MAX_DEPTH) throw new ValueError(path, `lies more than ${MAX_DEPTH} levels deep`);
  if (Array.isArray(value)) {
    const items = Array.from(value, (item, at) => tagged(item, `${path}[${at}]`, depth + 1));
    return isTuple(value) ? { " t": items } : items;
  }
  if (value instanceof Uint8Array) return { " b": encodeBase64(value) };
  if (value instanceof Date) return { " d": httpDate(value, path) };
  if (isMarkup(value)) return { " m": value.markup };
  if (isUuid(value)) return { " u": value.uuid };
  if (isPlainDate(value) || isTimeDelta(value) || !isPlainObject(value)) {
    throw new ValueError(path, "is an object that Flask's session has no word for");
  }
  return taggedRecord(value, path, depth);
}

function taggedRecord(value: Record<string, unknown>, path: string, depth: number): unknown {
  const record: Record<string, unknown> = {};
  const keys = Object.keys(value);
  for (const key of keys) {
    const childPath = path === "" ? key : `${path}.${key}`;
    define(record, key, tagged(value[key], childPath, depth + 1));
  }
  const [only = ""] = keys;
  return keys.length === 1 && TAGS.has(only) ? { " di": { [`${only}__`]: record[only] } } : record;
}

function untagged(value: unknown): unknown {
  if (typeof value !== "object" || value === null) return value;
  if (Array.isArray(value)) {
    for (const [at, item] of value.entries()) value[at] = untagged(item);
    return value;
  }
  const record = value as Record<string, unknown>;
  const keys = Object.keys(record);
  for (const key of keys) define(record, key, untagged(record[key]));
  const [only = ""] = keys;
  return keys.length === 1 && TAGS.has(only) ? meaningOf(only, record[only]) : record;
}

function meaningOf(tag: string, content: unknown): unknown {
  switch (tag) {
    case " t":
      return Array.isArray(content) ? tuple(content) : malformed("tuple");
    case " di":
      return escapedRecord(content);
    default:
      return typeof content === "string" ? meaningOfText(tag, content) : malformed("value");
  }
}

function meaningOfText(tag: string, text: string): unknown {
  switch (tag) {
    case " b":
      return decodeBase64(text) ?? malformed("bytes");
    case " m":
      return markup(text);
    case " u":
      return /^[0-9a-f]{32}$/.test(text) ? uuid(text) : malformed("UUID");
    default: {
      const moment = DATE.test(text) ? Date.parse(text) : Number.NaN;
      return Number.isNaN(moment) ? malformed("date") : new Date(moment);
    }
  }
}

/** The one-key dict that would have been taken for a tag: `{"x__": …}` stands for `{"x": …}`. */
function escapedRecord(content: unknown): Record<string, unknown> {
  const entries = typeof content === "object" && content !== null ? Object.entries(content) : [];
  const [entry] = entries;
  if (entries.length !== 1 || entry === undefined || !entry[0].endsWith("__")) {
    return malformed("dict");
  }
  return { [entry[0].slice(0, -2)]: entry[1] };
}

function malformed(what: string): never {
  return refuse("malformed", `has a tag for a ${what} without one`);
}

const DATE = /^(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun), [0-9]{2} [A-Z][a-z]{2} [0-9]{4} [0-9:]{8} GMT$/;

function httpDate(date: Date, path: string): string {
  if (Number.isNaN(date.getTime())) throw new ValueError(path, "is a date that is none");
  const text = date.toUTCString();
  // Python takes the years before 100 for those of this century or the last.
  if (!DATE.test(text) || date.getUTCFullYear() < 100)
    throw new ValueError(path, "is a date that Python has no word for");
  return text;
}
