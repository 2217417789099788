/**
 * The suite for stores without conditional writes. Within one process they lose nothing either, so what
 * it skips by that trait is asked as well: all but the races of verbs, of which only one runs at a time.
 *
 * @module
 */

import type { SessionStore } from "../../src/stores/contract.ts";
import type { StoreFixture } from "../../src/testing/store-fixture.ts";
import { runStoreSuite } from "./run-store-suite.ts";

export async function runBridgeSuite(
  name: string,
  open: () => Promise<StoreFixture> | StoreFixture,
): Promise<void> {
  await runStoreSuite(name, open);
  await runStoreSuite(
    `${name} within one process`,
    async () => {
      const fixture = await open();
      return { ...fixture, store: conditional(fixture.store) };
    },
    { sequences: 5, only: (test) => /^(P\d )*(storm|trouble|model|P4 update)/.test(test) },
  );
}

function conditional<Store extends SessionStore>(store: Store): Store {
  return { ...store, traits: { ...store.traits, conditionalWrites: true } };
}
