/**
 * The few things a file store does to its folder, each of them one step for everyone who looks.
 *
 * The kernel answers most of them from memory, faster than a thread could be asked, so they block. Only
 * waiting for the disk does not.
 *
 * @module
 */

import { randomUUID } from "node:crypto";
import type { Stats } from "node:fs";
import {
  closeSync,
  constants,
  fdatasync,
  fstatSync,
  fsync,
  linkSync,
  mkdirSync,
  openSync,
  readdirSync,
  readSync,
  renameSync,
  rmdirSync,
  statSync,
  unlinkSync,
  writeSync,
} from "node:fs";
import { dirname, join } from "node:path";
import process from "node:process";
import { promisify } from "node:util";

/** A file that is read and added to. It stays the same one when another takes its name. */
export interface DiskFile {
  /** What stands from this byte on. */
  read(from: number): Promise<Buffer>;
  /** Adds to the end, wherever that is by now, in one piece. @throws when the disk is full. */
  append(text: string): Promise<void>;
  /** Resolves when all that was added is on the disk. */
  sync(): Promise<void>;
  /** Whether the file is the one that has this name now. */
  isAt(path: string): Promise<boolean>;
  close(): void;
}

/** Paths are relative to the store's folder. */
export interface Disk {
  /** `undefined` when there is no such file. */
  open(path: string): Promise<DiskFile | undefined>;
  /** Makes a file with this content unless there is one. It is there as a whole or not at all. */
  create(path: string, text: string): Promise<boolean>;
  /** Makes a file under a name that nobody else uses. */
  write(path: string, text: string): Promise<void>;
  /** Gives a file the name of another, which is gone then. `false` when there is no such file. */
  rename(from: string, to: string): Promise<boolean>;
  /** Removes a file if it is there, and where `file` is given, if it is that one. */
  remove(path: string, file?: DiskFile): Promise<void>;
  /** Makes an empty file, with its folder, unless it is there. */
  mark(path: string): Promise<void>;
  exists(path: string): Promise<boolean>;
  /** Removes an empty file. */
  unmark(path: string): Promise<void>;
  /** The names in a folder, in order; none when there is no such folder. */
  list(folder: string): Promise<string[]>;
  /** Removes a folder when it is there and empty. */
  removeFolder(folder: string): Promise<void>;
  /** How long ago a file was changed, in milliseconds; 0 when there is none. */
  age(path: string): Promise<number>;
}

const FOR_OWNER = 0o600;
const FOLDER_FOR_OWNER = 0o700;
// Others may remove a folder that was made, before anything was put into it.
const MOST_TRIES = 1000;

/** @param durable - whether changes wait for the disk */
export function nodeDisk(root: string, durable: boolean): Disk {
  const syncs = new Map<string, () => Promise<void>>();

  /** Puts the names in a folder on the disk. */
  async function syncFolder(folder: string): Promise<void> {
    // Windows can't open a folder, and keeps names by itself.
    if (!durable || process.platform === "win32") return;
    const known = syncs.get(folder);
    const sync = known ?? shared(() => syncOnce(folder));
    if (known === undefined) syncs.set(folder, sync);
    try {
      await sync();
    } finally {
      syncs.delete(folder);
    }
  }

  async function makeFolder(folder: string): Promise<void> {
    const make = (): unknown => answer(() => mkdirSync(folder, FOLDER_FOR_OWNER), "EEXIST");
    if ((await inFolder(folder, make)) !== "EEXIST") await syncFolder(dirname(folder));
  }

  /** Makes something in a folder, and the folder first where it is missing. */
  async function inFolder<Result>(path: string, make: () => Result): Promise<Result> {
    const folder = dirname(path);
    for (let tries = 0; ; tries += 1) {
      const result = answer(make, tries < MOST_TRIES ? "ENOENT" : "");
      if (result !== "ENOENT") return result as Result;
      await makeFolder(folder);
    }
  }

  async function writeNew(path: string, text: string): Promise<void> {
    const fd = await inFolder(path, () => openSync(path, "wx", FOR_OWNER));
    try {
      writeAll(fd, text);
      if (durable) await syncFile(fd);
    } catch (error) {
      unlinkSync(path);
      throw clearError(error);
    } finally {
      closeSync(fd);
    }
  }

  function openFile(path: string): DiskFile | undefined {
    const flags = constants.O_RDWR | constants.O_APPEND;
    // Most users have no cut-off, and to look first is much cheaper than an error.
    if (!isThere(path)) return undefined;
    const fd = answer(() => openSync(path, flags), "ENOENT");
    if (fd === "ENOENT") return undefined;
    const sync = shared(() => syncFile(fd));
    return {
      async read(from) {
        const { size } = fstatSync(fd);
        const bytes = Buffer.allocUnsafe(Math.max(0, size - from));
        return bytes.subarray(0, readSync(fd, bytes, 0, bytes.length, from));
      },
      async append(text) {
        writeAll(fd, text);
      },
      async sync() {
        if (durable) await sync();
      },
      async isAt(other) {
        const stats = statSync(join(root, other), { throwIfNoEntry: false });
        return stats !== undefined && identity(stats) === identity(fstatSync(fd));
      },
      close: () => closeSync(fd),
    };
  }

  return {
    open: async (path) => openFile(join(root, path)),

    async create(path, text) {
      const [draft, target] = [join(root, "drafts", randomName()), join(root, path)];
      await writeNew(draft, text);
      try {
        const made = await inFolder(target, () => answer(() => linkSync(draft, target), "EEXIST"));
        if (made === "EEXIST") return false;
      } finally {
        answer(() => unlinkSync(draft), "ENOENT");
      }
      await syncFolder(dirname(target));
      return true;
    },

    async write(path, text) {
      await writeNew(join(root, path), text);
      await syncFolder(dirname(join(root, path)));
    },

    async rename(from, to) {
      return answer(() => renameSync(join(root, from), join(root, to)), "ENOENT") !== "ENOENT";
    },

    async remove(path, file) {
      // Nothing comes between the two but another process, and that within microseconds.
      if (file !== undefined && !(await file.isAt(path))) return;
      answer(() => unlinkSync(join(root, path)), "ENOENT");
    },

    async mark(path) {
      const target = join(root, path);
      const make = (): void => closeSync(openSync(target, "wx", FOR_OWNER));
      await inFolder(target, () => answer(make, "EEXIST"));
      await syncFolder(dirname(target)).catch((error) => {
        // Somebody has removed the mark, and the folder with it. Whoever made it will look.
        if (codeOf(error) !== "ENOENT") throw error;
      });
    },

    exists: async (path) => isThere(join(root, path)),

    async unmark(path) {
      if (isThere(join(root, path))) answer(() => unlinkSync(join(root, path)), "ENOENT");
    },

    async list(folder) {
      return namesIn(join(root, folder)).sort();
    },

    removeFolder: async (folder) => removeEmpty(join(root, folder)),

    async age(path) {
      const stats = statSync(join(root, path), { throwIfNoEntry: false });
      return stats === undefined ? 0 : Date.now() - stats.mtimeMs;
    },
  };
}

