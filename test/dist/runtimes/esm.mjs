import { createSessions } from "coatcheck";
import { coatcheck } from "coatcheck/adapters/web";
import { memoryStore } from "coatcheck/stores/memory";
import { smoke } from "./smoke.mjs";

const stores = { memory: () => memoryStore() };
if (process.argv[2] !== undefined) {
  const { lmdbStore } = await import("coatcheck/stores/lmdb");
  stores.lmdb = (method) => lmdbStore({ path: `${process.argv[2]}/${method}` });
}
await smoke({ createSessions, coatcheck, stores });
