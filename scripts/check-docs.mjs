// @ts-check
/**
 * Holds the pages to the code: every program on them is compiled against the built package, those
 * marked so are run, every command of theirs exists, every link leads somewhere, and the map of the code has
 * what is there.
 *
 *   node scripts/check-docs.mjs [page.md …]
 *
 * How a page is read:
 *
 * - A `ts` or `js` block with an import begins a program. One without goes on with the program
 *   before it on the page, in a scope of its own: it sees everything above and may use a name again.
 *   With `ts continued` a block goes on although it imports something more.
 * - A comment that opens with `<!-- ts` holds lines that the reader need not see; they belong to the
 *   block after it.
 * - A first line such as `// sessions.ts` names the file, for programs of the same page to import.
 * - `ts run` runs the program, which has to end with exit code 0. A `text` block right after it is
 *   what it prints.
 * - `ts refused` must not compile: a mistake that the types catch.
 * - In an `sh` block each `npm run x` and `npx coatcheck x` must exist; `sh run` is run as well.
 *
 * @module
 */

import { execFile } from "node:child_process";
import { existsSync } from "node:fs";
import { mkdir, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { basename, dirname, join, relative, resolve } from "node:path";
import { promisify } from "node:util";
import { anchors, blocks, links } from "./markdown.mjs";
import { programs } from "./programs.mjs";

/** @typedef {import("./markdown.mjs").Block} Block */
/** @typedef {import("./programs.mjs").Program} Program */

const exec = promisify(execFile);
const workshop = resolve(".tmp/docs");
const cli = resolve("dist/cli/main.js");
/** @type {string[]} */
const problems = [];

if (!existsSync(cli)) throw new Error("build first: npm run build");
const pages = process.argv.length > 2 ? process.argv.slice(2) : await allPages();

let count = 0;
for (const page of pages) {
  const text = await readFile(page, "utf8");
  const list = blocks(text);
  const found = programs(page, list);
  count += found.length;
  await checkLinks(page, text);
  await checkShell(page, list);
  if (page === "docs/architecture.md") await checkMap(page, text);
  if (found.length > 0) await checkPrograms(page, found);
}
for (const problem of problems) console.error(problem);
const held = problems.length === 0 ? "all hold" : `${problems.length} problems`;
console.log(`${pages.length} pages, ${count} programs: ${held}`);
process.exitCode = problems.length === 0 ? 0 : 1;

async function allPages() {
  const files = await readdir("docs", { recursive: true });
  const below = files.filter((file) => file.endsWith(".md")).map((file) => join("docs", file));
  const top = ["README.md", "CONTRIBUTING.md", "SECURITY.md", "CHANGELOG.md"];
  return [...top.filter((file) => existsSync(file)), ...below.sort()];
}

/**
 * Compiles the programs of a page, then runs those that ask for it. Programs that declare something
 * global would add to each other's types: each of those is compiled by itself.
 *
 * @param {string} page
 * @param {readonly Program[]} found
 */
async function checkPrograms(page, found) {
  const folder = await newFolder(page);
  for (const { name, lines } of found) {
    await writeFile(join(folder, name), lines.map(({ text }) => text).join("\n"));
  }
  const global = found.filter(({ lines }) =>
    lines.some(({ text }) => /^declare (global|module)/.test(text)),
  );
  const local = found.filter((program) => !global.includes(program));
  for (const group of [local, ...global.map((program) => [program])]) {
    if (group.length > 0) await compile(folder, group);
  }
  for (const program of found) {
    if (program.runAt !== undefined) {
      const built = join(folder, "out", program.name.replace(/\.ts$/, ".js"));
      await runs(page, program.runAt, ["node", built], folder, program.output);
    }
  }
}

/** @param {string} name */
async function newFolder(name) {
  const folder = join(workshop, name.replace(/[^\w-]/g, "-"));
  await rm(folder, { recursive: true, force: true });
  await mkdir(folder, { recursive: true });
  return folder;
}

/**
 * @param {string} folder
 * @param {readonly Program[]} group
 */
async function compile(folder, group) {
  const config = join(folder, "tsconfig.json");
  const compilerOptions = {
    target: "ES2023",
    lib: ["ES2023", "DOM", "DOM.Iterable", "DOM.AsyncIterable", "ESNext.Disposable"],
    module: "NodeNext",
    moduleDetection: "force",
    types: ["node"],
    strict: true,
    noUncheckedIndexedAccess: true,
    experimentalDecorators: true,
    allowJs: true,
    checkJs: true,
    allowImportingTsExtensions: true,
    rewriteRelativeImportExtensions: true,
    skipLibCheck: true,
    rootDir: ".",
    outDir: "out",
  };
  await writeFile(
    config,
    JSON.stringify({ compilerOptions, files: group.map(({ name }) => name) }),
  );
  const tsc = resolve("node_modules/.bin/tsc");
  const { stdout } = await exec(tsc, ["-p", config, "--pretty", "false"]).catch((error) => error);
  /** @type {Set<number>} */
  const refused = new Set();
  for (const [, file = "", at, message] of stdout.matchAll(/^(.+?)\((\d+),\d+\): error (.+)$/gm)) {
    const program = group.find(({ name }) => resolve(file) === join(folder, name));
    const line = program?.lines[Number(at) - 1];
    if (program === undefined || line === undefined) problems.push(`${file}:${at}: ${message}`);
    else if (line.refused) refused.add(blockAt(program, line.line));
    else problems.push(`${program.page}:${line.line}: ${message}`);
  }
  for (const { page, refusedAt } of group) {
    for (const block of refusedAt.filter((block) => !refused.has(block))) {
      problems.push(`${page}:${block}: compiles, although it is marked as refused`);
    }
  }
}

/**
 * @param {Program} program
 * @param {number} line
 */
function blockAt({ refusedAt }, line) {
  return Math.max(...refusedAt.filter((block) => block <= line));
}

/**
 * @param {string} page
 * @param {number} line
 * @param {readonly [string, ...string[]]} command
 * @param {string} cwd
 * @param {string | undefined} output
 */
async function runs(page, line, [program, ...args], cwd, output) {
  const result = await exec(program, args, { cwd, timeout: 60_000 }).catch((error) => error);
  if (result instanceof Error) {
    problems.push(`${page}:${line}: does not run: ${result.message}`);
  } else if (output !== undefined && result.stdout.trim() !== output.trim()) {
    problems.push(
      `${page}:${line}: prints\n${result.stdout.trim()}\nand the page says\n${output.trim()}`,
    );
  }
}

/**
 * @param {string} page
 * @param {readonly Block[]} list
 */
async function checkShell(page, list) {
  const { scripts } = JSON.parse(await readFile("package.json", "utf8"));
  for (const [index, { language, flags, lines, line }] of list.entries()) {
    if (language !== "sh" && language !== "console") continue;
    for (const [offset, text] of lines.entries()) {
      for (const [, script = ""] of text.matchAll(
        /\bnpm (?:run )?(test|start|(?<=run )[\w:-]+)/g,
      )) {
        if (!(script in scripts))
          problems.push(`${page}:${line + offset}: no script \`${script}\``);
      }
      for (const [, command = ""] of text.matchAll(/\bnpx coatcheck (\S+?)\)?(?=\s|$)/g)) {
        const known = await exec("node", [cli, command, "--help"]).then(
          () => true,
          () => false,
        );
        if (!known) problems.push(`${page}:${line + offset}: no command \`coatcheck ${command}\``);
      }
    }
    if (flags.includes("run")) {
      const folder = await newFolder(`${page}-shell`);
      const script = lines.join("\n").replaceAll("npx coatcheck", `node ${cli}`);
      const shown = list[index + 1];
      const output = shown?.language === "text" ? shown.lines.join("\n") : undefined;
      await runs(page, line, ["bash", "-euc", script], folder, output);
    }
  }
}