/** A name that nobody else has, alike where file names know no case. */
export function randomName(): string {
  return randomUUID();
}

const syncFile = promisify(fdatasync);
const syncAll = promisify(fsync);

async function syncOnce(folder: string): Promise<void> {
  const fd = openSync(folder, "r");
  try {
    await syncAll(fd);
  } finally {
    closeSync(fd);
  }
}

/** Those who come while one is under way share the next one: the present one may be too early. */
function shared(sync: () => Promise<void>): () => Promise<void> {
  let running: Promise<void> | undefined;
  let next: Promise<void> | undefined;
  async function run(): Promise<void> {
    try {
      await sync();
    } finally {
      running = undefined;
    }
  }
  return () => {
    if (running === undefined) {
      running = run();
      return running;
    }
    next ??= running
      .catch(() => undefined)
      .then(() => {
        next = undefined;
        running ??= run();
        return running;
      });
    return next;
  };
}

/** Writes in one call: what it leaves out must not follow what somebody else has written meanwhile. */
function writeAll(fd: number, text: string): void {
  const bytes = Buffer.from(text);
  try {
    if (writeSync(fd, bytes) === bytes.length) return;
  } catch (error) {
    throw clearError(error);
  }
  throw new Error("the disk is full");
}

function clearError(error: unknown): unknown {
  const isFull = ["ENOSPC", "EDQUOT"].includes(codeOf(error) ?? "");
  return isFull ? new Error("the disk is full", { cause: error }) : error;
}

function namesIn(folder: string): string[] {
  if (!isThere(folder)) return [];
  const names = answer(() => readdirSync(folder), "ENOENT");
  return names === "ENOENT" ? [] : names;
}

function isThere(path: string): boolean {
  return statSync(path, { throwIfNoEntry: false }) !== undefined;
}

function removeEmpty(folder: string): void {
  if (namesIn(folder).length > 0) return;
  try {
    rmdirSync(folder);
  } catch (error) {
    // ENOTEMPTY on some systems, EEXIST on others: there is something in it by now.
    if (!["ENOENT", "ENOTEMPTY", "EEXIST"].includes(codeOf(error) ?? "")) throw error;
  }
}

/** The result, or the error code that is an answer too. */
function answer<Result, Code extends string>(work: () => Result, code: Code): Result | Code {
  try {
    return work();
  } catch (error) {
    if (codeOf(error) === code) return code;
    throw clearError(error);
  }
}

function codeOf(error: unknown): string | undefined {
  return (error as NodeJS.ErrnoException).code;
}

function identity({ dev, ino }: Stats): string {
  return `${dev} ${ino}`;
}
