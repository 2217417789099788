import { rm } from "node:fs/promises";
import { join } from "node:path";
import { vi } from "vitest";
import { nodeDisk } from "../../../src/stores/file-disk.ts";
import { storeOn } from "../../../src/stores/file-store.ts";
import { runStoreSuite } from "../../support/run-store-suite.ts";
import { temporaryFolder } from "../../support/temporary-folder.ts";

// The longest races make some hundred thousand calls to the operating system.
vi.setConfig({ testTimeout: 120_000 });

await runStoreSuite("file", async () => {
  const path = await temporaryFolder("file");
  // The folder is in memory, where there is nothing to wait for. test/e2e tries what waits.
  const open = (folder: string) => storeOn(nodeDisk(folder, false), Date.now, true);
  return {
    store: open(path),
    another: async () => open(path),
    elsewhere: async () => open(join(path, "elsewhere")),
    dispose: () => rm(path, { recursive: true }),
  };
});
