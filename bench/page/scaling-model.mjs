// @ts-check
/**
 * From what was measured to a hundred million sessions and a million requests per second: arithmetic, each
 * step with its formula.
 *
 * @module
 */

import { percent, whole } from "./tables.mjs";

/**
 * @typedef {import("../parts/scale.mjs").Server} Server
 * @typedef {import("../parts/fleet.mjs").Fleet} Fleet
 * @typedef {{ redis: Server, postgres: Server, fleet: Fleet }} Measured
 * @typedef {readonly [what: string, formula: string, result: string]} Row
 */

// What is assumed. S, R and the rest are the names in the formulas.
const S = 100e6;
const R = 1e6;
const WRITES = 0.1;
const EVERY_S = 10;
const TOUCH_S = 300;
const BUSY = 0.5;
const ROOM = 1.5;
const CORES = 32;
const REMEMBERED_S = 10;
const REVOKED_PER_DAY = 50_000;
const LONGEST_DAYS = 30;
// TCP, IP and Ethernet around each command and each reply.
const PACKET = 78;
const CACHE_BYTES = 64 * 2 ** 20;
const CACHE_ENTRY = 500;

/** @returns {readonly Row[]} */
export function assumptions() {
  return [
    ["S", "sessions", whole(S)],
    ["R", "requests per second", whole(R)],
    ["w", "share of the requests that write to their session", percent(WRITES)],
    ["e", "a session in use has a request every", `${EVERY_S} s`],
    ["t", "a use is written down at most every (`touchInterval`)", `${TOUCH_S} s`],
    ["u", "how busy a core may be", percent(BUSY)],
    ["m", "memory for each byte that is used: growth, fragments, a fork", String(ROOM)],
  ];
}

/** What the size takes. */
export function sizes(/** @type {Measured} */ measured) {
  const { redis, postgres, fleet } = measured;
  const { load, update, touch } = redis.apart ?? redis.many.verbs;
  const app = perRequest(fleet, "none", (one) => one.appUs);
  const processes = Math.ceil((R * app) / (BUSY * 1e6));
  const touches = (R * EVERY_S) / TOUCH_S;
  const cores = (R * (load.serverUs + WRITES * update.serverUs) + touches * touch.serverUs) / 1e6;
  const primaries = Math.ceil(cores / BUSY);
  const memory = S * redis.bytes * ROOM;
  const { load: pgLoad, update: pgUpdate, touch: pgTouch } = postgres.many.verbs;
  const few = postgres.few.verbs;
  const pgUs =
    pgLoad.serverUs + WRITES * pgUpdate.serverUs + (EVERY_S / TOUCH_S) * pgTouch.serverUs;
  return {
    ...{ app, processes, touches, cores, primaries, memory, pgUs },
    inBytes: load.sent + PACKET + WRITES * (update.sent + PACKET),
    outBytes: load.received + PACKET + WRITES * (update.received + PACKET),
    // As long as a page is in the log already. The first change of each after a checkpoint takes all of it.
    wal: WRITES * R * (few.update.logged ?? 0) + touches * (few.touch.logged ?? 0),
    load: load.serverUs,
    update: update.serverUs,
    touch: touch.serverUs,
  };
}

