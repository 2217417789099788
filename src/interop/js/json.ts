/**
 * JSON of foreign sessions: read with limits, written without changing a value.
 *
 * @module
 */

import type { Step } from "../../codec/refusal.ts";
import { pathText, problemOf } from "../../codec/refusal.ts";
import { ValueError } from "../../errors.ts";
import { encodeBase64url } from "../../lib/base64url.ts";
import { randomBytes } from "../../lib/random.ts";
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
/** Of one object. Engines take seconds for a hundred thousand that are numbers made for that. */
const MAX_KEYS = 10_000;

/**
 * The object that a text stands for.
 *
 * Refused: text that is no JSON, JSON that is no object, more than 64 levels or 10,000 keys in one object, and the
 * key `__proto__` at any level: copied by assignment it would change the prototype of whatever it is copied to.
 */
export function readJsonObject(
  text: string,
  maxCharacters: number = MAX_RECORD_CHARACTERS,
): Parsed | Refused {
  if (text.length > maxCharacters) return refuse("too-large", "the session is too long");
  return checkedObject(parse(text));
}

/**
 * What a text stands for, an object or not; else refused in the same way.
 *
 * @param isExact - a whole number that a number would round is a bigint: of libraries whose language has such.
 */
export function readJsonValue(
  text: string,
  isExact = false,
): { readonly value: unknown } | Refused {
  if (text.length > MAX_RECORD_CHARACTERS) return refuse("too-large", "the text is too long");
  const value = isExact ? parseExact(text) : parse(text);
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

/** The same for `readJsonValue(text, true)`: a bigint is a whole number, and a number comes back as one. */
export function writeExactJson(value: unknown): string {
  requireJson(value, "", [], true);
  const mark = newMark();
  const text = JSON.stringify(value, (_, each: unknown) => {
    if (typeof each === "bigint") return mark + each;
    return isRounded(each) ? `${mark}${each}.0` : each;
  });
  return text.replaceAll(new RegExp(`"${mark}(-?[0-9.]+)"`, "g"), "$1");
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

function parse(text: string, revive?: (key: string, value: unknown) => unknown): unknown {
  try {
    return JSON.parse(text, revive);
  } catch {
    return undefined;
  }
}

/** What a number would round is read as text, and known by a mark that no text has by chance. */
function parseExact(text: string): unknown {
  const mark = newMark();
  const marked = text.replaceAll(TOKENS, (token) =>
    WHOLE.test(token) && !Number.isSafeInteger(Number(token)) ? `"${mark}${token}"` : token,
  );
  return parse(marked, (_, each) =>
    typeof each === "string" && each.startsWith(mark) ? BigInt(each.slice(mark.length)) : each,
  );
}

/** Whether its digits would pass for those of a whole number that is exact. */
function isRounded(value: unknown): value is number {
  const isWhole = Number.isInteger(value) && !Number.isSafeInteger(value);
  return isWhole && WHOLE.test(String(value));
}

function newMark(): string {
  return encodeBase64url(randomBytes(16));
}

const TOKENS = /"(?:[^"\\]|\\.)*"|-?[0-9]+(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?/g;
const WHOLE = /^-?[0-9]+$/;

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
      if (!Array.isArray(each) && Object.keys(each).length > MAX_KEYS) {
        return refuse("too-large", "the session has too many keys");
      }
      for (const child of Object.values(each)) {
        if (typeof child === "object" && child !== null) next.push(child);
      }
    }
    level = next;
  }
  return undefined;
}

function requireJson(value: unknown, path: string, steps: readonly Step[], isExact = false): void {
  if (value === null || typeof value === "string" || typeof value === "boolean") return;
  if (typeof value === "number") {
    if (Number.isFinite(value)) return;
    throw new ValueError(pathText(path, steps), "is no finite number, which JSON lacks");
  }
  if (typeof value === "bigint") {
    if (isExact) return;
    throw new ValueError(pathText(path, steps), "is a bigint, which this format lacks");
  }
  if (typeof value !== "object") throw new ValueError(pathText(path, steps), problemOf(value));
  if (steps.length >= MAX_DEPTH) {
    throw new ValueError(pathText(path, steps), `lies more than ${MAX_DEPTH} levels deep`);
  }
  if (Array.isArray(value)) {
    for (const [index, each] of value.entries())
      requireJson(each, path, [...steps, index], isExact);
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
    if (each !== undefined) requireJson(each, path, [...steps, key], isExact);
  }
}
