/**
 * What express-session warns of when an app starts: options left to chance, and a store that forgets.
 *
 * @module
 */

const CODE = "COATCHECK_EXPRESS_SESSION";

/** @param keepsInMemory - the sessions lie in a `MemoryStore`. */
export function adviseOn(
  options: { readonly resave?: unknown; readonly saveUninitialized?: unknown },
  keepsInMemory: boolean,
): void {
  for (const name of ["resave", "saveUninitialized"] as const) {
    if (options[name] === undefined) {
      const message = `session(): give \`${name}\`; without it, it is true, and false is better`;
      process.emitWarning(message, { type: "DeprecationWarning", code: `${CODE}_${name}` });
    }
  }
  if (keepsInMemory && process.env["NODE_ENV"] === "production") {
    const message = "session(): a MemoryStore forgets at a restart, grows, and is for one process";
    process.emitWarning(message, { code: `${CODE}_MEMORY` });
  }
}
