/**
 * What a pickle builds: the constructors that may be called, and the values that come out.
 *
 * @module
 */

import { define } from "../../codec/define.ts";
import type { Limits } from "./limits.ts";
import { keyCounter } from "./limits.ts";
import { refuse } from "./refusal.ts";
import type { Call } from "./values.ts";
import { callOf, madeBy, naiveDate, ofKind, plainDate, timeDelta, tuple } from "./values.ts";

/** A value on the stack of the machine. Containers are not what they will be: they may still change. */
export type PickleNode =
  | null
  | boolean
  | number
  | bigint
  | string
  | Uint8Array
  | PickleContainer
  | { readonly kind: "global"; readonly name: string }
  | { readonly kind: "timezone"; readonly offset: number; readonly call: Call }
  | { readonly kind: "made"; readonly value: object };

/** A dict holds its keys and values in turn. */
export interface PickleContainer {
  readonly kind: "list" | "tuple" | "dict" | "set" | "frozenset";
  readonly items: PickleNode[];
}

/**
 * A global that may be called. Gives up on every other, by name.
 */
export function globalNode(
  module: PickleNode | undefined,
  name: PickleNode | undefined,
): PickleNode {
  if (typeof module !== "string" || typeof name !== "string") return malformed();
  const full = `${module}.${name}`;
  if (CONSTRUCTORS.has(full)) return { kind: "global", name: full };
  const shown = /^[\w.]{1,80}$/.test(full) ? full : "with an odd name";
  return refuse("unsupported", `is a pickle with the global ${shown}, which is never called`);
}

/** Calls a global of {@link globalNode}. */
export function reduce(callee: PickleNode | undefined, args: PickleNode | undefined): PickleNode {
  if (!isKind(callee, "global") || !isKind(args, "tuple")) return malformed();
  return (CONSTRUCTORS.get(callee.name) as Constructor)(args.items);
}

/** How much a call goes through: what is not data of its own has its bulk in the first argument. */
export function copiedBy(args: PickleNode | undefined): number {
  const first = isKind(args, "tuple") ? args.items[0] : undefined;
  if (typeof first === "string" || first instanceof Uint8Array) return first.length;
  return first !== undefined && isContainer(first) ? first.items.length : 0;
}

/** Makes values of the nodes. Gives up on cycles, and on what is deeper or larger than the limits. */
export function finishPickle(root: PickleNode, limits: Limits): unknown {
  const finished = new Map<PickleContainer, Finished>();
  const open = new Set<PickleContainer>();
  const counted = keyCounter(limits);
  return finish(root, 0).value;

  function finish(node: PickleNode, depth: number): Finished {
    if (!isContainer(node)) {
      return { value: scalar(node), size: 1, bytes: bytesIn(node), levels: 0 };
    }
    if (depth >= limits.maxDepth) tooLarge();
    // Shared, as it is in Python. It counts each time: who walks the value meets it each time.
    const known = finished.get(node);
    if (known !== undefined) return depth + known.levels > limits.maxDepth ? tooLarge() : known;
    if (open.has(node)) refuse("unsupported", "is a pickle of something that contains itself");
    open.add(node);
    let size = 1;
    let bytes = 0;
    let levels = 1;
    const items = node.items.map((item) => {
      const child = finish(item, depth + 1);
      size += child.size;
      bytes += child.bytes;
      levels = Math.max(levels, child.levels + 1);
      if (size > limits.maxItems || bytes > limits.maxBytes) tooLarge();
      return child.value;
    });
    open.delete(node);
    const result = { value: build(node.kind, items, counted), size, bytes, levels };
    finished.set(node, result);
    return result;
  }

  function tooLarge(): never {
    return refuse("too-large", "is a pickle of more values, or deeper ones, than are read");
  }
}

/** What a container has become, and what it and all in it take when it is written again. */
interface Finished {
  readonly value: unknown;
  readonly size: number;
  readonly bytes: number;
  /** Containers inside one another, this one included. */
  readonly levels: number;
}

