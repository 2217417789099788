// @ts-check
/**
 * Every store beside its own client's bare get and set.
 *
 * @module
 */

import { runWorker } from "../harness/child.mjs";
import {
  startMemcached,
  startMysql,
  startPostgres,
  startRedis,
  startRedisCluster,
} from "../harness/servers.mjs";

/**
 * @typedef {{ inFlight: number, perSecond: number, bare: number, ratio: number }} Compared
 * @typedef {{ kind: string, says: string, settings: string, sessions: number, bodyBytes: number, bytes: number, bareBytes?: number, read: Compared[], write: Compared[] }} Row
 * @typedef {{ rows: Row[], rounds: number, ms: number }} Stores
 * @typedef {import("../harness/servers.mjs").Server} Server
 */

/** Sessions that are kept. */
const COUNT = 10_000;

/** What each runs on; nothing for what lies in the process or in a file. */
/** @type {Record<string, (() => Promise<Server[]>) | undefined>} */
const SERVERS = {
  memory: undefined,
  lmdb: undefined,
  sqlite: undefined,
  file: undefined,
  redis: async () => [await startRedis()],
  "redis, cluster": startRedisCluster,
  postgres: async () => [await startPostgres()],
  mysql: async () => [await startMysql()],
  memcached: async () => [await startMemcached()],
  keyv: async () => [await startRedis()],
  unstorage: undefined,
  "express-session": async () => [await startRedis()],
};

/** @returns {Promise<Stores>} */
export async function measureStores(
  /** @type {{ quick: boolean, log: (line: string) => void }} */ { quick, log },
) {
  const size = quick ? { count: 2000, rounds: 2, ms: 100 } : { count: COUNT, rounds: 7, ms: 150 };
  return { rows: await rowsOf(size, log), rounds: size.rounds, ms: size.ms };
}

/** Only what a session takes, which no load of the machine changes. */
export async function measureBytes() {
  const rows = await rowsOf({ count: COUNT, rounds: 0, ms: 0 }, () => undefined);
  return rows.map(({ kind, bytes }) => ({ kind, bytes }));
}

/** @returns {Promise<Row[]>} */
async function rowsOf(
  /** @type {{ count: number, rounds: number, ms: number }} */ size,
  /** @type {(line: string) => void} */ log,
) {
  const rows = [];
  for (const [kind, start] of Object.entries(SERVERS)) {
    const servers = (await start?.()) ?? [];
    try {
      const [{ url, settings } = { url: undefined, settings: "" }] = servers;
      const row = await runWorker("stores", { kind, url, ...size }, ["--expose-gc"]);
      const ratios = [...row.read, ...row.write].map(({ ratio }) => ratio.toFixed(2)).join(" ");
      log(`stores ${kind}: ${row.bytes} B each (bare ${row.bareBytes ?? "-"}), ${ratios} of bare`);
      rows.push({ ...row, settings });
    } finally {
      await Promise.all(servers.map(({ stop }) => stop()));
    }
  }
  return rows;
}
