/**
 * Records and cookies as a source gets them.
 *
 * @module
 */

import type {
  ForeignCookie,
  ForeignRecord,
  ForeignRecords,
  ReadCookie,
} from "../../src/interop/source.ts";

/** The cookies of a request. */
export function cookieReader(cookies: Readonly<Record<string, string | undefined>>): ReadCookie {
  return (name) => (Object.hasOwn(cookies, name) ? cookies[name] : undefined);
}

/** Records by key, and which calls there were. */
export interface CountedRecords extends ForeignRecords {
  readonly calls: string[];
  readonly kept: Map<string, ForeignRecord>;
}

/** Records that lie nowhere else: for formats, where the backend is not the question. */
export function recordsInMemory(records: Readonly<Record<string, ForeignRecord>>): CountedRecords {
  const kept = new Map(Object.entries(records));
  const calls: string[] = [];
  return {
    calls,
    kept,
    async read(key) {
      calls.push(`read ${key}`);
      return kept.get(key);
    },
    async write(key, record) {
      calls.push(`write ${key}`);
      kept.set(key, record);
    },
    async remove(key) {
      calls.push(`remove ${key}`);
      kept.delete(key);
    },
  };
}

/** What a browser sends back after these cookies. */
export function afterCookies(cookies: readonly ForeignCookie[]): Record<string, string> {
  return Object.fromEntries(
    cookies.filter(({ expiresAt }) => expiresAt !== 0).map(({ name, value }) => [name, value]),
  );
}
