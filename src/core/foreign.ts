/**
 * What adopting and sharing have in common: how another library's session comes in, and its cookies go
 * out.
 *
 * @module
 */

import { foreignCookie } from "../cookie/foreign.ts";
import { cookieReader } from "../cookie/read.ts";
import { isCoatcheckError, ValueError } from "../errors.ts";
import type {
  ForeignCookie,
  ForeignSession,
  ForeignSource,
  RefusalReason,
  Refused,
} from "../interop/source.ts";
import { encodeBase64url } from "../lib/base64url.ts";
import { detached } from "../lib/bytes.ts";
import { withoutValues } from "../lib/plain-error.ts";
import { hmac } from "../lib/sha256.ts";
import type { Answer } from "../stores/contract.ts";
import type { Key } from "../token/key-ring.ts";
import { lengthPrefixed } from "../token/key-ring.ts";
import type { Emitter } from "./events.ts";
import { REMEMBERED_FOR } from "./judge.ts";
import type { Visit } from "./method.ts";
import { setCookie } from "./method.ts";
import { header } from "./request.ts";
import type { Settings } from "./settings.ts";
import type { StoreCalls } from "./store-calls.ts";
import { createStoreCalls } from "./store-calls.ts";
import type { Cell, DataTree } from "./tree.ts";
import { cellOf, EMPTY_TREE, memberAt, memberOf, valueIn } from "./tree.ts";

/** The calls of another library's backend, whose clients are the app's. */
export function createSourceCalls(
  { name }: ForeignSource,
  { storeDeadline }: Settings,
  events: Emitter,
): StoreCalls {
  const calls = createStoreCalls(name, storeDeadline, events);
  return { run: (operation, call) => calls.run(operation, () => plainly(call)) };
}

/** Some clients put a command with its key, which may be the cookie's value, and its values on their errors (P13). */
async function plainly<Result>(call: () => Answer<Result>): Promise<Result> {
  try {
    return await call();
  } catch (error) {
    throw isCoatcheckError(error) ? error : withoutValues(error);
  }
}

/** There was something, and it was not taken. */
export interface RefusedForeign extends Refused {
  readonly refused: Exclude<RefusalReason, "absent">;
}

/**
 * The foreign session of a request; `undefined`, and at no cost, without a cookie of theirs.
 *
 * @param text - the `Cookie` header.
 * @throws {StoreUnavailableError} for an outage of their backend only.
 */
export async function openForeign(
  source: ForeignSource,
  calls: StoreCalls,
  text: string | undefined,
  now: number,
): Promise<ForeignSession | RefusedForeign | undefined> {
  if (text === undefined || !source.cookieNames.some((name) => text.includes(name))) {
    return undefined;
  }
  const opened = await calls.run("load", () =>
    source.open(cookieReader(text, source.cookieAt), now),
  );
  if (!("refused" in opened)) return opened;
  const { refused, problem } = opened;
  return refused === "absent" ? undefined : { refused, problem };
}

/** A record that is gone tells nothing: the cookies of theirs whose sessions have ended here lately. */
export interface Endings {
  /** The session of the cookies that this request came with has ended. */
  remember(visit: Visit): void;
  /** Its cookie is of a session that has ended, and the browser may have a newer one by now (P16). */
  isLate(visit: Visit): boolean;
}

export function createEndings({ cookieNames }: ForeignSource, clock: () => number): Endings {
  // The oldest first.
  const endedAt = new Map<string, number>();

  /** As the request came with them; empty without one. */
  function cookiesOf({ request }: Visit): string {
    const read = cookieReader(header(request, "cookie") ?? "");
    return cookieNames.flatMap((name) => read(name) ?? []).join("; ");
  }

  return {
    remember(visit) {
      const now = clock();
      for (const [cookies, at] of endedAt) {
        // A clock that was set back must not keep them until it has caught up.
        if (Math.abs(now - at) < REMEMBERED_FOR) break;
        endedAt.delete(cookies);
      }
      const cookies = cookiesOf(visit);
      if (cookies === "") return;
      endedAt.delete(cookies);
      endedAt.set(detached(cookies), now);
    },
    isLate(visit) {
      const at = endedAt.size === 0 ? undefined : endedAt.get(cookiesOf(visit));
      return at !== undefined && visit.openedAt - at < REMEMBERED_FOR;
    },
  };
}

export function setForeignCookies(visit: Visit, cookies: readonly ForeignCookie[]): void {
  if (visit.headSent) return;
  for (const cookie of cookies) setCookie(visit, foreignCookie(cookie));
}

/**
 * What the browser will send when it has the answer: the session may have begun, or ended, in this request.
 *
 * @param text - the `Cookie` header that the request came with.
 */
export function latestCookies({ cookies }: Visit, text: string): string {
  if (cookies === undefined) return text;
  const left = text.split(";").filter((pair) => !cookies.has(pair.split("=", 1).join("").trim()));
  const set = [...cookies.values()].filter(({ attributes }) => attributes.maxAge !== 0);
  return [...set.map(({ name, value }) => `${name}=${value}`), ...left].join(";");
}

/** An id of ours that a foreign one always gives, and that does not give the foreign one away. */
export function idFromForeign(
  key: Key,
  purpose: "adopt" | "shared",
  source: string,
  identity: string,
): string {
  const digest = hmac(key.purpose(purpose), lengthPrefixed(source, identity));
  return encodeBase64url(digest.subarray(0, 18));
}

/** What can be kept of these values, and the keys of the rest. */
export function keepable(values: Readonly<Record<string, unknown>>): {
  readonly tree: DataTree;
  readonly dropped: readonly string[];
} {
  const cells = new Map<string, Cell>();
  const dropped: string[] = [];
  for (const [key, value] of Object.entries(values)) {
    if (value === undefined) continue;
    try {
      cells.set(key, cellOf(value, key));
    } catch (error) {
      if (!(error instanceof ValueError)) throw error;
      dropped.push(key);
    }
  }
  return { tree: EMPTY_TREE.with(cells), dropped };
}

/**
 * The data as the other side is to see it: what we have not changed, or cannot keep, goes back as it came.
 *
 * @param before - what is there.
 * @param read - what we have read of that.
 */
export function draftData(
  data: DataTree,
  before: Readonly<Record<string, unknown>> = {},
  read: DataTree,
  reserved: readonly string[],
): Record<string, unknown> {
  const draft = new Map<string, unknown>();
  for (const [key, value] of Object.entries(before)) {
    const isTheirs = reserved.includes(key) || !read.has(key);
    if (isTheirs || data.has(key)) draft.set(key, value);
  }
  for (const [key, cell] of data.entries()) {
    const isSame = memberOf(cell, key) === memberAt(read, key) && Object.hasOwn(before, key);
    if (!isSame) draft.set(key, valueIn(cell, key));
  }
  return Object.fromEntries(draft);
}

/** The values under other keys than these. */
export function valuesWithout(
  values: Readonly<Record<string, unknown>>,
  keys: readonly string[],
): Record<string, unknown> {
  return Object.fromEntries(Object.entries(values).filter(([key]) => !keys.includes(key)));
}

/** The keys that are not the app's: the other library's own, and that of the note. */
export function reservedBy({ reserved, noteKey = "_coatcheck" }: ForeignSource): readonly string[] {
  return [noteKey, ...reserved];
}
