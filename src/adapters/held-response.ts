/**
 * A response whose head is held back, and what the app sees of it meanwhile: a head that is out.
 *
 * @module
 */

import type { Committer } from "../core/handle.ts";
import type { HeadChanges } from "../core/session.ts";
import type { NodeResponse } from "./node-response.ts";
import { headersAreSent } from "./node-response.ts";

export type Call = (...args: unknown[]) => unknown;

/**
 * `"passing"`: calls go through, because no session was used yet, or its commit is over. `"open"`: nothing was
 * sent. `"held"`: for the app the head is out; the commit is under way. `"dropped"`: calls lead nowhere,
 * because the connection is gone or an error answer went out in their place.
 */
export type Stage = "open" | "held" | "passing" | "dropped";

/**
 * The methods of a response as they were before ours, perhaps another middleware's. Classes, not literals, for the
 * reason that `State` gives.
 */
export class Passing {
  stage: Stage = "passing";
  declare readonly writeHead: Call;
  declare readonly write: Call;
  declare readonly end: Call;
  declare readonly flushHeaders: Call;

  constructor(methods: Methods) {
    this.writeHead = methods.writeHead as Call;
    this.write = methods.write as Call;
    this.end = methods.end as Call;
    this.flushHeaders = methods.flushHeaders as Call;
  }
}

/** The same for one whose session was used: of several, of an app that keeps several kinds. */
export class Hold extends Passing {
  override stage: Stage = "open";
  sessions: readonly Committer[] = NOBODY;
  declare readonly dev: boolean;
  /** As they were when the head was frozen. No message over HTTP/2. */
  methods: Sending = NO_METHODS;
  status = 0;
  message: string | undefined = undefined;
  /** What the app has called since its head was frozen. */
  calls: (readonly [method: Call, args: readonly unknown[]])[] = [];
  /** What the session asks of the head, while others may still change it. */
  changes: HeadChanges | undefined = undefined;
  /** Of the chunks that were written while the head was held. */
  bytes = 0;
  ended = false;
  /** `write` has returned `false`, so a `drain` is owed. */
  owesDrain = false;
  /** Gives other middleware the `drain` listeners that it would have taken. */
  handOn: (() => void) | undefined = undefined;
  /** Why calls lead nowhere any more. */
  reason: unknown = undefined;

  constructor(methods: Methods, dev: boolean) {
    super(methods);
    this.dev = dev;
  }
}

/** What sends a head. */
export const METHODS = ["writeHead", "write", "end", "flushHeaders"] as const;

export type Methods = Pick<NodeResponse, (typeof METHODS)[number]>;

/** And what sets its headers. */
const SETTERS = ["setHeader", "appendHeader", "removeHeader"] as const;

type Sending = Partial<Record<keyof Methods | (typeof SETTERS)[number], unknown>>;

const SENDING: readonly (keyof Sending)[] = [...METHODS, ...SETTERS];

const NO_METHODS: Sending = {};

const NOBODY: readonly Committer[] = [];

export const HOLD: unique symbol = Symbol("coatcheck.hold");

export type HeldResponse = NodeResponse & { [HOLD]: Hold };

/** Shows a head that is out, on the methods and properties that tell. */
export function showSent(res: HeldResponse, hold: Hold): void {
  hold.methods = putMethods(res, res);
  res.setHeader = setHeader;
  res.appendHeader = appendHeader;
  res.removeHeader = removeHeader;
  Object.defineProperty(res, "headersSent", HEADERS_SENT);
  // Not `finished`: `server.close()` goes by it, and would take the connection of an answer that waits.
  Object.defineProperty(res, "writableEnded", WRITABLE_ENDED);
}

/**
 * Sends with the methods that were there when the head was frozen. For the app it is out, and some put others that
 * do nothing in their places from then on, so that nothing can follow.
 */
export function sendAsFrozen(res: HeldResponse, hold: Hold, send: () => void): void {
  const since = putMethods(res, hold.methods);
  try {
    send();
  } finally {
    putMethods(res, since);
  }
}

/** @returns those that were there. */
function putMethods(res: HeldResponse, methods: Sending): Sending {
  const before: Sending = {};
  for (const name of SENDING) {
    before[name] = res[name];
    if (res[name] !== methods[name]) res[name] = methods[name] as never;
  }
  return before;
}

/** Shows chunks that wait: who writes a stream looks at these, and may leave before it is out. */
export function showQueue(res: HeldResponse): void {
  Object.defineProperty(res, "writableLength", WRITABLE_LENGTH);
  Object.defineProperty(res, "writableNeedDrain", WRITABLE_NEED_DRAIN);
}

/** From here on calls lead nowhere. Whoever waits for one is called back with the reason. */
export function drop(hold: Hold, reason: unknown): void {
  const { calls } = hold;
  hold.stage = "dropped";
  hold.reason = reason;
  hold.calls = [];
  for (const [, args] of calls) callBack(args, reason);
}

/** Calls the callback among the arguments of a write, if there is one. */
export function callBack(args: readonly unknown[], reason: unknown): void {
  const callback = args.find((each) => typeof each === "function") as Call | undefined;
  if (callback !== undefined) queueMicrotask(() => callback(reason));
}

/** Whether the head is out, whatever the app is told. */
export function isSent(res: HeldResponse): boolean {
  return Reflect.get(Object.getPrototypeOf(res), "headersSent", res) as boolean;
}

/**
 * Compression takes the `drain` listeners of the response for its own stream, which owes nothing for
 * what waited here. So meanwhile they stay on the response, and are handed on after that one `drain`.
 */
export function keepDrainListeners(res: HeldResponse, hold: Hold): void {
  const others = res.on as Call;
  const plain = Object.getPrototypeOf(res).on as Call;
  const kept: unknown[] = [];
  res.on = function on(this: HeldResponse, ...args: unknown[]): unknown {
    const [event, listener] = args;
    const passes = hold.stage === "passing" || event !== "drain";
    if (passes) return others.apply(this, args);
    kept.push(listener);
    return plain.apply(this, args);
  };
  hold.handOn = () => {
    for (const listener of kept.filter((each) => res.rawListeners("drain").includes(each))) {
      res.removeListener("drain", listener as Call);
      others.call(res, "drain", listener);
    }
  };
}

const setHeader = frozen("setHeader", "set");
const appendHeader = frozen("appendHeader", "append");
const removeHeader = frozen("removeHeader", "remove");

function frozen(name: (typeof SETTERS)[number], verb: string) {
  return function (this: HeldResponse, ...args: unknown[]): unknown {
    const { stage, methods } = this[HOLD];
    if (stage !== "passing") throw headersAreSent(this, verb);
    return (methods[name] as Call).apply(this, args);
  };
}

const HEADERS_SENT = shown("headersSent", () => true);
const WRITABLE_ENDED = shown("writableEnded", (hold, before) => hold.ended || before);
const WRITABLE_LENGTH = shown("writableLength", (hold, before) => hold.bytes + Number(before));
const WRITABLE_NEED_DRAIN = shown("writableNeedDrain", (hold) => hold.owesDrain && !hold.ended);

/** What a property says while calls wait or are dropped; otherwise it says what it said before us. */
function shown(name: string, value: (hold: Hold, before: unknown) => unknown): PropertyDescriptor {
  return {
    configurable: true,
    get(this: HeldResponse): unknown {
      const before = Reflect.get(Object.getPrototypeOf(this), name, this) as unknown;
      return this[HOLD].stage === "passing" ? before : value(this[HOLD], before);
    },
  };
}
