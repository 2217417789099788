/**
 * Runs the adapter suite.
 *
 * @module
 */

import { describe, it, vi } from "vitest";
import { memoryStore } from "../../src/stores/memory.ts";
import type { AdapterSuiteOptions } from "../../src/testing/adapter-fixture.ts";
import { adapterSuite } from "../../src/testing/adapter-suite.ts";
import { faulty } from "../../src/testing/faults.ts";

/**
 * One `it` for each test of the suite, on a store that answers at once and on one that has to be waited for:
 * only then is a head held. A sealed session is written to no store. Frameworks print what handlers throw,
 * and Node what was wrong with a commit: neither is shown.
 */
export function testAdapter(name: string, options: Omit<AdapterSuiteOptions, "store">): void {
  testOn(name, { ...options, store: () => memoryStore() });
  const slow = () => faulty(memoryStore(), () => undefined);
  testOn(`${name}, on a store that is waited for`, { ...options, store: slow, method: "stored" });
}

function testOn(name: string, options: AdapterSuiteOptions): void {
  describe(name, () => {
    const tests = adapterSuite(options);
    for (const test of tests) {
      it.skipIf(test.skip !== undefined)(test.name, async () => {
        const silenced = [
          vi.spyOn(console, "error").mockImplementation(() => undefined),
          vi.spyOn(process, "emitWarning").mockImplementation(() => undefined),
        ];
        await test.run();
        for (const each of silenced) each.mockRestore();
      });
    }
  });
}
