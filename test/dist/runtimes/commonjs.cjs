const { createSessions } = require("coatcheck");
const { coatcheck } = require("coatcheck/adapters/web");
const { memoryStore } = require("coatcheck/stores/memory");

const stores = { memory: () => memoryStore() };
if (process.argv[2] !== undefined) {
  const { lmdbStore } = require("coatcheck/stores/lmdb");
  stores.lmdb = (method) => lmdbStore({ path: `${process.argv[2]}/${method}` });
}
import("./smoke.mjs")
  .then(({ smoke }) => smoke({ createSessions, coatcheck, stores }))
  .catch((error) => {
    console.error(error);
    process.exitCode = 1;
  });
