// @ts-check
/**
 * A million sessions on a database server: room, single calls, a sweep, a user with many devices, the feed
 * of revocations. In a process of its own.
 *
 * @module
 */

import { randomBytes } from "node:crypto";
import { SECRET } from "../fixture.mjs";
import { runWorker } from "../harness/child.mjs";
import { cpuOf } from "../harness/cpu.mjs";
import { quantile } from "../harness/statistics.mjs";
import { built } from "../libraries/built.mjs";
import { startSession } from "../libraries/memory-stores.mjs";
import { serverKinds } from "../libraries/servers.mjs";

/**
 * @typedef {{ kind: "redis" | "postgres", url: string, pid: number, count: number, operations: number, entries: number }} Order
 * @typedef {{ p50Us: number, p99Us: number }} Latency with nothing else under way
 * @typedef {Latency & { serverUs: number, clientUs: number, perSecond: number, sent: number, received: number, logged?: number }} Verb CPU in µs and bytes per call, with many under way
 * @typedef {Record<"load" | "update" | "touch", Verb>} Verbs
 * @typedef {{ seconds: number, calls: number, longestMs: number }} Passage
 * @typedef {{ ms: number, calls: number }} Step
 *
 * @typedef {object} Measured
 * @property {string} version
 * @property {{ count: number, verbs: Verbs }} few
 * @property {{ count: number, verbs: Verbs }} many
 * @property {Verbs} [apart] with many sessions, and as many connections as calls under way
 * @property {number} bytes for each session, with what finds it
 * @property {number} [resident] memory of the process for each session
 * @property {number} [table] of the bytes those without the indexes
 * @property {number} bodyBytes
 * @property {number} inFlight
 * @property {{ seconds: number, perSecond: number, clientUs: number }} filled by one process
 * @property {Passage} settled
 * @property {Passage} idleSweep
 * @property {Passage} sweep of ten thousand that are over
 * @property {Step} list10
 * @property {Step} list1000
 * @property {Step} cutOff
 * @property {Latency} readBefore
 * @property {Latency} readAfter
 * @property {{ overMs: number, ms: number, calls: number, longestMs: number }} revoked a user with a thousand sessions
 * @property {{ entries: number, addUs: number, ms: number, calls: number, heapBytes: number }} feed
 */

const order = /** @type {Order} */ (JSON.parse(process.argv[2] ?? "{}"));
const WEEK = 7 * 86_400_000;
const FEW = 1000;
const EXPIRED = 10_000;
// Of ten users seven have one session, two have two, and one has five.
const USERS = [0, 1, 2, 3, 4, 5, 6, 7, 7, 8, 8, 9, 9, 9, 9, 9];

const { createSessions } = await built("index");
const { memoryStore } = await built("stores/memory");
const server = /** @type {any} */ (await serverKinds[order.kind](order.url));
const { store, calls } = server;
const sessions = createSessions({ secrets: [SECRET], store });
const body = await bodyOfASession();

const before = await server.room();
/** @type {string[]} */
const ids = [];
await fill(FEW);
const few = await verbs();
// Where each write waits for the disk a tenth of them says how long all would take.
const timedCount = server.hurry === undefined ? order.count : order.count / 10;
const filled = await timed(timedCount - FEW, () => fill(timedCount, FEW));
await server.hurry?.(true);
await fill(order.count, timedCount);
await server.hurry?.(false);
const after = await server.room();
const settled = await passage(server.settle);
const many = await verbs();
await server.spread?.(server.inFlight);
const apart = server.spread && (await verbs());
await server.spread?.(1);

const idleSweep = await passage(sessions.sweep, 0);
await lanes(EXPIRED, server.inFlight, (n) => create(`gone-${n}`, Date.now() - 1));
calls.take();
const sweep = await passage(sessions.sweep, EXPIRED);

