/**
 * Holds the head of a Node response back until its sessions are committed: the first byte leaves
 * after the store has taken the changes (P9).
 *
 * The first of `writeHead`, `write`, `end` and `flushHeaders` starts the commit. From then on, for the
 * app, the head is out: status and headers are copied, `headersSent` is true, and whatever would
 * change a header throws as Node's does. What is written meanwhile waits in order. Then the same
 * calls are made again, on what was there before us, so that Node decides about framing, `HEAD`,
 * `304` and errors exactly as it would have. Where nothing has to be waited for, the commit is over before
 * that first call goes on, and nothing is held.
 *
 * Only methods of the documented API are replaced, and calls go through until a session is used.
 * Informational responses (`writeContinue`, `writeEarlyHints`) and trailers are not held.
 *
 * @module
 */

import type { Committer } from "../core/handle.ts";
import { commitHead, onFirstUse } from "../core/handle.ts";
import type { HeadChanges } from "../core/session.ts";
import type { Answer } from "../stores/contract.ts";
import { answer } from "./answer.ts";
import { failureOf, isAnswer } from "./failure.ts";
import { applyHead, mergeChanges, NO_CHANGES } from "./head.ts";
import type { Call, HeldResponse, Methods } from "./held-response.ts";
import {
  callBack,
  drop,
  HOLD,
  Hold,
  isSent,
  keepDrainListeners,
  METHODS,
  Passing,
  sendAsFrozen,
  showQueue,
  showSent,
} from "./held-response.ts";
import type { NodeResponse } from "./node-response.ts";
import {
  checkChunk,
  checkLength,
  checkStatusLine,
  headersAreSent,
  isHttp2,
  nodeError,
  sizeOf,
} from "./node-response.ts";
import { takeHead } from "./write-head.ts";

/** Holds the head back from when the session is first used. */
export function holdHeadOnUse(response: NodeResponse, session: Committer, dev: boolean): void {
  // Bound, not a closure: for those Express on Node 20 pays some 8 µs per request.
  onFirstUse(session, holdHead.bind(undefined, response, session, dev));
}

/**
 * Commits the session before the first byte of the response.
 *
 * @param dev - tells the handle when the response is over, and the client why its request failed.
 */
export function holdHead(response: NodeResponse, session: Committer, dev: boolean): void {
  const res = response as HeldResponse & WithBelow;
  // engine.io's response of an upgrade does not say, and sends its head without waiting for anything; with
  // @fastify/express one says no that has sent it.
  if (res.headersSent !== false || (Object.hasOwn(res, "headersSent") && isSent(res))) {
    // Too late for any header: the handle is told, so that it refuses what needs one.
    session.commit({ at: "head" }).catch(ignore);
    if (dev) res.once?.("close", () => session.commit({ at: "end" }).catch(ignore));
    return;
  }
  if (res[HOLD] === undefined) {
    // An app that is mounted may have put methods on its responses that lead past those of all apps.
    if (res[BELOW] === undefined || !holdBelow(Object.getPrototypeOf(res))) prepareHold(res);
    else res[HOLD] = new Passing(res[BELOW].before) as Hold;
  }
  const hold = res[HOLD] instanceof Hold ? res[HOLD] : begin(res, dev);
  // Nearly always one, without a spread, which takes three times as long.
  hold.sessions = hold.sessions.length === 0 ? [session] : [...hold.sessions, session];
}

function begin(res: HeldResponse, dev: boolean): Hold {
  const hold = new Hold(res[HOLD], dev);
  res[HOLD] = hold;
  if (res.on !== Object.getPrototypeOf(res).on) keepDrainListeners(res, hold);
  if (dev) res.once("close", tellEnd);
  return hold;
}

/**
 * Gives a response the methods that can hold its head, and let everything through until then. They are there
 * before the session is used: by then `res.end(await page(req.session))` has looked `end` up.
 */
export function prepareHold(response: NodeResponse): void {
  const res = response as HeldResponse;
  if (res[HOLD] !== undefined) return;
  res[HOLD] = new Passing(res) as Hold;
  // One by one: `Object.assign` takes four times as long.
  res.writeHead = HELD.writeHead;
  res.write = HELD.write;
  res.end = HELD.end;
  res.flushHeaders = HELD.flushHeaders;
}

/** Where the framework has committed, and has put what the session asks for into the head that it is to send. */
export function letThrough(response: NodeResponse): void {
  const hold = (response as HeldResponse)[HOLD];
  // There may be another session, that of an app which is mounted.
  if (hold.stage === "open" && hold.sessions.length === 1) hold.stage = "passing";
}

const BELOW: unique symbol = Symbol("coatcheck.below");

/** The methods of a prototype: before ours, and ours, which call these. */
interface Below {
  readonly before: Methods;
  readonly held: Methods;
}

type WithBelow = Methods & { [BELOW]?: Below };

