/**
 * Sets a property whatever it is called.
 *
 * @module
 */

/** As `target[key] = value`, but `__proto__` is a key like any other and not the prototype. */
export function define(target: Record<string, unknown>, key: string, value: unknown): void {
  if (key !== "__proto__") {
    target[key] = value;
    return;
  }
  const property = { value, enumerable: true, configurable: true, writable: true };
  Object.defineProperty(target, key, property);
}
