import { rm } from "node:fs/promises";
import { lmdbStore } from "../../../src/stores/lmdb.ts";
import { runStoreSuite } from "../../support/run-store-suite.ts";
import { temporaryFolder } from "../../support/temporary-folder.ts";

await runStoreSuite("lmdb", async () => {
  const path = await temporaryFolder("lmdb");
  return {
    store: lmdbStore({ path }),
    another: async () => lmdbStore({ path }),
    elsewhere: async () => lmdbStore({ path, namespace: "elsewhere" }),
    dispose: () => rm(path, { recursive: true }),
  };
});
