/**
 * A value as text, with its types: what a session must give back unchanged.
 *
 * Written apart from the codec, so that it can judge it. A property that is `undefined` is absent and
 * an object without a prototype is an ordinary one, as the codec documents.
 *
 * @module
 */

/** Equal for two values exactly when a session may give back one for the other. */
export function dump(value: unknown): string {
  if (typeof value === "number") return Object.is(value, -0) ? "-0" : `${value}`;
  if (typeof value === "bigint") return `${value}n`;
  if (typeof value === "string") return JSON.stringify(value);
  if (typeof value !== "object" || value === null) return String(value);
  if (Array.isArray(value)) return `[${Array.from(value, dump).join()}]`;
  if (value instanceof Date) return `Date(${value.getTime()})`;
  if (value instanceof URL) return `URL(${value.href})`;
  if (value instanceof Uint8Array) return `Uint8Array(${value.join()})`;
  if (value instanceof Set) return `Set(${Array.from(value, dump).join()})`;
  if (value instanceof Map) {
    return `Map(${Array.from(value, ([key, item]) => `${dump(key)}=>${dump(item)}`).join()})`;
  }
  const properties = Object.entries(value)
    .filter(([, item]) => item !== undefined)
    .map(([key, item]) => `${JSON.stringify(key)}:${dump(item)}`);
  return `{${properties.join()}}`;
}
