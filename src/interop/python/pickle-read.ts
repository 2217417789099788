/**
 * Reads pickles without running them: data is read, everything that would call something is refused by name.
 *
 * A pickle is a program for a small stack machine, and `REDUCE`, `BUILD` and their kin call whatever it
 * names. This one knows the instructions that make data, protocols 0 to 5, and the constructors that do
 * nothing but hold data: `datetime`, `date`, `timedelta`, `timezone`, `pytz`'s UTC, sets and bytes.
 *
 * @see https://docs.python.org/3/library/pickle.html
 * @see https://github.com/python/cpython/blob/main/Lib/pickletools.py
 * @module
 */

import { utf8Text } from "../../lib/bytes.ts";
import type { Refused } from "../source.ts";
import type { Limits, ReadLimits } from "./limits.ts";
import { limitsOf } from "./limits.ts";
import type { PickleNode } from "./pickle-nodes.ts";
import { copiedBy, finishPickle, globalNode, reduce } from "./pickle-nodes.ts";
import type { Taken } from "./refusal.ts";
import { answerNow, refuse } from "./refusal.ts";
import { ofKind } from "./values.ts";

/**
 * The value of a pickle that holds nothing but data.
 *
 * | Python | here |
 * |---|---|
 * | None, bool, str, float | null, boolean, string, number |
 * | int | number, above 2^53 bigint |
 * | bytes, bytearray | `Uint8Array` |
 * | list, tuple | array; `isTuple` tells |
 * | dict | object when all keys are text, else `Map` |
 * | set, frozenset | `Set` |
 * | datetime | `Date`: milliseconds, a naive one taken as UTC; `isNaive` tells |
 * | date, timedelta | `PlainDate`, `TimeDelta` |
 *
 * What is less here than in Python (microseconds, a zone, a frozenset, a bytearray) is written exactly as it
 * came while it is the same object with the same moment.
 *
 * @returns `unsupported`, naming the instruction or the global, for everything else; `malformed` for what
 * is cut short or no pickle.
 */
export function readPickle(bytes: Uint8Array, limits?: ReadLimits): Taken<unknown> | Refused {
  return answerNow(() => ({ value: unpickle(bytes, limitsOf(limits)) }));
}

/** The same for other readers: gives up instead of answering. @internal */
export function unpickle(bytes: Uint8Array, limits: Limits): unknown {
  if (bytes.length > limits.maxBytes) refuse("too-large", "is a larger pickle than is read");
  return finishPickle(runPickle(bytes, limits), limits);
}

