import { memoryStore } from "../../../src/stores/memory.ts";
import { runStoreSuite } from "../../support/run-store-suite.ts";

await runStoreSuite("memory", () => ({ store: memoryStore() }));
