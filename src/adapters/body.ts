/**
 * Bodies in the hands of an adapter: while the commit is under way, and when they are not sent after all.
 *
 * @module
 */

/** What streams have in common, whoever made them. */
interface StreamLike {
  pipe?: unknown;
  on(event: "error", listener: (error: unknown) => void): unknown;
  destroy?(error: unknown): unknown;
}

/**
 * A stream may fail during the commit, such as a file that is not there. Nobody listens to it yet, and an error that
 * nobody listens to ends the process. So it is broken for good, and the framework finds it so afterwards.
 */
export function listenToBody(body: unknown): void {
  const stream = body as StreamLike | null | undefined;
  if (typeof stream?.pipe !== "function") return;
  stream.on("error", (error) => stream.destroy?.(error));
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
