/**
 * Reads MessagePack.
 *
 * @module
 */

import { define } from "../../codec/define.ts";
import { utf8Text } from "../../lib/bytes.ts";
import type { Refused } from "../source.ts";
import type { Limits, ReadLimits } from "./limits.ts";
import { keyCounter, limitsOf } from "./limits.ts";
import type { Taken } from "./refusal.ts";
import { answerNow, refuse } from "./refusal.ts";
import { withNanos } from "./values.ts";

/** The value of a whole MessagePack text. */
export function readMsgpack(bytes: Uint8Array, limits?: ReadLimits): Taken<unknown> | Refused {
  return answerNow(() => ({ value: unpackMsgpack(bytes, limitsOf(limits)) }));
}

/** The same for other readers: gives up instead of answering. @internal */
export function unpackMsgpack(bytes: Uint8Array, limits: Limits): unknown {
  if (bytes.length > limits.maxBytes) refuse("too-large", "is a larger record than is read");
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  let at = 0;
  let items = 0;
  const counted = keyCounter(limits);
  const value = read(0);
  return at === bytes.length ? value : malformed();

  function read(depth: number): unknown {
    items += 1;
    if (items > limits.maxItems) refuse("too-large", `holds more than ${limits.maxItems} values`);
    const code = view.getUint8(skip(1));
    if (code < 0x80) return code;
    if (code < 0x90) return map(code & 0x0f, depth);
    if (code < 0xa0) return array(code & 0x0f, depth);
    if (code < 0xc0) return text(code & 0x1f);
    if (code >= 0xe0) return code - 0x100;
    return readByCode(code, depth);
  }

  function readByCode(code: number, depth: number): unknown {
    switch (code) {
      case 0xc0:
        return null;
      case 0xc2:
        return false;
      case 0xc3:
        return true;
      case 0xc4:
      case 0xc5:
      case 0xc6:
        return new Uint8Array(take(size(code - 0xc4)));
      case 0xc7:
      case 0xc8:
      case 0xc9:
        return extension(size(code - 0xc7));
      case 0xca:
        return view.getFloat32(skip(4));
      case 0xcb:
        return view.getFloat64(skip(8));
      case 0xcc:
      case 0xcd:
      case 0xce:
        return size(code - 0xcc);
      case 0xcf:
        return safe(view.getBigUint64(skip(8)));
      case 0xd0:
        return view.getInt8(skip(1));
      case 0xd1:
        return view.getInt16(skip(2));
      case 0xd2:
        return view.getInt32(skip(4));
      case 0xd3:
        return safe(view.getBigInt64(skip(8)));
      case 0xd4:
      case 0xd5:
      case 0xd6:
      case 0xd7:
      case 0xd8:
        return extension(1 << (code - 0xd4));
      case 0xd9:
      case 0xda:
      case 0xdb:
        return text(size(code - 0xd9));
      case 0xdc:
      case 0xdd:
        return array(size(code - 0xdb), depth);
      case 0xde:
      case 0xdf:
        return map(size(code - 0xdd), depth);
      default:
        return malformed();
    }
  }

  /** A number of one, two or four bytes. */
  function size(exponent: number): number {
    if (exponent === 0) return view.getUint8(skip(1));
    return exponent === 1 ? view.getUint16(skip(2)) : view.getUint32(skip(4));
  }

  function skip(count: number): number {
    const start = at;
    if (count > bytes.length - start) malformed();
    at += count;
    return start;
  }

  function take(count: number): Uint8Array {
    const start = skip(count);
    return bytes.subarray(start, start + count);
  }

  function text(length: number): string {
    return utf8Text(take(length)) ?? malformed();
  }

  function enter(depth: number): number {
    if (depth >= limits.maxDepth)
      refuse("too-large", `lies more than ${limits.maxDepth} levels deep`);
    return depth + 1;
  }

  function array(length: number, depth: number): unknown[] {
    const inner = enter(depth);
    const result: unknown[] = [];
    for (let left = length; left > 0; left -= 1) result.push(read(inner));
    return result;
  }

  function map(length: number, depth: number): unknown {
    const inner = enter(depth);
    const entries: [unknown, unknown][] = [];
    for (let left = length; left > 0; left -= 1) entries.push([read(inner), read(inner)]);
    const keys = counted(entries.map(([key]) => key));
    if (!keys.every((key) => typeof key === "string")) return new Map(entries);
    const record: Record<string, unknown> = {};
    for (const [key, item] of entries) define(record, key as string, item);
    return record;
  }

  function extension(length: number): Date {
    const type = view.getInt8(skip(1));
    const start = skip(length);
    if (type !== -1) refuse("unsupported", "holds a MessagePack extension that is not a timestamp");
    return timestamp(start, length);
  }

  function timestamp(start: number, length: number): Date {
    if (length === 4) return new Date(view.getUint32(start) * 1000);
    if (length === 8) {
      const both = view.getBigUint64(start);
      return dateOf(both & 0x3ffffffffn, Number(both >> 34n));
    }
    return length === 12 ? dateOf(view.getBigInt64(start + 4), view.getUint32(start)) : malformed();
  }
}

function dateOf(seconds: bigint, nanos: number): Date {
  const date = new Date(Number(seconds) * 1000 + Math.floor(nanos / 1_000_000));
  const isReal = nanos < 1_000_000_000 && !Number.isNaN(date.getTime());
  return isReal ? withNanos(date, nanos % 1_000_000) : malformed();
}

function safe(value: bigint): number | bigint {
  const number = Number(value);
  return Number.isSafeInteger(number) ? number : value;
}

function malformed(): never {
  return refuse("malformed", "is no whole MessagePack record");
}
