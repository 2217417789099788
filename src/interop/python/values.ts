/**
 * What Python has and JavaScript has not: tuples, markup, UUIDs, dates without a time, naive datetimes.
 *
 * They are plain values with a mark that only this module can set, so that what a visitor could write
 * into a session never passes for one. The mark is lost when a value is stored and read again as JSON:
 * a tuple is a list then. {@link plain} does the same on purpose.
 *
 * @module
 */

import { define } from "../../codec/define.ts";

/** Text that Flask's templates do not escape: `markupsafe.Markup`. */
export interface Markup {
  readonly markup: string;
}

/** Python's `uuid.UUID`. */
export interface Uuid {
  /** 32 hexadecimal digits. */
  readonly uuid: string;
}

/** Python's `datetime.date`. */
export interface PlainDate {
  /** Such as `2026-11-20`. */
  readonly date: string;
}

/** Python's `datetime.timedelta`. */
export interface TimeDelta {
  readonly seconds: number;
}

type Kind = "markup" | "uuid" | "date" | "timedelta" | "frozenset" | "bytearray";

const tuples = new WeakSet<object>();
const naives = new WeakSet<object>();
const kinds = new WeakMap<object, Kind>();
const calls = new WeakMap<object, { readonly call: Call; readonly moment: number }>();
const finer = new WeakMap<Date, { readonly nanos: number; readonly moment: number }>();

/** How a pickle makes a value. */
export interface Call {
  /** Module and name. */
  readonly callee: string;
  readonly args: readonly (Call | Uint8Array | string | number)[];
}

/** Marks an array, so that Python gets it as a tuple. */
export function tuple<Items extends readonly unknown[]>(items: Items): Items {
  tuples.add(items);
  return items;
}

export function isTuple(value: unknown): value is unknown[] {
  return typeof value === "object" && value !== null && tuples.has(value);
}

/** A `Date` that Python gets as a datetime without a zone. Naive ones are taken as UTC when read. */
export function naiveDate(milliseconds: number): Date {
  const date = new Date(milliseconds);
  naives.add(date);
  return date;
}

export function isNaive(date: Date): boolean {
  return naives.has(date);
}

export function markup(text: string): Markup {
  return marked({ markup: text }, "markup");
}

export function isMarkup(value: unknown): value is Markup {
  return kindOf(value) === "markup";
}

/** @param digits - 32 hexadecimal digits, with or without hyphens. */
export function uuid(digits: string): Uuid {
  return marked({ uuid: digits.replaceAll("-", "").toLowerCase() }, "uuid");
}

export function isUuid(value: unknown): value is Uuid {
  return kindOf(value) === "uuid";
}

/** @param date - such as `2026-11-20`. */
export function plainDate(date: string): PlainDate {
  return marked({ date }, "date");
}

export function isPlainDate(value: unknown): value is PlainDate {
  return kindOf(value) === "date";
}

export function timeDelta(seconds: number): TimeDelta {
  return marked({ seconds }, "timedelta");
}

export function isTimeDelta(value: unknown): value is TimeDelta {
  return kindOf(value) === "timedelta";
}

/** Python has two kinds of sets, and of bytes; here they are one, and go back as what they were. */
export function ofKind<Value extends object>(value: Value, kind: "frozenset" | "bytearray"): Value {
  kinds.set(value, kind);
  return value;
}

export function isFrozenSet(value: unknown): boolean {
  return kindOf(value) === "frozenset";
}

export function isByteArray(value: unknown): boolean {
  return kindOf(value) === "bytearray";
}

/** Notes how Python made a value that holds more there: microseconds, a zone. Unchanged, it goes back so. */
export function madeBy<Value extends object>(value: Value, call: Call): Value {
  calls.set(value, { call, moment: momentIn(value) });
  return value;
}

/** Notes the nanoseconds of a moment beyond its milliseconds. Unchanged, it goes back with them. */
export function withNanos(date: Date, nanos: number): Date {
  if (nanos > 0) finer.set(date, { nanos, moment: momentIn(date) });
  return date;
}

export function nanosOf(date: Date): number {
  const found = finer.get(date);
  return found?.moment === momentIn(date) ? found.nanos : 0;
}

export function callOf(value: object): Call | undefined {
  const made = calls.get(value);
  return made?.moment === momentIn(value) ? made.call : undefined;
}

/** A `Date` may be set to another one; the others are frozen. */
function momentIn(value: object): number {
  return value instanceof Date ? value.getTime() : 0;
}

/**
 * A copy of plain values, for adopting: tuples become arrays, markup, UUIDs and dates become text, a
 * timedelta becomes its seconds.
 *
 * @param value - what a reader of this package gave: without cycles, and of bounded depth.
 */
export function plain(value: unknown): unknown {
  if (typeof value !== "object" || value === null) return value;
  if (isMarkup(value)) return value.markup;
  if (isUuid(value)) return value.uuid;
  if (isPlainDate(value)) return value.date;
  if (isTimeDelta(value)) return value.seconds;
  if (Array.isArray(value)) return value.map(plain);
  if (value instanceof Map)
    return new Map([...value].map(([key, item]) => [plain(key), plain(item)]));
  if (value instanceof Set) return new Set([...value].map(plain));
  if (Object.getPrototypeOf(value) !== Object.prototype) return value;
  const copy: Record<string, unknown> = {};
  for (const [key, item] of Object.entries(value)) define(copy, key, plain(item));
  return copy;
}

function marked<Value extends object>(value: Value, kind: Kind): Value {
  kinds.set(value, kind);
  return Object.freeze(value);
}

function kindOf(value: unknown): Kind | undefined {
  return typeof value === "object" && value !== null ? kinds.get(value) : undefined;
}
