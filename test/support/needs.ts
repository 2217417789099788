/**
 * Tests that need a program which not every machine has: skipped where it is missing, for everyone to
 * see, unless `COATCHECK_REQUIRE` names it.
 *
 * @module
 */

import { accessSync, constants } from "node:fs";
import { delimiter, join } from "node:path";
import { describe } from "vitest";

/** Where a program is, by one of its names; `undefined` when this machine has none. */
export function findProgram(...names: readonly string[]): string | undefined {
  const folders = [...(process.env["PATH"] ?? "").split(delimiter), "/usr/sbin", "/usr/local/sbin"];
  const paths = folders.flatMap((folder) => names.map((name) => join(folder, name)));
  return paths.find((path) => {
    try {
      accessSync(path, constants.X_OK);
      return true;
    } catch {
      return false;
    }
  });
}

/**
 * The program that `COATCHECK_<STORE>_SERVER` names, to run a store's tests on another server than this
 * machine's.
 *
 * @throws when it can't be run: a test on another one would say nothing of it.
 */
export function chosenServer(store: string): string | undefined {
  const path = process.env[`COATCHECK_${store.toUpperCase()}_SERVER`];
  if (path !== undefined) accessSync(path, constants.X_OK);
  return path;
}

/** `describe` where everything is there or required, else a visible `describe.skip`. */
export function describeWith(
  programs: Readonly<Record<string, string | undefined>>,
  name: string,
  tests: () => void,
): void {
  const required = (process.env["COATCHECK_REQUIRE"] ?? "").split(",").map((word) => word.trim());
  const missing = Object.keys(programs).filter((program) => programs[program] === undefined);
  const mustRun = missing.some((program) => required.includes(program));
  if (missing.length === 0 || mustRun) describe(name, tests);
  else describe.skip(`${name} (skipped: no ${missing.join(" and no ")} on this machine)`, tests);
}

/** The path of a program that a test is about to start. @throws when it is missing, and was required. */
export function required(name: string, path: string | undefined): string {
  if (path === undefined) throw new Error(`${name} is required here and is not installed`);
  return path;
}
