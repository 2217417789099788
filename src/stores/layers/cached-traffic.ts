/**
 * The reads and writes of a cache that are under way, and what is remembered of them when they end.
 *
 * @module
 */

import type { Answer, Loaded, SessionRecord } from "../contract.ts";
import type { Entries, Entry, Reading } from "./cached-entries.ts";

/** How the store is asked. */
export type Load = (id: string) => Answer<Loaded | undefined>;

export interface Traffic {
  /** The answer of a read under way, if one that begins now may take it. */
  join(id: string): Promise<Loaded | undefined> | undefined;
  /** Asks the store, and remembers what it answers. */
  ask(id: string, load: Load): Promise<Loaded | undefined>;
  /**
   * Whatever comes of a write, nothing that was read before its end is told after it.
   *
   * @param after - what the write leaves behind of what was there before, if it is known.
   */
  write<Result>(
    id: string,
    run: () => Answer<Result>,
    after?: (before: SessionRecord, result: Result) => SessionRecord | undefined,
  ): Promise<Result>;
  /** Forgets a session, and what is under way about it. */
  forget(id: string): void;
}

interface Flight {
  readonly reading: Reading;
  readonly answer: Promise<Loaded | undefined>;
}

interface Write {
  /** What was known of the session when it began. */
  readonly before: Entry | undefined;
  /** Nothing else has happened to the session since. */
  isAlone: boolean;
}

// A read that hangs must not hold up those that come later, when the store may be back.
const JOINED_FOR = 1000;

/**
 * @param maxAge - how long what was read may be told, in milliseconds.
 * @param keepFor - how long it is remembered: not shorter.
 */
export function cacheTraffic(entries: Entries, maxAge: number, keepFor: number): Traffic {
  // The latest of each session.
  const flights = new Map<string, Flight>();
  const writes = new Map<string, Write>();

  function forget(id: string): void {
    entries.forget(id);
    flights.delete(id);
    const write = writes.get(id);
    if (write !== undefined) write.isAlone = false;
  }

  function landed(id: string, loaded: Loaded | undefined, reading: Reading): Loaded | undefined {
    if (loaded === undefined) {
      entries.forget(id);
      return undefined;
    }
    const known = entries.find(loaded.record.id, keepFor);
    let seen = loaded;
    // From a replica that is behind: what this process has seen it does not unsee. What is closed is so, whatever
    // its number.
    if (known !== undefined && !loaded.record.closed) {
      const cutOff = Math.max(known.loaded.cutOff, loaded.cutOff);
      seen = { record: loaded.record, cutOff };
      if (isAhead(known, loaded)) return copyOf({ record: known.loaded.record, cutOff });
    }
    entries.put(copyOf(seen), reading);
    return seen;
  }

  function isAhead({ loaded: { record }, reading }: Entry, loaded: Loaded): boolean {
    if (record.revision <= loaded.record.revision) return false;
    // Unless revisions went back: a failover has lost some, or of two stores the new one is used alone by now. That
    // is not overlooked for longer than anything else, and what is closed stays so.
    return record.closed || entries.age(reading) < maxAge;
  }

  return {
    join(id) {
      const flight = flights.get(id);
      if (flight === undefined) return undefined;
      const { reading, answer } = flight;
      const isOld = entries.age(reading) >= Math.min(JOINED_FOR, maxAge);
      if (isOld || entries.isFenced(reading)) return undefined;
      return answer.then((loaded) => loaded && copyOf(loaded));
    },

    ask(id, load) {
      const reading = entries.begin();
      const flight: Flight = { reading, answer: fly() };
      flights.set(id, flight);
      return flight.answer;

      async function fly(): Promise<Loaded | undefined> {
        let loaded: Loaded | undefined;
        let isLatest = false;
        try {
          loaded = await later(id, load);
        } finally {
          isLatest = flights.get(id) === flight;
          if (isLatest) flights.delete(id);
        }
        return isLatest ? landed(id, loaded, reading) : loaded;
      }
    },

    async write(id, run, after) {
      const other = writes.get(id);
      if (other !== undefined) other.isAlone = false;
      const mine: Write = { before: entries.find(id, keepFor), isAlone: true };
      writes.set(id, mine);
      let result: Awaited<ReturnType<typeof run>>;
      let isAlone = false;
      try {
        result = await run();
      } finally {
        // What was read past the cache meanwhile may be newer than what the write is reckoned from.
        isAlone = mine.isAlone && entries.find(id, keepFor) === mine.before;
        if (writes.get(id) === mine) writes.delete(id);
        forget(id);
      }
      const { before } = mine;
      if (!isAlone || before === undefined) return result;
      const record = after?.(before.loaded.record, result);
      if (record === undefined) return result;
      // As old as it was: the cut-off beside it was not read again.
      const cutOff = record.closed ? 0 : before.loaded.cutOff;
      entries.put({ record, cutOff }, before.reading);
      return result;
    },

    forget,
  };
}

// What fails at once must not fail before the flight is known.
async function later(id: string, load: Load): Promise<Loaded | undefined> {
  return load(id);
}

/** What is handed out is the caller's to change. */
export function copyOf({ record, cutOff }: Loaded): Loaded {
  return { record: { ...record }, cutOff };
}
