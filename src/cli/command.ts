/**
 * What a command of the `coatcheck` program is.
 *
 * @module
 */

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
