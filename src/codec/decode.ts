/**
 * Puts values back where a tree of JSON has tags.
 *
 * @module
 */

import { ValueError } from "../errors.ts";
import { define } from "./define.ts";
import { MAX_DEPTH } from "./encode.ts";
import { isTag, revivers } from "./tags.ts";

/** A map is three levels of JSON, and what lies deepest may be a tag. */
const MAX_JSON_DEPTH: number = 3 * MAX_DEPTH + 1;

/**
 * The tree itself, changed in place, or what stands for it.
 *
 * @throws {ValueError} when there is a tag that the encoder does not write.
 */
export function decode(json: unknown): unknown {
  return revive(json, 0);
}

function revive(json: unknown, depth: number): unknown {
  if (typeof json !== "object" || json === null) return json;
  if (depth >= MAX_JSON_DEPTH) throw corrupt("lies too deep");
  return Array.isArray(json)
    ? reviveArray(json, depth)
    : reviveObject(json as Record<string, unknown>, depth);
}

function reviveArray(array: unknown[], depth: number): unknown {
  for (let index = 0; index < array.length; index++) {
    const item = array[index];
    if (typeof item === "object") array[index] = revive(item, depth + 1);
  }
  return array;
}

function reviveObject(record: Record<string, unknown>, depth: number): unknown {
  let first = true;
  for (const key in record) {
    if (first && isTag(key) && Object.keys(record).length === 1) {
      return reviveTag(key, record[key], depth + 1);
    }
    first = false;
    const child = record[key];
    if (typeof child === "object") define(record, key, revive(child, depth + 1));
  }
  return record;
}

function reviveTag(tag: string, content: unknown, depth: number): unknown {
  if (tag === "$object") return unwrap(content, depth);
  const reviver = revivers.get(tag);
  if (reviver === undefined) throw corrupt("has a tag that is not known");
  const value = reviver(revive(content, depth));
  if (value === undefined) throw corrupt(`has a wrong ${tag}`);
  return value;
}

/** The object that would have been taken for a tag. */
function unwrap(content: unknown, depth: number): unknown {
  const record = typeof content === "object" && content !== null ? content : {};
  const entries = Object.entries(record);
  const [entry] = entries;
  if (entries.length !== 1 || entry === undefined || !isTag(entry[0])) {
    throw corrupt("has a wrong $object");
  }
  define(record as Record<string, unknown>, entry[0], revive(entry[1], depth + 1));
  return record;
}

function corrupt(problem: string): ValueError {
  return new ValueError("stored data", `${problem}: coatcheck did not write it`);
}
