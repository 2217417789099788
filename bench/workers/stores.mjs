// @ts-check
/**
 * One store beside its bare client: bytes of a session, and operations per second. In a process of its own.
 *
 * @module
 */

import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { SECRET } from "../fixture.mjs";
import { median } from "../harness/statistics.mjs";
import { built } from "../libraries/built.mjs";
import { startSession } from "../libraries/memory-stores.mjs";
import { storeKinds } from "../libraries/stores.mjs";

/** @typedef {{ kind: string, url?: string, count: number, rounds: number, ms: number }} Order */
/** @typedef {import("../../src/stores/contract.ts").SessionRecord} SessionRecord */

const order = /** @type {Order} */ (JSON.parse(process.argv[2] ?? "{}"));
// Without rounds only the store's bytes are asked for.
const isTimed = order.rounds > 0;
const IN_FLIGHT = isTimed ? [1, 64] : [];
const DAY = 86_400_000;

const { createSessions } = await built("index");
const folder = await mkdtemp(join(process.env["BENCH_FOLDER"] ?? tmpdir(), "coatcheck-stores-"));
try {
  const kind = await /** @type {any} */ (storeKinds)[order.kind]({ url: order.url, folder });
  const { store, bare } = kind;
  const accepted = store.traits.conditionalWrites ? {} : { acceptUnconditionalStore: true };
  const sessions = createSessions({ secrets: [SECRET], store, ...accepted });

  /** @type {string[]} */
  const ids = [];
  const bytes = await grown(kind.bytes, async (n) => {
    ids.push((await startSession(sessions, n)).id);
  });
  /** @type {SessionRecord[]} */
  const records = [];
  await each(ids.length, 64, async (n) => {
    records.push((await store.load(ids[n])).record);
  });
  const setBare = (/** @type {number} */ n) => {
    const { id, body } = at(records, n);
    return bare.set(id, body);
  };
  const unknown = async () => Number.NaN;
  const bareBytes = isTimed ? await grown(bare.bytes ?? unknown, setBare) : await unknown();

  const revisions = new Map(records.map(({ id, revision }) => [id, revision]));
  /** @type {Record<string, (record: SessionRecord) => Promise<unknown>>} */
  const operations = {
    load: async ({ id }) => found(await store.load(id)),
    get: ({ id }) => bare.get(id).then(found),
    async update({ id, body }) {
      const now = Date.now();
      const revision = revisions.get(id) ?? 0;
      revisions.set(id, revision + 1);
      const next = { body, lastSeenAt: now, expiresAt: now + DAY };
      if (!(await store.update(id, revision, next, now))) throw new Error("an update was refused");
    },
    set: ({ id, body }) => bare.set(id, body),
  };
  /** @type {Map<string, number[]>} */
  const rates = new Map();
  // The first round warms up and is not kept.
  for (let round = 0; round <= order.rounds; round += 1) {
    for (const inFlight of IN_FLIGHT) {
      for (const [name, operation] of Object.entries(operations)) {
        const rate = await perSecond(inFlight, operation, records);
        const key = `${name} ${inFlight}`;
        if (round > 0) rates.set(key, [...(rates.get(key) ?? []), rate]);
      }
    }
  }
  const compared = (/** @type {string} */ ours, /** @type {string} */ theirs) =>
    IN_FLIGHT.map((inFlight) => {
      const all = rates.get(`${ours} ${inFlight}`) ?? [];
      const beside = rates.get(`${theirs} ${inFlight}`) ?? [];
      return {
        inFlight,
        perSecond: Math.round(median(all)),
        bare: Math.round(median(beside)),
        ratio: Number(median(all.map((rate, n) => rate / (beside[n] ?? Number.NaN))).toFixed(2)),
      };
    });
  process.send?.({
    kind: order.kind,
    says: kind.says,
    sessions: order.count,
    bodyBytes: Math.round(median(records.map(({ body }) => body.length))),
    bytes: Math.round(bytes),
    ...(bare.bytes && { bareBytes: Math.round(bareBytes) }),
    read: compared("load", "get"),
    write: compared("update", "set"),
  });
  await sessions.close();
  await kind.close?.();
} finally {
  await rm(folder, { recursive: true });
}
process.exit();

/** By how many bytes each session makes it grow. */
async function grown(
  /** @type {() => Promise<number>} */ bytes,
  /** @type {(n: number) => Promise<unknown>} */ add,
) {
  const before = await bytes();
  await each(order.count, 64, add);
  return ((await bytes()) - before) / order.count;
}

async function each(
  /** @type {number} */ count,
  /** @type {number} */ inFlight,
  /** @type {(n: number) => Promise<unknown>} */ work,
) {
  let next = 0;
  const lane = async () => {
    while (next < count) await work(next++);
  };
  await Promise.all(Array.from({ length: inFlight }, lane));
}

async function perSecond(
  /** @type {number} */ inFlight,
  /** @type {(record: SessionRecord) => Promise<unknown>} */ operation,
  /** @type {readonly SessionRecord[]} */ records,
) {
  const from = performance.now();
  const until = from + order.ms;
  let next = Math.floor(Math.random() * records.length);
  let done = 0;
  const lane = async () => {
    while (performance.now() < until) {
      next += 1;
      await operation(at(records, next % records.length));
      done += 1;
    }
  };
  await Promise.all(Array.from({ length: inFlight }, lane));
  return (done * 1000) / (performance.now() - from);
}

/** @template Item @returns {Item} */
function at(/** @type {readonly Item[]} */ items, /** @type {number} */ n) {
  return /** @type {Item} */ (items[n]);
}

function found(/** @type {unknown} */ value) {
  if (value === undefined || value === null) throw new Error("nothing was found");
}
