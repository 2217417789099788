/**
 * What one option may be, refused by its name.
 *
 * @module
 */

import { ConfigError } from "../errors.ts";
import { duration } from "./timeouts.ts";

// The longest that a timer runs; a longer one would fire at once.
const LONGEST_TIMER = 2 ** 31 - 1;

/** One of these words; the first where nothing is given. @throws {ConfigError} */
export function choice<const Choice extends string>(
  option: string,
  given: unknown,
  choices: readonly [Choice, ...Choice[]],
): Choice {
  if (given === undefined) return choices[0];
  if (!(choices as readonly unknown[]).includes(given)) {
    const list = choices.map((word) => JSON.stringify(word)).join(" or ");
    throw new ConfigError(option, `must be ${list}`);
  }
  return given as Choice;
}

/** True or false; false where nothing is given. @throws {ConfigError} */
export function flag(option: string, given: unknown): boolean {
  if (given !== undefined && typeof given !== "boolean") {
    throw new ConfigError(option, "must be true or false");
  }
  return given ?? false;
}

/** A duration that a timer can run, in milliseconds. @throws {ConfigError} */
export function timer(option: string, given: unknown, preset: number): number {
  const ms = duration(option, given, preset);
  if (ms > LONGEST_TIMER) throw new ConfigError(option, "must not be longer than 24 days");
  return ms;
}

/** @throws {ConfigError} for what is given and is no function. */
export function optionalFunction(option: string, given: unknown): void {
  if (given !== undefined && typeof given !== "function") {
    throw new ConfigError(option, "must be a function");
  }
}
