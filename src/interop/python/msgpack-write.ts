/**
 * Writes MessagePack.
 *
 * @module
 */

import { ValueError } from "../../errors.ts";
import { utf8 } from "../../lib/bytes.ts";
import { isPlainObject } from "./json.ts";
import { isMarkup, isPlainDate, isTimeDelta, isUuid, nanosOf } from "./values.ts";
import { joined } from "./web-crypto.ts";

const MAX_DEPTH = 64;

/**
 * The MessagePack of a value, each kind in its shortest form.
 *
 * @throws {ValueError} naming the path of what MessagePack has no word for.
 */
export function writeMsgpack(value: unknown): Uint8Array {
  const parts: Uint8Array[] = [];
  write(value, "", 0);
  return joined(parts);

  function write(item: unknown, path: string, depth: number): void {
    if (depth > MAX_DEPTH) throw new ValueError(path, `lies more than ${MAX_DEPTH} levels deep`);
    switch (typeof item) {
      case "string":
        text(item, path);
        break;
      case "boolean":
        codes(item ? 0xc3 : 0xc2);
        break;
      case "number":
        if (Number.isSafeInteger(item) && !Object.is(item, -0)) whole(BigInt(item), path);
        else number(0xcb, 8, (view) => view.setFloat64(1, item));
        break;
      case "bigint":
        whole(item, path);
        break;
      case "object":
        if (item === null) codes(0xc0);
        else object(item, path, depth + 1);
        break;
      default:
        throw new ValueError(path, `is ${typeof item}: MessagePack has no word for it`);
    }
  }

  function object(item: object, path: string, depth: number): void {
    if (Array.isArray(item)) {
      header(item.length, [0x90, 15], undefined, 0xdc);
      // Not forEach, which leaves holes out, that the length counts.
      for (const [at, child] of item.entries()) write(child, `${path}[${at}]`, depth);
    } else if (item instanceof Uint8Array) {
      header(item.length, undefined, 0xc4, 0xc5);
      parts.push(item);
    } else if (item instanceof Date) {
      timestamp(item, path);
    } else if (item instanceof Map || isPlainRecord(item)) {
      map(item instanceof Map ? [...item] : Object.entries(item), path, depth);
    } else {
      throw new ValueError(path, "is an object that MessagePack has no word for");
    }
  }

  function map(entries: readonly (readonly [unknown, unknown])[], path: string, depth: number) {
    header(entries.length, [0x80, 15], undefined, 0xde);
    for (const [key, item] of entries) {
      const childPath = path === "" ? String(key) : `${path}.${String(key)}`;
      write(key, childPath, depth);
      write(item, childPath, depth);
    }
  }

  function text(item: string, path: string): void {
    if (/\p{Surrogate}/u.test(item)) {
      throw new ValueError(path, "is text that is not well-formed Unicode");
    }
    const bytes = utf8(item);
    header(bytes.length, [0xa0, 31], 0xd9, 0xda);
    parts.push(bytes);
  }

  /** A length in the shortest form: within the code, or in one, two or four bytes behind it. */
  function header(
    length: number,
    fixed: readonly [code: number, max: number] | undefined,
    code8: number | undefined,
    code16: number,
  ): void {
    if (fixed !== undefined && length <= fixed[1]) codes(fixed[0] | length);
    else if (code8 !== undefined && length < 0x100) codes(code8, length);
    else if (length < 0x10000) number(code16, 2, (view) => view.setUint16(1, length));
    else number(code16 + 1, 4, (view) => view.setUint32(1, length));
  }

  function whole(item: bigint, path: string): void {
    const small = Number(item);
    if (item >= -32n && item < 128n) codes(small & 0xff);
    else if (item >= 0n && item < 0x100n) codes(0xcc, small);
    else if (item >= 0n && item < 0x10000n) number(0xcd, 2, (view) => view.setUint16(1, small));
    else if (item >= 0n && item < 0x100000000n) {
      number(0xce, 4, (view) => view.setUint32(1, small));
    } else if (BigInt.asUintN(64, item) === item) {
      number(0xcf, 8, (view) => view.setBigUint64(1, item));
    } else if (BigInt.asIntN(32, item) === item) {
      number(0xd2, 4, (view) => view.setInt32(1, small));
    } else if (BigInt.asIntN(64, item) === item) {
      number(0xd3, 8, (view) => view.setBigInt64(1, item));
    } else {
      throw new ValueError(path, "is a number of more than 64 bits");
    }
  }

  function timestamp(item: Date, path: string): void {
    const moment = item.getTime();
    if (Number.isNaN(moment)) throw new ValueError(path, "is a date that is none");
    const seconds = Math.floor(moment / 1000);
    codes(0xc7, 12, 0xff);
    const content = new Uint8Array(12);
    const view = new DataView(content.buffer);
    view.setUint32(0, (moment - seconds * 1000) * 1_000_000 + nanosOf(item));
    view.setBigInt64(4, BigInt(seconds));
    parts.push(content);
  }

  function codes(...values: number[]): void {
    parts.push(Uint8Array.from(values));
  }

  function number(code: number, length: number, set: (view: DataView) => void): void {
    const content = new Uint8Array(1 + length);
    content[0] = code;
    set(new DataView(content.buffer));
    parts.push(content);
  }
}

function isPlainRecord(item: object): item is Record<string, unknown> {
  const isMarked = isMarkup(item) || isUuid(item) || isPlainDate(item) || isTimeDelta(item);
  return !isMarked && isPlainObject(item);
}
