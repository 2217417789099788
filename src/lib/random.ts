/**
 * Random bytes from the platform's generator, fetched in larger pieces: a call for 32 bytes takes
 * twenty times as long as their copy from a pool.
 *
 * @module
 */

const POOL_BYTES = 4096;

const pool = new Uint8Array(POOL_BYTES);
let used = POOL_BYTES;

/**
 * New random bytes, at most 65536. Nobody else has or gets them: what is handed out is wiped from the
 * pool, and no pool goes into a startup snapshot, where every process that starts from it would share it.
 *
 * @throws what the platform's generator throws. Nothing is handed out then.
 */
export function randomBytes(length: number): Uint8Array {
  const bytes = new Uint8Array(length);
  fillRandom(bytes);
  return bytes;
}

/** The same into memory that is there. What it throws leaves that as it was, or filled with zeros. */
export function fillRandom(bytes: Uint8Array<ArrayBuffer>): void {
  const { length } = bytes;
  if (used + length > POOL_BYTES) {
    if (length > POOL_BYTES || isBuildingSnapshot()) {
      fill(bytes);
      return;
    }
    // Used up until the filling has succeeded.
    used = POOL_BYTES;
    fill(pool);
    used = 0;
  }
  for (let at = 0; at < length; at += 1, used += 1) {
    bytes[at] = pool[used] as number;
    pool[used] = 0;
  }
}

function fill(bytes: Uint8Array<ArrayBuffer>): void {
  crypto.getRandomValues(bytes);
  // A generator that somebody replaced by one that does nothing.
  if (bytes.length >= 8 && bytes.every((byte) => byte === 0)) {
    throw new Error("coatcheck: the platform's random generator gives only zeros");
  }
}

/** The part of Node's `process` and `node:v8` that is used. */
interface NodeGlobal {
  readonly process?: { getBuiltinModule?(name: "node:v8"): NodeV8 | undefined };
}

interface NodeV8 {
  readonly startupSnapshot?: {
    /** Documented as a boolean, and gives 0 or 1. */
    isBuildingSnapshot?(): unknown;
  };
}

function isBuildingSnapshot(): boolean {
  const v8 = (globalThis as NodeGlobal).process?.getBuiltinModule?.("node:v8");
  return Boolean(v8?.startupSnapshot?.isBuildingSnapshot?.());
}
