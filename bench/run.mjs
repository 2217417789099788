// @ts-check
/**
 * `npm run bench`: builds coatcheck, installs its peers, measures, and writes `docs/benchmarks.md` and the
 * figures of `docs/scaling.md`.
 *
 *   npm run bench                                   everything but the sizes of ten million (an hour)
 *   npm run bench -- --quick                        a short run: prints, writes nothing
 *   npm run bench -- --short                        a short run that is written down, and says so
 *   npm run bench -- --large --only memory,lmdb     with ten million sessions (needs 16 GiB and 15 GB of disk)
 *   BENCH_FOLDER=/data npm run bench -- --only lmdb   on another disk than that of the temporary files
 *   npm run bench -- --only requests --libraries coatcheck,floor   leaves the other libraries' figures as they were
 *   npm run bench -- --only peer-stores             starts a Redis and a PostgreSQL of its own
 *   npm run bench -- --only stores                  every store beside its bare client, for docs/stores/README.md
 *   npm run bench -- --only redis,postgres,fleet    a million sessions on servers that it starts, and four app processes
 *   npm run bench -- --only none                    writes the page again from the results of earlier runs
 *
 * Each part leaves its figures in `bench/results/`, with where, when and on what it ran; the page is made of
 * these. A run of some parts leaves the others' figures as they were.
 *
 * @module
 */

import { execFileSync } from "node:child_process";
import { existsSync, statSync } from "node:fs";
import { mkdir, readFile, writeFile } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { circumstances } from "./harness/machine.mjs";

// What `docs/benchmarks.md` shows, what `docs/scaling.md` reckons with, and what stands in `docs/stores/`.
const BENCHMARKS = [
  "requests",
  "loopback",
  "races",
  "peer-stores",
  "calls",
  "memory",
  "lmdb",
  "primitives",
];
const SCALING = ["redis", "postgres", "fleet"];
const PARTS = [...BENCHMARKS, ...SCALING, "stores"];

const { values } = parseArgs({
  options: {
    quick: { type: "boolean", default: false },
    short: { type: "boolean", default: false },
    large: { type: "boolean", default: false },
    only: { type: "string" },
    libraries: { type: "string" },
  },
});
const only = values.only?.split(",") ?? PARTS;
const unknown = only.find((part) => part !== "none" && !PARTS.includes(part));
if (unknown !== undefined) throw new Error(`--only ${unknown}: the parts are ${PARTS.join(", ")}`);

const bench = new URL("./", import.meta.url);
const root = new URL("../", import.meta.url);
const resultsFolder = new URL("results/", bench);
const docs = new URL("docs/", root);

installPeers();
if (!only.includes("none")) npm(root, "run", "--silent", "build");

const { large } = values;
const quick = values.quick || values.short;
const isKept = !values.quick;
const libraries = values.libraries?.split(",");
const log = (/** @type {string} */ line) => console.error(line);
/** @type {Record<string, any>} */
const measured = {};
for (const part of PARTS.filter((name) => only.includes(name))) {
  const before = circumstances(quick ? "short" : "full");
  const result = await measure(part);
  measured[part] = { circumstances: before, result };
  if (isKept) await keep(part, await withOthers(part, measured[part]));
}

const shown = isKept ? await kept() : measured;
const { results, where } = of(BENCHMARKS);
const scaling = of(SCALING);
const { page, summary } = await import("./page/page.mjs");
const { scaled, scalingSummary } = await import("./page/scaling.mjs");
console.log(summary(results));
console.log(scalingSummary(scaling.results));
if (isKept) {
  const { plot } = await import("./page/plot.mjs");
  await writeFile(new URL("benchmarks.md", docs), page(results, where));
  if (results["requests"] !== undefined) {
    await writeFile(new URL("benchmarks.svg", docs), plot(results["requests"].rows));
  }
  const file = new URL("scaling.md", docs);
  await writeFile(file, scaled(await readFile(file, "utf8"), scaling.results, scaling.where));
}

