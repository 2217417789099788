/**
 * What `writeHead` was called with, checked as Node checks it and kept in the response's headers.
 *
 * Node throws at the call for a status or a header that cannot be sent, so the same must happen when
 * the call is made again later: by then nobody could catch it.
 *
 * @module
 */

import type { NodeResponse } from "./node-response.ts";
import { checkStatusLine, isHttp2, nodeError } from "./node-response.ts";

/**
 * Moves status and headers from the arguments of `writeHead` into the response.
 *
 * @returns the arguments to call it with later.
 */
export function takeHead(
  res: NodeResponse,
  args: readonly unknown[],
): [status: number, message?: string] {
  const [status, second, third] = args;
  const message = typeof second === "string" ? second : undefined;
  checkStatusLine(res, status, message);
  takeHeaders(res, message === undefined ? (third ?? second) : third);
  res.statusCode = Number(status) | 0;
  if (message === undefined) return [res.statusCode];
  if (!isHttp2(res)) res.statusMessage = message;
  return [res.statusCode, message];
}

/** An object, a flat list, a list of pairs, or anything iterable over pairs, such as `Headers`. */
function takeHeaders(res: NodeResponse, headers: unknown): void {
  if (typeof headers !== "object" || headers === null) return;
  if (!(Symbol.iterator in headers)) {
    for (const [name, value] of Object.entries(headers)) {
      if (name !== "") res.setHeader(name, value as string);
    }
    return;
  }
  // A list may name a header more than once; all of it replaces what was set before.
  const pairs = pairsOf(headers as Iterable<unknown>);
  for (const [name] of pairs) res.removeHeader(name);
  for (const [name, value] of pairs) res.appendHeader(name, value);
}

function isPairs(headers: readonly unknown[]): boolean {
  return Array.isArray(headers[0]);
}

type Pair = readonly [name: string, value: string | readonly string[]];

function pairsOf(headers: Iterable<unknown>): Pair[] {
  const items = [...headers];
  if (items.length === 0 || isPairs(items)) return items as Pair[];
  if (items.length % 2 !== 0) {
    const problem = "The argument 'headers' must have a value for each name";
    throw nodeError("ERR_INVALID_ARG_VALUE", problem, TypeError);
  }
  const flat = items as string[];
  const names = flat.filter((_, index) => index % 2 === 0);
  return names.map((name, index) => [name, flat[2 * index + 1] as string]);
}
