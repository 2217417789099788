/**
 * Copies a value that is not plain JSON into what is, or says where and why it cannot.
 *
 * @module
 */

import { isCoatcheckError, ValueError } from "../errors.ts";
import { define } from "./define.ts";
import type { Step } from "./refusal.ts";
import { pathText, problemOf } from "./refusal.ts";
import type { Special } from "./tags.ts";
import { isTag, specials } from "./tags.ts";
import type { Json } from "./value.ts";

/** Objects, arrays, maps and sets inside one another. */
export const MAX_DEPTH = 64;

/**
 * Values and characters: four times what a store takes. More comes from shared references: ten lines
 * of YAML with aliases stand for a billion values.
 */
export const MAX_SIZE = 4_194_304;

interface Encoding {
  readonly path: string;
  /** From the value to where the encoder is. */
  readonly steps: Step[];
  /** The containers that it is in. */
  readonly ancestors: object[];
  left: number;
}

/** @throws {ValueError} naming the path of the first thing that cannot be kept. */
export function encode(value: unknown, path: string): Json {
  return encodeValue(value, { path, steps: [], ancestors: [], left: MAX_SIZE });
}

function encodeValue(value: unknown, state: Encoding): Json {
  spend(state, typeof value === "string" ? 1 + value.length : 1);
  switch (typeof value) {
    case "string":
    case "boolean":
      return value;
    case "number":
      if (!Number.isFinite(value)) refuse(state, `is ${value}: keep null, or leave it out`);
      return Object.is(value, -0) ? { $number: "-0" } : value;
    case "bigint":
      // Hexadecimal takes linear time both ways; a million decimal digits take half a second.
      return { $bigint: spent(state, value.toString(16)) };
    case "object":
      return value === null ? null : encodeObject(value, state);
    default:
      return refuse(state, problemOf(value));
  }
}

function encodeObject(value: object, state: Encoding): Json {
  const { ancestors } = state;
  if (ancestors.includes(value)) refuse(state, "contains itself");
  if (ancestors.length === MAX_DEPTH) refuse(state, `lies more than ${MAX_DEPTH} levels deep`);
  ancestors.push(value);
  const json = encodeByPrototype(value, Object.getPrototypeOf(value), state);
  ancestors.pop();
  return json;
}

function encodeByPrototype(value: object, prototype: unknown, state: Encoding): Json {
  // The prototype of arrays is an array itself, in every realm; that of a subclass is not.
  if (Array.isArray(value) && Array.isArray(prototype)) return encodeArray(value, state);
  const special = specials.get(prototype);
  if (special !== undefined) return encodeSpecial(value, special, state);
  if (isPlainPrototype(prototype)) return encodePlain(value, state);
  return refuse(state, problemOf(value));
}

function encodeArray(value: readonly unknown[], state: Encoding): Json {
  const copy: Json[] = [];
  // Not `map`, which leaves holes out.
  for (let index = 0; index < value.length; index++) {
    copy.push(encodeChild(index, value[index], state));
  }
  return copy;
}

function encodePlain(value: object, state: Encoding): Json {
  const [symbol] = Object.getOwnPropertySymbols(value);
  if (symbol !== undefined) refuse(state, `has the key ${String(symbol)}: keep strings as keys`);

  const copy: Record<string, Json> = {};
  const keys: string[] = [];
  for (const key of Object.keys(value)) {
    const property = Object.getOwnPropertyDescriptor(value, key);
    if (property?.get !== undefined || property?.set !== undefined) {
      state.steps.push(key);
      refuse(state, "is a getter or setter: keep the value it gives");
    }
    if (property?.value === undefined) continue;
    spend(state, key.length);
    define(copy, key, encodeChild(key, property.value, state));
    keys.push(key);
  }
  return keys.length === 1 && isTag(keys[0]) ? { $object: copy } : copy;
}

function encodeSpecial(value: object, { tag, toJson }: Special, state: Encoding): Json {
  try {
    const json = toJson(value, {
      child: (step, child) => encodeChild(step, child, state),
      refuse: (problem) => refuse(state, problem),
    });
    return { [tag]: typeof json === "string" ? spent(state, json) : json };
  } catch (error) {
    if (isCoatcheckError(error)) throw error;
    return refuse(state, "only looks like its class: keep the object itself, not a proxy of it");
  }
}

function encodeChild(step: Step, value: unknown, state: Encoding): Json {
  state.steps.push(step);
  const json = encodeValue(value, state);
  state.steps.pop();
  return json;
}

function spent(state: Encoding, text: string): string {
  spend(state, text.length);
  return text;
}

function spend(state: Encoding, size: number): void {
  state.left -= size;
  if (state.left < 0) refuse(state, "is larger than any store takes");
}

function refuse(state: Encoding, problem: string): never {
  throw new ValueError(pathText(state.path, state.steps), problem);
}

/** That of `{}`, here or in another realm, or one as empty as that of what `querystring` parses. */
function isPlainPrototype(prototype: unknown): boolean {
  if (prototype === null || prototype === Object.prototype) return true;
  if (Object.getPrototypeOf(prototype) !== null) return false;
  const made: unknown = Object.getOwnPropertyDescriptor(prototype, "constructor")?.value;
  if (made !== undefined) return typeof made === "function" && made.name === "Object";
  return Reflect.ownKeys(prototype as object).length === 0;
}
