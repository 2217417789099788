// @ts-check
/**
 * A million sessions and more: memory and the event loop, the LMDB file, servers of databases.
 *
 * @module
 */

import { tmpdir } from "node:os";
import { runWorker } from "../harness/child.mjs";
import { startPostgres, startRedis } from "../harness/servers.mjs";
import { memoryKinds } from "../libraries/memory-stores.mjs";

/**
 * @typedef {{ seconds: number, longestBlockMs: number, collectorMs: number }} Phase
 * @typedef {{ kind: string, count: number, heapBytes: number, externalBytes: number, residentBytes: number, stored: Phase, readUs: number, listed?: Phase, idleSweep?: number, expired?: Phase }} Row
 * @typedef {{ rows: Row[] }} Memory
 * @typedef {{ wallUs: number, cpuUs: number }} Time
 * @typedef {{ count: number, bytes: number, residentBytes: number, longestBlockMs: number } & Record<"create" | "load" | "update" | "updateAlone" | "touch" | "listUser" | "listPage" | "idleSweep", Time>} Step
 * @typedef {{ steps: Step[], reopenMs: number }} Lmdb
 * @typedef {{ quick: boolean, large: boolean, log: (line: string) => void }} Options
 */

/** @returns {Promise<Memory>} */
export async function measureMemory(/** @type {Options} */ { quick, large, log }) {
  const counts = quick ? [100_000] : [100_000, 1_000_000];
  const rows = [];
  for (const kind of Object.keys(memoryKinds)) {
    for (const count of kind === "coatcheck" && large ? [...counts, 10_000_000] : counts) {
      const flags = ["--expose-gc", `--max-old-space-size=${count > 1_000_000 ? 18_000 : 6_000}`];
      const row = { kind, count, ...(await runWorker("scale", { kind, count }, flags)) };
      log(
        `memory ${kind} ${count}: ${Math.round(row.heapBytes + row.externalBytes)} B each, blocks ${brief(row)}`,
      );
      rows.push(row);
    }
  }
  return { rows };
}

/** @returns {Promise<Lmdb>} */
export async function measureLmdb(/** @type {Options} */ { quick, large, log }) {
  const all = [10_000, 100_000, 1_000_000, 10_000_000];
  const counts = all.slice(0, quick ? 2 : large ? 4 : 3);
  const folder = process.env["BENCH_FOLDER"] ?? tmpdir();
  const order = { counts, folder, operations: quick ? 2_000 : 10_000 };
  const result = await runWorker("lmdb", order);
  for (const { count, bytes, load, update } of result.steps) {
    const each = Math.round(bytes / count);
    log(
      `lmdb ${count}: ${each} B each, load ${load.wallUs.toFixed(1)} µs, update ${update.wallUs.toFixed(1)} µs`,
    );
  }
  return result;
}

/**
 * @typedef {import("../workers/servers.mjs").Measured & { settings: string }} Server
 * @returns {Promise<Server>}
 */
export async function measureServer(
  /** @type {"redis" | "postgres"} */ kind,
  /** @type {Omit<Options, "large">} */ { quick, log },
) {
  const { settings, url, pid, stop } = await { redis: startRedis, postgres: startPostgres }[kind]();
  try {
    const count = quick ? 50_000 : 1_000_000;
    // An entry of PostgreSQL's feed waits for the one before it to be on the disk.
    const entries = kind === "redis" ? count / 10 : count / 100;
    const order = { kind, url, pid, count, operations: 5_000, entries };
    const result = await runWorker("servers", order, ["--max-old-space-size=6000"]);
    log(`${kind} ${count}: ${JSON.stringify(result)}`);
    return { settings, ...result };
  } finally {
    await stop();
  }
}

function brief(/** @type {Row} */ { stored, listed, expired }) {
  return [stored, listed, expired]
    .map((phase) => (phase === undefined ? "-" : `${phase.longestBlockMs.toFixed(0)} ms`))
    .join(" / ");
}
