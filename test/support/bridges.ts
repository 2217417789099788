/**
 * The suite for stores without conditional writes. Within one process they lose nothing either, so what
 * it skips by that trait is asked as well.
 *
 * @module
 */

import type { SessionStore } from "../../src/stores/contract.ts";
import type { StoreFixture } from "../../src/testing/store-fixture.ts";
import { runStoreSuite } from "./run-store-suite.ts";

export async function runBridgeSuite(
  name: string,
  open: () => Promise<StoreFixture> | StoreFixture,
  // Of the verbs in a race one runs at a time, so it says nothing about the backend: where that is quick.
  { races = false }: { readonly races?: boolean } = {},
): Promise<void> {
  await runStoreSuite(name, open);
  await runStoreSuite(
    `${name} within one process`,
    async () => {
      const fixture = await open();
      return { ...fixture, store: conditional(fixture.store) };
    },
    {
      sequences: 5,
      only: (test) =>
        /^(P\d )*(storm|trouble|model|update)/.test(test) || (races && / race: /.test(test)),
    },
  );
}

function conditional<Store extends SessionStore>(store: Store): Store {
  return { ...store, traits: { ...store.traits, conditionalWrites: true } };
}
