/**
 * Keeps sessions in a folder, one file each: nothing to install, crash-safe, shared by the processes of
 * one machine.
 *
 * @module
 */

import {
  linkSync,
  mkdirSync,
  readFileSync,
  realpathSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { dirname, join } from "node:path";
import { ConfigError, requireName, section } from "../errors.ts";
import { dateNow } from "../lib/clock.ts";
import type { Revocations, SessionStore } from "./contract.ts";
import { nodeDisk, randomName } from "./file-disk.ts";
import { storeOn } from "./file-store.ts";

export interface FileStoreOptions {
  /** The folder, made when it is absent, readable by its owner only. On a disk of this machine. */
  readonly path: string;
  /**
   * Whether a change is on the disk before it is acknowledged. With `false` the last changes may be
   * lost when the power fails or the system crashes, ended sessions among them.
   *
   * @default true
   */
  readonly durable?: boolean | undefined;
  /** Sets apart apps that share a folder. @default "" */
  readonly namespace?: string | undefined;
  /** Tells which revocations are over, in milliseconds since the epoch. @default Date.now */
  readonly clock?: (() => number) | undefined;
}

const KNOWN = ["path", "durable", "namespace", "clock"] as const;
const VERSION = "1\n";

/**
 * Creates a store in a folder.
 *
 * @throws {ConfigError} when an option cannot work.
 * @throws {Error} when the folder cannot be used: the disk is full, or a later version was here.
 * @example
 * ```ts
 * const store = fileStore({ path: "data/sessions" });
 * const sessions = createSessions({ secrets, store });
 * ```
 */
export function fileStore(options: FileStoreOptions): SessionStore & Revocations {
  const { path, durable, namespace, clock } = checked(options);
  const folder = makeFolder(path);
  const root = namespace === "" ? folder : join(folder, `in-${hexOf(namespace)}`);
  requireVersion(root);
  return storeOn(nodeDisk(root, durable), clock, durable);
}

function checked(options: FileStoreOptions) {
  const {
    path,
    durable = true,
    namespace = "",
    clock = dateNow,
  } = section("options", options, KNOWN);
  if (typeof path !== "string" || path === "") {
    throw new ConfigError("path", "must name a folder, such as `data/sessions`");
  }
  if (typeof durable !== "boolean") throw new ConfigError("durable", "must be true or false");
  requireName("namespace", namespace);
  if (typeof clock !== "function") throw new ConfigError("clock", "must be a function");
  return { path, durable, namespace, clock };
}

/** Makes a folder for its owner only, unless it is there. Returns its one real path. */
function makeFolder(path: string): string {
  try {
    mkdirSync(dirname(path), { recursive: true });
    mkdirSync(path, { recursive: true, mode: 0o700 });
    if (!statSync(path).isDirectory()) throw new Error("it is a file");
    return realpathSync(path);
  } catch (error) {
    requireRoom(error, path);
    const reason = error instanceof Error ? error.message : String(error);
    throw new ConfigError("path", `must be a folder, or one that can be made: ${reason}`);
  }
}

/** Leaves the version of the layout there, or looks at the one that is. */
function requireVersion(root: string): void {
  const file = join(root, "version");
  try {
    mkdirSync(root, { recursive: true, mode: 0o700 });
    if (statSync(file, { throwIfNoEntry: false }) === undefined) writeVersion(file);
  } catch (error) {
    requireRoom(error, root);
    throw new Error(`the folder ${root} cannot be used: ${String(error)}`, { cause: error });
  }
  if (readFileSync(file, "utf8") !== VERSION) {
    throw new Error(`the files in ${root} were written by a later version of coatcheck`);
  }
}

function writeVersion(file: string): void {
  const draft = `${file}-${randomName()}`;
  try {
    // On the disk before it has its name: after a power failure an empty one would be another version.
    writeFileSync(draft, VERSION, { flag: "wx", mode: 0o600, flush: true });
    // A link, as the sessions are made: where there are none, it shows at once.
    linkSync(draft, file);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "EEXIST") throw error;
  } finally {
    rmSync(draft, { force: true });
  }
}

function requireRoom(error: unknown, path: string): void {
  if ((error as NodeJS.ErrnoException).code !== "ENOSPC") return;
  throw new Error(`the folder ${path} cannot be used: the disk is full`, { cause: error });
}

function hexOf(text: string): string {
  return Buffer.from(text).toString("hex");
}
