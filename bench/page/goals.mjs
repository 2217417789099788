// @ts-check
/**
 * The goals, and whether a run met them.
 *
 * @module
 */

import { CASES } from "../fixture.mjs";
import { median } from "../harness/statistics.mjs";
import { times, us, whole } from "./tables.mjs";

/** What cannot be told from nothing, in µs. */
export const NOISE_US = 0.3;

/**
 * @typedef {import("../parts/requests.mjs").Row} Row
 * @typedef {{ goal: string, wanted: string, measured: string, met: boolean, unmet?: readonly string[] }} Goal
 */

/** @returns {Goal[]} */
export function goals(/** @type {Record<string, any>} */ results) {
  return [
    ...(results["requests"] === undefined ? [] : requestGoals(results["requests"].rows)),
    ...(results["calls"] === undefined ? [] : [storeCalls(results["calls"])]),
    ...(results["memory"] === undefined ? [] : sweepGoals(results["memory"].rows)),
  ];
}

/** @returns {Goal[]} */
function requestGoals(/** @type {readonly Row[]} */ rows) {
  const ours = rowOf(rows, "coatcheck", "node");
  const sealed = rowOf(rows, "coatcheck-sealed", "node");
  const floor = rowOf(rows, "floor", "node");
  const manyOurs = rowOf(rows, "coatcheck-many", "node");
  const manyFloor = rowOf(rows, "floor-many", "node");
  const secure = rowOf(rows, "fastify-secure-session", "fastify");
  const express = rowOf(rows, "express-session", "node");
  if (!ours || !sealed || !floor || !secure || !express) return [];
  return [
    within(ours, "none", "no cookie"),
    within(ours, "untouched", "a cookie, session untouched"),
    share(ours, floor, "read", 0.85, "read, beside the floor"),
    share(ours, floor, "change", 0.95, "change, beside the floor"),
    ...(manyOurs && manyFloor
      ? [
          share(manyOurs, manyFloor, "read", 0.85, "read, with 20 000 sessions in turn"),
          share(manyOurs, manyFloor, "change", 0.95, "change, with 20 000 sessions in turn"),
        ]
      : []),
    share(sealed, secure, "read", 0.8, "sealed read, beside @fastify/secure-session"),
    share(sealed, secure, "change", 0.7, "sealed change, beside @fastify/secure-session"),
    under(express, ours, floor, "read"),
    under(express, ours, floor, "change"),
    ahead(rows),
  ];
}

/** @returns {Goal} */
function within(/** @type {Row} */ row, /** @type {string} */ id, /** @type {string} */ goal) {
  const { cpu } = costOf(row, id);
  return {
    goal: `${goal}: within noise of the bare framework`,
    wanted: `≤ ${NOISE_US} µs`,
    measured: `${cpu.median.toFixed(2)} µs`,
    met: cpu.median <= NOISE_US,
  };
}

/** @returns {Goal} */
function share(
  /** @type {Row} */ row,
  /** @type {Row} */ other,
  /** @type {string} */ id,
  /** @type {number} */ most,
  /** @type {string} */ goal,
) {
  const ratio = ratioOf(row, other, id);
  const [mine, theirs] = [costOf(row, id).cpu.median, costOf(other, id).cpu.median];
  return {
    goal,
    wanted: `≤ ${most.toFixed(2)}`,
    measured: `${ratio.toFixed(2)} (${us(mine)} of ${us(theirs)} µs)`,
    met: ratio <= most,
  };
}

/** @returns {Goal} */
function under(
  /** @type {Row} */ express,
  /** @type {Row} */ ours,
  /** @type {Row} */ floor,
  /** @type {string} */ id,
) {
  const ratio = ratioOf(express, ours, id);
  return {
    goal: `${id}: 8 times under express-session`,
    wanted: "≥ 8×",
    measured: `${times(ratio)} (the floor: ${times(ratioOf(express, floor, id))})`,
    met: ratio >= 8,
  };
}

