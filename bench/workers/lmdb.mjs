// @ts-check
/**
 * The LMDB store as it grows: bytes, reads and writes at each size. In a process of its own.
 *
 * @module
 */

import { mkdtemp, readdir, rm, stat } from "node:fs/promises";
import { join } from "node:path";
import { SECRET } from "../fixture.mjs";
import { watchLoop } from "../harness/event-loop.mjs";
import { built } from "../libraries/built.mjs";
import { startSession } from "../libraries/memory-stores.mjs";

/** @typedef {{ counts: number[], folder: string, operations: number }} Order */

const { createSessions } = await built("index");
const { lmdbStore } = await built("stores/lmdb");
const order = /** @type {Order} */ (JSON.parse(process.argv[2] ?? "{}"));
const IN_FLIGHT = 64;
const SAMPLE_EVERY = 97;

const path = await mkdtemp(join(order.folder, "coatcheck-lmdb-"));
const steps = [];
try {
  let store = lmdbStore({ path });
  const sessions = createSessions({ secrets: [SECRET], store });
  /** @type {string[]} */
  const ids = [];
  let stored = 0;
  for (const count of order.counts) {
    const from = stored;
    const loop = watchLoop();
    const filled = await timed(count - from, IN_FLIGHT, async (n) => {
      const { id } = await startSession(sessions, from + n);
      if ((from + n) % SAMPLE_EVERY === 0) ids.push(id);
    });
    const { longestBlockMs } = await loop.stop();
    stored = count;
    steps.push({ count, create: filled, longestBlockMs, ...(await measure(store, ids)) });
    process.send?.({ progress: count });
  }
  await store.close();
  const before = performance.now();
  store = lmdbStore({ path });
  await store.load(ids[0] ?? "");
  const reopenMs = performance.now() - before;
  await store.close();
  process.send?.({ steps, reopenMs });
} finally {
  await rm(path, { recursive: true });
}
process.exit();

/**
 * @param {import("../../src/stores/contract.ts").SessionStore} store
 * @param {readonly string[]} ids
 */
async function measure(store, ids) {
  const { operations } = order;
  // A step with a prime stride, so that no two reads lie on one page.
  const idOf = (/** @type {number} */ n) => ids[(n * 7919) % ids.length] ?? "";
  const bytes = await bytesOf(path);
  const load = await timed(operations, 1, async (n) => store.load(idOf(n)));
  const records = await Promise.all(
    ids.slice(-operations).map(async (id) => (await store.load(id))?.record),
  );
  const write = async (/** @type {any} */ record) => {
    const { body, lastSeenAt, expiresAt, revision } = record;
    const now = Date.now();
    if (!(await store.update(record.id, revision, { body, lastSeenAt, expiresAt }, now))) {
      throw new Error("an update was refused");
    }
    record.revision = revision + 1;
  };
  const some = records.map((record) => ({ ...record }));
  const update = await timed(some.length, IN_FLIGHT, (n) => write(some[n]));
  const alone = await timed(Math.min(some.length, 500), 1, (n) => write(some[n]));
  const touch = await timed(some.length, IN_FLIGHT, (n) => {
    const now = Date.now();
    return store.touch(some[n]?.id ?? "", now, now + 7 * 86_400_000, now);
  });
  const user = some[0]?.userId ?? "";
  const listUser = await timed(1000, 1, () => store.list({ userId: user, limit: 10 }, Date.now()));
  const listPage = await timed(100, 1, () => store.list({ limit: 100 }, Date.now()));
  const idleSweep = await timed(1000, 1, async () => {
    if ((await store.sweep(1000, Date.now())) !== 0) throw new Error("a sweep removed something");
  });
  const residentBytes = process.memoryUsage().rss;
  return {
    bytes,
    load,
    update,
    updateAlone: alone,
    touch,
    listUser,
    listPage,
    idleSweep,
    residentBytes,
  };
}

/**
 * Wall and CPU time of one operation, in µs, with so many under way.
 *
 * @param {number} count
 * @param {number} inFlight
 * @param {(n: number) => Promise<unknown>} operation
 */
async function timed(count, inFlight, operation) {
  let next = 0;
  const cpuBefore = process.cpuUsage();
  const before = performance.now();
  const lane = async () => {
    while (next < count) await operation(next++);
  };
  await Promise.all(Array.from({ length: inFlight }, lane));
  const wall = ((performance.now() - before) * 1000) / count;
  const { user, system } = process.cpuUsage(cpuBefore);
  return { wallUs: wall, cpuUs: (user + system) / count };
}

async function bytesOf(/** @type {string} */ folder) {
  let total = 0;
  for (const name of await readdir(folder)) total += (await stat(join(folder, name))).blocks * 512;
  return total;
}
