/**
 * What a store tells of a client's error: what went wrong, and nothing of what was written.
 *
 * Clients add to their errors the statement or command with its values, or the values beside it, and
 * whoever logs the error would log people's sessions.
 *
 * @module
 */

/** The same error, with its name, message, codes and stack only. */
export function withoutValues(error: unknown): Error {
  const { name, message, stack, code, errno } = error as Partial<Error> & {
    readonly code?: unknown;
    readonly errno?: unknown;
  };
  // An error of several addresses that were tried has no message of its own, nor has node-redis' of time that is up.
  const nameless = error instanceof Error ? error.constructor.name : error;
  const plain = new Error(message || `${code ?? nameless}`);
  Object.assign(plain, name !== undefined && { name }, stack !== undefined && { stack });
  return Object.assign(plain, code !== undefined && { code }, errno !== undefined && { errno });
}
