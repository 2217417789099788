/**
 * Turns an LMDB file back by one transaction, as a process does that dies while it opens the file in
 * the middle of another one's write.
 *
 *     node lmdb-turn-back.js <folder>
 *
 * A process of its own: to close the lock file would let go of the locks of a process that uses it.
 *
 * @module
 */

import { closeSync, openSync, readFileSync, readSync, writeSync } from "node:fs";
import { join } from "node:path";

// The number of a transaction in each of the two pages that the file begins with.
const PAGE = 4096;
const NUMBER = 152;

const [folder = ""] = process.argv.slice(2);
const data = readFileSync(join(folder, "data.mdb"));
const numberAt = (at: number): number => Number(data.readBigUInt64LE(at));
const latest = Math.max(numberAt(NUMBER), numberAt(PAGE + NUMBER));

const file = openSync(join(folder, "lock.mdb"), "r+");
const head = Buffer.alloc(512);
readSync(file, head, 0, head.length, 0);
const number = Buffer.alloc(8);
number.writeBigUInt64LE(BigInt(latest));
const at = head.indexOf(number);
if (at < 0 || head.indexOf(number, at + 1) >= 0) throw new Error(`${latest} is not at one place`);
number.writeBigUInt64LE(BigInt(latest - 1));
writeSync(file, number, 0, number.length, at);
closeSync(file);
