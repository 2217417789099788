/**
 * How much of a foreign value is read, whoever signed it.
 *
 * @module
 */

import { ConfigError, section } from "../../errors.ts";
import { refuse } from "./refusal.ts";

/** The limits of a reader, each with a default that no honest session comes near. */
export interface ReadLimits {
  /**
   * Bytes after decompression, and of a record. What a pickle refers to more than once counts each time.
   *
   * @default 1048576 (1 MiB)
   */
  readonly maxBytes?: number;
  /**
   * Containers inside one another.
   *
   * @default 64
   */
  readonly maxDepth?: number;
  /**
   * Values in all, counted as often as they are referred to. Of numbers that are keys, or in a set, a tenth.
   *
   * @default 100000
   */
  readonly maxItems?: number;
}

/** {@link ReadLimits} with every default. */
export type Limits = Required<ReadLimits>;

const DEFAULTS: Limits = { maxBytes: 1_048_576, maxDepth: 64, maxItems: 100_000 };
const NAMES = ["maxBytes", "maxDepth", "maxItems"] as const;

/** Fills in the defaults. @throws {ConfigError} for what would be no limit. */
export function limitsOf(limits?: ReadLimits): Limits {
  const given = section("limits", limits, NAMES);
  const all: { -readonly [Name in keyof Limits]: number } = { ...DEFAULTS };
  for (const name of NAMES) {
    const value = given[name] === undefined ? DEFAULTS[name] : given[name];
    if (!Number.isSafeInteger(value) || value < 1) {
      throw new ConfigError(`limits.${name}`, "must be a whole number from 1");
    }
    all[name] = value;
  }
  return all;
}

/**
 * Counts what is to be the keys of a `Map` or an object, or in a `Set`; gives up on too many numbers, also as text. Engines hash those in a way
 * that anyone can foresee: a hundred thousand with one hash take many seconds.
 */
export function keyCounter({ maxItems }: Limits): <Key>(keys: readonly Key[]) => readonly Key[] {
  let left = maxItems / 10;
  return (keys) => {
    for (const key of keys) {
      if (typeof key === "number" || (typeof key === "string" && isDigit(key))) left -= 1;
      // Compared digit by digit.
      else if (typeof key === "bigint") left -= 5;
    }
    if (left < 0) refuse("too-large", "holds more numbers as keys than are read");
    return keys;
  };
}

/** Whether a text begins with a digit: as a key it may be a number to the engine. */
export function isDigit(text: string): boolean {
  const code = text.charCodeAt(0);
  return code >= 0x30 && code <= 0x39;
}

/** No browser sends a longer cookie, and hardly a server takes a longer header. */
export const MAX_COOKIE_CHARACTERS = 16_384;
