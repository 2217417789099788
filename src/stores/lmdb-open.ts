/**
 * Opens an LMDB file, with what LMDB and its package take for granted looked at first.
 *
 * @module
 */

import {
  closeSync,
  fstatSync,
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
// Behind the magic of each of the two heads: how long a page is, and the roots of the two trees, or -1.
const PAGE_BYTES_AT = 24;
const ROOTS_AT = [64, 112];
const HEAD_BYTES = 256;
const MAKING_MS = 100;

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

/** Whether a file begins as LMDB's do and is not cut short, or is still to be written. */
function mayBeLmdb(path: string): boolean {
  let file: number;
  try {
    file = openSync(path, "r");
  } catch {
    // Absent, or not ours to read: LMDB will tell.
    return true;
  }
  try {
    if (isWhole(file)) return true;
    // Another process may be just about to make it.
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, MAKING_MS);
    return isWhole(file);
  } finally {
    closeSync(file);
  }
}

/**
 * LMDB maps the file and looks at no length: the operating system kills who comes to a page that is not
 * there (SIGBUS). Where the file ends, nothing tells for certain. What surely is in it are the heads, in
 * one of LMDB's two page formats, and the pages in which their trees begin, mostly the last ones written.
 */
function isWhole(file: number): boolean {
  const head = Buffer.alloc(HEAD_BYTES);
  if (readSync(file, head, 0, HEAD_BYTES, 0) === 0) return true;
  const at = [16, 24].find((offset) => head.readUInt32LE(offset) === MAGIC);
  if (at === undefined) return false;
  const pageBytes = head.readUInt32LE(at + PAGE_BYTES_AT);
  const other = Buffer.alloc(HEAD_BYTES);
  readSync(file, other, 0, HEAD_BYTES, pageBytes);
  const roots = [head, other].flatMap((each) =>
    ROOTS_AT.map((rootAt) => Number(each.readBigInt64LE(at + rootAt))),
  );
  return fstatSync(file).size >= (Math.max(1, ...roots) + 1) * pageBytes;
}
