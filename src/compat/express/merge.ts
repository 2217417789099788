/**
 * Puts together what two requests have made of one session, top-level key by top-level key.
 *
 * @module
 */

type Json = Record<string, unknown>;

export interface Merged {
  /** The JSON to be kept. */
  readonly text: string;
  /** Keys that both have changed, each to something else: mine were taken. */
  readonly overwritten: readonly string[];
}

/**
 * @param base - the JSON that a request has read
 * @param mine - the JSON that it writes
 * @param theirs - the JSON that lies there now, written by others since
 */
export function merge(base: string, mine: string, theirs: string): Merged {
  const before = entriesOf(base);
  const wanted = entriesOf(mine);
  const result = entriesOf(theirs);
  const overwritten: string[] = [];
  for (const key of changedKeys(before, wanted)) {
    if (!isSame(result.get(key), before.get(key)) && !isSame(result.get(key), wanted.get(key))) {
      overwritten.push(key);
    }
    if (wanted.has(key)) result.set(key, wanted.get(key));
    else result.delete(key);
  }
  if (result.has("cookie")) {
    const cookie = mergeCookie(before.get("cookie"), wanted.get("cookie"), result.get("cookie"));
    result.set("cookie", cookie);
  } else if (wanted.has("cookie")) {
    result.set("cookie", wanted.get("cookie"));
  }
  return { text: JSON.stringify(Object.fromEntries(result)), overwritten };
}

/** Whether a request has left everything as it was, but for the running age of the cookie. */
export function isUnchanged(base: string, mine: string): boolean {
  if (base === mine) return true;
  const before = entriesOf(base);
  const wanted = entriesOf(mine);
  if (changedKeys(before, wanted).length > 0) return false;
  return isSameCookie(before.get("cookie"), wanted.get("cookie"));
}

/** What was read, with the cookie of what there is now. */
export function withCookieOf(base: string, mine: string): object {
  const entries = entriesOf(base);
  entries.set("cookie", entriesOf(mine).get("cookie"));
  return Object.fromEntries(entries);
}

/** Names of keys, for events. */
export function namesOfChanges(base: string, mine: string): readonly string[] {
  return changedKeys(entriesOf(base), entriesOf(mine));
}

// Entries, not properties: a key may be named `__proto__`.
function entriesOf(text: string): Map<string, unknown> {
  return new Map(Object.entries(JSON.parse(text) as Json));
}

function changedKeys(before: Map<string, unknown>, wanted: Map<string, unknown>): string[] {
  const keys = new Set([...before.keys(), ...wanted.keys()]);
  keys.delete("cookie");
  return [...keys].filter((key) => !isSame(before.get(key), wanted.get(key)));
}

function isSame(a: unknown, b: unknown): boolean {
  return a === b || JSON.stringify(a) === JSON.stringify(b);
}

/** Settings that this request has changed stay as it wants them; the later expiry holds otherwise. */
function mergeCookie(before: unknown, mine: unknown, theirs: unknown): unknown {
  if (!isSameCookie(before, mine)) return mine;
  const [ours, others] = [mine as Json | undefined, theirs as Json | undefined];
  const expiry = ours?.["expires"];
  if (!isSameCookie(before, theirs) || typeof expiry !== "string") return theirs;
  const later = Date.parse(expiry) > Date.parse(String(others?.["expires"]));
  return later ? { ...others, expires: expiry } : theirs;
}

function isSameCookie(a: unknown, b: unknown): boolean {
  return isSame(settingsOf(a), settingsOf(b));
}

/** The settings without the moment, which moves at every request, but with whether there is one. */
function settingsOf(cookie: unknown): unknown {
  if (typeof cookie !== "object" || cookie === null) return cookie;
  const { expires, ...settings } = cookie as Json;
  const sorted = Object.entries(settings).sort(([a], [b]) => (a < b ? -1 : 1));
  const hasAge = typeof settings["originalMaxAge"] === "number";
  return [...sorted, hasAge ? typeof expires : (expires ?? null)];
}
