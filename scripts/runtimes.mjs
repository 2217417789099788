// @ts-check
/**
 * Tries the packed package under Node 20, 22, 24 and 26, Bun, Deno and workerd, and its types under
 * TypeScript 5.9, 6 and 7. Installs those first, about a gigabyte, unless they are there. `--only` takes a part
 * of the tests' names.
 *
 *   node scripts/runtimes.mjs [--report <folder>] [--only <name>]
 *
 * @module
 */

import { existsSync } from "node:fs";
import { copyFile, readFile, writeFile } from "node:fs/promises";
import { join, resolve } from "node:path";
import { parseArgs } from "node:util";
import { run } from "./run.mjs";

const { values } = parseArgs({
  options: { report: { type: "string" }, only: { type: "string" } },
});
const report = values.report && join(resolve(values.report), "20-runtimes.json");
const home = "test/dist/runtimes";

const ok = (await installed()) && (await tried());
if (!ok && report && !existsSync(report)) {
  await writeFile(report, JSON.stringify({ name: "runtimes", ok }));
}
process.exitCode = ok ? 0 : 1;

async function installed() {
  const lock = join(home, "package-lock.json");
  const stamp = join(home, "node_modules/.installed-by.json");
  if (existsSync(stamp) && (await readFile(stamp, "utf8")) === (await readFile(lock, "utf8"))) {
    return true;
  }
  console.log("Installing the runtimes.");
  if (!(await run(["npm", "ci", "--no-audit", "--no-fund"], {}, home))) return false;
  await copyFile(lock, stamp);
  return true;
}

function tried() {
  const environment = report ? { COATCHECK_REPORT: report } : {};
  const only = values.only === undefined ? [] : ["-t", values.only];
  return run(["vitest", "run", "--project=runtimes", ...only], environment);
}
