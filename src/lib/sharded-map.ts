/**
 * A map of strings that never grows all at once.
 *
 * A JavaScript `Map` copies itself when it is full, which stops a process with a million entries for
 * a tenth of a second, and it holds 16 million at most. Many smaller ones grow one at a time.
 *
 * @module
 */

/** The part of a `Map` that is offered. */
export interface ShardedMap<Value> {
  get(key: string): Value | undefined;
  set(key: string, value: Value): void;
  delete(key: string): boolean;
}

// More shards copy less at once, and miss the processor's caches more often.
const SHARDS = 64;

/** An empty map. */
export function shardedMap<Value>(): ShardedMap<Value> {
  const shards = Array.from({ length: SHARDS }, () => new Map<string, Value>());
  const shardOf = (key: string): Map<string, Value> =>
    shards[shardNumber(key)] as Map<string, Value>;
  return {
    get: (key) => shardOf(key).get(key),
    set(key, value) {
      shardOf(key).set(key, value);
    },
    delete: (key) => shardOf(key).delete(key),
  };
}

// From the last three characters: they are the random ones of an id, and vary most in user ids. Past
// the beginning of a shorter key the code is NaN, which counts as 0 here.
function shardNumber(key: string): number {
  const last = key.length - 1;
  return (
    ((key.charCodeAt(last) & 31) * 33 +
      (key.charCodeAt(last - 1) & 31) * 5 +
      (key.charCodeAt(last - 2) & 31) * 101) %
    SHARDS
  );
}
