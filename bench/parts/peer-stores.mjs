// @ts-check
/**
 * Where people keep the sessions of express-session now, beside our stores of the same kind: on one
 * framework, with one client, on the same servers, which are started here.
 *
 * @module
 */

import { mkdtemp, readdir, rm, stat } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import pg from "pg";
import { createClient } from "redis";
import { CASES } from "../fixture.mjs";
import { startServer } from "../harness/child.mjs";
import { startCountingProxy } from "../harness/counting-proxy.mjs";
import { cpuOf } from "../harness/cpu.mjs";
import { begin, client, good } from "../harness/http-client.mjs";
import { CONNECTIONS, loadGenerator } from "../harness/load.mjs";
import { startPostgres, startRedis } from "../harness/servers.mjs";
import { library } from "../libraries/index.mjs";
import { serve } from "./loopback.mjs";
import { PARALLEL, race } from "./races.mjs";

const FRAMEWORK = "express";

/** Ours and theirs, by where both keep their sessions. */
const BESIDE = {
  redis: ["coatcheck-redis", "connect-redis"],
  postgres: ["coatcheck-postgres", "connect-pg-simple"],
  files: ["coatcheck-file", "session-file-store"],
  memory: ["coatcheck", "express-session-memorystore"],
};

export const TIMED_CASES = CASES.filter(({ id }) => ["untouched", "read", "change"].includes(id));

/** What is counted on the wire: one request each, by a client whose session is there. */
export const COUNTED = [
  ...TIMED_CASES,
  { id: "signIn", path: "/race/sign-in", title: "sign-in" },
  { id: "signOut", path: "/race/end", title: "sign-out" },
];

/**
 * @typedef {keyof typeof BESIDE} Kind
 * @typedef {object} Place where sessions are kept
 * @property {number | string | undefined} at what a library is told: the port of a database, or a folder
 * @property {string} says
 * @property {(ask: (question: string) => Promise<any>) => Promise<number>} bytes what it holds; `ask` asks the app
 * @property {(() => number) | undefined} cpu
 * @property {() => Promise<unknown>} stop
 *
 * @typedef {{ library: string, name: string, setup: string, roundTrips?: Record<string, number>, bytes: number, served: import("./loopback.mjs").Row, race: import("./races.mjs").Row }} Row
 * @typedef {{ kind: Kind, says: string, rows: Row[] }} Group ours first
 * @typedef {{ groups: Group[], client: string, connections: number, seconds: number, rounds: number, counted: number, sessions: number, parallel: number, repetitions: number }} PeerStores
 * @typedef {{ rounds: number, seconds: number, counted: number, sessions: number, repetitions: number }} Size
 */

/** @returns {Promise<PeerStores>} */
export async function measurePeerStores(
  /** @type {{ quick: boolean, libraries: readonly string[] | undefined, log: (line: string) => void }} */ {
    quick,
    libraries,
    log,
  },
) {
  const size = quick
    ? { rounds: 1, seconds: 1, counted: 20, sessions: 1_000, repetitions: 2 }
    : { rounds: 3, seconds: 2, counted: 100, sessions: 5_000, repetitions: 10 };
  const generator = loadGenerator();
  const groups = [];
  for (const kind of /** @type {Kind[]} */ (Object.keys(BESIDE))) {
    const ids = BESIDE[kind].filter((id) => libraries?.includes(id) ?? true);
    if (ids.length === 0) continue;
    const rows = [];
    let says = "";
    for (const id of ids) {
      // Each gets a place of its own, as new as the other's.
      const place = await places[kind]();
      try {
        const row = await measureStore(await library(id), place, generator, size);
        log(`peer-stores ${id}: ${brief(row)}`);
        rows.push(row);
      } finally {
        await place.stop();
      }
      says = place.says;
    }
    groups.push({ kind, says, rows });
  }
  return {
    groups,
    client: generator.name,
    connections: CONNECTIONS,
    parallel: PARALLEL,
    ...size,
  };
}

/** @returns {Promise<Row>} */
async function measureStore(
  /** @type {any} */ definition,
  /** @type {Place} */ place,
  /** @type {import("../harness/load.mjs").Generator} */ generator,
  /** @type {Size} */ { rounds, seconds, counted, sessions, repetitions },
) {
  const { id, name, setup } = definition;
  const { at, cpu } = place;
  const bytes = await bytesEach(id, place, sessions);
  const roundTrips =
    typeof at === "number" ? { roundTrips: await countRoundTrips(id, at, counted) } : {};
  const served = await serve(definition, FRAMEWORK, generator, {
    rounds,
    seconds,
    at,
    cases: TIMED_CASES,
    ...(cpu && { databaseCpu: cpu }),
  });
  const raced = await race(definition, FRAMEWORK, repetitions, at);
  return { library: id, name, setup, ...roundTrips, bytes, served, race: raced };
}

