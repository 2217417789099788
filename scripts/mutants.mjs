// @ts-check
/**
 * Breaks each promise on purpose, one small patch at a time, and sees its tests turn red. A patch that only
 * makes the code crash has shown nothing, and counts as one that was not noticed.
 *
 * Works on a copy of the project, so that the work tree is never broken. Writes the table of
 * docs/promises.md from what the run showed.
 *
 *   node scripts/mutants.mjs          all
 *   node scripts/mutants.mjs P4 P6    some; the page is not written then
 */

import { execFile } from "node:child_process";
import { cp, mkdtemp, readFile, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { mutants, promises } from "../test/promises/mutants.mjs";

const run = promisify(execFile);
const root = new URL("..", import.meta.url).pathname;

/**
 * @typedef {{ name: string, file: string, status: string, crashed: boolean }} TestResult
 * @typedef {import("../test/promises/mutants.mjs").Mutant} Mutant
 */

const wanted = process.argv.slice(2);
const copy = await copyOfProject();
let alive = 0;
try {
  const tests = await runTests(wanted.length === 0 ? "P\\d" : `(${wanted.join("|")}) `);
  const broken = tests.filter(({ status }) => status !== "passed");
  if (broken.length > 0) throw new Error(`not green before any patch: ${broken[0]?.name}`);
  /** @type {Map<Mutant, TestResult[]>} */
  const kills = new Map();
  for (const mutant of mutants) {
    if (wanted.length > 0 && !wanted.includes(mutant.promise)) continue;
    const killers = await tryMutant(mutant);
    kills.set(mutant, killers);
    const missing = mutant.methods.filter(
      (method) => !killers.some(({ name }) => name.startsWith(`${method} sessions`)),
    );
    const crashes = killers.length > 0 && killers.every(({ crashed }) => crashed);
    const survived = killers.length === 0 || missing.length > 0 || crashes;
    if (survived) alive += 1;
    const problem = crashes ? "CRASHES" : `SURVIVED ${missing.join(" and ")}`;
    const verdict = survived ? problem : `${killers.length} tests red`;
    console.log(`${mutant.promise} ${mutant.methods.join("+")}: ${mutant.what}: ${verdict}`);
  }
  if (wanted.length === 0 && alive === 0) await writePage(tests, kills);
  console.log(`\n${kills.size - alive} passed, ${alive} failed`);
} finally {
  await rm(copy, { recursive: true, force: true });
}
process.exitCode = alive === 0 ? 0 : 1;

async function copyOfProject() {
  const folder = await mkdtemp(join(tmpdir(), "coatcheck-mutants-"));
  const parts = ["src", "test", "scripts", "package.json", "tsconfig.json", "vitest.config.ts"];
  for (const part of parts) await cp(join(root, part), join(folder, part), { recursive: true });
  await symlink(join(root, "node_modules"), join(folder, "node_modules"));
  return folder;
}

/** @param {Mutant} mutant */
async function tryMutant({ promise, file, from, to }) {
  const path = join(copy, file);
  const source = await readFile(path, "utf8");
  const places = source.split(from).length - 1;
  if (places !== 1) throw new Error(`${promise}: found ${places} times in ${file}: ${from}`);
  await writeFile(
    path,
    source.replace(from, () => to),
  );
  try {
    const tests = await runTests(`${promise} `);
    return tests.filter(({ status }) => status === "failed");
  } finally {
    await writeFile(path, source);
  }
}

/**
 * @param {string} pattern
 * @returns {Promise<TestResult[]>}
 */
async function runTests(pattern) {
  const report = join(copy, "report.json");
  await rm(report, { force: true });
  const args = ["node_modules/vitest/vitest.mjs", "run", "--project=source", "test/promises"];
  args.push("-t", pattern, "--reporter=json", `--outputFile=${report}`, "--testTimeout=10000");
  // Red is what is hoped for here: the report says what happened.
  await run(process.execPath, args, { cwd: copy, maxBuffer: 2 ** 28 }).catch(() => undefined);
  /** @type {{ testResults: { name: string, assertionResults: { ancestorTitles: string[], title: string, status: string, failureMessages: string[] }[] }[] }} */
  const { testResults } = JSON.parse(await readFile(report, "utf8"));
  return testResults.flatMap(({ name, assertionResults }) =>
    assertionResults
      .filter(({ status }) => status === "passed" || status === "failed")
      .map(({ ancestorTitles, title, status, failureMessages }) => ({
        name: [...ancestorTitles, title].join(" > "),
        file: name.slice(copy.length + 1),
        status,
        crashed: /^(?:Type|Reference|Syntax)Error\b/.test(failureMessages[0] ?? ""),
      })),
  );
}

/**
 * @param {TestResult[]} tests
 * @param {Map<Mutant, TestResult[]>} kills
 */
async function writePage(tests, kills) {
  const lines = [
    "# The promises, and what holds them",
    "",
    "Written by `npm run test:mutants`: it breaks each promise on purpose, one small patch at a time in a copy",
    "of the project, and fails unless tests that carry the promise's tag turn red, for each method that the",
    "patch is about. Every test runs on the memory store and on LMDB.",
    "",
    "| | promise | tests | broken on purpose by | red then |",
    "|---|---|---:|---|---:|",
  ];
  for (const [tag, text] of Object.entries(promises)) {
    const own = tests.filter(({ name }) => tagOf(name) === tag);
    const rows = [...kills].filter(([{ promise }]) => promise === tag);
    for (const [at, [{ what, methods }, killers]] of rows.entries()) {
      const head = at === 0 ? `| ${tag} | ${text} | ${own.length} ` : "| | | ";
      lines.push(`${head}| ${what} (${methods.join(", ")}) | ${killers.length} |`);
    }
  }
  lines.push("", "## Tests by promise", "");
  for (const tag of Object.keys(promises)) {
    const titles = new Map();
    for (const { name, file } of tests) {
      if (tagOf(name) !== tag) continue;
      const [way = "", title] = name.includes(" > ") ? name.split(" > ") : ["", name];
      const known = titles.get(title) ?? { file, ways: new Set() };
      known.ways.add(way.split(",")[0]);
      titles.set(title, known);
    }
    const [first] = titles.values();
    lines.push(`**${tag}** \`${first?.file}\``, "");
    for (const [title, { ways }] of titles) {
      const methods = [...ways].filter((way) => way !== "").map((way) => way.split(" ")[0]);
      const where = methods.length === 0 ? "" : ` (${methods.join(", ")})`;
      lines.push(`- ${escapeMarkdown(title.slice(tag.length + 1))}${where}`);
    }
    lines.push("");
  }
  await writeFile(join(root, "docs/promises.md"), lines.join("\n"));
  console.log("\nwrote docs/promises.md");
}

/** @param {string} name */
function tagOf(name) {
  return /(?:^| > )(P\d+) /.exec(name)?.[1];
}

/** @param {string} text */
function escapeMarkdown(text) {
  return text.replaceAll(/[<>*_`[\]]/g, "\\$&");
}