/** @returns {Goal} */
function ahead(/** @type {readonly Row[]} */ rows) {
  let compared = 0;
  /** @type {string[]} */
  const behind = [];
  for (const peer of rows) {
    const mine = ourCounterpart(rows, peer);
    if (mine === undefined) continue;
    const noise = Math.max(noiseOf(rows, mine.framework), noiseOf(rows, peer.framework));
    for (const { id, title } of CASES) {
      compared += 1;
      const [ours, theirs] = [costOf(mine, id).cpu.median, costOf(peer, id).cpu.median];
      // Nobody takes less than nothing: that is noise as well.
      if (ours - Math.max(0, theirs) <= noise) continue;
      behind.push(
        `${peer.name} on ${peer.framework}, ${title}: ${us(ours)} against ${us(theirs)} µs`,
      );
    }
  }
  return {
    goal: "ahead of every peer in every case, or within noise",
    wanted: `${compared} of ${compared}`,
    measured: `${compared - behind.length} of ${compared}`,
    met: behind.length === 0,
    unmet: behind,
  };
}

/** How far a framework's measurement is from itself, in µs. */
function noiseOf(/** @type {readonly Row[]} */ rows, /** @type {string} */ framework) {
  const control = rowOf(rows, "bare", framework);
  if (control === undefined) return NOISE_US;
  return Math.max(
    NOISE_US,
    median(CASES.map(({ id }) => Math.abs(costOf(control, id).cpu.median))),
  );
}

/**
 * What a peer is compared with: ours on the same framework, stored beside stored, sealed beside
 * sealed and signed. h3, for which there is no adapter, is compared with ours on `node:http`.
 *
 * @returns {Row | undefined}
 */
export function ourCounterpart(/** @type {readonly Row[]} */ rows, /** @type {Row} */ peer) {
  if (
    peer.library.startsWith("coatcheck") ||
    !["stored", "sealed", "signed"].includes(peer.keeps)
  ) {
    return undefined;
  }
  const library = peer.keeps === "stored" ? "coatcheck" : "coatcheck-sealed";
  return rowOf(rows, library, peer.framework === "h3" ? "node" : peer.framework);
}

/** @returns {Goal} */
function storeCalls(/** @type {Record<string, { calls: Record<string, number> }>} */ results) {
  const made = Object.values({
    ...results["stored none"]?.calls,
    ...results["stored untouched"]?.calls,
  });
  return {
    goal: "no cookie and untouched: no store call",
    wanted: "0",
    measured: String(made.reduce((sum, n) => sum + n, 0)),
    met: made.length === 0,
  };
}

/** @returns {Goal[]} */
function sweepGoals(/** @type {readonly import("../parts/scale.mjs").Row[]} */ rows) {
  const mine = rows.filter(({ kind }) => kind === "coatcheck");
  const [smallest] = mine;
  const largest = mine.at(-1);
  if (smallest?.idleSweep === undefined || largest?.idleSweep === undefined) return [];
  const text = mine.map(({ count, idleSweep }) => `${us(idleSweep ?? 0)} µs at ${whole(count)}`);
  return [
    {
      goal: "a sweep that finds nothing does not grow with the store",
      wanted: "the same at every size",
      measured: text.join(", "),
      met: largest.idleSweep <= 3 * smallest.idleSweep + 5,
    },
  ];
}

export function rowOf(
  /** @type {readonly Row[]} */ rows,
  /** @type {string} */ library,
  /** @type {string} */ framework,
) {
  return rows.find((row) => row.library === library && row.framework === framework);
}

export function costOf(/** @type {Row} */ row, /** @type {string} */ id) {
  return /** @type {import("../parts/requests.mjs").Cost} */ (row.cases[id]);
}

/** The median over the passes: in a pass both were measured within minutes. */
function ratioOf(/** @type {Row} */ row, /** @type {Row} */ other, /** @type {string} */ id) {
  const theirs = costOf(other, id).cpu.passes;
  return median(
    costOf(row, id).cpu.passes.map((mine, pass) => mine / (theirs[pass] ?? Number.NaN)),
  );
}
