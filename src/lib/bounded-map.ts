/**
 * A map of strings that forgets what was not used for longest, when it weighs too much.
 *
 * @module
 */

/** The part of a `Map` that is offered. */
export interface BoundedMap<Value> {
  /** Also counts as a use. */
  get(key: string): Value | undefined;
  /** What alone weighs more than half the bound is not kept. */
  set(key: string, value: Value, weight: number): void;
  delete(key: string): void;
  clear(): void;
  /** What everything in it weighs: never more than the bound. */
  weight(): number;
  size(): number;
}

interface Weighed<Value> {
  readonly value: Value;
  readonly weight: number;
}

interface Generation<Value> {
  readonly entries: Map<string, Weighed<Value>>;
  weight: number;
}

/**
 * An empty map. It has two generations of half the weight each: a use takes an entry into the young
 * one, and when that is full, the old one is dropped as a whole. So nothing is ever scanned or sorted.
 */
export function boundedMap<Value>(bound: number): BoundedMap<Value> {
  let young = emptyGeneration<Value>();
  let old = emptyGeneration<Value>();

  function put(key: string, entry: Weighed<Value>): void {
    if (young.weight + entry.weight > bound / 2) {
      old = young;
      young = emptyGeneration();
    }
    take(old, key);
    young.entries.set(key, entry);
    young.weight += entry.weight;
  }

  return {
    get(key) {
      const known = young.entries.get(key);
      if (known !== undefined) return known.value;
      const older = take(old, key);
      if (older === undefined) return undefined;
      put(key, older);
      return older.value;
    },
    set(key, value, weight) {
      take(young, key);
      take(old, key);
      if (weight <= bound / 2) put(key, { value, weight });
    },
    delete(key) {
      take(young, key);
      take(old, key);
    },
    clear() {
      young = emptyGeneration();
      old = emptyGeneration();
    },
    weight: () => young.weight + old.weight,
    size: () => young.entries.size + old.entries.size,
  };
}

function emptyGeneration<Value>(): Generation<Value> {
  return { entries: new Map(), weight: 0 };
}

function take<Value>(generation: Generation<Value>, key: string): Weighed<Value> | undefined {
  const entry = generation.entries.get(key);
  if (entry === undefined) return undefined;
  generation.entries.delete(key);
  generation.weight -= entry.weight;
  return entry;
}
