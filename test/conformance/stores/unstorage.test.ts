import { rm } from "node:fs/promises";
import { createStorage } from "unstorage";
import fsDriver from "unstorage/drivers/fs-lite";
import { unstorageStore } from "../../../src/stores/unstorage.ts";
import { runBridgeSuite } from "../../support/bridges.ts";
import { temporaryFolder } from "../../support/temporary-folder.ts";

await runBridgeSuite(
  "unstorage, in memory,",
  () => {
    const client = createStorage();
    return {
      store: unstorageStore({ client }),
      another: async () => unstorageStore({ client }),
      elsewhere: async () => unstorageStore({ client, prefix: "elsewhere:" }),
    };
  },
  { races: true },
);

await runBridgeSuite("unstorage, in a folder,", async () => {
  const base = await temporaryFolder("unstorage");
  const client = createStorage({ driver: fsDriver({ base }) });
  return {
    store: unstorageStore({ client, forgets: [] }),
    another: async () => unstorageStore({ client, forgets: [] }),
    elsewhere: async () => unstorageStore({ client, prefix: "elsewhere:" }),
    dispose: () => rm(base, { recursive: true }),
  };
});
