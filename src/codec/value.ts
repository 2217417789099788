/**
 * Session values as JSON and back: JSON itself, and `Date`, `Map`, `Set`, `bigint`, `URL`,
 * `Uint8Array` and -0.
 *
 * What JSON lacks is an object with one key, a tag:
 *
 * | value          | JSON                                         |
 * |----------------|----------------------------------------------|
 * | `Date`         | `{"$date": 1790000000000}`                   |
 * | `Map`          | `{"$map": [[key, value], …]}`                |
 * | `Set`          | `{"$set": [member, …]}`                      |
 * | `bigint`       | `{"$bigint": "-ff"}` (hexadecimal)           |
 * | `URL`          | `{"$url": "https://example.com/"}`           |
 * | `Uint8Array`   | `{"$bytes": "AQID"}` (base64url, no padding) |
 * | -0             | `{"$number": "-0"}`                          |
 * | `{"$x": 1}`    | `{"$object": {"$x": 1}}`                     |
 *
 * The last line makes it unambiguous: a plain object whose only key begins with `$` is wrapped, so
 * every other object with one such key is a tag.
 *
 * As in JSON, a property that is `undefined` is absent, one that is not enumerable is not there, and
 * an array is its elements. An object without a prototype, or from another realm, comes back as an
 * ordinary one. Whatever else would come back different is refused.
 *
 * @module
 */

import { decode } from "./decode.ts";
import { encode, MAX_DEPTH, MAX_SIZE } from "./encode.ts";
import { isTag } from "./tags.ts";

/** What `JSON.stringify` writes and `JSON.parse` reads without a change. */
export type Json =
  | string
  | number
  | boolean
  | null
  | readonly Json[]
  | { readonly [key: string]: Json };

/**
 * The value as JSON: the value itself, not a copy, where it is plain JSON already.
 *
 * @param path - what errors call the value, such as the session's key.
 * @throws {ValueError} naming the path of the first thing that cannot be kept.
 */
export function toJson(value: unknown, path: string): Json {
  return sizeLeft(value, 0, MAX_SIZE) >= 0 ? (value as Json) : encode(value, path);
}

/**
 * The value that {@link toJson} was given, from a tree that nobody else holds: it is changed in place.
 *
 * @throws {ValueError} when the tree was not made by `toJson`.
 */
export function fromJson(json: Json): unknown {
  return decode(json);
}

/**
 * What is left of `left` after the value, if it is plain JSON; negative if it is not, or too large.
 *
 * Most values come this far and no further, so nothing is made here but property descriptors; what
 * is wrong with a value is for {@link encode} to say.
 */
function sizeLeft(value: unknown, depth: number, left: number): number {
  switch (typeof value) {
    case "string":
      return left - 1 - value.length;
    case "number":
      return Number.isFinite(value) && !Object.is(value, -0) ? left - 1 : -1;
    case "boolean":
      return left - 1;
    case "object":
      break;
    default:
      return -1;
  }
  if (value === null) return left - 1;
  if (depth === MAX_DEPTH) return -1;
  const prototype: unknown = Object.getPrototypeOf(value);
  let rest = left - 1;

  if (Array.isArray(value)) {
    if (prototype !== Array.prototype) return -1;
    for (let index = 0; index < value.length && rest >= 0; index++) {
      rest = sizeLeft(value[index], depth + 1, rest);
    }
    return rest;
  }

  if (prototype !== Object.prototype && prototype !== null) return -1;
  let keys = 0;
  let lastKey = "";
  for (const key in value) {
    // An accessor's descriptor has no value and an inherited key has no descriptor: not plain.
    const property = Object.getOwnPropertyDescriptor(value, key);
    rest = sizeLeft(property?.value, depth + 1, rest - key.length);
    if (rest < 0) return rest;
    keys++;
    lastKey = key;
  }
  if (keys === 1 && isTag(lastKey)) return -1;
  return Object.getOwnPropertySymbols(value).length === 0 ? rest : -1;
}
