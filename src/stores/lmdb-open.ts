/**
 * Opens an LMDB file, with what LMDB and its package take for granted looked at first.
 *
 * @module
 */

import {
  closeSync,
  mkdirSync,
  openSync,
  readSync,
  realpathSync,
  statfsSync,
  statSync,
} from "node:fs";
import { dirname, join } from "node:path";
import type { RootDatabase } from "lmdb";
import { open } from "lmdb";
import { ConfigError } from "../errors.ts";

/** An open file: one table of bytes. */
export type LmdbRoot = RootDatabase<Buffer, Buffer>;

// Address space, neither memory nor disk: so large that it is hardly ever mapped anew.
const MAP_BYTES = 16 * 1024 ** 3;
const MOST_READERS = 1024;
// On a disk that is quite full the operating system kills who maps a new file (SIGBUS).
const ROOM_TO_OPEN = 256 * 1024;
const TIMES_TO_OPEN = 20;
const MAGIC = 0xbeefc0de;

/**
 * Makes a folder for its owner only, unless it is there.
 *
 * @returns its one real path.
 * @throws {ConfigError} when it cannot be a folder of this process.
 */
export function makeFolder(path: string): string {
  try {
    mkdirSync(dirname(path), { recursive: true });
    mkdirSync(path, { recursive: true, mode: 0o700 });
    if (!statSync(path).isDirectory()) throw new Error("it is a file");
    return realpathSync(path);
  } catch (error) {
    throw new ConfigError("path", `must be a folder, or one that can be made: ${messageOf(error)}`);
  }
}

/**
 * Opens the file so that its latest transaction counts.
 *
 * Opening a file that another process writes at this moment may turn it back by a transaction (LMDB
 * ITS#9496, which lmdb-js has): the next one would take the last one's place. So whoever has opened it
 * looks, under the lock for writing, and opens it again; and nobody writes before it is put right.
 */
export function openCurrent(folder: string): LmdbRoot {
  for (let time = 0; time < TIMES_TO_OPEN; time += 1) {
    const root = openRoot(folder);
    let isCurrent = false;
    try {
      isCurrent = !root.transactionSync(() => isBehind(root));
      if (isCurrent) return root;
    } finally {
      if (!isCurrent) void root.close();
    }
  }
  // It stays open where something else in this process holds it open.
  throw new Error(`the LMDB file in ${folder} was turned back: restart what has it open`);
}

/** Inside a transaction: whether it would take the place of the latest one instead of following it. */
export function isBehind(root: LmdbRoot): boolean {
  const { lastTxnId } = root.getStats() as { readonly lastTxnId: number };
  return root.getWriteTxnId() <= lastTxnId;
}

/** Whether there is hardly any room left on the disk of a folder. */
export function isFull(folder: string): boolean {
  try {
    const { bavail, bsize } = statfsSync(folder);
    return bavail * bsize < ROOM_TO_OPEN;
  } catch {
    // Not every system can tell. Then LMDB's own word has to do.
    return false;
  }
}

export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

function openRoot(folder: string): LmdbRoot {
  const options: Parameters<typeof open>[0] & { readonly permissionsMode: number } = {
    path: folder,
    noSubdir: false,
    mapSize: MAP_BYTES,
    maxReaders: MOST_READERS,
    encoding: "binary",
    keyEncoding: "binary",
    // A transaction is on the disk before anyone sees it, as LMDB was made.
    overlappingSync: false,
    // We make the groups. With this on, a failed commit also rejects a promise that nobody holds.
    eventTurnBatching: false,
    permissionsMode: 0o600,
  };
  try {
    // What LMDB's own opening would end the process for.
    if (isFull(folder)) throw new Error("the disk is full");
    if (!mayBeLmdb(join(folder, "data.mdb"))) throw new Error("it is damaged, or another file");
    return open<Buffer, Buffer>(options);
  } catch (error) {
    throw new Error(`the LMDB file in ${folder} cannot be opened: ${messageOf(error)}`, {
      cause: error,
    });
  }
}

/** Whether a file begins as LMDB's do, in one of its two page formats, or is still to be written. */
function mayBeLmdb(path: string): boolean {
  const head = Buffer.alloc(28);
  try {
    const file = openSync(path, "r");
    const length = readSync(file, head);
    closeSync(file);
    return length === 0 || [16, 24].some((at) => head.readUInt32LE(at) === MAGIC);
  } catch {
    // Absent, or not ours to read: LMDB will tell.
    return true;
  }
}