/**
 * The same for all responses of a framework at once, on the prototype that they have in common: for each property of
 * its own a response of Express pays some 4 µs on Node 20 and 22, where no two objects share a shape once their
 * prototypes were set. An app that is handed a response gives it a prototype of its own, so ours is below all of these.
 *
 * @returns `false` where that will not do, for {@link prepareHold}: on a response that is of no framework, or on
 *   which somebody has put methods, which are to come after ours.
 */
export function holdBelow(response: NodeResponse): boolean {
  const below = (response as WithBelow)[BELOW] ?? heldBelow(response);
  if (below === undefined) return false;
  const { writeHead, write, end, flushHeaders } = below.held;
  // By reading them, which takes less than `hasOwn`.
  return (
    response.end === end &&
    response.writeHead === writeHead &&
    response.write === write &&
    response.flushHeaders === flushHeaders
  );
}

function heldBelow(response: NodeResponse): Below | undefined {
  const prototype = lastAboveNode(response);
  if (prototype === undefined) return undefined;
  const before = methodsOf(prototype);
  for (const name of METHODS) {
    const plain = before[name] as Call;
    const held = HELD[name] as Call;
    prototype[name] = function (this: HeldResponse, ...args: unknown[]): unknown {
      const hold: Hold | undefined = this[HOLD];
      // One that has methods of its own as well comes here once these have let a call through.
      return (hold?.[name] === plain ? held : plain).apply(this, args);
    } as never;
  }
  prototype[BELOW] = { before, held: methodsOf(prototype) };
  return prototype[BELOW];
}

function methodsOf({ writeHead, write, end, flushHeaders }: Methods): Methods {
  return { writeHead, write, end, flushHeaders };
}

/** The last prototype above those of Node, which are everybody's. */
function lastAboveNode(response: object): WithBelow | undefined {
  let last: object | undefined;
  let next = Object.getPrototypeOf(response) as object | null;
  while (next !== null && !Object.hasOwn(next, "writeHead")) {
    last = next;
    next = Object.getPrototypeOf(next) as object | null;
  }
  return next === null ? undefined : (last as WithBelow | undefined);
}

function writeHead(this: HeldResponse, ...args: unknown[]): unknown {
  const hold = this[HOLD];
  if (hold.stage === "passing") return hold.writeHead.apply(this, lastWord(this, hold, args));
  if (hold.stage !== "open") throw headersAreSent(this, "write");
  const again = takeHead(this, args);
  if (commit(this, hold)) return hold.writeHead.apply(this, again as unknown[]);
  hold.calls.push([hold.writeHead, again]);
  return this;
}

function write(this: HeldResponse, ...args: unknown[]): unknown {
  const hold = this[HOLD];
  if (hold.stage === "passing") return hold.write.apply(this, args);
  checkChunk(args);
  if (hold.stage === "dropped") {
    callBack(args, hold.reason);
    return false;
  }
  if (this.strictContentLength) checkLength(this, hold.bytes + sizeOf(args), false);
  if (hold.stage === "open" && commit(this, hold)) return hold.write.apply(this, args);
  if (!hold.owesDrain) {
    showQueue(this);
    this.once("close", dropQueue);
  }
  hold.owesDrain = true;
  hold.bytes += sizeOf(args);
  hold.calls.push([hold.write, args]);
  return false;
}

function end(this: HeldResponse, ...args: unknown[]): unknown {
  const hold = this[HOLD];
  if (hold.stage === "passing") return hold.end.apply(this, args);
  const [chunk] = args;
  if (chunk && typeof chunk !== "function") checkChunk(args);
  if (hold.stage === "dropped") {
    callBack(args, hold.reason);
    return this;
  }
  if (this.strictContentLength && !hold.ended) checkLength(this, hold.bytes + sizeOf(args), true);
  if (hold.stage === "open" && commit(this, hold)) return hold.end.apply(this, args);
  hold.ended = true;
  hold.calls.push([hold.end, args]);
  return this;
}

function flushHeaders(this: HeldResponse): unknown {
  const hold = this[HOLD];
  if (hold.stage === "passing") return hold.flushHeaders.call(this);
  if (hold.stage === "dropped") return undefined;
  if (hold.stage === "open" && commit(this, hold)) return hold.flushHeaders.call(this);
  // Also after `writeHead`, which sends nothing by itself.
  hold.calls.push([hold.flushHeaders, []]);
  return undefined;
}

/** Commits. `true` when that is done, and the call that has brought it here may go on at once. */
function commit(res: HeldResponse, hold: Hold): boolean {
  const status = res.statusCode;
  const message = isHttp2(res) ? undefined : res.statusMessage;
  checkStatusLine(res, status, message);
  const changes = commitAll(hold, status >= 500);
  if (changes instanceof Promise) {
    freeze(res, hold, status, message, changes);
    return false;
  }
  hold.stage = "passing";
  changeHead(res, hold, changes);
  return true;
}

