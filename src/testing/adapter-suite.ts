/**
 * What every adapter keeps as tests for any runner: when the first byte leaves, what it costs, what
 * the head says, what trouble does.
 *
 * @module
 */

import { costTests } from "./adapter-cost.ts";
import { failureTests } from "./adapter-failures.ts";
import type { AdapterSuiteOptions, AdapterTest } from "./adapter-fixture.ts";
import { headTests } from "./adapter-head.ts";
import { parallelTests } from "./adapter-parallel.ts";
import { openAdapterScene } from "./adapter-scene.ts";
import { streamTests } from "./adapter-streams.ts";

export type {
  AdapterLack,
  AdapterServer,
  AdapterSuiteOptions,
  AdapterTest,
  Route,
  RouteAnswer,
  RouteRequest,
  SuiteData,
} from "./adapter-fixture.ts";

/**
 * Makes the tests for an adapter.
 *
 * @example
 * ```ts
 * import { test } from "node:test";
 * import { memoryStore } from "coatcheck/stores/memory";
 *
 * for (const { name, skip, run } of adapterSuite({ start, store: () => memoryStore() })) {
 *   test(name, { skip }, run);
 * }
 * ```
 */
export function adapterSuite(options: AdapterSuiteOptions): readonly AdapterTest[] {
  const lacks = new Set(options.lacks);
  const tests = [...costTests, ...headTests, ...failureTests, ...streamTests, ...parallelTests];
  return tests.map(({ name, needs = [], options: overrides, run }) => {
    const missing = needs.filter((need) => lacks.has(need));
    return {
      name,
      skip: missing.length > 0 ? `no ${missing.join(", ")}` : undefined,
      async run() {
        const scene = await openAdapterScene(options, overrides);
        try {
          await run(scene);
        } finally {
          await scene.dispose();
        }
      },
    };
  });
}
