/**
 * Reads a property of what may be anything.
 *
 * @module
 */

/** The value of an own property; `undefined` when there is none, or nothing to have one. */
export function own(value: unknown, key: string): unknown {
  if (typeof value !== "object" || value === null || !Object.hasOwn(value, key)) return undefined;
  return (value as Record<string, unknown>)[key];
}

/** The same where it is a text. */
export function ownText(value: unknown, key: string): string | undefined {
  const text = own(value, key);
  return typeof text === "string" && text !== "" ? text : undefined;
}