function runPickle(bytes: Uint8Array, limits: Limits): PickleNode {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const memo = new Map<number, PickleNode>();
  const marks: number[] = [];
  const stack: PickleNode[] = [];
  let at = 0;
  let steps = 0;
  let copied = 0;

  for (;;) {
    steps += 1;
    if (steps > limits.maxItems * 4) refuse("too-large", "has more instructions than are run");
    const opcode = takeByte();
    if (opcode === STOP) break;
    step(opcode);
  }
  return stack.length === 1 && marks.length === 0 && at === bytes.length ? pop() : malformed();

  function step(opcode: number): void {
    switch (String.fromCharCode(opcode)) {
      case "\x80":
        if (takeByte() > 5) refuse("unsupported", "is a pickle of a protocol above 5");
        return;
      case "\x95":
        // A frame says how much follows. What follows says so itself.
        takeSize8();
        return;
      case "(":
        marks.push(stack.length);
        return;
      case "0":
        pop();
        return;
      case "1":
        popMark();
        return;
      case "2":
        push(top());
        return;
      case "N":
        push(null);
        return;
      case "\x88":
        push(true);
        return;
      case "\x89":
        push(false);
        return;
      case "I":
        push(intOfLine(takeLine()));
        return;
      case "L":
        push(longOfLine(takeLine()));
        return;
      case "J":
        push(view.getInt32(skip(4), true));
        return;
      case "K":
        push(takeByte());
        return;
      case "M":
        push(view.getUint16(skip(2), true));
        return;
      case "\x8a":
        push(longOfBytes(takeBytes(takeByte())));
        return;
      case "\x8b":
        push(longOfBytes(takeBytes(takeSize4())));
        return;
      case "F":
        push(floatOfLine(takeLine()));
        return;
      case "G":
        push(view.getFloat64(skip(8), false));
        return;
      case "S":
        push(textOfRepr(takeLine()));
        return;
      case "T":
        push(asciiOf(takeBytes(takeSize4())));
        return;
      case "U":
        push(asciiOf(takeBytes(takeByte())));
        return;
      case "V":
        push(textOfRawEscapes(takeLine()));
        return;
      case "X":
        push(textOf(takeBytes(takeSize4())));
        return;
      case "\x8c":
        push(textOf(takeBytes(takeByte())));
        return;
      case "\x8d":
        push(textOf(takeBytes(takeSize8())));
        return;
      case "B":
        push(new Uint8Array(takeBytes(takeSize4())));
        return;
      case "C":
        push(new Uint8Array(takeBytes(takeByte())));
        return;
      case "\x8e":
        push(new Uint8Array(takeBytes(takeSize8())));
        return;
      case "\x96":
        push(ofKind(new Uint8Array(takeBytes(takeSize8())), "bytearray"));
        return;
      case "]":
        push({ kind: "list", items: [] });
        return;
      case "l":
        push({ kind: "list", items: popMark() });
        return;
      case "a":
        extend("list", [pop()]);
        return;
      case "e":
        extend("list", popMark());
        return;
      case ")":
        push({ kind: "tuple", items: [] });
        return;
      case "t":
        push({ kind: "tuple", items: popMark() });
        return;
      case "\x85":
      case "\x86":
      case "\x87":
        push({ kind: "tuple", items: popItems(opcode - 0x84) });
        return;
      case "}":
        push({ kind: "dict", items: [] });
        return;
      case "d":
        push({ kind: "dict", items: pairs(popMark()) });
        return;
      case "s":
        extend("dict", popItems(2));
        return;
      case "u":
        extend("dict", pairs(popMark()));
        return;
      case "\x8f":
        push({ kind: "set", items: [] });
        return;
      case "\x90":
        extend("set", popMark());
        return;
      case "\x91":
        push({ kind: "frozenset", items: popMark() });
        return;
      case "p":
        keep(indexOf(takeLine()));
        return;
      case "q":
        keep(takeByte());
        return;
      case "r":
        keep(takeSize4());
        return;
      case "\x94":
        memo.set(memo.size, top());
        return;
      case "g":
        push(memo.get(indexOf(takeLine())));
        return;
      case "h":
        push(memo.get(takeByte()));
        return;
      case "j":
        push(memo.get(takeSize4()));
        return;
      case "c":
        push(globalNode(takeLine(), takeLine()));
        return;
      case "\x93": {
        const [module, name] = popItems(2);
        push(globalNode(module, name));
        return;
      }
      case "R": {
        const [callee, args] = popItems(2);
        // One list can be named in three bytes, and made a set of as often as there is room to say so.
        copied += copiedBy(args);
        if (copied > limits.maxBytes) refuse("too-large", "is a pickle that copies too much");
        push(reduce(callee, args));
        return;
      }
      default:
        refuseOpcode(opcode);
    }
  }

  function takeByte(): number {
    return bytes[skip(1)] as number;
  }

  /** Where the next bytes begin; goes past them. */
  function skip(count: number): number {
    const start = at;
    if (count > bytes.length - start) malformed();
    at += count;
    return start;
  }

  function takeBytes(count: number): Uint8Array {
    const start = skip(count);
    return bytes.subarray(start, start + count);
  }

  function takeSize4(): number {
    return view.getUint32(skip(4), true);
  }

  function takeSize8(): number {
    return Number(view.getBigUint64(skip(8), true));
  }

  function takeLine(): string {
    const end = bytes.indexOf(0x0a, at);
    if (end === -1) malformed();
    const line = latin1(bytes.subarray(at, end));
    at = end + 1;
    return line;
  }

  function push(node: PickleNode | undefined): void {
    if (node === undefined) malformed();
    stack.push(node);
  }

  function pop(): PickleNode {
    const [node] = popItems(1);
    return node as PickleNode;
  }

  function top(): PickleNode {
    const node = pop();
    stack.push(node);
    return node;
  }

  function popItems(count: number): PickleNode[] {
    const floor = marks.at(-1) ?? 0;
    if (stack.length - count < floor) malformed();
    return stack.splice(stack.length - count);
  }

  function popMark(): PickleNode[] {
    return stack.splice(marks.pop() ?? malformed());
  }

  /** Python counts what it keeps. Other numbers could be such that an engine finds them one after the other. */
  function keep(index: number): void {
    if (index > bytes.length) malformed();
    memo.set(index, top());
  }

  function extend(kind: "list" | "dict" | "set", items: readonly PickleNode[]): void {
    const container = top();
    if (container === null || typeof container !== "object" || !("kind" in container)) malformed();
    if (container.kind !== kind) malformed();
    for (const item of items) container.items.push(item);
  }
}

