// @ts-check
/**
 * Requests per second over loopback: what is left of the bare framework's.
 *
 * @module
 */

import { CASES } from "../fixture.mjs";
import { startServer } from "../harness/child.mjs";
import { sessionCookies } from "../harness/clients.mjs";
import { forged } from "../harness/cookies.mjs";
import { client } from "../harness/http-client.mjs";
import { CONNECTIONS, loadGenerator } from "../harness/load.mjs";
import { median } from "../harness/statistics.mjs";
import { SERVED } from "../libraries/index.mjs";
import { pairs } from "./requests.mjs";

const SESSIONS = 256;

/**
 * @typedef {{ perSecond: number, share: number, addedCpu: number, databaseCpu: number }} Served `share` of the bare framework's; server CPU in µs per request over it; that of the database, where there is one
 * @typedef {{ library: string, name: string, keeps: string, framework: string, bare: { perSecond: number, cpu: number }, cases: Record<string, Served> }} Row
 * @typedef {{ rows: Row[], client: string, connections: number, seconds: number, rounds: number }} Loopback
 */

/** @returns {Promise<Loopback>} */
export async function measureLoopback(
  /** @type {{ quick: boolean, libraries: readonly string[] | undefined, log: (line: string) => void }} */ {
    quick,
    libraries,
    log,
  },
) {
  const generator = loadGenerator();
  const { rounds, seconds } = quick ? { rounds: 1, seconds: 1 } : { rounds: 3, seconds: 2 };
  const rows = [];
  for (const { definition, framework } of await pairs(libraries ?? SERVED)) {
    const row = await serve(definition, framework, generator, { rounds, seconds });
    const shares = CASES.map(({ id }) => `${id} ${row.cases[id]?.share.toFixed(2)}`).join(", ");
    log(`loopback ${definition.id} ${framework}: bare ${row.bare.perSecond}/s, ${shares}`);
    rows.push(row);
  }
  return { rows, client: generator.name, connections: CONNECTIONS, seconds, rounds };
}

/**
 * @typedef {object} Size
 * @property {number} rounds
 * @property {number} seconds
 * @property {number | string | undefined} [at] where the library is to keep its sessions
 * @property {readonly (typeof CASES)[number][]} [cases] without it, all
 * @property {() => number} [databaseCpu] microseconds that the database has used
 *
 * @returns {Promise<Row>}
 */
export async function serve(
  /** @type {any} */ definition,
  /** @type {string} */ framework,
  /** @type {import("../harness/load.mjs").Generator} */ generator,
  /** @type {Size} */ { rounds, seconds, at, cases = CASES, databaseCpu = () => 0 },
) {
  const server = await startServer("server", { library: definition.id, framework, at });
  try {
    const { ask, close } = client(server.ready.library);
    const valid = await sessionCookies(SESSIONS, ask);
    close();
    const cookies = { none: [], valid, forged: valid.map(forged) };
    const targets = [
      { id: "bare", port: server.ready.bare, path: "/untouched", cookies: valid },
      ...cases.map(({ id, path, cookie }) => ({
        id,
        port: server.ready.library,
        path,
        cookies: cookies[cookie],
      })),
    ];
    /** @type {Record<string, { perSecond: number, cpu: number, databaseCpu: number }[]>} */
    const measured = Object.fromEntries(targets.map(({ id }) => [id, []]));
    // The first round warms up and is not kept.
    for (let round = 0; round <= rounds; round++) {
      for (const { id, port, path, cookies } of targets) {
        const cpuBefore = { app: await server.ask("cpu"), database: databaseCpu() };
        const { answered, elapsed } = await generator.send({ port, path, cookies, seconds });
        const cpu = (await server.ask("cpu")) - cpuBefore.app;
        const database = databaseCpu() - cpuBefore.database;
        if (round === 0) continue;
        measured[id]?.push({
          perSecond: answered / elapsed,
          cpu: cpu / answered,
          databaseCpu: database / answered,
        });
      }
    }
    const of = (
      /** @type {string} */ id,
      /** @type {"perSecond" | "cpu" | "databaseCpu"} */ what,
    ) => (measured[id] ?? []).map((one) => one[what]);
    const paired = (
      /** @type {string} */ id,
      /** @type {"perSecond" | "cpu"} */ what,
      /** @type {(value: number, bare: number) => number} */ compare,
    ) => median(of(id, what).map((value, n) => compare(value, of("bare", what)[n] ?? Number.NaN)));
    const { id: library, name, keeps } = definition;
    return {
      library,
      name,
      keeps,
      framework,
      bare: {
        perSecond: Math.round(median(of("bare", "perSecond"))),
        cpu: round(median(of("bare", "cpu"))),
      },
      cases: Object.fromEntries(
        cases.map(({ id }) => [
          id,
          {
            perSecond: Math.round(median(of(id, "perSecond"))),
            share: round(paired(id, "perSecond", (value, bare) => value / bare)),
            addedCpu: round(paired(id, "cpu", (value, bare) => value - bare)),
            databaseCpu: round(median(of(id, "databaseCpu"))),
          },
        ]),
      ),
    };
  } finally {
    await server.stop();
  }
}

const round = (/** @type {number} */ value) => Number(value.toFixed(3));
