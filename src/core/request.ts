/**
 * The little that the core reads of a request, whatever the framework.
 *
 * @module
 */

import { UsageError } from "../errors.ts";

/** A request of `node:http`, `node:http2` or any framework built on them. */
export interface NodeRequestLike {
  readonly headers: Readonly<Record<string, string | readonly string[] | undefined>>;
  readonly method?: string | undefined;
}

/** A `Request`, or anything with its headers. */
export interface WebRequestLike {
  readonly headers: { get(name: string): string | null };
  readonly method?: string | undefined;
}

export type RequestLike = NodeRequestLike | WebRequestLike;

/** A header's value; several fields joined the way the header allows. `name` is in lower case. */
export function header(request: RequestLike, name: string): string | undefined {
  const { headers } = (request as Partial<RequestLike> | undefined) ?? {};
  if (headers === undefined) throw new UsageError("open takes a request, which has `headers`");
  if (typeof headers.get === "function") {
    return (headers as WebRequestLike["headers"]).get(name) ?? undefined;
  }
  const value = (headers as NodeRequestLike["headers"])[name];
  if (value === undefined || typeof value === "string") return value;
  // Several Cookie fields are one list (RFC 9113 §8.2.3).
  return value.join(name === "cookie" ? "; " : ", ");
}
