/**
 * Remembers what was made of a text, so that a session in use is not parsed, or opened, at every
 * request.
 *
 * Never wrong, whatever other processes do: an entry counts only for the very text it was made from.
 * It saves no store call, and what it gives is judged anew each time.
 *
 * @module
 */

export interface Memo<Value> {
  /** What was made of the text. `key` tells where to look, and nothing more. */
  find(key: string, text: string): Value | undefined;
  keep(key: string, text: string, value: Value): void;
}

interface Entry<Value> {
  readonly text: string;
  readonly value: Value;
}

// Two generations of so many characters each: some 16 MB with what was made of them.
const CHARACTERS = 2 ** 20;
// One large session must not put all others out.
const LARGEST = CHARACTERS / 64;

/** Entries are never taken out one by one: a generation is dropped as a whole. */
export function createMemo<Value>(): Memo<Value> {
  let young = new Map<string, Entry<Value>>();
  let old = new Map<string, Entry<Value>>();
  let characters = 0;

  function put(key: string, entry: Entry<Value>): void {
    characters += entry.text.length;
    if (characters > CHARACTERS) {
      old = young;
      young = new Map();
      characters = entry.text.length;
    }
    young.set(key, entry);
  }

  return {
    find(key, text) {
      const known = young.get(key);
      if (known !== undefined && known.text === text) return known.value;
      const older = old.get(key);
      if (older === undefined || older.text !== text) return undefined;
      put(key, older);
      return older.value;
    },
    keep(key, text, value) {
      if (text.length <= LARGEST) put(key, { text, value });
    },
  };
}
