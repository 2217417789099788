// @ts-check
/**
 * Everything that must hold before a change goes in, in order, stopping at the first failure.
 *
 *   node scripts/check.mjs [--keep-going] [--skip <step>]... [--report <folder>]
 *   node scripts/check.mjs --print-required
 *
 * `--keep-going` runs all steps all the same; `--report` leaves one JSON file per step there, for
 * scripts/ci-summary.mjs. `--print-required` prints what the tests want of a machine.
 *
 * @module
 */

import { mkdir, readFile, writeFile } from "node:fs/promises";
import { join, resolve } from "node:path";
import { parseArgs } from "node:util";
import { run } from "./run.mjs";

const { values } = parseArgs({
  options: {
    "keep-going": { type: "boolean", default: false },
    report: { type: "string" },
    skip: { type: "string", multiple: true, default: [] },
    "print-required": { type: "boolean", default: false },
  },
});
const folder = values.report === undefined ? undefined : resolve(values.report);
if (folder !== undefined) await mkdir(folder, { recursive: true });

/** The names that the tests go by: programs, modules of Python, and what the machine allows. */
const REQUIRED = [
  "better-sqlite3",
  "chromium",
  "curl",
  "firefox",
  "galera",
  "mariadb",
  "memcached",
  "nginx",
  "openssl",
  "pgbouncer",
  "postgres",
  ...[
    "markupsafe",
    "itsdangerous",
    "flask",
    "flask-login",
    "flask-session",
    "flask-sqlalchemy",
  ].map((name) => `python3-${name}`),
  ...["django", "psycopg2", "beaker", "cryptography", "sqlalchemy", "msgpack"].map(
    (name) => `python3-${name}`,
  ),
  "rails",
  "redis-server",
  "tmpfs",
  "valkey-server",
  "webkit",
  "xvfb",
].join();

// Without the servers and the browsers a test skips itself, loudly. Here that is a failure.
const required = process.env["COATCHECK_REQUIRE"] ?? REQUIRED;
if (values["print-required"]) {
  console.log(required);
  process.exit();
}

// On CI, Biome colours a log that nobody shows in colour.
const plain = process.stdout.isTTY ? [] : ["--colors=off"];

/** @type {readonly { name: string, command: readonly string[], vitest?: boolean }[]} */
const steps = [
  { name: "lint", command: ["biome", "ci", "--error-on-warnings", ...plain] },
  { name: "types", command: ["tsc", "-p", "."] },
  { name: "types-scripts", command: ["tsc", "-p", "tsconfig.scripts.json"] },
  { name: "tests", command: ["npm", "test"], vitest: true },
  { name: "interop-coverage", command: ["node", "scripts/interop-coverage.mjs", "--check"] },
  { name: "build", command: ["npm", "run", "build"] },
  { name: "types-shop", command: ["tsc", "-p", "examples/shop", "--noEmit"] },
  { name: "package", command: ["npm", "run", "package"] },
  { name: "knip", command: ["knip"] },
  { name: "size", command: ["size-limit"] },
  { name: "dist", command: ["vitest", "run", "--project=dist"], vitest: true },
  { name: "docs", command: ["node", "scripts/check-docs.mjs"] },
  { name: "checklist", command: ["node", "scripts/check-checklist.mjs"] },
];

let failures = 0;
for (const [index, { name, command, vitest }] of steps.entries()) {
  if (values.skip.includes(name)) continue;
  const file = folder && join(folder, `${String(index + 1).padStart(2, "0")}-${name}.json`);
  const started = Date.now();
  console.log(`\n── ${name}: ${command.join(" ")}`);
  const ok = await run(command, {
    COATCHECK_REQUIRE: required,
    ...(vitest && file ? { COATCHECK_REPORT: file } : {}),
  });
  const seconds = (Date.now() - started) / 1000;
  console.log(`── ${name}: ${ok ? "passed" : "FAILED"} in ${seconds.toFixed(1)} s`);
  if (!ok) failures++;
  if (file && !(vitest && (ok || (await tellsFailure(file))))) {
    await writeFile(
      vitest ? file.replace(/json$/, "exit.json") : file,
      JSON.stringify({ name, ok }),
    );
  }
  if (!ok && !values["keep-going"]) break;
}
process.exitCode = failures === 0 ? 0 : 1;

/**
 * Whether Vitest lived long enough to report what went wrong.
 *
 * @param {string} file
 */
async function tellsFailure(file) {
  try {
    return JSON.parse(await readFile(file, "utf8")).success === false;
  } catch {
    return false;
  }
}
