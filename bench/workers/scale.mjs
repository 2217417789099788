// @ts-check
/**
 * Many sessions in one memory store: what each takes, how long the event loop stands still while they
 * are stored, listed and ended, and what a sweep costs that finds nothing. In a process of its own.
 *
 * @module
 */

import { setImmediate as turn } from "node:timers/promises";
import { watchLoop } from "../harness/event-loop.mjs";
import { memoryKinds } from "../libraries/memory-stores.mjs";

/**
 * @typedef {{ kind: string, count: number }} Order
 * @typedef {{ seconds: number, longestBlockMs: number, collectorMs: number }} Phase `collectorMs`: the longest pause of the garbage collector in it
 */

const order = /** @type {Order} */ (JSON.parse(process.argv[2] ?? "{}"));
// So many sessions are stored between two turns of the event loop: a busy server's share.
const PER_TURN = 16;

const kind = await /** @type {Record<string, any>} */ (memoryKinds)[order.kind]();
const before = memory();

const stored = await phase(async () => {
  for (let n = 0; n < order.count; n += 1) {
    await kind.create(n);
    if (n % PER_TURN === PER_TURN - 1) await turn();
  }
});
const after = memory();

const read = await perOperation((n) => kind.read((n * 7919) % order.count));
const listed = kind.list && (await phase(kind.list, order.count));
const idleSweep = kind.sweep && (await idleSweeps(kind.sweep));
kind.expire?.();
const expired = kind.expire && (await phase(kind.sweep, order.count));

process.send?.({
  stored,
  heapBytes: (after.heap - before.heap) / order.count,
  externalBytes: (after.external - before.external) / order.count,
  residentBytes: (after.resident - before.resident) / order.count,
  readUs: read,
  listed,
  idleSweep,
  expired,
});
process.exit();

/** @returns {Promise<Phase>} */
async function phase(
  /** @type {() => Promise<number | void>} */ run,
  /** @type {number | undefined} */ expected = undefined,
) {
  const loop = watchLoop();
  await turn();
  const from = performance.now();
  const count = await run();
  const seconds = (performance.now() - from) / 1000;
  // A phase that never gave way shows only now.
  await turn();
  const { longestBlockMs, collectorMs } = await loop.stop();
  if (expected !== undefined && count !== expected) {
    throw new Error(`${order.kind}: ${count} of ${expected} sessions`);
  }
  return { seconds, longestBlockMs, collectorMs };
}

/** The median time of a sweep with nothing to remove, in µs. */
async function idleSweeps(/** @type {() => Promise<number>} */ sweep) {
  const times = [];
  for (let n = 0; n < 101; n += 1) {
    const from = performance.now();
    if ((await sweep()) !== 0) throw new Error(`${order.kind}: a sweep removed something`);
    times.push((performance.now() - from) * 1000);
  }
  return times.sort((a, b) => a - b)[50];
}

async function perOperation(/** @type {(n: number) => Promise<unknown>} */ operation) {
  const count = 100_000;
  const from = process.cpuUsage();
  for (let n = 0; n < count; n += 1) await operation(n);
  const { user, system } = process.cpuUsage(from);
  return (user + system) / count;
}

function memory() {
  for (let n = 0; n < 3; n += 1) /** @type {any} */ (globalThis).gc();
  const { heapUsed, external, rss } = process.memoryUsage();
  return { heap: heapUsed, external, resident: rss };
}
