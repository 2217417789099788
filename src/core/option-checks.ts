/**
 * What one option may be, refused by its name.
 *
 * @module
 */

import { ConfigError, listOf } from "../errors.ts";
import { duration } from "./timeouts.ts";

/** One of these words; the first where nothing is given. @throws {ConfigError} */
export function choice<const Choice extends string>(
  option: string,
  given: unknown,
  choices: readonly [Choice, ...Choice[]],
): Choice {
  if (given === undefined) return choices[0];
  if (!(choices as readonly unknown[]).includes(given)) {
    throw new ConfigError(option, `must be ${listOf(choices)}`);
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

// The longest that a timer runs; a longer one would fire at once.
const LONGEST_TIMER = 2 ** 31 - 1;

/**
 * A duration that requests or timers wait for, in milliseconds. A number that is more than a hundred times the
 * usual was meant as milliseconds, and would hold requests, or a revocation, for hours.
 *
 * @throws {ConfigError}
 */
export function wait(option: string, given: unknown, preset: number): number {
  const ms = duration(option, given, preset);
  if (typeof given === "number" && ms > preset * 100) {
    throw new ConfigError(option, `above ${preset / 10} needs a unit; a number is seconds`);
  }
  if (ms > LONGEST_TIMER) throw new ConfigError(option, "must not be longer than 24 days");
  return ms;
}

/** @throws {ConfigError} for the first of these that is given. */
export function refuseUseless<Options extends object>(
  options: Options,
  names: readonly (keyof Options & string)[],
  why: string,
  prefix = "",
): void {
  const name = names.find((each) => options[each] !== undefined);
  if (name !== undefined) throw new ConfigError(prefix + name, `has no effect ${why}`);
}

/** @throws {ConfigError} for what is given and is no function. */
export function optionalFunction(option: string, given: unknown): void {
  if (given !== undefined && typeof given !== "function") {
    throw new ConfigError(option, "must be a function");
  }
}