/**
 * @param {string} page
 * @param {string} text
 */
async function checkLinks(page, text) {
  for (const { target, line } of links(text)) {
    if (/^[a-z]+:/.test(target)) continue;
    const [path = "", anchor] = target.split("#");
    const file = path === "" ? page : join(dirname(page), decodeURIComponent(path));
    const where = `${page}:${line}`;
    if (!existsSync(file)) {
      problems.push(`${where}: there is no ${relative(".", file)}`);
    } else if (anchor !== undefined && file.endsWith(".md")) {
      const names = anchors(await readFile(file, "utf8"));
      if (!names.has(anchor))
        problems.push(`${where}: there is no #${anchor} in ${relative(".", file)}`);
    }
  }
}

/**
 * Each folder, and each file of the core, is named where the page says what is where; and what it names
 * is there.
 *
 * @param {string} page
 * @param {string} text
 */
async function checkMap(page, text) {
  const named = new Set([...text.matchAll(/`([\w./-]+?)\/?`/g)].map(([, name = ""]) => name));
  const there = ["src", "src/core", "test"].map(async (folder) => {
    return (await readdir(folder)).map((name) => `${folder}/${name}`);
  });
  for (const path of (await Promise.all(there)).flat()) {
    if (![path, basename(path)].some((name) => named.has(name))) {
      problems.push(`${page}: does not say what ${path} is`);
    }
  }
  for (const name of [...named].filter((each) => /^(src|test)\/|\.ts$/.test(each))) {
    const places = ["", "src/", "src/core/", "src/interop/"].map((place) => `${place}${name}`);
    if (!places.some(existsSync)) problems.push(`${page}: there is no ${name}`);
  }
}
