/**
 * The data of a session as JSON, by key. A tree is shared by requests and never changed: a change
 * makes a new one that has the unchanged cells in common.
 *
 * @module
 */

import type { Json } from "../codec/value.ts";
import { fromJson, toJson } from "../codec/value.ts";

/** One value as JSON, parsed or as text, whichever was needed; at least one is there. */
export class Cell {
  declare json: Json | undefined;
  /** `"key":text`, as it stands in a body. */
  declare member: string | undefined;

  constructor(json: Json | undefined, member: string | undefined) {
    this.json = json;
    this.member = member;
  }
}

/** The changes by key; `undefined` deletes. */
export type Changes = ReadonlyMap<string, Cell | undefined>;

// More keys than these are looked up in an index.
const FEW = 16;

/**
 * Cells by key, in order. Two arrays, and no `Map`, which is slow to copy: most changes leave the keys
 * as they are, and so copy one array. No key, `__proto__` neither, means anything to it.
 */
export class DataTree {
  declare private readonly names: readonly string[];
  declare private readonly cells: readonly Cell[];
  private index: ReadonlyMap<string, number> | undefined = undefined;
  /** The text of the whole, a JSON object, where it is known. */
  declare text: string | undefined;

  constructor(names: readonly string[], cells: readonly Cell[], text: string | undefined) {
    this.names = names;
    this.cells = cells;
    this.text = text;
  }

  get size(): number {
    return this.names.length;
  }

  keys(): readonly string[] {
    return this.names;
  }

  has(key: string): boolean {
    return this.at(key) >= 0;
  }

  get(key: string): Cell | undefined {
    const at = this.at(key);
    return at < 0 ? undefined : this.cells[at];
  }

  entries(): (readonly [key: string, cell: Cell])[] {
    return this.map((cell, key) => [key, cell] as const);
  }

  map<Result>(use: (cell: Cell, key: string) => Result): Result[] {
    return this.cells.map((cell, at) => use(cell, this.names[at] as string));
  }

  /** The tree with these changes. */
  with(changes: Changes): DataTree {
    let names: string[] | undefined;
    const cells: (Cell | undefined)[] = this.cells.slice();
    let isShorter = false;
    changes.forEach((cell, key) => {
      const at = this.at(key);
      if (at >= 0) {
        cells[at] = cell;
        isShorter ||= cell === undefined;
      } else if (cell !== undefined) {
        names ??= this.names.slice();
        names.push(key);
        cells.push(cell);
      }
    });
    if (isShorter) {
      const all = names ?? this.names;
      const left = all.filter((_, at) => cells[at] !== undefined);
      return new DataTree(left, cells.filter(isCell) as Cell[], undefined);
    }
    const next = new DataTree(names ?? this.names, cells as Cell[], undefined);
    if (names === undefined) {
      next.index = this.index;
      if (changes.size === 1) next.text = this.textWith(next);
    }
    return next;
  }

  /** The text of the next tree, in which one member is another: most changes change one key. */
  private textWith(next: DataTree): string | undefined {
    const { text, cells, names } = this;
    if (text === undefined) return undefined;
    let at = 0;
    let from = 1;
    for (; cells[at] === next.cells[at]; at += 1) {
      if (at === cells.length) return text;
      from += memberOf(cells[at] as Cell, names[at] as string).length + 1;
    }
    const name = names[at] as string;
    const member = memberOf(cells[at] as Cell, name);
    // A text that somebody else has written may have spaces.
    if (!text.startsWith(member, from)) return undefined;
    const rest = text.slice(from + member.length);
    return text.slice(0, from) + memberOf(next.cells[at] as Cell, name) + rest;
  }

  private at(key: string): number {
    const { names } = this;
    if (names.length <= FEW) return names.indexOf(key);
    this.index ??= new Map(names.map((name, at) => [name, at]));
    return this.index.get(key) ?? -1;
  }
}

const isCell = (cell: Cell | undefined): boolean => cell !== undefined;

/** No data. */
export const EMPTY_TREE: DataTree = new DataTree([], [], undefined);

/** The tree of a parsed object, and of the text it was parsed from, where {@link textOf} has made that. */
export function treeOf(data: Readonly<Record<string, Json>>, text?: string): DataTree {
  const names = Object.keys(data);
  const cells = names.map((name) => new Cell(data[name], undefined));
  // Keys that are numbers come first in an object, wherever they stand in the text.
  const [first] = names;
  const isInOrder = first === undefined || !/^\d/.test(first);
  return new DataTree(names, cells, isInOrder ? text : undefined);
}

/** The text of the whole tree, a JSON object. */
export function textOf(tree: DataTree): string {
  tree.text ??= `{${tree.map(memberOf).join(",")}}`;
  return tree.text;
}

/** The cell of a value, sharing nothing with it. @throws {ValueError} for what cannot be kept. */
export function cellOf(value: unknown, key: string): Cell {
  const json = toJson(value, key);
  if (typeof json !== "object" || json === null) return new Cell(json, undefined);
  return new Cell(undefined, `${quoted(key)}:${JSON.stringify(json)}`);
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
  const { json } = cell;
  // A number by itself: most that changes at every request is one, and it is several times faster.
  cell.member ??= `${quoted(key)}:${typeof json === "number" ? json : JSON.stringify(json)}`;
  return cell.member;
}

/** The tree with the changes applied; the same tree when there are none. */
export function applyChanges(tree: DataTree, changes: Changes): DataTree {
  return changes.size === 0 ? tree : tree.with(changes);
}

/** The tree with these keys only. */
export function pick(tree: DataTree, keys: readonly string[]): DataTree {
  return tree.with(
    new Map(tree.keys().flatMap((key) => (keys.includes(key) ? [] : [[key, undefined]]))),
  );
}

/** Every value, sharing nothing with the tree. */
export function decodeAll(tree: DataTree): Record<string, unknown> {
  // From entries: an assignment of `__proto__` would set the prototype.
  return Object.fromEntries(tree.map((cell, key) => [key, valueIn(cell, key)]));
}

/** @throws {ValueError} naming the path of what cannot be kept. */
export function encodeAll(values: Readonly<Record<string, unknown>>): DataTree {
  const cells = new Map<string, Cell>();
  for (const [key, value] of Object.entries(values)) {
    if (value !== undefined) cells.set(key, cellOf(value, key));
  }
  return EMPTY_TREE.with(cells);
}

/** What data as a whole may be: an object whose keys are the session's. */
export function isPlainObject(value: unknown): value is Record<string, unknown> {
  if (typeof value !== "object" || value === null) return false;
  const prototype: unknown = Object.getPrototypeOf(value);
  return prototype === Object.prototype || prototype === null;
}

const PLAIN = /^[\w. -]*$/;

/** As JSON. */
function quoted(key: string): string {
  return PLAIN.test(key) ? `"${key}"` : JSON.stringify(key);
}