/** @returns {readonly Row[]} */
export function sizeRows(/** @type {Measured} */ measured) {
  const { redis, postgres } = measured;
  const size = sizes(measured);
  const { app, processes, touches, cores, primaries, memory, inBytes, outBytes } = size;
  const { load, update, touch, pgUs, wal } = size;
  const us = (/** @type {number} */ value) => value.toFixed(0);
  const perServer = (CORES * BUSY * 1e6) / pgUs;
  const pgLoad = postgres.many.verbs.load.serverUs;
  const pgUpdate = postgres.many.verbs.update.serverUs;
  return [
    ["touches per second", "R × e ÷ t", whole(touches)],
    [
      "app processes, for the session and `node:http` alone",
      `R × ${us(app)} µs ÷ u`,
      whole(processes),
    ],
    [
      "Redis, cores",
      `R × (${us(load)} µs + w × ${us(update)} µs) + touches × ${us(touch)} µs`,
      cores.toFixed(0),
    ],
    ["Redis, primaries: each has one core for commands", "cores ÷ u", whole(primaries)],
    ["Redis, nodes with one replica each", "2 × primaries", whole(2 * primaries)],
    ["Redis, memory of all primaries", `S × ${whole(redis.bytes)} B × m`, gib(memory)],
    ["…of each", "÷ primaries", gib(memory / primaries)],
    [
      "Redis, network of each primary, in",
      `R × ${whole(inBytes)} B ÷ primaries`,
      mbit((R * inBytes) / primaries),
    ],
    ["…out", `R × ${whole(outBytes)} B ÷ primaries`, mbit((R * outBytes) / primaries)],
    [
      "connections of each primary; of all",
      "processes; × primaries",
      `${whole(processes)}; ${whole(processes * primaries)}`,
    ],
    ["round trips to Redis per second", "R × (1 + w) + touches", whole(R * (1 + WRITES) + touches)],
    [
      `PostgreSQL, requests per second of one server of ${CORES} cores`,
      `${CORES} × u ÷ (${us(pgLoad)} µs + w × ${us(pgUpdate)} µs + touches)`,
      whole(perServer),
    ],
    ["PostgreSQL, such servers", "R ÷ that", whole(Math.ceil(R / perServer))],
    ["PostgreSQL, disk", `S × ${whole(postgres.bytes)} B`, gib(S * postgres.bytes)],
    [
      "PostgreSQL, log written per second",
      `w × R × ${whole(postgres.few.verbs.update.logged ?? 0)} B + touches × ${whole(postgres.few.verbs.touch.logged ?? 0)} B`,
      `${whole(wal / 1e6)} MB`,
    ],
    [
      "…and every page once after each checkpoint, with one every 15 min",
      `S × ${whole(postgres.table ?? Number.NaN)} B ÷ 900 s`,
      `${whole((S * (postgres.table ?? Number.NaN)) / 900e6)} MB`,
    ],
  ];
}

/**
 * What a cache saves of the loads. n requests of a session within `maxAge`, spread evenly over p processes,
 * reach so many of these, and each of them loads once.
 */
export function cacheRows(/** @type {Measured} */ measured) {
  const { processes, touches, load, update, touch } = sizes(measured);
  const steady = 1 + REMEMBERED_S / EVERY_S;
  /** @type {readonly [string, number, number][]} */
  const ways = [
    ["a request every 10 s, any process", steady, processes],
    ["a request every 10 s, always one process", steady, 1],
    ["ten at once, any process", 10, processes],
    ["ten at once, always one process", 10, 1],
  ];
  return ways.map(([what, n, p]) => {
    const left = (p * (1 - (1 - 1 / p) ** n)) / n;
    const cores = (R * (left * load + WRITES * update) + touches * touch) / 1e6;
    return [what, String(n), whole(p), percent(left), whole(Math.ceil(cores / BUSY))];
  });
}

/** What the fleet's cache left of its loads, beside what the formula says of it. */
export function cacheCheck(/** @type {Fleet} */ fleet) {
  const read = figures(fleet, "timed", "read");
  const n = (REMEMBERED_S * read.perSecond) / fleet.sessions / fleet.processes;
  return { measured: read.commands, reckoned: 1 / n, n };
}

/** How many sessions a cache of the default size remembers, and how many are in use in a process. */
export function cacheRoom(/** @type {Measured} */ measured) {
  const { bodyBytes } = measured.redis;
  const { processes } = sizes(measured);
  return {
    remembered: CACHE_BYTES / (CACHE_ENTRY + 2 * bodyBytes),
    inUse: (R * EVERY_S) / processes,
  };
}

