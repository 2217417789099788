/**
 * The suite for stores without conditional writes. Within one process they lose nothing either, so what
 * it skips by that trait is asked as well: all but the races of verbs, of which only one runs at a time.
 *
 * @module
 */

import { describe, it } from "vitest";
import type { SessionStore } from "../../src/stores/contract.ts";
import type { StoreFixture } from "../../src/testing/store-fixture.ts";
import { storeSuite } from "../../src/testing/store-suite.ts";
import { runStoreSuite } from "./run-store-suite.ts";

export async function runBridgeSuite(
  name: string,
  open: () => Promise<StoreFixture> | StoreFixture,
): Promise<void> {
  await runStoreSuite(name, open);
  const tests = await storeSuite({
    sequences: 5,
    async open() {
      const fixture = await open();
      return { ...fixture, store: conditional(fixture.store) };
    },
  });
  describe(`${name} store, within one process`, () => {
    for (const { name: test, skip, run } of tests) {
      if (/^(P\d )*(storm|trouble|model|P4 update)/.test(test)) {
        it.skipIf(skip !== undefined)(test, run);
      }
    }
  });
}

function conditional<Store extends SessionStore>(store: Store): Store {
  return { ...store, traits: { ...store.traits, conditionalWrites: true } };
}
