import { rm } from "node:fs/promises";
import type { Revocations, SessionStore } from "../../../src/stores/contract.ts";
import { encrypted } from "../../../src/stores/layers/encrypted.ts";
import { observed } from "../../../src/stores/layers/observed.ts";
import { readOnly } from "../../../src/stores/layers/read-only.ts";
import { lmdbStore } from "../../../src/stores/lmdb.ts";
import { memoryStore } from "../../../src/stores/memory.ts";
import { runStoreSuite } from "../../support/run-store-suite.ts";
import { temporaryFolder } from "../../support/temporary-folder.ts";
import { SECRET } from "../../support/ways.ts";

type Store = SessionStore & Revocations;

/** The layers that remember nothing: they are as good as the store behind them. */
async function runOnMemory(name: string, layer: (store: Store) => Store): Promise<void> {
  await runStoreSuite(`${name} memory`, () => ({ store: layer(memoryStore()) }));
}

async function runOnLmdb(name: string, layer: (store: Store) => Store): Promise<void> {
  await runStoreSuite(`${name} lmdb`, async () => {
    const path = await temporaryFolder("layer-lmdb");
    return {
      store: layer(lmdbStore({ path })),
      another: async () => layer(lmdbStore({ path })),
      elsewhere: async () => layer(lmdbStore({ path, namespace: "elsewhere" })),
      dispose: () => rm(path, { recursive: true }),
    };
  });
}

for (const run of [runOnMemory, runOnLmdb]) {
  await run("encrypted", (store) => encrypted(store, { secrets: [SECRET] }));
  await run("observed", (store) => observed(store));
}

// What is always read only can't be filled: it reads what is written behind it.
await runOnMemory("read-only", (store) => {
  const { load, list, since } = readOnly(store);
  return { ...store, load, list, since };
});
await runOnLmdb("read-only, at times", (store) => readOnly(store, { when: () => false }));
