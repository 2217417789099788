/**
 * What a request did to its session's data: values it read, set, deleted, or changed in place.
 *
 * A value that was handed out is compared with what it was when the changes are collected, so that
 * `session.get("cart").push("tea")` is found without a proxy around the app's own objects.
 *
 * @module
 */

import { toJson } from "../codec/value.ts";
import type { Cell, Changes, DataTree } from "./tree.ts";
import { cellOf, memberAt, memberOf, valueIn } from "./tree.ts";

/** The data of a session as one request sees it. Most requests neither take an object nor set anything. */
export class Draft {
  declare readonly tree: DataTree;
  /** Objects that were handed out, with their JSON text at that moment. */
  handed: Map<string, Handed> | undefined = undefined;
  /** Buffered sets, in order of the last one; `undefined` deletes. */
  sets: Map<string, unknown> | undefined = undefined;
  /** The changes that were collected last: what comes later is not written with them. */
  taken: Changes | undefined = undefined;

  constructor(tree: DataTree) {
    this.tree = tree;
  }
}

export interface Handed {
  readonly value: object;
  readonly member: string;
}

const NO_CHANGES: Changes = new Map();

export function getValue(draft: Draft, key: string): unknown {
  const { sets, handed, tree } = draft;
  if (sets?.has(key) === true) return sets.get(key);
  const cell = tree.get(key);
  if (cell === undefined) return undefined;
  const { json } = cell;
  if (json !== undefined && (typeof json !== "object" || json === null)) return json;
  const known = handed?.get(key);
  if (known !== undefined) return known.value;
  const value = valueIn(cell, key);
  if (typeof value === "object" && value !== null) {
    draft.handed ??= new Map();
    draft.handed.set(key, { value, member: memberOf(cell, key) });
  }
  return value;
}

export function hasValue(draft: Draft, key: string): boolean {
  if (draft.sets?.has(key) === true) return draft.sets.get(key) !== undefined;
  return draft.tree.has(key);
}

export function keysOf(draft: Draft): string[] {
  const keys = draft.tree.keys().filter((key) => hasValue(draft, key));
  for (const [key, value] of draft.sets ?? []) {
    if (value !== undefined && !draft.tree.has(key)) keys.push(key);
  }
  return keys;
}

/** @throws {ValueError} naming the path of what cannot be kept. */
export function setValue(draft: Draft, key: string, value: unknown): void {
  if (value === undefined) {
    deleteValue(draft, key);
    return;
  }
  toJson(value, key);
  // Deleted first, so that the order of the map is the order of the last sets.
  draft.sets ??= new Map();
  draft.sets.delete(key);
  draft.sets.set(key, value);
}

export function deleteValue(draft: Draft, key: string): void {
  draft.sets?.delete(key);
  if (!draft.tree.has(key)) return;
  draft.sets ??= new Map();
  draft.sets.set(key, undefined);
}

/** Deletes what was there when the session was read, and what this request has set. */
export function clearValues(draft: Draft): void {
  const sets = new Map<string, undefined>();
  for (const key of draft.tree.keys()) sets.set(key, undefined);
  draft.sets = sets;
}

/**
 * The changes so far, detached from the app's own objects. The draft itself is left alone.
 *
 * @throws {ValueError} when a value was changed into something that cannot be kept.
 */
export function collectChanges(draft: Draft): Changes {
  draft.taken = changesOf(draft);
  return draft.taken;
}

function changesOf({ handed, sets }: Draft): Changes {
  if (sets === undefined && handed === undefined) return NO_CHANGES;
  let changes: Map<string, Cell | undefined> | undefined;
  for (const [key, { value, member }] of handed ?? []) {
    if (sets?.has(key) === true) continue;
    const cell = cellOf(value, key);
    if (memberOf(cell, key) === member) continue;
    changes ??= new Map();
    changes.set(key, cell);
  }
  for (const [key, value] of sets ?? []) {
    changes ??= new Map();
    changes.set(key, value === undefined ? undefined : cellOf(value, key));
  }
  return changes ?? NO_CHANGES;
}

/** The keys of what was changed in place since its text was taken. */
export function keysChangedInPlace(handed: Iterable<readonly [string, Handed]>): string[] {
  const keys: string[] = [];
  for (const [key, { value, member }] of handed) {
    if (memberNow(value, key) !== member) keys.push(key);
  }
  return keys;
}

/**
 * The draft of the same request over data that was written meanwhile. Objects that were handed out
 * stay the same where their data did, so that the app may go on changing them.
 */
export function rebased(draft: Draft, tree: DataTree): Draft {
  const next = new Draft(tree);
  for (const [key, value] of valuesOf(draft)) {
    const member = memberAt(tree, key);
    if (member !== undefined && memberNow(value, key) === member) {
      next.handed ??= new Map();
      next.handed.set(key, { value, member });
    }
  }
  return next;
}

/**
 * Buffers the changes of a draft again in a newer one, with the very objects that the app holds in its
 * hands, so that it may go on changing them.
 */
export function bufferAgain(before: Draft, changes: Changes, next: Draft): void {
  for (const [key, cell] of changes) {
    next.sets ??= new Map();
    const isSet = before.sets?.has(key) === true;
    const value = isSet ? before.sets?.get(key) : before.handed?.get(key)?.value;
    next.sets.set(key, cell && value);
  }
}

/** Buffers what was changed while the changes that were collected were being written. */
export function bufferLate(before: Draft, next: Draft): void {
  const { handed, sets, taken = NO_CHANGES } = before;
  for (const key of new Set([...(handed ?? []), ...(sets ?? []), ...taken].map(([key]) => key))) {
    const isSet = sets?.has(key) === true;
    const now = isSet ? sets.get(key) : handed?.get(key)?.value;
    const cell = taken.get(key);
    const written = taken.has(key) ? cell && memberOf(cell, key) : handed?.get(key)?.member;
    const isWritten = taken.has(key) || !isSet;
    const member = now === undefined ? undefined : memberNow(now, key);
    if (isWritten && member === written) continue;
    next.sets ??= new Map();
    if (now === undefined && !next.tree.has(key)) next.sets.delete(key);
    else next.sets.set(key, now);
  }
}

/**
 * Lets go of what was there before somebody else signed in, but for these keys: objects of another user do
 * not come along, however late they are changed.
 *
 * @param pending - the sets of then; what was set since is kept.
 */
export function letGo(
  { handed, sets }: Draft,
  pending: ReadonlyMap<string, unknown>,
  keep: readonly string[],
): void {
  for (const key of handed?.keys() ?? []) if (!keep.includes(key)) handed?.delete(key);
  for (const [key, value] of pending) {
    if (sets?.get(key) === value && !keep.includes(key)) sets?.delete(key);
  }
}

/** The JSON text of one key as the request read it; `undefined` when it was absent. */
export function memberRead(draft: Draft, key: string): string | undefined {
  return draft.handed?.get(key)?.member ?? memberAt(draft.tree, key);
}

/** The objects that the app holds in its hands, by key. */
function valuesOf({ handed, sets }: Draft): Map<string, object> {
  const values = new Map<string, object>();
  for (const [key, { value }] of handed ?? []) values.set(key, value);
  for (const [key, value] of sets ?? []) {
    if (typeof value === "object" && value !== null) values.set(key, value);
    else values.delete(key);
  }
  return values;
}

/** The text of a value as it is now; `undefined` for what can no longer be kept. */
export function memberNow(value: unknown, key: string): string | undefined {
  try {
    return memberOf(cellOf(value, key), key);
  } catch {
    return undefined;
  }
}
