/**
 * Folders for tests: in memory where the machine has such a place, so that thousands of small
 * transactions do not wait for a disk.
 *
 * @module
 */

import { access, constants, mkdtemp } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

/** Makes an empty folder. The test removes it. */
export async function temporaryFolder(name: string): Promise<string> {
  return await mkdtemp(join(await fastestPlace(), `coatcheck-${name}-`));
}

async function fastestPlace(): Promise<string> {
  try {
    await access("/dev/shm", constants.W_OK);
    return "/dev/shm";
  } catch {
    return tmpdir();
  }
}
