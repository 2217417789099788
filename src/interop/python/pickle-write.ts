/**
 * Writes pickles of plain data, protocol 4: for records that a Python app goes on reading.
 *
 * @module
 */

import { ValueError } from "../../errors.ts";
import { utf8 } from "../../lib/bytes.ts";
import { isPlainObject } from "./json.ts";
import type { Call } from "./values.ts";
import {
  callOf,
  isByteArray,
  isFrozenSet,
  isMarkup,
  isNaive,
  isPlainDate,
  isTimeDelta,
  isTuple,
  isUuid,
} from "./values.ts";
import { joined } from "./web-crypto.ts";

const MAX_DEPTH = 64;

/**
 * The pickle of a value: what {@link readPickle} reads, each kind to the same one. Python 3.4 and later
 * read it.
 *
 * @throws {ValueError} naming the path of what is no plain data.
 */
export function writePickle(value: unknown): Uint8Array {
  const parts: Uint8Array[] = [Uint8Array.of(0x80, 4)];
  write(value, "", 0);
  code(".");
  return joined(parts);

  function code(text: string): void {
    parts.push(Uint8Array.from(text, (character) => character.charCodeAt(0)));
  }

  function write(item: unknown, path: string, depth: number): void {
    if (depth > MAX_DEPTH) throw new ValueError(path, `lies more than ${MAX_DEPTH} levels deep`);
    switch (typeof item) {
      case "string":
        text(item, path);
        break;
      case "boolean":
        code(item ? "\x88" : "\x89");
        break;
      case "number":
        if (Number.isSafeInteger(item) && !Object.is(item, -0)) whole(BigInt(item));
        else float(item);
        break;
      case "bigint":
        whole(item);
        break;
      case "object":
        if (item === null) code("N");
        else object(item, path, depth + 1);
        break;
      default:
        throw new ValueError(path, `is ${typeof item}: Python has no word for it`);
    }
  }

  function object(item: object, path: string, depth: number): void {
    const made = callOf(item);
    if (made !== undefined) call(made);
    else if (Array.isArray(item)) list(item, path, depth);
    else if (item instanceof Uint8Array && isByteArray(item)) {
      call({ callee: "builtins.bytearray", args: [item.slice()] });
    } else if (item instanceof Uint8Array) bytes(item);
    else if (item instanceof Map) dict([...item], path, depth);
    else if (item instanceof Set) set(item, path, depth);
    else if (item instanceof Date) datetime(item, path);
    else if (isPlainDate(item)) date(item.date, path);
    else if (isTimeDelta(item)) call(timedelta(item.seconds));
    else if (!isMarkup(item) && !isUuid(item) && isPlainObject(item)) {
      dict(Object.entries(item), path, depth);
    } else throw new ValueError(path, "is an object that is not plain data");
  }

  function set(items: ReadonlySet<unknown>, path: string, depth: number): void {
    code(isFrozenSet(items) ? "(" : "\x8f(");
    for (const item of items) hashable(item, path, depth);
    code(isFrozenSet(items) ? "\x91" : "\x90");
  }

  function list(items: readonly unknown[], path: string, depth: number): void {
    code(isTuple(items) ? "(" : "](");
    // Not forEach, which leaves holes out: what is not there would be lost without a word.
    for (const [at, item] of items.entries()) write(item, `${path}[${at}]`, depth);
    code(isTuple(items) ? "t" : "e");
  }

  function dict(entries: readonly (readonly [unknown, unknown])[], path: string, depth: number) {
    code("}(");
    for (const [key, item] of entries) {
      const childPath = path === "" ? String(key) : `${path}.${String(key)}`;
      hashable(key, childPath, depth);
      write(item, childPath, depth);
    }
    code("u");
  }

  function hashable(item: unknown, path: string, depth: number): void {
    if (!isHashable(item)) throw new ValueError(path, "is a key that Python cannot hash");
    write(item, path, depth);
  }

  function text(item: string, path: string): void {
    if (/\p{Surrogate}/u.test(item)) {
      throw new ValueError(path, "is text that is not well-formed Unicode");
    }
    sized(utf8(item), "\x8c", "X");
  }

  function bytes(item: Uint8Array): void {
    sized(item, "C", "B");
  }

  function sized(content: Uint8Array, short: string, long: string): void {
    if (content.length < 256) {
      code(short);
      parts.push(Uint8Array.of(content.length), content);
    } else {
      code(long);
      parts.push(littleEndian(BigInt(content.length), 4), content);
    }
  }

  function whole(item: bigint): void {
    if (item >= 0n && item < 256n) {
      code("K");
      parts.push(Uint8Array.of(Number(item)));
    } else if (BigInt.asIntN(32, item) === item) {
      code("J");
      parts.push(littleEndian(BigInt.asUintN(32, item), 4));
    } else {
      long(item);
    }
  }

  function long(item: bigint): void {
    let length = 8;
    while (BigInt.asIntN(length * 8, item) !== item) length *= 2;
    const content = littleEndian(BigInt.asUintN(length * 8, item), length);
    if (length < 256) {
      code("\x8a");
      parts.push(Uint8Array.of(length), content);
    } else {
      code("\x8b");
      parts.push(littleEndian(BigInt(length), 4), content);
    }
  }

  function float(item: number): void {
    code("G");
    const content = new Uint8Array(8);
    new DataView(content.buffer).setFloat64(0, item, false);
    parts.push(content);
  }

  function call({ callee, args }: Call): void {
    const dot = callee.lastIndexOf(".");
    text(callee.slice(0, dot), "");
    text(callee.slice(dot + 1), "");
    code("\x93(");
    for (const arg of args) {
      if (typeof arg === "object" && "callee" in arg) call(arg);
      else write(arg, "", 0);
    }
    code("tR");
  }

  function datetime(item: Date, path: string): void {
    const year = item.getUTCFullYear();
    if (!(year >= 1 && year <= 9999))
      throw new ValueError(path, "is a date that Python cannot hold");
    const micros = item.getUTCMilliseconds() * 1000;
    const state = Uint8Array.of(
      ...[year >> 8, year, item.getUTCMonth() + 1, item.getUTCDate()],
      ...[item.getUTCHours(), item.getUTCMinutes(), item.getUTCSeconds()],
      ...[micros >> 16, micros >> 8, micros],
    );
    call({ callee: "datetime.datetime", args: isNaive(item) ? [state] : [state, UTC] });
  }

  function date(item: string, path: string): void {
    const [year = 0, month = 0, day = 0] = item.split("-").map(Number);
    if (!/^[0-9]{4}-[0-9]{2}-[0-9]{2}$/.test(item)) throw new ValueError(path, "is no date");
    call({ callee: "datetime.date", args: [Uint8Array.of(year >> 8, year, month, day)] });
  }
}

function timedelta(seconds: number): Call {
  const micros = Math.round(seconds * 1_000_000);
  const days = Math.floor(micros / 86_400_000_000);
  const rest = micros - days * 86_400_000_000;
  const args = [days, Math.floor(rest / 1_000_000), rest % 1_000_000];
  return { callee: "datetime.timedelta", args };
}

const UTC: Call = { callee: "datetime.timezone", args: [timedelta(0)] };

function isHashable(value: unknown): boolean {
  if (typeof value !== "object" || value === null) return true;
  if (isTuple(value)) return value.every(isHashable);
  if (value instanceof Set) return isFrozenSet(value);
  return (
    (value instanceof Uint8Array && !isByteArray(value)) ||
    value instanceof Date ||
    isPlainDate(value) ||
    isTimeDelta(value)
  );
}

function littleEndian(value: bigint, length: number): Uint8Array {
  const hex = value.toString(16).padStart(length * 2, "0");
  const pairs = hex.match(/../g) ?? [];
  return Uint8Array.from(pairs, (pair) => Number.parseInt(pair, 16)).reverse();
}
