/**
 * Programs that do not outlive the tests that started them.
 *
 * @module
 */

import type { ChildProcessByStdio } from "node:child_process";
import { spawn } from "node:child_process";
import type { Readable } from "node:stream";
import { findProgram } from "./needs.ts";

export type MortalProgram = ChildProcessByStdio<null, Readable, Readable>;

const setpriv = findProgram("setpriv");

/** Starts a program. It is killed when we are. */
export function spawnMortal(
  program: string,
  args: readonly string[],
  env: NodeJS.ProcessEnv,
): MortalProgram {
  const line = [...(setpriv === undefined ? [] : [setpriv, "--pdeathsig=KILL"]), program, ...args];
  const [command = program, ...rest] = line;
  const child = spawn(command, rest, { env, stdio: ["ignore", "pipe", "pipe"] });
  // What nobody reads would fill up, and the program would wait.
  child.stdout.resume();
  child.stderr.resume();
  return child;
}
