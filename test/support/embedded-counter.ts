/**
 * A process that counts up one session of an embedded store, by reading it and writing over the revision
 * that it read.
 *
 *     node embedded-counter.js <kind> <path> <id> <times>
 *
 * @module
 */

import { openEmbedded } from "./embedded-store.ts";

const [kind = "", path = "", id = "", times = "0"] = process.argv.slice(2);
const store = await openEmbedded(kind, path);
let refused = 0;

async function increment(): Promise<void> {
  for (;;) {
    const now = Date.now();
    const record = (await store.load(id))?.record;
    if (record === undefined) throw new Error(`there is no session ${id}`);
    const body = `${Number(record.body) + 1}`;
    const { revision, lastSeenAt, expiresAt } = record;
    if (await store.update(id, revision, { body, lastSeenAt, expiresAt }, now)) return;
    refused += 1;
  }
}

await Promise.all(Array.from({ length: Number(times) }, increment));
await store.close();
process.stdout.write(`refused ${refused}\n`);
