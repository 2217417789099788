/**
 * How much of a foreign value is read, whoever signed it.
 *
 * @module
 */

import { ConfigError, section } from "../../errors.ts";

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
   * Values in all, counted as often as they are referred to.
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

/** No browser sends a longer cookie, and hardly a server takes a longer header. */
export const MAX_COOKIE_CHARACTERS = 16_384;
