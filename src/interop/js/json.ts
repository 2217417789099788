/**
 * JSON of foreign sessions: read with limits, written without changing a value.
 *
 * @module
 */

import type { Step } from "../../codec/refusal.ts";
import { pathText, problemOf } from "../../codec/refusal.ts";
import { ValueError } from "../../errors.ts";
import type { Refused } from "../source.ts";
import { refuse } from "./refuse.ts";

/** A JSON object whose values are JSON. */
export type JsonObject = Record<string, unknown>;

/** What was read. Wrapped, because the object may hold any key, those of a refusal included. */
export interface Parsed {
  readonly object: JsonObject;
}

/** What a record may take; the core keeps no longer bodies either. */
export const MAX_RECORD_CHARACTERS: number = 1024 * 1024;
/** No browser sends a longer value in one cookie; chunked ones are counted together. */
export const MAX_COOKIE_CHARACTERS: number = 16_384;
const MAX_DEPTH = 64;

/**
 * The object that a text stands for.
 *
 * Refused: text that is no JSON, JSON that is no object, more than 64 levels, and the key `__proto__`
 * at any level: copied by assignment it would change the prototype of whatever it is copied to.
 */
export function readJsonObject(
  text: string,
  maxCharacters: number = MAX_RECORD_CHARACTERS,
): Parsed | Refused {
  if (text.length > maxCharacters) return refuse("too-large", "the session is too long");
  return checkedObject(parse(text));
}

/** What a text stands for, an object or not; else refused in the same way. */
export function readJsonValue(text: string): { readonly value: unknown } | Refused {
  if (text.length > MAX_RECORD_CHARACTERS) return refuse("too-large", "the text is too long");
  const value = parse(text);
  if (value === undefined) return refuse("malformed", "the text is not JSON");
  const problem = typeof value === "object" && value !== null ? structureProblem(value) : undefined;
  return problem ?? { value };
}

/** The same for what a foreign store has parsed already. */
export function checkedObject(value: unknown): Parsed | Refused {
  if (typeof value !== "object" || value === null || Array.isArray(value)) {
    return refuse("malformed", "the session is not an object");
  }
  return structureProblem(value) ?? { object: value as JsonObject };
}

/**
 * Plain JSON as text.
 *
 * @throws {ValueError} for what JSON cannot hold: the foreign library would change it in silence.
 */
export function writeJson(value: unknown, path = ""): string {
  requireJson(value, path, []);
  return JSON.stringify(value);
}

/**
 * Looks for keys that the foreign library takes for itself, or that every object inherits: an app would
 * not see what is kept under them.
 *
 * @throws {ValueError} naming the first.
 */
export function requireFreeKeys(
  data: Readonly<JsonObject>,
  isTaken: (key: string) => boolean,
): void {
  const taken = Object.keys(data).find((key) => isTaken(key) || key in Object.prototype);
  if (taken !== undefined) throw new ValueError(taken, "is a key that the foreign library takes");
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

// Not recursive: the levels are what is counted.
function structureProblem(root: object): Refused | undefined {
  let level: object[] = [root];
  for (let depth = 0; level.length > 0; depth += 1) {
    if (depth === MAX_DEPTH) return refuse("too-large", "the session has too many levels");
    const next: object[] = [];
    for (const each of level) {
      if (Object.hasOwn(each, "__proto__")) {
        return refuse("unsupported", "the session holds the key __proto__");
      }
      for (const child of Object.values(each)) {
        if (typeof child === "object" && child !== null) next.push(child);
      }
    }
    level = next;
  }
  return undefined;
}

function requireJson(value: unknown, path: string, steps: readonly Step[]): void {
  if (value === null || typeof value === "string" || typeof value === "boolean") return;
  if (typeof value === "number") {
    if (Number.isFinite(value)) return;
    throw new ValueError(pathText(path, steps), "is no finite number, which JSON lacks");
  }
  if (typeof value === "bigint") {
    throw new ValueError(pathText(path, steps), "is a bigint, which this format lacks");
  }
  if (typeof value !== "object") throw new ValueError(pathText(path, steps), problemOf(value));
  if (steps.length >= MAX_DEPTH) {
    throw new ValueError(pathText(path, steps), `lies more than ${MAX_DEPTH} levels deep`);
  }
  if (Array.isArray(value)) {
    for (const [index, each] of value.entries()) requireJson(each, path, [...steps, index]);
    return;
  }
  const prototype: unknown = Object.getPrototypeOf(value);
  if (prototype !== Object.prototype && prototype !== null) {
    throw new ValueError(pathText(path, steps), problemOf(value));
  }
  if (Object.hasOwn(value, "__proto__")) {
    throw new ValueError(pathText(path, [...steps, "__proto__"]), "is a key that is never read");
  }
  for (const [key, each] of Object.entries(value)) {
    // As in JSON, what is undefined is not there.
    if (each !== undefined) requireJson(each, path, [...steps, key]);
  }
}
