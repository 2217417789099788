/**
 * The storms of the store suite alone, for servers that are in some trouble meanwhile.
 *
 * @module
 */

import { randomUUID } from "node:crypto";
import { expect } from "vitest";
import type { SessionStore } from "../../src/stores/contract.ts";
import { storeSuite } from "../../src/testing/store-suite.ts";

/** @param open - opens a handle on a namespace. @throws what the suite finds. */
export async function runStorms(open: (namespace: string) => SessionStore): Promise<void> {
  const tests = await storeSuite({
    open() {
      const namespace = randomUUID();
      return { store: open(namespace), another: async () => open(namespace), crowd: 30 };
    },
    sequences: 0,
  });
  const storms = tests.filter(({ name }) => /storm|at once/.test(name));
  expect(storms.length).toBeGreaterThan(8);
  for (const { run } of storms) await run();
}
