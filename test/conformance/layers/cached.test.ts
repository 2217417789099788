import { rm } from "node:fs/promises";
import { cached } from "../../../src/stores/layers/cached.ts";
import { lmdbStore } from "../../../src/stores/lmdb.ts";
import { memoryStore } from "../../../src/stores/memory.ts";
import { aroundVerbs } from "../../../src/testing/verbs.ts";
import { runStoreSuite } from "../../support/run-store-suite.ts";
import { temporaryFolder } from "../../support/temporary-folder.ts";
import { handlesOf, tellingLine } from "../../support/told.ts";

// Two caches before one store that tells them of every change: nothing is ever out of date. Races and
// faults happen between the caches and the store.
await runStoreSuite("cached memory", () => {
  const store = memoryStore();
  const handle = handlesOf(store);
  return {
    store: cached(handle()),
    another: async () => cached(handle()),
    wired: async (wire) => cached(aroundVerbs(handle(), ({ verb }, invoke) => wire(verb, invoke))),
    dispose: () => store.close(),
  };
});

// The same before a store with processes, which survives a restart.
await runStoreSuite("cached lmdb, with watch", async () => {
  const path = await temporaryFolder("cached-lmdb");
  const line = tellingLine();
  const open = () => cached(line.connect(lmdbStore({ path })));
  return {
    store: open(),
    another: async () => open(),
    elsewhere: async () => cached(lmdbStore({ path, namespace: "elsewhere" })),
    dispose: () => rm(path, { recursive: true }),
  };
});

// Without a `watch` a second handle is out of date by design, up to `maxAge`: so there is one.
await runStoreSuite("cached lmdb, without watch", async () => {
  const path = await temporaryFolder("cached-lmdb");
  return {
    store: cached(lmdbStore({ path }), { maxAge: "1d" }),
    elsewhere: async () => cached(lmdbStore({ path, namespace: "elsewhere" }), { maxAge: "1d" }),
    dispose: () => rm(path, { recursive: true }),
  };
});
