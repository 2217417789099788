// @ts-check
/**
 * Adds up the reports of a CI run and says how it went.
 *
 *   node scripts/ci-summary.mjs <folder>
 *
 * A report is what Vitest's JSON reporter writes, or `{ name, ok }` of a check, or
 * `{ name, passed, failed }` of a suite of another kind. The last line is `N passed, N failed`.
 *
 * @module
 */

import { readdir, readFile } from "node:fs/promises";
import { basename, join } from "node:path";

/** @typedef {{ suite: string, passed: number, failed: number, skipped: number }} Row */

const folder = process.argv[2];
if (folder === undefined) throw new Error("usage: node scripts/ci-summary.mjs <folder>");

const files = (await readdir(folder)).filter((name) => name.endsWith(".json")).sort();
let passed = 0;
let failed = 0;
for (const file of files) {
  for (const row of await rows(join(folder, file))) {
    console.log(wording(row));
    passed += row.passed;
    failed += row.failed;
  }
}
if (passed + failed === 0) {
  console.log("Nothing ran.");
  failed = 1;
}
console.log(`${passed} passed, ${failed} failed`);
process.exitCode = failed === 0 ? 0 : 1;

/**
 * @param {string} file
 * @returns {Promise<Row[]>}
 */
async function rows(file) {
  const suite = basename(file, ".json").replace(/^\d+-/, "");
  /** @type {any} */
  let report;
  try {
    report = JSON.parse(await readFile(file, "utf8"));
  } catch {
    return [{ suite: `${suite} (no readable report)`, passed: 0, failed: 1, skipped: 0 }];
  }
  if (Array.isArray(report.testResults)) return vitestRows(suite, report);
  const { name, ok, passed = ok ? 1 : 0, failed = ok ? 0 : 1, skipped = 0 } = report;
  return [{ suite: name, passed, failed, skipped }];
}

/**
 * One row for each folder of `test/`.
 *
 * @param {string} suite
 * @param {any} report
 * @returns {Row[]}
 */
function vitestRows(suite, report) {
  /** @type {Map<string, Row>} */
  const byFolder = new Map();
  for (const file of report.testResults) {
    const folder = /\/test\/([^/]+)\//.exec(file.name)?.[1] ?? file.name;
    const name = `${suite}: test/${folder}`;
    const row = byFolder.get(name) ?? { suite: name, passed: 0, failed: 0, skipped: 0 };
    byFolder.set(name, row);
    for (const { status } of file.assertionResults) {
      if (status === "passed") row.passed++;
      else if (status === "failed") row.failed++;
      else row.skipped++;
    }
    // A file that broke before or after its tests has no failed test to show for it.
    const silent = file.assertionResults.every((/** @type {any} */ t) => t.status !== "failed");
    if (file.status === "failed" && silent) row.failed++;
  }
  const result = [...byFolder.values()];
  // An error outside every test, such as an unhandled rejection.
  if (report.success === false && result.every((row) => row.failed === 0)) {
    result.push({ suite: `${suite}: outside the tests`, passed: 0, failed: 1, skipped: 0 });
  }
  return result;
}

/** @param {Row} row */
function wording({ suite, passed, failed, skipped }) {
  const skips = skipped > 0 ? `, ${skipped} skipped` : "";
  return `${suite.padEnd(40)} ${passed} passed, ${failed} failed${skips}`;
}
