/**
 * What a command of the `coatcheck` program is.
 *
 * @module
 */

import { isCoatcheckError } from "../errors.ts";

/** The outside world, handed to a command so that a test can stand in for it. */
export interface CommandIo {
  readonly stdout: { write(text: string): unknown };
  readonly stderr: { write(text: string): unknown };
}

export interface Command {
  readonly name: string;
  /** One sentence for the list of commands. */
  readonly summary: string;
  /** The command line, as one would type it. */
  readonly usage: string;
  /** What `coatcheck <command> --help` says below the usage, in lines of at most 80 characters. */
  readonly details: string;
  /**
   * Does the work. Never ends the process by itself.
   *
   * @returns the exit code: 0 done, 1 failed, 2 misused.
   */
  run(args: readonly string[], io: CommandIo): Promise<number>;
}

/**
 * Runs what needs a database or a disk, and says in one line why it failed.
 *
 * What clients say in words names no password; what else is on their errors may, so it is not shown.
 *
 * @returns the exit code.
 */
export async function orReason(
  command: string,
  { stderr }: CommandIo,
  work: () => Promise<void>,
): Promise<number> {
  try {
    await work();
    return 0;
  } catch (error) {
    if (isCoatcheckError(error)) throw error;
    const { message, code } = error as { readonly message?: string; readonly code?: string };
    stderr.write(`coatcheck ${command}: ${message || code || "it cannot be reached"}\n`);
    return 1;
  }
}
