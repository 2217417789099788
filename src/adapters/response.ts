/**
 * Web responses: changes to their head, and what becomes of their body.
 *
 * @module
 */

import type { HeadChanges } from "../core/session.ts";
import type { HeadTarget } from "./head.ts";
import { applyHead } from "./head.ts";

/**
 * A response with these changes to its head: a new one, since an app may give one response to many
 * requests, and many responses are immutable.
 *
 * @param ended - called when the body has been read or is no longer wanted.
 */
export function withHead(response: Response, changes: HeadChanges, ended?: () => void): Response {
  const { status, headers, body } = response;
  // A network error has no head.
  if (status === 0) return response;
  if (status === 101) {
    // It carries a socket, which a copy would lose, and so belongs to this request alone.
    applyHead(changes, targetOf(headers));
    return response;
  }
  const watched = ended === undefined ? body : watchEnd(body, ended);
  // Made from the response, and not from its parts: the `Response` that @hono/node-server puts in the place
  // of the runtime's would share its headers with the copy, so that a cookie reached whoever is given the
  // same response, and forget how long the body is.
  const copy = new Response(watched, response);
  applyHead(changes, targetOf(copy.headers));
  return copy;
}

function targetOf(headers: Headers): HeadTarget {
  return {
    getHeaderNames: () => [...headers.keys()],
    getHeader(name) {
      if (name === "Set-Cookie") return headers.getSetCookie();
      return headers.get(name) ?? undefined;
    },
    setHeader(name, value) {
      headers.delete(name);
      for (const each of typeof value === "string" ? [value] : value) headers.append(name, each);
    },
  };
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

/** Closes a body that is not sent after all: a stream of any kind, or a response with one. */
export function discard(payload: unknown): void {
  const body = payload instanceof Response ? payload.body : payload;
  if (typeof body !== "object" || body === null) return;
  if (body instanceof ReadableStream) body.cancel().catch(ignore);
  else if ("destroy" in body && typeof body.destroy === "function") body.destroy();
}

function ignore(): void {
  // It was broken already.
}
