/**
 * JSON as Python reads and writes it: whole numbers of any size, `NaN` and `Infinity`, ASCII only or not.
 *
 * Reading differs from `JSON.parse` in what a session needs: no number is rounded silently, `__proto__` is
 * a key like any other, and depth and size have a limit.
 *
 * @see https://docs.python.org/3/library/json.html
 * @module
 */

import { define } from "../../codec/define.ts";
import { ValueError } from "../../errors.ts";
import type { Limits } from "./limits.ts";
import { isDigit, keyCounter } from "./limits.ts";
import { refuse } from "./refusal.ts";

/** Reads a JSON text; gives up on anything else. */
export function readJson(text: string, limits: Limits): unknown {
  if (text.length > limits.maxBytes) refuse("too-large", "is a longer JSON text than is read");
  let at = 0;
  let items = 0;
  const counted = keyCounter(limits);
  const value = read(0);
  skipBlanks();
  return at === text.length ? value : malformed();

  function read(depth: number): unknown {
    items += 1;
    if (items > limits.maxItems) refuse("too-large", `holds more than ${limits.maxItems} values`);
    skipBlanks();
    switch (text[at]) {
      case "{":
        return readObject(depth);
      case "[":
        return readArray(depth);
      case '"':
        return readString();
      default:
        return readScalar();
    }
  }

  function enter(depth: number): void {
    if (depth >= limits.maxDepth)
      refuse("too-large", `lies more than ${limits.maxDepth} levels deep`);
    at += 1;
    skipBlanks();
  }

  function readObject(depth: number): Record<string, unknown> {
    const record: Record<string, unknown> = {};
    enter(depth);
    if (text[at] === "}") {
      at += 1;
      return record;
    }
    for (;;) {
      skipBlanks();
      const key = text[at] === '"' ? readString() : malformed();
      if (isDigit(key)) counted([key]);
      skipBlanks();
      expect(":");
      define(record, key, read(depth + 1));
      if (ends("}")) return record;
    }
  }

  function readArray(depth: number): unknown[] {
    const array: unknown[] = [];
    enter(depth);
    if (text[at] === "]") {
      at += 1;
      return array;
    }
    for (;;) {
      array.push(read(depth + 1));
      if (ends("]")) return array;
    }
  }

  function ends(bracket: string): boolean {
    skipBlanks();
    const character = text[at];
    at += 1;
    if (character === bracket) return true;
    return character === "," ? false : malformed();
  }

  function expect(character: string): void {
    if (text[at] !== character) malformed();
    at += 1;
  }

  function readString(): string {
    const start = at;
    let isPlain = true;
    for (at += 1; text[at] !== '"'; at += 1) {
      // Also past the end, where there is no code.
      if (!(text.charCodeAt(at) >= 0x20)) malformed();
      if (text[at] !== "\\") continue;
      isPlain = false;
      at += 1;
    }
    at += 1;
    return isPlain ? text.slice(start + 1, at - 1) : unescaped(text.slice(start, at));
  }

  function readScalar(): unknown {
    SCALAR.lastIndex = at;
    const found = SCALAR.exec(text)?.[0] ?? malformed();
    at += found.length;
    const word = WORDS.get(found);
    return word === undefined ? numberOf(found) : word.value;
  }

  function skipBlanks(): void {
    while (isBlank(text.charCodeAt(at))) at += 1;
  }
}

const SCALAR =
  /null|true|false|NaN|-?Infinity|-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?/y;
const WORDS: ReadonlyMap<string, { readonly value: unknown }> = new Map([
  ["null", { value: null }],
  ["true", { value: true }],
  ["false", { value: false }],
  ["NaN", { value: Number.NaN }],
  ["Infinity", { value: Number.POSITIVE_INFINITY }],
  ["-Infinity", { value: Number.NEGATIVE_INFINITY }],
]);

/** More digits take quadratic time; Python 3.11 refuses to read them too. */
const MAX_DIGITS = 4300;