await lanes(10, 1, () => create("ten-devices"));
const manyIds = await Promise.all(Array.from({ length: FEW }, () => create("many-devices")));
await lanes(FEW, server.inFlight, () => create("revoked"));
const list10 = await median(() => list("ten-devices", 10));
const list1000 = await median(() => list("many-devices", FEW));
const readBefore = await latency(FEW, (n) => store.load(manyIds[n] ?? ""));
const cutOff = await median(() =>
  store.cutOff("many-devices", { keepUntil: Date.now() + WEEK }, Date.now()),
);
const readAfter = await latency(FEW, (n) => store.load(manyIds[n] ?? ""));
const revoked = await revokeUser("revoked");

const feed = await fillFeed();
process.send?.({
  few: { count: FEW, verbs: few },
  many: { count: order.count, verbs: many },
  apart,
  version: server.version,
  bytes: (after.bytes - before.bytes) / order.count,
  resident: after.resident && (after.resident - before.resident) / order.count,
  table: after.table && after.table / order.count,
  bodyBytes: body.length,
  inFlight: server.inFlight,
  filled,
  settled,
  idleSweep,
  sweep,
  list10,
  list1000,
  cutOff,
  readBefore,
  readAfter,
  revoked,
  feed,
});
await server.close();
process.exit();

/** What the core writes for a user with a browser and the data of every part. */
async function bodyOfASession() {
  const memory = memoryStore();
  const { id } = await startSession(createSessions({ secrets: [SECRET], store: memory }), 0);
  return /** @type {string} */ ((await memory.load(id)).record.body);
}

/** Creates sessions of everyday users up to a number. */
async function fill(/** @type {number} */ upTo, from = 0) {
  await lanes(upTo - from, server.inFlight, async (n) => {
    const at = from + n;
    const user = Math.floor(at / USERS.length) * 10 + Number(USERS[at % USERS.length]);
    ids[at] = await create(`user-${String(user).padStart(6, "0")}`);
  });
}

async function create(/** @type {string} */ userId, expiresAt = Date.now() + WEEK) {
  const home = await store.home?.(userId);
  const random = randomBytes(18).toString("base64url");
  const id = home === undefined ? random : home + random.slice(home.length);
  const now = Date.now();
  const record = { id, userId, lastSeenAt: now, expiresAt, closed: false, body };
  const outcome = await store.create(record, 0, now);
  if (outcome !== "created") throw new Error(`a session was not created: ${outcome}`);
  return id;
}

/** @returns {Promise<Verbs>} at as many sessions as there are, at random places */
async function verbs() {
  const sample = () => ids[Math.floor(Math.random() * ids.length)] ?? "";
  const records = new Map();
  for (let n = 0; n < order.operations && records.size < ids.length; n += 1) {
    const { record } = await store.load(sample());
    records.set(record.id, { ...record });
  }
  // In turn, and none twice at a time: a call may take longer than all the others together.
  const turns = [...records.values()];
  let turn = 0;
  const run = {
    load: async () => {
      if ((await store.load(sample())) === undefined) throw new Error("a session is gone");
    },
    async update() {
      const record = turns[turn++];
      const views = String(4711 + record.revision);
      const changed = body.replace("4711", views);
      const next = { body: changed, lastSeenAt: Date.now(), expiresAt: Date.now() + WEEK };
      const done = await store.update(record.id, record.revision, next, Date.now());
      if (!done) throw new Error("an update was refused");
      record.revision += 1;
      turns.push(record);
    },
    async touch() {
      const record = turns[turn++];
      turns.push(record);
      const done = await store.touch(record.id, Date.now(), Date.now() + WEEK, Date.now());
      if (!done) throw new Error("a touch was refused");
    },
  };
  const result = /** @type {Verbs} */ ({});
  for (const [verb, call] of Object.entries(run)) {
    await lanes(FEW, 1, call);
    const alone = await latency(order.operations, call);
    result[/** @type {"load"} */ (verb)] = {
      ...alone,
      ...(await cost(order.operations * 4, call)),
    };
  }
  return result;
}

