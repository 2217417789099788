/**
 * Web responses: changes to their head.
 *
 * @module
 */

import type { HeadChanges } from "../core/session.ts";
import type { HeadTarget } from "./head.ts";
import { applyHead } from "./head.ts";

/**
 * A response with these changes to its head: a new one unless its head says so already, since an app may give
 * one response to many requests, and many responses are immutable.
 *
 * @param ended - called when the body has been read or is no longer wanted.
 */
export function withHead(response: Response, changes: HeadChanges, ended?: () => void): Response {
  // A network error has no head.
  if (response.status === 0) return response;
  const target = new ResponseHead(response);
  if (ended !== undefined && response.status !== 101) target.copy(watchEnd(response.body, ended));
  applyHead(changes, target);
  return target.response;
}

/** The head of a response, which is copied before its first change. */
class ResponseHead implements HeadTarget {
  response: Response;
  private headers: Headers;
  private isOwn: boolean;

  constructor(response: Response) {
    this.response = response;
    // Before the body: the `Response` that @hono/node-server puts in the place of the runtime's would name
    // another type.
    this.headers = response.headers;
    // With status 101 it carries a socket, which a copy would lose, and so belongs to one request alone.
    this.isOwn = response.status === 101;
  }

  copy(body: Response["body"]): void {
    // Made from the response, and not from its parts: that other `Response` would share its headers with the
    // copy, so that a cookie reached whoever is given the same response, and forget how long the body is.
    this.response = new Response(body, this.response);
    this.headers = this.response.headers;
    this.isOwn = true;
  }

  getHeaderNames(): readonly string[] {
    return [...this.headers.keys()];
  }

  getHeader(name: string): string | readonly string[] | undefined {
    if (name === "Set-Cookie") return this.headers.getSetCookie();
    return this.headers.get(name) ?? undefined;
  }

  setHeader(name: string, value: string | readonly string[]): void {
    if (value === this.headers.get(name)) return;
    if (!this.isOwn) this.copy(this.response.body);
    this.headers.delete(name);
    for (const each of typeof value === "string" ? [value] : value) this.headers.append(name, each);
  }
}

function watchEnd(body: Response["body"], ended: () => void): Response["body"] {
  if (body === null) {
    setTimeout(ended);
    return body;
  }
  const reader = body.getReader();
  return new ReadableStream({
    async pull(controller) {
      const { done, value } = await reader.read();
      if (!done) return controller.enqueue(value);
      controller.close();
      ended();
    },
    async cancel(reason) {
      ended();
      await reader.cancel(reason);
    },
  });
}
