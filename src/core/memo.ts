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
  /**
   * Remembers what was made of a text, when it is the second of its key lately: with more sessions than
   * find room, each would only put out another.
   */
  keep(key: string, text: string, value: Value): void;
  /** A new text has taken the place of the one before: it is remembered if that one was. */
  renew(key: string, text: string, value: Value): void;
}

/** A class, not a literal, for the reason that `State` gives. */
class Entry<Value> {
  declare readonly text: string;
  declare readonly value: Value;

  constructor(text: string, value: Value) {
    this.text = text;
    this.value = value;
  }
}

// Two generations of so many characters each: some 16 MB with what was made of them.
const CHARACTERS = 2 ** 20;
// One large session must not put all others out.
const LARGEST = CHARACTERS / 64;
// Lately: among so many keys that were not remembered. Each leaves its mark in one of many places.
const LATELY = 4096;
const PLACES = 2 ** 16;

/**
 * Entries are never taken out one by one: a generation is dropped as a whole.
 *
 * @param own - gives the text that is kept, where it comes as a part of one that is longer.
 */
export function createMemo<Value>(own: (text: string) => string = (text) => text): Memo<Value> {
  let young = new Map<string, Entry<Value>>();
  let old = new Map<string, Entry<Value>>();
  let characters = 0;
  const marks = new Uint8Array(PLACES);
  let marked = 0;

  function put(key: string, text: string, value: Value): void {
    if (text.length > LARGEST) return;
    characters += text.length;
    if (characters > CHARACTERS) {
      old = young;
      young = new Map();
      characters = text.length;
    }
    young.set(key, new Entry(text, value));
  }

  function cameLately(key: string): boolean {
    const place = placeOf(key);
    if (marks[place] === 1) return true;
    if (marked === LATELY) {
      marks.fill(0);
      marked = 0;
    }
    marks[place] = 1;
    marked += 1;
    return false;
  }

  return {
    find(key, text) {
      const known = young.get(key);
      if (known !== undefined && known.text === text) return known.value;
      const older = old.get(key);
      if (older === undefined || older.text !== text) return undefined;
      put(own(key), older.text, older.value);
      return older.value;
    },
    keep(key, text, value) {
      if (cameLately(key)) put(own(key), own(text), value);
    },
    renew(key, text, value) {
      if (young.has(key) || old.has(key)) put(key, text, value);
    },
  };
}

// From the last characters: they are the random ones of an id.
function placeOf(key: string): number {
  let hash = 0;
  for (let at = 1; at <= 8; at += 1) hash = Math.imul(hash, 61) + key.charCodeAt(key.length - at);
  return hash & (PLACES - 1);
}
