// @ts-check
/**
 * Where, when and on what a run took place.
 *
 * @module
 */

import { execFileSync } from "node:child_process";
import { createRequire } from "node:module";
import { arch, cpus, loadavg, release, totalmem, type } from "node:os";
import { fileURLToPath } from "node:url";

/**
 * @typedef {object} Circumstances
 * @property {"full" | "short"} length of the run: a short one has fewer and shorter rounds
 * @property {string} date
 * @property {string} commit with `+` when the tree differs from it
 * @property {string} node
 * @property {string} machine
 * @property {number} load the load average of the last minute, before the run
 * @property {string} versions of what was measured beside coatcheck
 */

/** @returns {Circumstances} */
export function circumstances(/** @type {Circumstances["length"]} */ length) {
  const [cpu] = cpus();
  const gib = Math.round(totalmem() / 2 ** 30);
  return {
    length,
    date: new Date().toISOString().slice(0, 10),
    commit: commit(),
    node: process.versions.node,
    machine: `${cpus().length} × ${cpu?.model.trim()}, ${gib} GiB, ${type()} ${release()} ${arch()}`,
    load: Number((loadavg()[0] ?? 0).toFixed(2)),
    versions: versions(),
  };
}

const NOT_MEASURED = new Set(["@observablehq/plot", "linkedom", "autocannon"]);

function versions() {
  const { devDependencies } = createRequire(import.meta.url)("../package.json");
  return Object.entries(devDependencies)
    .filter(([name]) => !NOT_MEASURED.has(name))
    .map(([name, version]) => `${name} ${version}`)
    .join(", ");
}

function commit() {
  const cwd = fileURLToPath(new URL("../..", import.meta.url));
  const git = (/** @type {string[]} */ ...args) =>
    execFileSync("git", args, {
      cwd,
      encoding: "utf8",
      stdio: ["ignore", "pipe", "ignore"],
    }).trim();
  try {
    const changed = git("status", "--porcelain", "--", "src", "bench", ":!bench/results") !== "";
    return `${git("rev-parse", "--short=10", "HEAD")}${changed ? "+" : ""}`;
  } catch {
    return "unknown";
  }
}
