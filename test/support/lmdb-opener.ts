/**
 * A process that opens an LMDB file without our care, and closes it, again and again, until it is
 * killed. Now and then that turns the file back by a transaction.
 *
 *     node lmdb-opener.js <path>
 *
 * @module
 */

import { writeSync } from "node:fs";
import { open } from "lmdb";

const [path = ""] = process.argv.slice(2);
for (let times = 1; ; times += 1) {
  const file = open({ path, noSubdir: false, overlappingSync: false });
  await file.close();
  writeSync(1, `opened ${times}\n`);
}