/** Text, bytes and long numbers can be referred to as well as anything else. */
function bytesIn(node: Exclude<PickleNode, PickleContainer>): number {
  if (typeof node === "string" || node instanceof Uint8Array) return node.length;
  if (typeof node === "bigint") return node.toString(16).length / 2;
  const isMade = isKind(node, "made");
  return isMade ? bytesOfCall(callOf(node.value)) : 0;
}

/** A moment is written again with all that it was made of: the name of its zone is a text of any length. */
function bytesOfCall(arg: Call["args"][number] | undefined): number {
  if (typeof arg === "string" || arg instanceof Uint8Array) return arg.length;
  if (typeof arg !== "object") return 0;
  return arg.args.reduce<number>((sum, each) => sum + bytesOfCall(each), 0);
}

type Counted = ReturnType<typeof keyCounter>;

function build(kind: PickleContainer["kind"], items: unknown[], counted: Counted): unknown {
  switch (kind) {
    case "list":
      return items;
    case "tuple":
      return tuple(items);
    case "set":
      return new Set(counted(items));
    case "frozenset":
      return ofKind(new Set(counted(items)), "frozenset");
    case "dict":
      return dictOf(items, counted);
  }
}

function dictOf(items: readonly unknown[], counted: Counted): unknown {
  const keys = items.filter((_, at) => at % 2 === 0);
  const values = items.filter((_, at) => at % 2 === 1);
  counted(keys);
  if (!keys.every((key) => typeof key === "string")) {
    return new Map(keys.map((key, at) => [key, values[at]]));
  }
  const record: Record<string, unknown> = {};
  keys.forEach((key, at) => {
    define(record, key, values[at]);
  });
  return record;
}

function scalar(node: Exclude<PickleNode, PickleContainer>): unknown {
  if (node === null || typeof node !== "object" || node instanceof Uint8Array) return node;
  if (node.kind === "made") return node.value;
  return refuse(
    "unsupported",
    "is a pickle that refers to a class or a zone, and not only to data",
  );
}

type Constructor = (args: readonly PickleNode[]) => PickleNode;

/** Those of Python 3 and, where the name differs, of Python 2. */
const CONSTRUCTORS: ReadonlyMap<string, Constructor> = new Map<string, Constructor>([
  ["datetime.datetime", makeDatetime],
  ["datetime.date", makeDate],
  ["datetime.timedelta", makeTimedelta],
  ["datetime.timezone", makeTimezone],
  // What `django.utils.timezone.now()` gives has it before Django 4.
  ["pytz._UTC", () => ({ kind: "timezone", offset: 0, call: { callee: "pytz._UTC", args: [] } })],
  ["_codecs.encode", makeEncoded],
  ["builtins.bytearray", makeByteArray],
  ["__builtin__.bytearray", makeByteArray],
  ["builtins.bytes", makeBytes],
  ["__builtin__.bytes", makeBytes],
  ["builtins.set", makeSet],
  ["__builtin__.set", makeSet],
  ["builtins.frozenset", makeFrozenSet],
  ["__builtin__.frozenset", makeFrozenSet],
]);

/** Ten bytes: year, month, day, hour, minute, second, microseconds; then perhaps a zone. */
function makeDatetime([state, zone]: readonly PickleNode[]): PickleNode {
  if (!(state instanceof Uint8Array) || state.length !== 10) return malformed();
  const [high, low, month, day, hour, minute, second, ...rest] = state as unknown as number[];
  const micros = rest.reduce((sum, byte) => sum * 256 + byte, 0);
  const year = (high as number) * 256 + (low as number);
  // The high bit of the month tells apart the two hours of one name when summer time ends.
  const moment = momentOf(year, (month as number) & 0x7f, day as number);
  const clock = ((hour as number) * 60 + (minute as number)) * 60 + (second as number);
  const local = moment + clock * 1000 + Math.floor(micros / 1000);
  if (clock >= 86_400 || micros >= 1_000_000) return malformed();
  const made = (value: Date, ...args: Call[]): PickleNode => ({
    kind: "made",
    value: madeBy(value, { callee: "datetime.datetime", args: [state, ...args] }),
  });
  if (zone === undefined || zone === null) return made(naiveDate(local));
  return isKind(zone, "timezone") ? made(new Date(local - zone.offset), zone.call) : malformed();
}

