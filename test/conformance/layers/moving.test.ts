import { rm } from "node:fs/promises";
import { moving } from "../../../src/stores/layers/moving.ts";
import { lmdbStore } from "../../../src/stores/lmdb.ts";
import { memoryStore } from "../../../src/stores/memory.ts";
import { runStoreSuite } from "../../support/run-store-suite.ts";
import { temporaryFolder } from "../../support/temporary-folder.ts";

for (const move of [false, true]) {
  await runStoreSuite(move ? "moving to lmdb" : "about to move to lmdb", async () => {
    const path = await temporaryFolder("moving");
    return {
      store: moving({ from: memoryStore(), to: lmdbStore({ path }), move }),
      dispose: () => rm(path, { recursive: true }),
    };
  });
}
