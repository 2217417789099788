/**
 * Looks whether secrets are there at all. How good they are is the foreign app's affair.
 *
 * @module
 */

import { ConfigError } from "../../errors.ts";
import type { TextOrBytes } from "./web-crypto.ts";

/**
 * A list of one secret or more, none of them empty: with an empty one, anyone can sign.
 *
 * @throws {ConfigError} naming the option; also for a variable of the environment that is not set.
 */
export function checkSecrets(
  option: string,
  secrets: readonly TextOrBytes[],
): readonly [TextOrBytes, ...TextOrBytes[]] {
  if (!Array.isArray(secrets) || secrets.length === 0) {
    throw new ConfigError(option, "must be a list of one secret or more");
  }
  const wrong = secrets.findIndex((secret: unknown) => !isSecret(secret));
  if (wrong !== -1) throw new ConfigError(option, `is empty, or no text and no bytes, at ${wrong}`);
  return secrets as unknown as readonly [TextOrBytes, ...TextOrBytes[]];
}

function isSecret(secret: unknown): boolean {
  return (typeof secret === "string" || secret instanceof Uint8Array) && secret.length > 0;
}

/** A salt or the like, which may be empty. @throws {ConfigError} */
export function textOrBytesOption(
  option: string,
  given: TextOrBytes | undefined,
  preset: TextOrBytes,
): TextOrBytes {
  const value: unknown = given === undefined ? preset : given;
  if (typeof value === "string" || value instanceof Uint8Array) return value;
  throw new ConfigError(option, "must be a string or bytes");
}
