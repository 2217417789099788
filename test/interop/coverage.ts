/**
 * What the tests have shown of each library, for the table in `docs/interop/coverage.md`.
 *
 * A row is noted by a test when it has passed. `npm run interop:coverage` makes the table of all of them.
 *
 * @module
 */

import { mkdirSync, writeFileSync } from "node:fs";
import { afterAll, inject } from "vitest";

/** One line of the table. */
export interface Covered {
  readonly library: string;
  readonly version: string;
  /** The part of it, such as `session cookie`. */
  readonly what: string;
  readonly direction: "read" | "written" | "both";
  /** The library itself was there, or values that it has made, or only what its documentation says. */
  readonly how: "live" | "by values" | "as documented";
}

/** Notes rows, and keeps those of the file when all its tests are over. Call it once, at the top of the file. */
export function coverage(file: string): (row: Covered) => void {
  const rows: Covered[] = [];
  afterAll(() => {
    // Some of the tests show some of the rows: those of the last whole run stay.
    if (inject("isNarrowed")) return;
    mkdirSync(".tmp/interop-coverage", { recursive: true });
    writeFileSync(`.tmp/interop-coverage/${file}.json`, JSON.stringify(rows));
  });
  return (row) => {
    rows.push(row);
  };
}
