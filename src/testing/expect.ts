/**
 * The few assertions the suites need, so that any test runner can run them.
 *
 * @module
 */

/** A promise of the contract was broken. Test runners show `actual` and `expected` as a difference. */
export class ExpectationError extends Error {
  readonly actual: unknown;
  readonly expected: unknown;

  constructor(message: string, actual?: unknown, expected?: unknown) {
    super(message);
    this.name = "ExpectationError";
    this.actual = actual;
    this.expected = expected;
  }
}

/** Fails with a sentence about what is wrong. */
export function fail(message: string): never {
  throw new ExpectationError(message);
}

/** Fails unless the condition holds. `promise` says what should have been true. */
export function expectTrue(condition: boolean, promise: string): asserts condition {
  if (!condition) throw new ExpectationError(`expected: ${promise}`, condition, true);
}

/** Fails unless both values look the same: plain data, where absent and `undefined` are one. */
export function expectEqual(actual: unknown, expected: unknown, what: string): void {
  if (sameData(actual, expected)) return;
  throw new ExpectationError(
    `${what}: expected ${show(expected)}, got ${show(actual)}`,
    actual,
    expected,
  );
}

/** Fails when there is nothing. @returns what is there, known to be there. */
export function expectPresent<Value>(value: Value | undefined, what: string): Value {
  if (value === undefined) throw new ExpectationError(`expected: ${what} is there`);
  return value;
}

/** Whether two plain values look the same; absent and `undefined` are one. */
export function sameData(a: unknown, b: unknown): boolean {
  if (Object.is(a, b)) return true;
  if (typeof a !== "object" || typeof b !== "object" || a === null || b === null) return false;
  if (Array.isArray(a) !== Array.isArray(b)) return false;
  const left = a as Record<string, unknown>;
  const right = b as Record<string, unknown>;
  const keys = new Set([...Object.keys(left), ...Object.keys(right)]);
  for (const key of keys) if (!sameData(left[key], right[key])) return false;
  return true;
}

const SHOWN = 400;

/** A value for a message: one line, cut where it gets long. */
export function show(value: unknown): string {
  const text = textOf(value);
  return text.length > SHOWN ? `${text.slice(0, SHOWN)}… (${text.length} characters)` : text;
}

/** As JSON, and what that lacks as code has it. Drivers give BigInts, and results that hold themselves. */
function textOf(value: unknown): string {
  try {
    const text = JSON.stringify(value, (_key, inner: unknown) => {
      if (typeof inner === "bigint") return `${inner}n`;
      return typeof inner === "number" && !Number.isFinite(inner) ? String(inner) : inner;
    });
    return text ?? String(value);
  } catch {
    return String(value);
  }
}
