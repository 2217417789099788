const { createSessions } = require("coatcheck");
const { coatcheck } = require("coatcheck/adapters/web");
const { lmdbStore } = require("coatcheck/stores/lmdb");
const { memoryStore } = require("coatcheck/stores/memory");

const stores = {
  memory: () => memoryStore(),
  lmdb: (method) => lmdbStore({ path: `${process.argv[2]}/${method}` }),
};
import("./smoke.mjs")
  .then(({ smoke }) => smoke({ createSessions, coatcheck, stores }))
  .catch((error) => {
    console.error(error);
    process.exitCode = 1;
  });