function makeDate([state]: readonly PickleNode[]): PickleNode {
  if (!(state instanceof Uint8Array) || state.length !== 4) return malformed();
  const [high, low, month, day] = state as unknown as [number, number, number, number];
  const moment = new Date(momentOf(high * 256 + low, month, day));
  return { kind: "made", value: plainDate(moment.toISOString().slice(0, 10)) };
}

function momentOf(year: number, month: number, day: number): number {
  // setUTCFullYear, because Date.UTC takes the years before 100 for those of the last century.
  const date = new Date(0);
  date.setUTCFullYear(year, month - 1, day);
  const isReal = year >= 1 && year <= 9999 && date.getUTCMonth() === month - 1 && day >= 1;
  return isReal && date.getUTCDate() === day ? date.getTime() : malformed();
}

function makeTimedelta(args: readonly PickleNode[]): PickleNode {
  const [days, seconds, micros] = args;
  if (typeof days !== "number" || typeof seconds !== "number" || typeof micros !== "number") {
    return malformed();
  }
  const delta = timeDelta(days * 86_400 + seconds + micros / 1_000_000);
  const call = { callee: "datetime.timedelta", args: [days, seconds, micros] };
  return { kind: "made", value: madeBy(delta, call) };
}

function makeTimezone([offset, name]: readonly PickleNode[]): PickleNode {
  const delta = isKind(offset, "made") && "seconds" in offset.value ? offset.value : malformed();
  const named = typeof name === "string" ? [name] : [];
  const args = [callOf(delta) as Call, ...named];
  const call = { callee: "datetime.timezone", args };
  return { kind: "timezone", offset: (delta["seconds"] as number) * 1000, call };
}

/** How protocols 0 to 2 hold bytes: text of which each character is one. */
function makeEncoded([text, encoding]: readonly PickleNode[]): PickleNode {
  return encoding === "latin1" && typeof text === "string" ? bytesOfLatin1(text) : malformed();
}

function makeBytes(args: readonly PickleNode[]): PickleNode {
  const [content, encoding] = args;
  if (args.length === 0) return new Uint8Array();
  if (content instanceof Uint8Array) return content;
  return typeof content === "string" && encoding === "latin-1"
    ? bytesOfLatin1(content)
    : malformed();
}

function makeByteArray(args: readonly PickleNode[]): PickleNode {
  const bytes = makeBytes(args);
  return bytes instanceof Uint8Array ? ofKind(new Uint8Array(bytes), "bytearray") : malformed();
}

function bytesOfLatin1(text: string): Uint8Array {
  const codes = Array.from(text, (character) => character.codePointAt(0) as number);
  return codes.every((code) => code < 256) ? Uint8Array.from(codes) : malformed();
}

function makeSet([items]: readonly PickleNode[]): PickleNode {
  return isKind(items, "list") || isKind(items, "tuple") || isKind(items, "set")
    ? { kind: "set", items: [...items.items] }
    : malformed();
}

function makeFrozenSet(args: readonly PickleNode[]): PickleNode {
  const made = makeSet(args);
  return isKind(made, "set") ? { kind: "frozenset", items: made.items } : malformed();
}

function isKind<Kind extends string>(
  node: PickleNode | undefined,
  kind: Kind,
): node is Extract<PickleNode, { kind: unknown }> & { readonly kind: Kind } {
  const isNode = typeof node === "object" && node !== null && !(node instanceof Uint8Array);
  return isNode && node.kind === kind;
}

function isContainer(node: PickleNode): node is PickleContainer {
  return typeof node === "object" && node !== null && "items" in node;
}

function malformed(): never {
  return refuse("malformed", "is no whole pickle");
}
