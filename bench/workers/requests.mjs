// @ts-check
/**
 * One library on one framework, in a process of its own: CPU and wall time per request, in process,
 * beside the same framework without the library. Sends the figures to its parent.
 *
 * @module
 */

import { performance } from "node:perf_hooks";
import { CASES } from "../fixture.mjs";
import { handlersOf } from "../handlers.mjs";
import { sessionCookies } from "../harness/clients.mjs";
import { forged } from "../harness/cookies.mjs";
import { ask, prepare, send } from "../harness/in-process.mjs";
import { framework, library } from "../libraries/index.mjs";

/**
 * @typedef {object} Order
 * @property {string} library
 * @property {string} framework
 * @property {number} rounds
 * @property {number} batchMs how long one timed batch takes
 * @property {number} warmMs how long every case is run before, at least
 *
 * @typedef {Record<string, { bareCpu: number, cpu: number, bareWall: number, wall: number }>} Round
 */

const SESSIONS = 256;

const order = /** @type {Order} */ (JSON.parse(process.argv[2] ?? "{}"));
const definition = await library(order.library);
const listener = await framework(order.framework);
const installed = await definition.install(order.framework);
const withLibrary = await listener(installed, handlersOf(installed));
const alone = (await library("bare")).install();
const bare = await listener(alone, handlersOf(alone));

const cookies =
  order.library === "bare"
    ? ["sid=nobody-looks-at-this"]
    : await sessionCookies(definition.sessions ?? SESSIONS, (url, cookie) =>
        ask(withLibrary, prepare(url, cookie)),
      );

const cases = CASES.map(({ id, path, cookie }) => ({
  id,
  requests:
    cookie === "none"
      ? [prepare(path, undefined)]
      : cookies.map((header) => prepare(path, cookie === "forged" ? forged(header) : header)),
  counts: { bare: 64, library: 64 },
}));

for (const { id, requests } of order.library === "bare" ? [] : cases) {
  const { status, text } = await ask(withLibrary, /** @type {any} */ (requests[0]));
  const wanted = { read: "dark", forged: "none" }[/** @type {string} */ (id)] ?? "ok";
  if (status !== 200 || text !== wanted) {
    throw new Error(`${order.library} on ${order.framework}, ${id}: ${status} ${text}`);
  }
}

for (const one of cases) {
  one.counts.bare = await warm(bare, one.requests);
  one.counts.library = await warm(withLibrary, one.requests);
}

/** @type {Round[]} */
const rounds = [];
for (let n = 0; n < order.rounds; n++) {
  /** @type {Round} */
  const round = {};
  for (const { id, requests, counts } of cases) {
    const timeBare = () => time(bare, requests, counts.bare);
    const timeLibrary = () => time(withLibrary, requests, counts.library);
    // Which of the two goes first alternates: what a neighbour or the collector does falls on both.
    const [first, second] = n % 2 === 0 ? [timeBare, timeLibrary] : [timeLibrary, timeBare];
    const a = await first();
    const b = await second();
    const [without, with_] = n % 2 === 0 ? [a, b] : [b, a];
    round[id] = { bareCpu: without.cpu, bareWall: without.wall, cpu: with_.cpu, wall: with_.wall };
  }
  rounds.push(round);
}

await installed.close?.();
process.send?.({ rounds, cookieBytes: cookies[0]?.length });
process.disconnect?.();

/**
 * Runs a case until it gets no faster: compilers take their time, and the longer the more there is to
 * compile.
 *
 * @returns {Promise<number>} how many requests fill a batch
 */
async function warm(
  /** @type {any} */ target,
  /** @type {import("../harness/in-process.mjs").Prepared[]} */ requests,
) {
  const from = performance.now();
  const elapsed = () => performance.now() - from;
  let count = 16;
  let best = Number.POSITIVE_INFINITY;
  let sinceBest = 0;
  while (elapsed() < order.warmMs || (sinceBest < 5 && elapsed() < 10 * order.warmMs)) {
    const { cpu, wall } = await time(target, requests, count);
    sinceBest = cpu < 0.98 * best ? 0 : sinceBest + 1;
    best = Math.min(best, cpu);
    count = Math.max(16, Math.min(200_000, Math.round((order.batchMs * 1000) / wall)));
  }
  return count;
}

/** Microseconds per request. CPU is that of all threads: user and system. */
async function time(
  /** @type {any} */ target,
  /** @type {import("../harness/in-process.mjs").Prepared[]} */ requests,
  /** @type {number} */ count,
) {
  // Only the young generation: a full collection also throws compiled code away.
  /** @type {any} */ (globalThis).gc?.({ type: "minor" });
  const cpuBefore = process.cpuUsage();
  const wallBefore = performance.now();
  await send(target, requests, count);
  const wall = (performance.now() - wallBefore) * 1000;
  const cpu = process.cpuUsage(cpuBefore);
  return { cpu: (cpu.user + cpu.system) / count, wall: wall / count };
}
