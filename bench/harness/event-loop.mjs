// @ts-check
/**
 * How long the event loop stood still.
 *
 * @module
 */

import { PerformanceObserver, performance } from "node:perf_hooks";

/** Watches until it is stopped: every turn of the loop is timed, not only every millisecond. */
export function watchLoop() {
  let longest = 0;
  let last = performance.now();
  let next = setImmediate(beat);
  let collector = 0;
  const collections = new PerformanceObserver((list) => {
    for (const { duration } of list.getEntries()) collector = Math.max(collector, duration);
  });
  collections.observe({ entryTypes: ["gc"] });

  function beat() {
    const now = performance.now();
    longest = Math.max(longest, now - last);
    last = now;
    next = setImmediate(beat);
  }

  return {
    async stop() {
      beat();
      clearImmediate(next);
      // The observer is told of the last collections later.
      await new Promise((resolve) => setTimeout(resolve, 20));
      collections.disconnect();
      return { longestBlockMs: longest, collectorMs: collector };
    },
  };
}
