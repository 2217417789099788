// @ts-check
/**
 * What the parts of a request cost alone.
 *
 * @module
 */

import { runWorker } from "../harness/child.mjs";
import { spread } from "../harness/statistics.mjs";

/** @typedef {{ rows: { name: string, ns: import("../harness/statistics.mjs").Spread }[] }} Primitives */

/** @returns {Promise<Primitives>} */
export async function measurePrimitives(
  /** @type {{ quick: boolean, log: (line: string) => void }} */ { quick, log },
) {
  const order = quick ? { rounds: 3, batchMs: 40 } : { rounds: 15, batchMs: 150 };
  const results = await runWorker("primitives", order, ["--expose-gc"]);
  const rows = Object.entries(results).map(([name, values]) => {
    const { median, low, high } = spread(values);
    const ns = { median: Math.round(median), low: Math.round(low), high: Math.round(high) };
    log(`primitives ${name}: ${ns.median} ns`);
    return { name, ns };
  });
  return { rows };
}