/** What one more session takes where it is kept. */
async function bytesEach(
  /** @type {string} */ id,
  /** @type {Place} */ { at, bytes },
  /** @type {number} */ sessions,
) {
  const app = await startServer("server", { library: id, framework: FRAMEWORK, at });
  const { ask, close } = client(app.ready.library);
  try {
    // The first half makes tables, folders, compiled code and full caches.
    await startSessions(ask, 0, sessions);
    const before = await bytes(app.ask);
    await startSessions(ask, sessions, sessions);
    return Math.round(((await bytes(app.ask)) - before) / sessions);
  } finally {
    close();
    await app.stop();
  }
}

/** Sessions of as many users. */
async function startSessions(
  /** @type {import("../harness/http-client.mjs").Ask} */ ask,
  /** @type {number} */ from,
  /** @type {number} */ count,
) {
  let next = from;
  const lane = async () => {
    while (next < from + count) await begin(ask, next++);
  };
  await Promise.all(Array.from({ length: CONNECTIONS }, lane));
}

/** One request after the other, each alone on the wire. @returns {Promise<Record<string, number>>} */
async function countRoundTrips(
  /** @type {string} */ id,
  /** @type {number} */ port,
  /** @type {number} */ count,
) {
  const proxy = await startCountingProxy(port);
  const order = { library: id, framework: FRAMEWORK, at: proxy.port };
  const app = await startServer("server", order);
  const { ask, close } = client(app.ready.library);
  try {
    /** @type {Record<string, number>} */
    const counts = {};
    for (const { id: what, path } of COUNTED) {
      const cookies = [];
      for (let n = 0; n <= count; n++) cookies.push(await begin(ask, n));
      // The first one opens connections and sends scripts.
      await good(ask, path, cookies.pop());
      await sleep(SETTLED_MS);
      const before = proxy.roundTrips();
      for (const cookie of cookies) await good(ask, path, cookie);
      // What an answer does not wait for counts as well.
      await sleep(SETTLED_MS);
      counts[what] = (proxy.roundTrips() - before) / count;
    }
    return counts;
  } finally {
    close();
    await app.stop();
    await proxy.close();
  }
}

const SETTLED_MS = 100;

/** @type {Record<Kind, () => Promise<Place>>} */
const places = {
  async redis() {
    const { url, pid, settings, stop } = await startRedis();
    const info = async (/** @type {string} */ section, /** @type {RegExp} */ field) => {
      const redis = await createClient({ url }).connect();
      const [, value = ""] = field.exec(await redis.info(section)) ?? [];
      redis.destroy();
      return value;
    };
    return {
      at: Number(new URL(url).port),
      says: `Redis ${await info("server", /redis_version:(\S+)/)}: ${settings}`,
      cpu: () => cpuOf(pid),
      stop,
      bytes: async () => Number(await info("memory", /used_memory:(\d+)/)),
    };
  },

  async postgres() {
    const { url, pid, settings, stop } = await startPostgres();
    const ask = async (/** @type {string} */ text) => {
      const sql = new pg.Client({ connectionString: url });
      await sql.connect();
      const { rows } = await sql.query({ text, rowMode: "array" });
      await sql.end();
      return String(rows[0]?.[0]);
    };
    const [version] = (await ask("SHOW server_version")).split(" ");
    return {
      at: Number(new URL(url).port),
      says: `PostgreSQL ${version}: ${settings}; commits are on the disk before they are acknowledged`,
      cpu: () => cpuOf(pid),
      stop,
      bytes: async () => Number(await ask(TABLES_AND_INDEXES)),
    };
  },

  async files() {
    const folder = await mkdtemp(join(process.env["BENCH_FOLDER"] ?? tmpdir(), "coatcheck-files-"));
    return {
      at: join(folder, "sessions"),
      says: "files on the disk of this machine",
      cpu: undefined,
      stop: () => rm(folder, { recursive: true }),
      bytes: () => blocksUnder(folder),
    };
  },

  async memory() {
    return {
      at: undefined,
      says: "the app's own memory",
      cpu: undefined,
      stop: async () => {},
      bytes: (ask) => ask("bytes"),
    };
  },
};

const TABLES_AND_INDEXES = `
  SELECT coalesce(sum(pg_total_relation_size(c.oid)), 0)
  FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
  WHERE c.relkind = 'r' AND n.nspname NOT IN ('pg_catalog', 'information_schema')`;

/** What the files take on the disk, in whole blocks. @returns {Promise<number>} */
async function blocksUnder(/** @type {string} */ folder) {
  let bytes = 0;
  for (const entry of await readdir(folder, { recursive: true })) {
    bytes += (await stat(join(folder, entry))).blocks * 512;
  }
  return bytes;
}

function brief(/** @type {Row} */ { roundTrips, bytes, served, race }) {
  const trips = Object.values(roundTrips ?? {}).join(" ");
  const cpu = TIMED_CASES.map(({ id }) => served.cases[id]?.addedCpu.toFixed(0)).join(" ");
  const lost = `lost ${race.atOnce.median}, back ${race.comebacks.slowWrite}`;
  return `round trips ${trips || "none"}, ${bytes} B, added CPU ${cpu} µs, ${lost}`;
}
