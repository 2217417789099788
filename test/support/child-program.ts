/**
 * Programs of ours that a test starts as processes of their own, and may kill.
 *
 * @module
 */

import type { ChildProcess } from "node:child_process";
import { execFileSync, spawn } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { join, resolve } from "node:path";
import { createInterface } from "node:readline";

/** A compiled program. */
export interface ChildProgram {
  /** Starts it. Its error output goes to ours. */
  start(...args: readonly string[]): Child;
  /** Removes what was compiled. */
  dispose(): void;
}

/** A process that writes lines. */
export interface Child {
  readonly process: ChildProcess;
  /** Every line so far. */
  readonly lines: readonly string[];
  /** Resolves with the first line that begins so. Rejects when the process ends without it. */
  line(beginning: string): Promise<string>;
  /** Resolves with the exit code, or the signal, when all its output has been read. */
  readonly ended: Promise<number | NodeJS.Signals | null>;
}

/** Compiles a program of `test/support`, with the sources it imports. */
export function childProgram(file: string): ChildProgram {
  // Inside the project, so that packages are found.
  mkdirSync(resolve(".tmp"), { recursive: true });
  const folder = mkdtempSync(resolve(".tmp", "child-"));
  execFileSync(resolve("node_modules/.bin/tsc"), [
    ...["--ignoreConfig", "--noCheck", "--skipLibCheck", "--rewriteRelativeImportExtensions"],
    ...["--target", "es2023", "--module", "nodenext", "--types", "node"],
    ...["--rootDir", ".", "--outDir", folder],
    resolve("test/support", file),
  ]);
  const program = join(folder, "test/support", file.replace(/\.ts$/, ".js"));
  return {
    start: (...args) => child(spawn(process.execPath, [program, ...args])),
    dispose: () => rmSync(folder, { recursive: true }),
  };
}

function child(started: ReturnType<typeof spawn>): Child {
  const lines: string[] = [];
  const waiting = new Set<() => void>();
  let isOver = false;
  started.stderr?.pipe(process.stderr);
  const reader = createInterface({ input: started.stdout as NodeJS.ReadableStream });
  reader.on("line", (line) => {
    lines.push(line);
    for (const look of [...waiting]) look();
  });
  const ended = new Promise<number | NodeJS.Signals | null>((resolve) => {
    started.on("close", (code, signal) => {
      isOver = true;
      for (const look of [...waiting]) look();
      resolve(code ?? signal);
    });
  });
  return {
    process: started,
    lines,
    ended,
    line: (beginning) =>
      new Promise((resolve, reject) => {
        const look = (): void => {
          const line = lines.find((text) => text.startsWith(beginning));
          if (line === undefined && !isOver) return;
          waiting.delete(look);
          if (line === undefined) reject(new Error(`it ended without the line «${beginning}»`));
          else resolve(line);
        };
        waiting.add(look);
        look();
      }),
  };
}
