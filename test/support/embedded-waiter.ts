/**
 * A process that reads a session again and again until it is closed. It never pauses: whatever it sees,
 * it sees without the help of a timer or an event.
 *
 *     node embedded-waiter.js <kind> <path> <id>
 *
 * @module
 */

import { writeSync } from "node:fs";
import { openEmbedded } from "./embedded-store.ts";

const [kind = "", path = "", id = ""] = process.argv.slice(2);
const store = await openEmbedded(kind, path);
const until = performance.now() + 20_000;
let isClosed = false;
for (let reads = 0; !isClosed && performance.now() < until; reads += 1) {
  isClosed = (await store.load(id))?.record.closed === true;
  if (reads === 100) writeSync(1, "reading\n");
}
writeSync(1, isClosed ? "closed\n" : "still open\n");
await store.close();
