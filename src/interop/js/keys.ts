/**
 * The secrets of a foreign app, as its own options take them: one, or a list whose first one writes.
 *
 * @module
 */

import { ConfigError } from "../../errors.ts";
import { utf8 } from "../../lib/bytes.ts";

/** A secret of the foreign app. A text stands for its UTF-8 bytes. */
export type ForeignKey = string | Uint8Array;

/** One secret, or several: the first one writes, every one reads. */
export type ForeignKeys = ForeignKey | readonly ForeignKey[];

/**
 * The bytes of every secret. How strong they are is the foreign app's affair: it is theirs to rotate.
 *
 * @throws {ConfigError} naming `option` when there is none, or one is empty or of another type.
 */
export function keyList(keys: ForeignKeys | undefined, option: string): readonly Uint8Array[] {
  const list = Array.isArray(keys) ? (keys as readonly ForeignKey[]) : [keys as ForeignKey];
  if (keys === undefined || list.length === 0) {
    throw new ConfigError(option, "is missing (is the environment variable set?)");
  }
  return list.map((key) => {
    if (typeof key !== "string" && !(key instanceof Uint8Array)) {
      throw new ConfigError(option, "must be a string or bytes, or a list of them");
    }
    if (key.length === 0) throw new ConfigError(option, "holds an empty one");
    return typeof key === "string" ? utf8(key) : Uint8Array.from(key);
  });
}
