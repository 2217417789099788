/**
 * What the functions given to `update` do to the data of a session.
 *
 * @module
 */

import { UsageError } from "../errors.ts";
import { memberNow } from "./changes.ts";
import type { DataTree } from "./tree.ts";
import {
  applyChanges,
  cellOf,
  decodeAll,
  encodeAll,
  isPlainObject,
  memberAt,
  memberOf,
  textOf,
  valueIn,
} from "./tree.ts";

/** One key changed by the app's function; the same tree when that changes nothing. */
export function changeKey(
  key: string,
  change: (value: unknown) => unknown,
): (tree: DataTree) => DataTree {
  return (tree) => {
    const cell = tree.get(key);
    const given = cell && valueIn(cell, key);
    const value = change(given);
    refusePromise(value);
    // Not every compiler sees a forgotten `return`, and `undefined` deletes.
    if (
      cell &&
      value === undefined &&
      memberNow(given, key) !== memberNow(valueIn(cell, key), key)
    ) {
      throw new UsageError("the function given to update must return what it changed");
    }
    const next = value === undefined ? undefined : cellOf(value, key);
    if ((next && memberOf(next, key)) === memberAt(tree, key)) return tree;
    return applyChanges(tree, new Map([[key, next]]));
  };
}

/** All data changed by the app's function, in place or by what it returns. */
export function changeAll(
  change: (data: Record<string, unknown>) => unknown,
): (tree: DataTree) => DataTree {
  return (tree) => {
    const data = decodeAll(tree);
    const value = change(data) ?? data;
    refusePromise(value);
    // The value of an assignment, or a list, would take the place of all data.
    if (!isPlainObject(value)) {
      throw new UsageError(
        "the function given to update must return an object with all data, or nothing",
      );
    }
    const next = encodeAll(value);
    return textOf(next) === textOf(tree) ? tree : next;
  };
}

function refusePromise(value: unknown): void {
  if (typeof (value as { then?: unknown } | undefined)?.then !== "function") return;
  // Its later effects would not be part of the write.
  Promise.resolve(value).catch(() => undefined);
  throw new UsageError("the function given to update must be synchronous: await before it");
}
