// @ts-check
/**
 * What a request costs, in process: every library beside its bare framework.
 *
 * @module
 */

import { CASES } from "../fixture.mjs";
import { runWorker } from "../harness/child.mjs";
import { median, spread } from "../harness/statistics.mjs";
import { library, TIMED } from "../libraries/index.mjs";

/**
 * @typedef {import("../harness/statistics.mjs").Spread} Spread
 * @typedef {{ cpu: Spread & { passes: number[] }, wall: Spread, bare: number }} Cost all in µs; `cpu` and `wall` over the bare framework
 * @typedef {{ library: string, name: string, keeps: string, setup: string, framework: string, cookieBytes: number, cases: Record<string, Cost> }} Row
 * @typedef {{ rows: Row[], passes: number, rounds: number }} Requests
 */

/** @returns {Promise<Requests>} */
export async function measureRequests(
  /** @type {{ quick: boolean, libraries: readonly string[] | undefined, log: (line: string) => void }} */ {
    quick,
    libraries,
    log,
  },
) {
  const size = quick
    ? { passes: 1, rounds: 7, batchMs: 50, warmMs: 600 }
    : { passes: 3, rounds: 9, batchMs: 80, warmMs: 400 };
  const subjects = await pairs(libraries);
  /** @type {Map<string, { rounds: import("../workers/requests.mjs").Round[][], cookieBytes: number }>} */
  const results = new Map();
  // A pass visits every library once: what the machine does in an hour falls on all alike.
  for (let pass = 0; pass < size.passes; pass++) {
    for (const { definition, framework } of subjects) {
      const { rounds, batchMs, warmMs } = size;
      const order = { library: definition.id, framework, rounds, batchMs, warmMs };
      const done = await runWorker("requests", order, ["--expose-gc"]);
      const key = `${definition.id} ${framework}`;
      const before = results.get(key)?.rounds ?? [];
      results.set(key, { rounds: [...before, done.rounds], cookieBytes: done.cookieBytes });
      log(`requests ${pass + 1}/${size.passes} ${key}: ${brief(done.rounds)}`);
    }
  }
  const rows = subjects.map(({ definition, framework }) => {
    const result = results.get(`${definition.id} ${framework}`);
    const { id, name, keeps, setup } = definition;
    const cases = costs(result?.rounds ?? []);
    return {
      library: id,
      name,
      keeps,
      setup,
      framework,
      cookieBytes: result?.cookieBytes ?? 0,
      cases,
    };
  });
  return { rows, passes: size.passes, rounds: size.rounds };
}

/** Every library on every framework that it is measured on. */
export async function pairs(/** @type {readonly string[] | undefined} */ libraries) {
  const list = [];
  for (const id of libraries ?? TIMED) {
    const definition = await library(id);
    for (const framework of definition.on) list.push({ definition, framework });
  }
  return list;
}

/** @returns {Record<string, Cost>} */
function costs(/** @type {readonly import("../workers/requests.mjs").Round[][]} */ passes) {
  return Object.fromEntries(
    CASES.map(({ id }) => {
      const of = (/** @type {(round: any) => number} */ pick) =>
        passes.map((rounds) => rounds.map((round) => pick(round[id])));
      const cpu = of((one) => one.cpu - one.bareCpu);
      const wall = of((one) => one.wall - one.bareWall);
      const bare = of((one) => one.bareCpu);
      return [
        id,
        {
          cpu: rounded({ ...spread(cpu.flat()), passes: cpu.map(median) }),
          wall: rounded(spread(wall.flat())),
          bare: rounded(median(bare.flat())),
        },
      ];
    }),
  );
}

function brief(/** @type {readonly import("../workers/requests.mjs").Round[]} */ rounds) {
  const cases = costs([[...rounds]]);
  return CASES.map(({ id }) => `${id} ${cases[id]?.cpu.median.toFixed(2)}`).join(", ");
}

/** To the nanosecond: more would only make the file longer. @template T @returns {T} */
function rounded(/** @type {T} */ value) {
  return JSON.parse(JSON.stringify(value), (_key, part) =>
    typeof part === "number" ? Number(part.toFixed(3)) : part,
  );
}
