import { createSessions } from "coatcheck";
import { coatcheck } from "coatcheck/adapters/web";
import { lmdbStore } from "coatcheck/stores/lmdb";
import { memoryStore } from "coatcheck/stores/memory";
import { smoke } from "./smoke.mjs";

const stores = {
  memory: () => memoryStore(),
  lmdb: (method) => lmdbStore({ path: `${process.argv[2]}/${method}` }),
};
await smoke({ createSessions, coatcheck, stores });
