// @ts-check
/**
 * Makes the table of what is read and written of other libraries, from what the tests in test/interop have
 * just shown.
 *
 *   npm run interop:coverage
 *   node scripts/interop-coverage.mjs --check
 *
 * `--check` runs no test. It holds the page to what the last run of each file has left that was not narrowed
 * to some of its tests, but for the versions of the libraries, which a system's packages choose. Where everything may be skipped (`COATCHECK_REQUIRE` is
 * empty), the page may say more than was shown.
 *
 * @module
 */

import { execFileSync } from "node:child_process";
import { existsSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { anchors } from "./markdown.mjs";

/** @typedef {{ library: string, version: string, what: string, direction: string, how: string }} Row */

const folder = ".tmp/interop-coverage";
const page = "docs/interop/coverage.md";

/** The pages of libraries that have none of their own name. */
const PAGES = new Map([
  ["@auth/core", "auth-js"],
  ["next-auth", "auth-js"],
  ["@fastify/secure-session", "fastify-secure-session"],
  ["@fastify/session", "fastify-session"],
  ["Flask-Login", "flask"],
  ["msgpack", "flask-session"],
  ...[
    "express-session",
    "connect-flash",
    "connect-mongo",
    "connect-pg-simple",
    "connect-redis",
    "passport",
    "session-file-store",
  ].map((library) => /** @type {const} */ ([library, "express-session-format"])),
]);

const isCheck = process.argv.includes("--check");
if (!isCheck) {
  rmSync(folder, { recursive: true, force: true });
  execFileSync("npx", ["vitest", "run", "--project=source", "--maxWorkers=1", "test/interop"], {
    stdio: "inherit",
  });
}

const WHOLE_RUN = "npx vitest run --project=source test/interop";
if (!existsSync(folder)) {
  console.error(`there is no run to compare with: ${WHOLE_RUN}`);
  process.exit(1);
}
/** @type {Row[]} */
const rows = readdirSync(folder).flatMap((file) =>
  JSON.parse(readFileSync(`${folder}/${file}`, "utf8")),
);

/** @type {Map<string, { row: Row, directions: Set<string>, hows: Set<string> }>} */
const lines = new Map();
for (const row of rows) {
  const { library, version, what, direction, how } = row;
  const key = [library.toLowerCase(), version, what].join(" | ");
  const line = lines.get(key) ?? { row, directions: new Set(), hows: new Set() };
  for (const each of direction === "both" ? ["read", "written"] : [direction]) {
    line.directions.add(each);
  }
  line.hows.add(how);
  lines.set(key, line);
}

const table = [...lines]
  .sort(([a], [b]) => (a < b ? -1 : 1))
  .map(([, { row, directions, hows }]) => {
    const { library, version, what } = row;
    const file = pageOf(library);
    const sides = ["read", "written"].map((each) => (directions.has(each) ? "yes" : ""));
    const how = [...hows].sort().reverse().join(", ");
    const cells = [`[${library}](${file})`, version, what, ...sides, how];
    return `| ${[...cells, `[limits](${file}#limits)`].join(" | ")} |`;
  });

/** The page that has the limits of a library. @param {string} library */
function pageOf(library) {
  const file = `${PAGES.get(library) ?? library.toLowerCase()}.md`;
  const text = readFileSync(`docs/interop/${file}`, "utf8");
  if (!anchors(text).has("limits")) throw new Error(`docs/interop/${file} says no limits`);
  return file;
}

const text = `# What is covered

Made by \`npm run interop:coverage\` from what the tests have shown. *Live* means that the library itself was
there, at the version named, and read what we had written or wrote what we read; *by values*, that it has made
values, once, which the tests hold us to; *as documented*, that there was only its documentation to go by. The last
column leads to what is not read or kept.

| library | version | what | read | written | how | |
|---|---|---|---|---|---|---|
${table.join("\n")}
`;

if (!isCheck) {
  writeFileSync(page, text);
  console.log(`${page}: ${table.length} rows`);
} else {
  const [shown, said] = [withoutVersions(text), withoutVersions(readFileSync(page, "utf8"))];
  const missing = [...shown].filter((line) => !said.has(line)).map((line) => `not there: ${line}`);
  const mayBeSkipped = process.env["COATCHECK_REQUIRE"] === "";
  const stale = (mayBeSkipped ? [] : [...said])
    .filter((line) => !shown.has(line))
    .map((line) => `not shown: ${line}`);
  for (const line of [...missing, ...stale]) console.error(`${page}: ${line}`);
  const others = missing.length + stale.length;
  console.log(`${page}: ${table.length} rows, ${others} other ones`);
  if (stale.length > 0) console.error(`where not all of the tests have run: ${WHOLE_RUN}`);
  if (others > 0) console.error("npm run interop:coverage runs them and makes the page anew");
  process.exitCode = others === 0 ? 0 : 1;
}

/** @param {string} page */
function withoutVersions(page) {
  return new Set(page.split("\n").map((line) => line.replace(/^(\| \[[^|]*) \| [^|]* \|/, "$1 |")));
}
