/**
 * What a client is told when its request failed at the session: a status, and a word.
 *
 * Frameworks with an error handler of their own get the error instead.
 *
 * @module
 */

import { isCoatcheckError } from "../errors.ts";
import { speaksToCaches } from "./head.ts";

/** A whole answer. */
export interface Failure {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
}

/**
 * Whether the error is an answer to the client (sign in first, try again) rather than a mistake in
 * the app, which its own error handling has to see.
 */
export function isAnswer(error: unknown): boolean {
  return isCoatcheckError(error) && error.status !== 500;
}

/**
 * The answer to an error. It never names the error's cause or message outside development.
 *
 * @param dev - the message of the error is the body: it names the key, the option or the mend.
 */
export function failureOf(error: unknown, dev: boolean): Failure {
  const status = isCoatcheckError(error) ? error.status : 500;
  const text = dev && isCoatcheckError(error) ? error.message : REASONS[status];
  return {
    status,
    headers: {
      "Content-Type": "text/plain; charset=utf-8",
      "X-Content-Type-Options": "nosniff",
      "Cache-Control": "no-store",
      ...(status === 503 ? { "Retry-After": RETRY_AFTER } : {}),
    },
    body: `${text ?? REASONS[500]}\n`,
  };
}

/** Seconds: longer than one store call may take by default, short enough for a person to wait. */
const RETRY_AFTER = "5";

const REASONS: Readonly<Record<number, string>> = {
  401: "Unauthorized",
  403: "Forbidden",
  409: "Conflict",
  500: "Internal Server Error",
  503: "Service Unavailable",
};

/**
 * Whether a header describes the body that is not sent after all, or where to go instead. What is
 * about the connection, the origin's policies or other cookies stays.
 *
 * @param name - in any case.
 */
export function describesEntity(name: string): boolean {
  const lower = name.toLowerCase();
  if (lower.startsWith("content-")) return !lower.startsWith("content-security-policy");
  if (speaksToCaches(lower)) return true;
  return ENTITY_HEADERS.has(lower);
}

const ENTITY_HEADERS: ReadonlySet<string> = new Set([
  "accept-ranges",
  "age",
  "digest",
  "etag",
  "expires",
  "last-modified",
  "location",
  "pragma",
  "refresh",
  "repr-digest",
  "retry-after",
  "trailer",
  "transfer-encoding",
]);