/** What gives way first. @returns {readonly Row[]} */
export function limitRows(/** @type {Measured} */ measured) {
  const { redis, postgres, fleet } = measured;
  const { processes, primaries, load } = sizes(measured);
  const { publishUs, deliverUs, hearUs } = fleet.telling;
  const told = R * WRITES;
  const entryMs = redis.feed.ms / redis.feed.entries;
  const entries = REVOKED_PER_DAY * LONGEST_DAYS;
  const sweepMs = (redis.idleSweep.seconds * 1000 * S) / redis.many.count;
  return [
    [
      "the feed, with 50 000 users revoked a day: entries",
      `50 000 × ${LONGEST_DAYS} days`,
      whole(entries),
    ],
    [
      "…memory of every process",
      `entries × ${whole(redis.feed.heapBytes)} B`,
      `${whole((entries * redis.feed.heapBytes) / 2 ** 20)} MiB`,
    ],
    [
      "…to read them when a process starts",
      `entries × ${(entryMs * 1000).toFixed(1)} µs`,
      seconds(entries * entryMs),
    ],
    [
      "…in so many calls, each with a deadline of its own",
      "entries ÷ 1 000",
      whole(entries / 1000),
    ],
    [
      "…users a second that PostgreSQL can be told to revoke",
      `1 ÷ ${whole(postgres.feed.addUs)} µs`,
      whole(1e6 / postgres.feed.addUs),
    ],
    [
      "a primary that hangs: requests that wait for it at a time",
      "R ÷ primaries × 3 s",
      whole((R / primaries) * 3),
    ],
    ["a failover: connections made anew at once", "processes", whole(processes)],
    [
      "`watch`: cores of every process, to hear of every write",
      `w × R × ${hearUs.toFixed(1)} µs`,
      ((told * hearUs) / 1e6).toFixed(2),
    ],
    [
      "…and of every primary, to pass it on",
      `w × R × (${publishUs.toFixed(1)} µs + ${deliverUs.toFixed(1)} µs × processes ÷ primaries)`,
      ((told * (publishUs + (deliverUs * processes) / primaries)) / 1e6).toFixed(2),
    ],
    [
      "a hot session or user: reads per second, with its primary's core at 100 %",
      `1 ÷ ${load.toFixed(0)} µs`,
      whole(1e6 / load),
    ],
    [
      "a sweep of Redis that finds nothing",
      `S × ${((redis.idleSweep.seconds * 1e6) / redis.many.count).toFixed(1)} µs`,
      seconds(sweepMs),
    ],
    ["sessions in a slot, which moves as a whole or key by key", "S ÷ 16 384", whole(S / 16_384)],
  ];
}

/** By the case mix: a request that writes is a change, any other a read. */
function perRequest(
  /** @type {Fleet} */ fleet,
  /** @type {import("../parts/fleet.mjs").Cache} */ cache,
  /** @type {(one: import("../parts/fleet.mjs").Figures) => number} */ pick,
) {
  const read = pick(figures(fleet, cache, "read"));
  const change = pick(figures(fleet, cache, "change"));
  return (1 - WRITES) * read + WRITES * change;
}

/** Of the fleet on one Redis. */
function figures(
  /** @type {Fleet} */ { rows },
  /** @type {import("../parts/fleet.mjs").Cache} */ cache,
  /** @type {import("../parts/fleet.mjs").Case} */ id,
) {
  const row = rows.find((one) => one.primaries === 1 && one.cache === cache && !one.sticky);
  const found = row?.cases[id];
  if (found === undefined) throw new Error(`the fleet has no ${cache} ${id}`);
  return found;
}

const gib = (/** @type {number} */ bytes) =>
  `${(bytes / 2 ** 30).toFixed(bytes < 2 ** 35 ? 1 : 0)} GiB`;
const mbit = (/** @type {number} */ perSecond) => `${whole((perSecond * 8) / 1e6)} Mbit/s`;
const seconds = (/** @type {number} */ ms) => `${(ms / 1000).toFixed(1)} s`;
