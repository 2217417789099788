// @ts-check
/**
 * Holds the checklist to the tests: each test that a row names is there, and the rows are complete.
 *
 *   node scripts/check-checklist.mjs [page.md]
 *
 * A row is `| C1 | what | verdict: how or why | tests |`. The verdict is **has it**, **better** or
 * **left out**. The tests are `` `file`: name `` each, with `<br>` between them; a name may be a part of
 * the test's own, of 12 characters or more. Rows with the first two verdicts name at least one test,
 * those with the last two say how or why. The table `| rows | has it | better | left out |` has the sums.
 *
 * @module
 */

import { existsSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { suiteNames, testNames } from "./test-names.mjs";

const page = process.argv[2] ?? "docs/checklist.md";
const VERDICTS = ["has it", "better", "left out"];
/** So that a part of a name is not found by chance. */
const SHORTEST_PART = 12;

/** @type {string[]} */
const problems = [];
/** @type {Map<string, Promise<string[]>>} */
const namesByFile = new Map();
/** @type {Map<string, number>} */
const lastOfGroup = new Map();
const sums = new Map(VERDICTS.map((verdict) => [verdict, 0]));
let tests = 0;
let stated = "";

const lines = (await readFile(page, "utf8")).split("\n");
for (const [index, line] of lines.entries()) {
  if (lines[index - 2] === "| rows | has it | better | left out |") stated = line;
  const cells = /^\| ([A-Z])(\d+) \| (.*) \|$/.exec(line);
  if (cells === null) continue;
  const [, group = "", number = "", rest = ""] = cells;
  const id = `${group}${number}`;
  /** @param {string} what */
  const problem = (what) => problems.push(`${page}:${index + 1}: ${id}: ${what}`);
  const expected = (lastOfGroup.get(group) ?? 0) + 1;
  if (Number(number) !== expected) problem(`${group}${expected} should be here`);
  lastOfGroup.set(group, Number(number));
  await checkRow(rest, problem);
}

const counts = VERDICTS.map((verdict) => sums.get(verdict) ?? 0);
const rows = counts.reduce((sum, count) => sum + count, 0);
const right = `| ${[rows, ...counts].join(" | ")} |`;
if (stated !== right) problems.push(`${page}: the sums are ${right}`);
for (const problem of problems) console.error(problem);
const held = problems.length === 0 ? "all hold" : `${problems.length} problems`;
console.log(`${rows} rows, ${tests} tests named: ${held}`);
process.exitCode = problems.length === 0 ? 0 : 1;

/**
 * @param {string} rest what follows the row's number
 * @param {(what: string) => void} problem
 */
async function checkRow(rest, problem) {
  const [what = "", said = "", shown = "", ...more] = rest.split(/ ?\| ?/);
  if (what === "" || more.length > 0) return problem("a row has four cells");
  const match = /^\*\*(.+?)\*\*(?:: (.+))?$/.exec(said);
  const [, verdict = "", why = ""] = match ?? [];
  if (!VERDICTS.includes(verdict)) return problem(`the verdict is one of ${VERDICTS.join(", ")}`);
  sums.set(verdict, (sums.get(verdict) ?? 0) + 1);
  if (verdict !== "has it" && why === "") problem(`"${verdict}" says how or why`);
  if (verdict !== "left out" && shown === "") problem(`"${verdict}" names a test`);
  for (const named of shown === "" ? [] : shown.split("<br>")) {
    const [, file, name] = /^`([^`]+)`: (.+)$/.exec(named) ?? [];
    tests++;
    if (file === undefined || name === undefined) problem("a test is named `file`: name");
    else if (!existsSync(file)) problem(`there is no file ${file}`);
    else if (!(await isNamed(file, name))) problem(`no test in ${file} is named "${name}"`);
  }
}

/**
 * @param {string} file
 * @param {string} name
 */
async function isNamed(file, name) {
  const read = namesByFile.get(file) ?? readNames(file);
  namesByFile.set(file, read);
  return (await read).some(
    (full) => full === name || (name.length >= SHORTEST_PART && full.includes(name)),
  );
}

/** @param {string} file */
async function readNames(file) {
  const text = await readFile(file, "utf8");
  return file.startsWith("src/testing/") ? suiteNames(text) : testNames(text);
}
