/**
 * Cells in Memcached: a change is `gets` and `cas`, or `add` where nothing is there.
 *
 * @module
 */

import { utf8Length } from "../lib/bytes.ts";
import { jitter } from "../lib/jitter.ts";
import type { Cells, Decide, Decision } from "./key-value-cells.ts";
import { NoRoomError, settled } from "./key-value-cells.ts";
import type { Found, MemcachedCommands } from "./memcached-clients.ts";

// What a load has read is written back soon, or not at all.
const RECENT = 1000;
const RECENT_LENGTH = 16_384;
// Some clients give no reason when a server refuses to store (`SERVER_ERROR out of memory`), and an `append`
// to what would get too long is `NOT_STORED` as well.
const MOST_REFUSALS = 5;
const LONGEST_PAUSE_MS = 128;
// A value may have 1 MiB, with its key and its head. For a longer one `memcached` takes the server for gone,
// and refuses everyone for half a minute.
const MOST_BYTES = 1024 * 1024 - 512;
// Longer lifetimes are taken for moments (`doc/protocol.txt`, "Expiration times").
const LONGEST_LIFETIME = 30 * 24 * 60 * 60;
const LAST_MOMENT = 2 ** 31 - 1;
const AT_ONCE = -1;

export function memcachedCells(commands: MemcachedCommands): Cells {
  // Read with a token: the change that follows needs no `gets`. It may be old, and `cas` finds out. Only
  // after a restart, when tokens begin anew, may an old one fit: what is then written back names sessions
  // that are gone, and so lets nobody in.
  const recent = new Map<string, Found>();

  function remember(key: string, found: Found): void {
    recent.delete(key);
    if (found.token === undefined || found.text.length > RECENT_LENGTH) return;
    if (recent.size >= RECENT) recent.delete(recent.keys().next().value as string);
    recent.set(key, found);
  }

  function write<Result>(
    key: string,
    found: Found | undefined,
    decision: Exclude<Decision<Result>, { does: "keep" }>,
  ): Promise<boolean> {
    const token = found?.token;
    if (decision.does === "remove") {
      // What has expired is gone, and only what was read is let expire.
      return token === undefined ? Promise.resolve(true) : commands.cas(key, "", token, AT_ONCE);
    }
    const { text, lifetime } = decision;
    if (text.length > MOST_BYTES / 3 && utf8Length(text) > MOST_BYTES) {
      return Promise.reject(new NoRoomError("a value of Memcached may have 1 MiB, and no more"));
    }
    if (token === undefined) return commands.add(key, text, expiry(lifetime));
    return commands.cas(key, text, token, expiry(lifetime));
  }

  async function change<Result>(
    key: string,
    decide: Decide<Result>,
    guess: { readonly found: Found | undefined } | undefined,
  ): Promise<Result> {
    if (guess !== undefined) {
      const decision = decide(guess.found?.text);
      if (decision.does !== "keep" && (await write(key, guess.found, decision))) {
        return decision.result;
      }
    }
    let before: Found | undefined;
    for (let refusals = 0, tries = 0; refusals < MOST_REFUSALS; tries += 1) {
      if (tries > 1) await jitter(tries, LONGEST_PAUSE_MS);
      const found = await commands.gets(key);
      const decision = decide(found?.text);
      if (decision.does === "keep" || (await write(key, found, decision))) return decision.result;
      // Refused because somebody was first: then they have got on, and so shall we.
      refusals = found?.token === before?.token ? refusals + 1 : 0;
      before = found;
    }
    throw noRoom();
  }

  /** Where nothing was there a moment ago. @returns whether that is still so. */
  async function addOrAppend(key: string, begun: string, added: string): Promise<boolean> {
    for (let tries = 0; tries < MOST_REFUSALS; tries += 1) {
      if (await commands.add(key, begun, 0)) return true;
      if (await commands.append(key, added)) return false;
    }
    throw noRoom();
  }

  return {
    async read(keys) {
      if (keys.length === 0) return [];
      const found = await commands.read(keys);
      for (const [key, one] of found) remember(key, one);
      return keys.map((key) => found.get(key)?.text);
    },

    change(key, decide, expect) {
      const known = recent.get(key);
      recent.delete(key);
      if (expect === "absent") return change(key, decide, { found: undefined });
      return change(key, decide, expect === "as read" && known ? { found: known } : undefined);
    },

    append: async (key, text) => {
      if (!(await commands.append(key, text))) await addOrAppend(key, text, text);
    },

    async extend(key, { added, begun, isThere }) {
      recent.delete(key);
      // All at once. On one connection they are answered in turn: the last one sees what the others did.
      const [isBegun, isAdded, found] = await settled([
        isThere ? false : commands.add(key, begun, 0),
        commands.append(key, added),
        commands.gets(key),
      ]);
      const isNew = isBegun || (!isAdded && (await addOrAppend(key, begun, added)));
      return { text: found?.text, isNew };
    },
  };
}

function noRoom(): NoRoomError {
  return new NoRoomError(
    "Memcached stores nothing, and the client does not say why: it has no room left, or the value would have more than 1 MiB",
  );
}

/** What Memcached is told: seconds, or a moment where those are too many, or 0 for no end. */
function expiry(lifetime: number | undefined): number {
  if (lifetime === undefined) return 0;
  const seconds = Math.ceil(lifetime / 1000);
  if (seconds <= LONGEST_LIFETIME) return seconds;
  const moment = Math.floor(Date.now() / 1000) + seconds;
  return moment > LAST_MOMENT ? 0 : moment;
}
