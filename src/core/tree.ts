/**
 * The data of a session as JSON, by key. A tree is shared by requests and never changed: a change
 * makes a new one that has the unchanged cells in common.
 *
 * @module
 */

import type { Json } from "../codec/value.ts";
import { fromJson, toJson } from "../codec/value.ts";

/** One value as JSON, parsed or as text, whichever was needed; at least one is there. */
export interface Cell {
  json: Json | undefined;
  /** `"key":text`, as it stands in a body. */
  member: string | undefined;
}

/** A `Map`, so that no key, `__proto__` neither, means anything to it. */
export type DataTree = ReadonlyMap<string, Cell>;

/** The changes by key; `undefined` deletes. */
export type Changes = ReadonlyMap<string, Cell | undefined>;

export const EMPTY_TREE: DataTree = new Map();

/** The tree of a parsed object. */
export function treeOf(data: Readonly<Record<string, Json>>): DataTree {
  const tree = new Map<string, Cell>();
  for (const key of Object.keys(data)) tree.set(key, { json: data[key], member: undefined });
  return tree;
}

/** The text of the whole tree: a JSON object. */
export function textOf(tree: DataTree): string {
  let text = "";
  for (const [key, cell] of tree) {
    text += text === "" ? memberOf(cell, key) : `,${memberOf(cell, key)}`;
  }
  return `{${text}}`;
}

/** The cell of a value, sharing nothing with it. @throws {ValueError} for what cannot be kept. */
export function cellOf(value: unknown, key: string): Cell {
  const json = toJson(value, key);
  if (typeof json !== "object" || json === null) return { json, member: undefined };
  return { json: undefined, member: `${quoted(key)}:${JSON.stringify(json)}` };
}

/** The value of a cell, which nobody else holds. */
export function valueIn(cell: Cell, key: string): unknown {
  const { json } = cell;
  if (json !== undefined && (typeof json !== "object" || json === null)) return json;
  const member = memberOf(cell, key);
  return fromJson(JSON.parse(member.slice(quoted(key).length + 1)) as Json);
}

/** The text of one key, to compare with; `undefined` when the key is absent. */
export function memberAt(tree: DataTree, key: string): string | undefined {
  const cell = tree.get(key);
  return cell && memberOf(cell, key);
}

export function memberOf(cell: Cell, key: string): string {
  cell.member ??= `${quoted(key)}:${JSON.stringify(cell.json)}`;
  return cell.member;
}

/** The tree with the changes applied; the same tree when there are none. */
export function applyChanges(tree: DataTree, changes: Changes): DataTree {
  if (changes.size === 0) return tree;
  const next = new Map<string, Cell>();
  // `forEach` makes no pair for each entry, which `new Map(tree)` does.
  tree.forEach((cell, key) => {
    next.set(key, cell);
  });
  for (const [key, cell] of changes) {
    if (cell === undefined) next.delete(key);
    else next.set(key, cell);
  }
  return next;
}

/** The tree with these keys only. */
export function pick(tree: DataTree, keys: readonly string[]): DataTree {
  return new Map([...tree].filter(([key]) => keys.includes(key)));
}

/** Every value, sharing nothing with the tree. */
export function decodeAll(tree: DataTree): Record<string, unknown> {
  // From entries: an assignment of `__proto__` would set the prototype.
  return Object.fromEntries([...tree].map(([key, cell]) => [key, valueIn(cell, key)]));
}

/** @throws {ValueError} naming the path of what cannot be kept. */
export function encodeAll(values: Readonly<Record<string, unknown>>): DataTree {
  const tree = new Map<string, Cell>();
  for (const [key, value] of Object.entries(values)) {
    if (value !== undefined) tree.set(key, cellOf(value, key));
  }
  return tree;
}

/** What data as a whole may be: an object whose keys are the session's. */
export function isPlainObject(value: unknown): value is Record<string, unknown> {
  if (typeof value !== "object" || value === null) return false;
  const prototype: unknown = Object.getPrototypeOf(value);
  return prototype === Object.prototype || prototype === null;
}

const PLAIN = /^[\w-]*$/;

function quoted(key: string): string {
  return PLAIN.test(key) ? `"${key}"` : JSON.stringify(key);
}