/** The share of each call, with as many under way as the client is meant for. */
async function cost(
  /** @type {number} */ count,
  /** @type {(n: number) => Promise<unknown>} */ call,
) {
  const traffic = await server.traffic();
  const cpu = cpuOf(order.pid);
  const { seconds, clientUs, perSecond } = await timed(count, () =>
    lanes(count, server.inFlight, call),
  );
  const serverUs = (cpuOf(order.pid) - cpu) / count;
  const now = await server.traffic();
  const of = (/** @type {string} */ what) => (now[what] - traffic[what]) / count;
  const logged = traffic.logged === undefined ? {} : { logged: of("logged") };
  return {
    seconds,
    serverUs,
    clientUs,
    perSecond,
    sent: of("sent"),
    received: of("received"),
    ...logged,
  };
}

/** @returns {Promise<Passage & { removed: unknown }>} */
async function passage(
  /** @type {() => Promise<unknown>} */ run,
  /** @type {number | undefined} */ expected = undefined,
) {
  calls.take();
  const from = performance.now();
  const removed = await run();
  const seconds = (performance.now() - from) / 1000;
  if (expected !== undefined && removed !== expected) {
    throw new Error(`a sweep removed ${removed} of ${expected}`);
  }
  const { count, longestMs } = calls.take();
  return { seconds, calls: count, longestMs, removed };
}

async function list(/** @type {string} */ user, /** @type {number} */ expected) {
  let count = 0;
  for await (const _ of sessions.list(user)) count += 1;
  if (count !== expected) throw new Error(`${count} of ${expected} sessions were listed`);
}

/** Until the sessions are over, and until the last is closed as well. */
async function revokeUser(/** @type {string} */ user) {
  const own = createSessions({ secrets: [SECRET], store });
  let overMs = 0;
  calls.take();
  const from = performance.now();
  own.on("revoked", () => {
    overMs = performance.now() - from;
  });
  await own.revokeUser(user);
  const ms = performance.now() - from;
  const { count, longestMs } = calls.take();
  return { overMs, ms, calls: count, longestMs };
}

/** What a process has to read, and then to hold, that starts with so many users revoked before. */
async function fillFeed() {
  const { entries } = order;
  const { cookie } = await startSession(sessions, 0);
  const from = performance.now();
  const until = Date.now() + 30 * 86_400_000;
  await lanes(entries, server.inFlight, (n) =>
    store.add({ kind: "user", id: `user-${String(n).padStart(8, "0")}`, at: 1, until }),
  );
  const addUs = ((performance.now() - from) * 1000) / entries;
  const { kind, url } = order;
  const {
    ms,
    calls: count,
    bytes,
  } = await runWorker("starter", { kind, url, cookie }, ["--expose-gc"]);
  return { entries, addUs, ms, calls: count, heapBytes: bytes / entries };
}

/** @returns {Promise<Step>} the median of a few runs */
async function median(/** @type {() => Promise<unknown>} */ run) {
  const times = [];
  let count = 0;
  for (let n = 0; n < 31; n += 1) {
    calls.take();
    const from = performance.now();
    await run();
    times.push(performance.now() - from);
    count = calls.take().count;
  }
  return { ms: quantile(times, 0.5), calls: count };
}

/** One after the other. @returns {Promise<Latency>} */
async function latency(
  /** @type {number} */ count,
  /** @type {(n: number) => Promise<unknown>} */ call,
) {
  const times = [];
  for (let n = 0; n < count; n += 1) {
    const from = performance.now();
    await call(n);
    times.push((performance.now() - from) * 1000);
  }
  return { p50Us: quantile(times, 0.5), p99Us: quantile(times, 0.99) };
}

async function timed(/** @type {number} */ count, /** @type {() => Promise<unknown>} */ run) {
  const cpu = process.cpuUsage();
  const from = performance.now();
  await run();
  const seconds = (performance.now() - from) / 1000;
  const { user, system } = process.cpuUsage(cpu);
  return { seconds, perSecond: count / seconds, clientUs: (user + system) / count };
}

async function lanes(
  /** @type {number} */ count,
  /** @type {number} */ inFlight,
  /** @type {(n: number) => Promise<unknown>} */ call,
) {
  let next = 0;
  const lane = async () => {
    while (next < count) await call(next++);
  };
  await Promise.all(Array.from({ length: inFlight }, lane));
}