function changeHead(res: HeldResponse & WithBelow, hold: Hold, changes: HeadChanges): void {
  applyHead(changes, res);
  const { writeHead } = res;
  if (writeHead !== HELD.writeHead && writeHead !== res[BELOW]?.held.writeHead) {
    hold.changes = changes;
  }
}

/**
 * Whoever has put a `writeHead` over ours changes the head as it is written, as on-headers does, and with it those
 * that cache: after the commit, and before this. No cookie is lost to them, or stored in a shared cache (P12).
 */
function lastWord(res: HeldResponse, hold: Hold, args: unknown[]): unknown[] {
  const { changes } = hold;
  if (changes === undefined) return args;
  hold.changes = undefined;
  const again = takeHead(res, args);
  applyHead(changes, res);
  return again;
}

/** From here on the head is out, as far as the app can see, while the commit runs. */
function freeze(
  res: HeldResponse,
  hold: Hold,
  status: number,
  message: string | undefined,
  committing: Promise<HeadChanges>,
): void {
  hold.stage = "held";
  hold.status = status;
  hold.message = message;
  // A list that the app goes on changing would change the head.
  const cookies = res.getHeader("Set-Cookie");
  if (Array.isArray(cookies)) res.setHeader("Set-Cookie", [...cookies]);
  showSent(res, hold);
  committing.then(
    (changes) => release(res, hold, changes),
    (error: unknown) => refuse(res, hold, error),
  );
}

function commitAll(hold: Hold, failed: boolean): Answer<HeadChanges> {
  const [only, another] = hold.sessions;
  if (another === undefined) return commitHead(only as Committer, failed);
  return Promise.all(hold.sessions.map((each) => commitHead(each, failed))).then(mergeChanges);
}

/** Sends what has waited: the same calls, in order. */
function release(res: HeldResponse, hold: Hold, changes: HeadChanges): void {
  // Nobody is there any more.
  if (hold.stage !== "held") return;
  const { calls, status, message } = hold;
  hold.stage = "passing";
  hold.calls = [];
  let room: unknown = true;
  try {
    sendAsFrozen(res, hold, () => {
      if (res.statusCode !== status) res.statusCode = status;
      if (!isHttp2(res) && res.statusMessage !== message) res.statusMessage = message ?? "";
      changeHead(res, hold, changes);
      for (const [method, args] of calls) {
        const result = method.apply(res, args as unknown[]);
        if (method === hold.write) room = result;
      }
    });
  } catch (error) {
    refuse(res, hold, error);
    return;
  }
  // Where there was no room, whoever said so gives the `drain` itself, once there is.
  if (hold.owesDrain && !hold.ended && room !== false) queueMicrotask(() => drain(res, hold));
  else hold.handOn?.();
}

function drain(res: HeldResponse, { handOn }: Hold): void {
  res.emit("drain");
  handOn?.();
}

/** Answers with the error, in place of what the app has written or writes from now on. */
function refuse(res: HeldResponse, hold: Hold, error: unknown): void {
  // A mistake in the app that no handler of the app will see.
  if (!isAnswer(error)) process.emitWarning(error instanceof Error ? error : String(error));
  // What acted at once has acted: its cookies go out with this answer.
  const acted = hold.sessions.map((each) =>
    each.commit({ at: "head", failed: true }).catch(() => NO_CHANGES),
  );
  Promise.all(acted)
    .then((changes) => {
      const sent = isSent(res);
      if (hold.stage !== "dropped" && !sent) {
        const asked = mergeChanges(changes);
        hold.stage = "passing";
        hold.changes = asked;
        sendAsFrozen(res, hold, () => answer(res, failureOf(error, hold.dev), asked, hold.end));
      }
      drop(hold, error);
      if (sent) res.destroy();
    })
    // What cannot even be refused has to end all the same.
    .catch(() => res.destroy());
}

/** The connection is gone: what waits leads nowhere. The commit goes on. */
function dropQueue(this: HeldResponse): void {
  const hold = this[HOLD];
  if (hold.stage !== "held") return;
  drop(hold, nodeError("ERR_STREAM_DESTROYED", "Cannot call write after a stream was destroyed"));
}

function tellEnd(this: HeldResponse): void {
  const { stage, sessions } = this[HOLD];
  if (stage === "open") {
    if (isSent(this)) process.emitWarning(SENT_PAST);
    return;
  }
  for (const session of sessions) session.commit({ at: "end" }).catch(ignore);
}

const SENT_PAST =
  "a response was sent past coatcheck, so what its session had to say is lost: call `commit` before, or mount an app of another copy of Express with `app.use` instead of calling it";

function ignore(): void {
  // The handle has told whom it concerns.
}

const HELD = { writeHead, write, end, flushHeaders } as unknown as Methods;
