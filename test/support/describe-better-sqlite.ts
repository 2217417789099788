/**
 * Tests that need better-sqlite3.
 *
 * @module
 */

import { it } from "vitest";
import type { OpenDatabase } from "./better-sqlite3.ts";
import { openDatabase } from "./better-sqlite3.ts";
import { describeWith, required } from "./needs.ts";

/** `describe`, skipped for everyone to see where it is not built, and failing where it is required. */
export function describeBetterSqlite(name: string, tests: (open: OpenDatabase) => void): void {
  const found = openDatabase && "built";
  describeWith({ "better-sqlite3": found }, name, () => {
    if (openDatabase !== undefined) tests(openDatabase);
    else it("needs better-sqlite3", () => void required("better-sqlite3", undefined));
  });
}
