/**
 * The `coatcheck` program but for the process: finds the command, runs it, words its errors.
 *
 * @module
 */

import { readFileSync } from "node:fs";
import { isCoatcheckError } from "../errors.ts";
import type { Command, CommandIo } from "./command.ts";
import { copy } from "./commands/copy.ts";
import { inspect } from "./commands/inspect.ts";
import { migrate } from "./commands/migrate.ts";
import { secret } from "./commands/secret.ts";

const COMMANDS: readonly Command[] = [copy, inspect, migrate, secret];

/**
 * Runs one command line, given without `node` and the program's name.
 *
 * @returns the exit code: 0 done, 1 failed, 2 misused.
 * @throws whatever is neither misuse nor an error of coatcheck's: a fault of the program.
 */
export async function runCli(args: readonly string[], io: CommandIo): Promise<number> {
  const [first, ...rest] = args;
  if (first === "--help" || first === "-h") return say(io, overview());
  if (first === "--version" || first === "-v") return say(io, `${version()}\n`);
  if (first === undefined) return misused(io, overview());

  const command = COMMANDS.find(({ name }) => name === first);
  if (command === undefined) {
    const what = first.startsWith("-") ? "option" : "command";
    return misused(io, `coatcheck: unknown ${what} \`${printable(first)}\`\n${hint("coatcheck")}`);
  }
  if (rest.includes("--help") || rest.includes("-h")) return say(io, help(command));
  try {
    return await command.run(rest, io);
  } catch (error) {
    return explain(error, command, io);
  }
}

function explain(error: unknown, command: Command, io: CommandIo): number {
  const name = `coatcheck ${command.name}`;
  if (isParseError(error)) {
    // Node repeats the argument: an address with its password, or a secret.
    const problem = error.message.replace(/^(Unexpected argument) '.*'/s, "$1");
    return misused(io, `${name}: ${printable(problem.replace(/\n/g, " "))}\n${hint(name)}`);
  }
  if (!isCoatcheckError(error)) throw error;
  io.stderr.write(`${name}: ${error.message.replace(/^coatcheck: /, "")}\n`);
  return error.code === "ERR_CONFIG" ? 2 : 1;
}

function overview(): string {
  const width = Math.max(...COMMANDS.map(({ name }) => name.length));
  const list = COMMANDS.map(({ name, summary }) => `  ${name.padEnd(width)}   ${summary}\n`).join(
    "",
  );
  return `Sessions for TypeScript servers.

Usage: coatcheck <command> [options]

Commands:
${list}
Options:
  -h, --help      Show this, or the help of a command.
  -v, --version   Show the version.
`;
}

function help({ usage, summary, details }: Command): string {
  return `${summary}\n\nUsage: ${usage}\n\n${details}\n`;
}

function hint(name: string): string {
  return `Try \`${name} --help\`.\n`;
}

function version(): string {
  // The same two steps up from src/cli and from dist/cli.
  const file = readFileSync(new URL("../../package.json", import.meta.url), "utf8");
  return (JSON.parse(file) as { version: string }).version;
}

function say(io: CommandIo, text: string): number {
  io.stdout.write(text);
  return 0;
}

function misused(io: CommandIo, text: string): number {
  io.stderr.write(text);
  return 2;
}

// What was typed goes back to a terminal: no control characters, and not at any length.
function printable(text: string): string {
  return text.replace(/\p{C}/gu, "?").slice(0, 200);
}

// node:util marks its own errors by code only.
function isParseError(error: unknown): error is Error {
  return (
    error instanceof Error &&
    "code" in error &&
    typeof error.code === "string" &&
    error.code.startsWith("ERR_PARSE_ARGS")
  );
}
