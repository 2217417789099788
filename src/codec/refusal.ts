/**
 * Says what cannot be kept, where it is, and what to keep instead.
 *
 * @module
 */

/** One step into a value: a key, an index, or an entry of a map or a set. */
export type Step = string | number | EntryStep;

export interface EntryStep {
  readonly in: "keys" | "values" | "members";
  readonly at: number;
  /** The map's key that the value belongs to. */
  readonly key?: unknown;
}

/** The way to a value as one would write it: `cart[2].price`, `prefs["odd key"]`, `seen.get("a")`. */
export function pathText(root: string, steps: readonly Step[]): string {
  return steps.reduce<string>(
    (path, step) => (typeof step === "object" ? entryText(path, step) : propertyText(path, step)),
    root,
  );
}

function propertyText(path: string, key: string | number): string {
  if (typeof key === "number") return `${path}[${key}]`;
  if (!IDENTIFIER.test(key)) return `${path}[${quoted(key)}]`;
  return path === "" ? key : `${path}.${key}`;
}

function entryText(path: string, step: EntryStep): string {
  if (step.in === "keys") return `[...${path}.keys()][${step.at}]`;
  if (step.in === "members") return `[...${path}][${step.at}]`;
  if (typeof step.key === "string") return `${path}.get(${quoted(step.key)})`;
  return `[...${path}.values()][${step.at}]`;
}

/** An error is no place for the whole of a long key. */
function quoted(key: string): string {
  return JSON.stringify(key.length > MAX_KEY_LENGTH ? `${key.slice(0, MAX_KEY_LENGTH)}…` : key);
}

const MAX_KEY_LENGTH = 64;
const IDENTIFIER = /^[\p{ID_Start}$_][\p{ID_Continue}$]{0,63}$/u;

/** Why something can never be kept, with the mend. */
export function problemOf(value: unknown): string {
  switch (typeof value) {
    case "undefined":
      return "is undefined: keep null, or leave it out";
    case "function":
      return "is a function: keep data only";
    case "symbol":
      return "is a symbol: keep a string";
    default:
      return objectProblem(value as object);
  }
}

function objectProblem(value: object): string {
  const name = className(value);
  const one = `is ${/^[AEIOU]/.test(name) ? "an" : "a"} ${name}`;
  if (name === "Buffer") return `${one}: keep \`new Uint8Array(buffer)\` or a string`;
  if (ArrayBuffer.isView(value)) return `${one}: keep a Uint8Array or an array`;
  if (value instanceof ArrayBuffer) return `${one}: keep a Uint8Array`;
  if (BOXES.has(name)) return `${one} object: keep what its valueOf() gives`;
  if ("then" in value) return `${one}: await it first`;
  if ("toJSON" in value) return `${one}, whose class would be lost: keep what its toJSON() gives`;
  return `${one}, whose class would be lost: keep its data as a plain object`;
}

const BOXES: ReadonlySet<string> = new Set(["Number", "String", "Boolean", "BigInt", "Symbol"]);

function className(value: object): string {
  const made: unknown = value.constructor;
  const name: unknown = typeof made === "function" ? made.name : undefined;
  return typeof name === "string" && name !== "" ? name.slice(0, MAX_KEY_LENGTH) : "nameless class";
}
