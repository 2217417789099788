/**
 * What every adapter keeps as tests for any runner: when the first byte leaves, what it costs, what
 * the head says, what trouble does.
 *
 * @module
 */

import { UsageError } from "../errors.ts";
import { bodyTests } from "./adapter-bodies.ts";
import { costTests } from "./adapter-cost.ts";
import { failureTests } from "./adapter-failures.ts";
import type { AdapterMethod, AdapterSuiteOptions, AdapterTest } from "./adapter-fixture.ts";
import { headTests } from "./adapter-head.ts";
import { parallelTests } from "./adapter-parallel.ts";
import type { AdapterSceneTest, MethodTrait } from "./adapter-scene.ts";
import { openAdapterScene } from "./adapter-scene.ts";
import { sealedTests } from "./adapter-sealed.ts";
import { streamTests } from "./adapter-streams.ts";

export type {
  AdapterLack,
  AdapterMethod,
  AdapterServer,
  AdapterSuiteOptions,
  AdapterTest,
  Route,
  RouteAnswer,
  RouteRequest,
  SuiteData,
} from "./adapter-fixture.ts";

const TESTS: readonly AdapterSceneTest[] = [
  ...costTests,
  ...headTests,
  ...failureTests,
  ...bodyTests,
  ...streamTests,
  ...parallelTests,
  ...sealedTests,
];

const LACKED_BY: Readonly<Record<AdapterMethod, readonly MethodTrait[]>> = {
  stored: ["chunks"],
  sealed: ["records", "merging"],
};

/**
 * Makes the tests for an adapter: all of them for stored sessions, and for sealed ones.
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
  const { method, lacks = [] } = options;
  for (const name of ["start", "store"] as const) {
    if (typeof options[name] === "function") continue;
    throw new UsageError(`\`adapterSuite\` takes \`${name}\`, a function`);
  }
  if (method !== undefined && !Object.hasOwn(LACKED_BY, method)) {
    throw new UsageError('`method` of `adapterSuite` is "stored", "sealed" or absent for both');
  }
  const methods: readonly AdapterMethod[] = method === undefined ? ["stored", "sealed"] : [method];
  return methods.flatMap((each) => testsOf(each, new Set([...lacks, ...LACKED_BY[each]]), options));
}

function testsOf(
  method: AdapterMethod,
  lacks: ReadonlySet<string>,
  options: AdapterSuiteOptions,
): AdapterTest[] {
  return TESTS.map(({ name, needs = [], options: overrides, run }) => {
    const missing = needs.filter((need) => lacks.has(need));
    return {
      name: `${method} sessions: ${name}`,
      skip: missing.length > 0 ? `no ${missing.join(", ")}` : undefined,
      async run() {
        const scene = await openAdapterScene(method, options, overrides);
        try {
          await run(scene);
        } catch (error) {
          // What is wrong is told, not what went wrong with tidying up after it.
          await scene.dispose().catch(() => undefined);
          throw error;
        }
        await scene.dispose();
      },
    };
  });
}
