/**
 * A process that is in the middle of reading an LMDB store, for ever.
 *
 *     node lmdb-reader.js <path>
 *
 * @module
 */

import { writeSync } from "node:fs";
import { lmdbStore } from "../../src/stores/lmdb.ts";

const [path = ""] = process.argv.slice(2);
const store = lmdbStore({ path });
await store.load("A".repeat(24));
writeSync(1, "reading\n");
// What was read is let go in the next turn of the event loop, which does not come.
Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0);