/** The results of some parts, and where they were measured. */
function of(/** @type {readonly string[]} */ parts) {
  const entries = Object.entries(shown).filter(([part]) => parts.includes(part));
  return {
    results: Object.fromEntries(entries.map(([part, { result }]) => [part, result])),
    where: Object.fromEntries(entries.map(([part, { circumstances: one }]) => [part, one])),
  };
}

/** @returns {Promise<unknown>} */
async function measure(/** @type {string} */ part) {
  switch (part) {
    case "requests":
      return (await import("./parts/requests.mjs")).measureRequests({ quick, libraries, log });
    case "loopback":
      return (await import("./parts/loopback.mjs")).measureLoopback({ quick, libraries, log });
    case "races":
      return (await import("./parts/races.mjs")).measureRaces({ quick, libraries, log });
    case "peer-stores":
      return (await import("./parts/peer-stores.mjs")).measurePeerStores({ quick, libraries, log });
    case "calls":
      return (await import("./harness/child.mjs")).runWorker("calls", {});
    case "memory":
      return (await import("./parts/scale.mjs")).measureMemory({ quick, large, log });
    case "lmdb":
      return (await import("./parts/scale.mjs")).measureLmdb({ quick, large, log });
    case "stores":
      return (await import("./parts/stores.mjs")).measureStores({ quick, log });
    case "redis":
    case "postgres":
      return (await import("./parts/scale.mjs")).measureServer(part, { quick, log });
    case "fleet":
      return (await import("./parts/fleet.mjs")).measureFleet({ quick, log });
    default:
      return (await import("./parts/primitives.mjs")).measurePrimitives({ quick, log });
  }
}

/** A run of some libraries leaves the rows of the others as they were, and says what was measured when. */
async function withOthers(/** @type {string} */ part, /** @type {any} */ fresh) {
  const earlier = libraries === undefined ? undefined : (await kept())[part];
  if (earlier?.result.rows === undefined) return fresh;
  const { length, date, commit } = fresh.circumstances;
  if (earlier.circumstances.length !== length)
    throw new Error(`${part}: the others' run was not ${length}`);
  const own = `${libraries?.join(", ")}: ${date}, ${commit}`;
  const idOf = (/** @type {any} */ row) => `${row.library} ${row.framework}`;
  const byId = new Map(fresh.result.rows.map((/** @type {any} */ row) => [idOf(row), row]));
  const rows = earlier.result.rows.map((/** @type {any} */ row) => byId.get(idOf(row)) ?? row);
  const added = fresh.result.rows.filter((/** @type {any} */ row) => !rows.includes(row));
  return {
    circumstances: { ...earlier.circumstances, commit: `${earlier.circumstances.commit} (${own})` },
    result: { ...earlier.result, rows: [...rows, ...added] },
  };
}

async function keep(/** @type {string} */ part, /** @type {unknown} */ result) {
  await mkdir(resultsFolder, { recursive: true });
  const file = new URL(`${part}.json`, resultsFolder);
  await writeFile(file, `${JSON.stringify(result, undefined, 1)}\n`);
}

/** The results of all parts, of this run and of earlier ones. @returns {Promise<Record<string, any>>} */
async function kept() {
  /** @type {Record<string, any>} */
  const all = {};
  for (const part of PARTS) {
    const file = new URL(`${part}.json`, resultsFolder);
    if (existsSync(file)) all[part] = JSON.parse(await readFile(file, "utf8"));
  }
  return all;
}

/** The peers have a lock of their own: they are no dependencies of coatcheck. */
function installPeers() {
  const lock = new URL("package-lock.json", bench);
  const installed = new URL("node_modules/.package-lock.json", bench);
  const isCurrent = existsSync(installed) && statSync(installed).mtimeMs >= statSync(lock).mtimeMs;
  if (!isCurrent) npm(bench, "ci", "--no-audit", "--no-fund");
}

function npm(/** @type {URL} */ folder, /** @type {string[]} */ ...args) {
  execFileSync("npm", args, { cwd: fileURLToPath(folder), stdio: ["ignore", 2, 2] });
}
