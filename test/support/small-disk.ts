/**
 * A small disk in memory (tmpfs), for tests of what happens when it is full. Mounting takes root.
 *
 * @module
 */

import { execFileSync } from "node:child_process";
import { mkdtempSync, rmdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

export interface SmallDisk {
  readonly path: string;
  /** Fills what is left. */
  fill(): void;
  /** Makes it this large. */
  resize(bytes: number): void;
  unmount(): void;
}

/** `undefined` where this process must not mount anything. */
export function mountSmallDisk(bytes: number): SmallDisk | undefined {
  const path = mkdtempSync(join(tmpdir(), "coatcheck-disk-"));
  try {
    execFileSync("mount", ["-t", "tmpfs", "-o", `size=${bytes}`, "tmpfs", path], {
      stdio: "ignore",
    });
  } catch {
    rmdirSync(path);
    return undefined;
  }
  const filling = join(path, "filling");
  return {
    path,
    fill() {
      const page = Buffer.alloc(4096, 1);
      try {
        for (;;) writeFileSync(filling, page, { flag: "a" });
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code !== "ENOSPC") throw error;
      }
    },
    resize(size) {
      rmSync(filling, { force: true });
      execFileSync("mount", ["-o", `remount,size=${size}`, path]);
    },
    unmount() {
      execFileSync("umount", [path]);
      rmdirSync(path);
    },
  };
}