const STOP = 0x2e;

const REFUSED: Readonly<Record<string, string>> = {
  P: "PERSID",
  Q: "BINPERSID",
  b: "BUILD",
  i: "INST",
  o: "OBJ",
  "\x81": "NEWOBJ",
  "\x82": "EXT1",
  "\x83": "EXT2",
  "\x84": "EXT4",
  "\x92": "NEWOBJ_EX",
  "\x97": "NEXT_BUFFER",
  "\x98": "READONLY_BUFFER",
};

function refuseOpcode(opcode: number): never {
  const name = REFUSED[String.fromCharCode(opcode)];
  if (name === undefined) malformed();
  return refuse("unsupported", `is a pickle that makes an object (${name}), which is never done`);
}

function malformed(): never {
  return refuse("malformed", "is no whole pickle");
}

function pairs(items: PickleNode[]): PickleNode[] {
  return items.length % 2 === 0 ? items : malformed();
}

function indexOf(line: string): number {
  return /^[0-9]{1,9}$/.test(line) ? Number(line) : malformed();
}

/** `I01` and `I00` are how protocols 0 and 1 say True and False. */
function intOfLine(line: string): PickleNode {
  if (line === "01") return true;
  return line === "00" ? false : wholeNumber(line);
}

function longOfLine(line: string): PickleNode {
  return wholeNumber(line.endsWith("L") ? line.slice(0, -1) : line);
}

/** More digits take quadratic time; Python 3.11 refuses to read them too. */
const MAX_DIGITS = 4300;

function wholeNumber(digits: string): number | bigint {
  if (!/^-?[0-9]+$/.test(digits)) malformed();
  if (digits.length > MAX_DIGITS)
    refuse("too-large", `holds a number of over ${MAX_DIGITS} digits`);
  const number = Number(digits);
  return Number.isSafeInteger(number) ? number : BigInt(digits);
}

/** Two's complement, the low byte first. */
function longOfBytes(bytes: Uint8Array): number | bigint {
  if (bytes.length > MAX_DIGITS / 2) refuse("too-large", "holds a number of too many digits");
  if (bytes.length === 0) return 0;
  const digits = Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0"))
    .reverse()
    .join("");
  const long = BigInt.asIntN(bytes.length * 8, BigInt(`0x${digits}`));
  const number = Number(long);
  return Number.isSafeInteger(number) ? number : long;
}

function floatOfLine(line: string): number {
  if (line === "nan") return Number.NaN;
  if (/^-?inf$/.test(line)) return line === "inf" ? Infinity : -Infinity;
  return /^-?[0-9.]+(?:e[+-]?[0-9]+)?$/.test(line) ? Number(line) : malformed();
}

function textOf(bytes: Uint8Array): string {
  return utf8Text(bytes) ?? malformed();
}

/** Text of Python 2. What is not ASCII is bytes in an encoding that the pickle does not name. */
function asciiOf(bytes: Uint8Array): string {
  if (bytes.some((byte) => byte > 127)) {
    refuse("unsupported", "is a pickle of Python 2 with text that is not ASCII");
  }
  return latin1(bytes);
}

function latin1(bytes: Uint8Array): string {
  let text = "";
  for (const byte of bytes) text += String.fromCharCode(byte);
  return text;
}

/** `'it\'s'` */
function textOfRepr(line: string): string {
  const quote = line[0];
  if (line.length < 2 || (quote !== "'" && quote !== '"') || !line.endsWith(quote)) malformed();
  const text = line.slice(1, -1).replace(/\\(?:x([0-9a-f]{2})|(.?))/g, (_, code, character) => {
    if (code !== undefined) return String.fromCharCode(Number.parseInt(code, 16));
    return ESCAPES[character] ?? malformed();
  });
  return asciiOf(Uint8Array.from(text, (character) => character.charCodeAt(0)));
}

const ESCAPES: Readonly<Record<string, string>> = {
  "\\": "\\",
  "'": "'",
  '"': '"',
  n: "\n",
  r: "\r",
  t: "\t",
};

/** `raw-unicode-escape`: Latin-1, with `\uXXXX` and `\UXXXXXXXX` for the rest. */
function textOfRawEscapes(line: string): string {
  return line.replace(/\\u([0-9a-fA-F]{4})|\\U([0-9a-fA-F]{8})/g, (_, short, long) => {
    const code = Number.parseInt(short ?? long, 16);
    return code > 0x10ffff ? malformed() : String.fromCodePoint(code);
  });
}
