// @ts-check
/**
 * Makes the table of what is read and written of other libraries, from what the tests in test/interop have
 * just shown.
 *
 *   npm run interop:coverage
 *
 * @module
 */

import { execFileSync } from "node:child_process";
import { existsSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";

/** @typedef {{ library: string, version: string, what: string, direction: string, how: string }} Row */

const folder = ".tmp/interop-coverage";
const page = "docs/interop/coverage.md";
rmSync(folder, { recursive: true, force: true });
execFileSync("npx", ["vitest", "run", "--project=source", "--maxWorkers=1", "test/interop"], {
  stdio: "inherit",
});

/** @type {Row[]} */
const rows = readdirSync(folder).flatMap((file) =>
  JSON.parse(readFileSync(`${folder}/${file}`, "utf8")),
);

/** @type {Map<string, { directions: Set<string>, hows: Set<string> }>} */
const lines = new Map();
for (const { library, version, what, direction, how } of rows) {
  const key = [library, version, what].join(" | ");
  const line = lines.get(key) ?? { directions: new Set(), hows: new Set() };
  for (const each of direction === "both" ? ["read", "written"] : [direction]) {
    line.directions.add(each);
  }
  line.hows.add(how);
  lines.set(key, line);
}

const table = [...lines]
  .sort(([a], [b]) => (a < b ? -1 : 1))
  .map(([key, { directions, hows }]) => {
    const cells = ["read", "written"].map((each) => (directions.has(each) ? "yes" : ""));
    return `| ${[withLink(key), ...cells, [...hows].sort().reverse().join(", ")].join(" | ")} |`;
  });

/** The library's name leads to its page, where the limits are. @param {string} key */
function withLink(key) {
  const [library = "", ...rest] = key.split(" | ");
  const file = `${library.toLowerCase()}.md`;
  const name = existsSync(`docs/interop/${file}`) ? `[${library}](${file})` : library;
  return [name, ...rest].join(" | ");
}

writeFileSync(
  page,
  `# What is covered

Made by \`npm run interop:coverage\` from what the tests have shown. *Live* means that the library itself was
there, at the version named, and read what we had written or wrote what we read; *by values*, that it has made
values, once, which the tests hold us to. The limits are on the page of each library.

| library | version | what | read | written | how |
|---|---|---|---|---|---|
${table.join("\n")}
`,
);
console.log(`${page}: ${table.length} rows`);