function numberOf(text: string): number | bigint {
  const number = Number(text);
  if (Number.isSafeInteger(number) || /[.eE]/.test(text)) return number;
  if (text.length > MAX_DIGITS)
    refuse("too-large", `holds a number of more than ${MAX_DIGITS} digits`);
  return BigInt(text);
}

function unescaped(json: string): string {
  try {
    return JSON.parse(json) as string;
  } catch {
    return malformed();
  }
}

function isBlank(code: number): boolean {
  return code === 0x20 || code === 0x0a || code === 0x0d || code === 0x09;
}

function malformed(): never {
  return refuse("malformed", "is not JSON");
}

/** How Python was told to write. */
export interface JsonStyle {
  /** `ensure_ascii`: everything else is escaped. */
  readonly ascii: boolean;
  /** `json.dumps` puts a blank after `,` and `:` unless it was told otherwise. */
  readonly spaced?: boolean;
  /** For readers other than Python's own, which do not know `NaN` and `Infinity`: those are refused. */
  readonly finite?: boolean;
}

/** Containers inside one another; the same as our own values may have. */
const MAX_DEPTH = 64;

/**
 * Writes a value as Python's `json.dumps` does, keys in the order that they have.
 *
 * @throws {ValueError} naming the path of what JSON has no word for.
 */
export function writeJson(value: unknown, style: JsonStyle): string {
  const [comma, colon] = style.spaced === true ? [", ", ": "] : [",", ":"];
  return write(value, "", 0);

  function write(item: unknown, path: string, depth: number): string {
    if (depth > MAX_DEPTH) throw new ValueError(path, `lies more than ${MAX_DEPTH} levels deep`);
    switch (typeof item) {
      case "string":
        return quoted(item, path);
      case "boolean":
      case "bigint":
        return String(item);
      case "number":
        if (style.finite === true && !Number.isFinite(item)) {
          throw new ValueError(path, "is no finite number, which JSON lacks");
        }
        return numberText(item);
      case "object":
        return item === null ? "null" : writeObject(item, path, depth + 1);
      default:
        throw new ValueError(path, `is ${typeof item}: the format has no word for it`);
    }
  }

  function writeObject(item: object, path: string, depth: number): string {
    if (Array.isArray(item)) {
      const parts = Array.from(item, (child, index) => write(child, `${path}[${index}]`, depth));
      return `[${parts.join(comma)}]`;
    }
    if (!isPlainObject(item)) throw new ValueError(path, "is an object that JSON has no word for");
    const parts = Object.entries(item).map(([key, child]) => {
      const childPath = path === "" ? key : `${path}.${key}`;
      return `${quoted(key, childPath)}${colon}${write(child, childPath, depth)}`;
    });
    return `{${parts.join(comma)}}`;
  }

  function quoted(text: string, path: string): string {
    const json = JSON.stringify(text);
    if (style.ascii) return json.replace(NOT_ASCII, escaped);
    // JSON.stringify escapes the halves of a pair that stand alone. UTF-8 has no bytes for them.
    if (/\p{Surrogate}/u.test(text))
      throw new ValueError(path, "is text that is not well-formed Unicode");
    return json;
  }
}

function numberText(number: number): string {
  if (Object.is(number, -0)) return "-0.0";
  const text = String(number);
  // Without the point Python would take it for a whole number, exact to its last digit.
  return Number.isInteger(number) && !Number.isSafeInteger(number) && !text.includes("e")
    ? `${text}.0`
    : text;
}

/** Whether it is what a literal `{}` makes, in whatever realm. */
export function isPlainObject(value: object): value is Record<string, unknown> {
  const prototype: unknown = Object.getPrototypeOf(value);
  return prototype === null || Object.getPrototypeOf(prototype) === null;
}

// biome-ignore lint/suspicious/noControlCharactersInRegex: DEL is ASCII and Python leaves it as it is.
const NOT_ASCII = /[^\x00-\x7f]/g;

function escaped(unit: string): string {
  return `\\u${unit.charCodeAt(0).toString(16).padStart(4, "0")}`;
}
