/**
 * What is used of Node's responses, and what Node checks when they are called.
 *
 * A call that waits is made again later, when nobody could catch what it throws. So what Node throws
 * at the call is thrown at the call here, under the same codes.
 *
 * @module
 */

import type { HeadTarget } from "./head.ts";

/** What `ServerResponse` and `Http2ServerResponse` have in common, as far as it is used here. */
export interface NodeResponse extends HeadTarget {
  statusCode: number;
  statusMessage: string;
  readonly headersSent: boolean;
  readonly strictContentLength?: boolean;
  readonly req: { readonly method?: string | undefined };
  appendHeader(name: string, value: string | readonly string[]): unknown;
  removeHeader(name: string): unknown;
  writeHead(...args: never[]): unknown;
  write(...args: never[]): unknown;
  end(...args: never[]): unknown;
  flushHeaders(): void;
  on(event: string, listener: (...args: never[]) => void): unknown;
  once(event: string, listener: (...args: never[]) => void): unknown;
  removeListener(event: string, listener: (...args: never[]) => void): unknown;
  rawListeners(event: string): readonly unknown[];
  emit(event: string, ...args: unknown[]): boolean;
  destroy(error?: Error): unknown;
}

/** HTTP/2 responses have no reason phrase, and warn whoever asks for it. */
export function isHttp2(res: object): boolean {
  return "stream" in res;
}

/** @param message - absent for HTTP/2. */
export function checkStatusLine(
  res: NodeResponse,
  status: unknown,
  message: string | undefined,
): void {
  const code = Number(status) | 0;
  const problem = `Invalid status code: ${String(status)}`;
  if (isHttp2(res)) {
    if (code >= 100 && code < 200) {
      const informational = "Informational status codes cannot be used";
      throw nodeError("ERR_HTTP2_INFO_STATUS_NOT_ALLOWED", informational, RangeError);
    }
    if (code < 200 || code > 599) throw nodeError("ERR_HTTP2_STATUS_INVALID", problem, RangeError);
  } else if (code < 100 || code > 999) {
    throw nodeError("ERR_HTTP_INVALID_STATUS_CODE", problem, RangeError);
  }
  if (message !== undefined && !REASON_PHRASE.test(message)) {
    throw nodeError("ERR_INVALID_CHAR", "Invalid character in statusMessage", TypeError);
  }
}

/** Node's own rule for field values, which it holds reason phrases to. */
const REASON_PHRASE = /^[\t\x20-\x7e\x80-\xff]*$/;

export function checkChunk([chunk, encoding]: readonly unknown[]): void {
  if (chunk === null) {
    throw nodeError("ERR_STREAM_NULL_VALUES", "May not write null values to stream", TypeError);
  }
  if (typeof chunk !== "string" && !(chunk instanceof Uint8Array)) {
    const problem = `of type string or an instance of Buffer or Uint8Array. Received ${typeof chunk}`;
    throw nodeError("ERR_INVALID_ARG_TYPE", `The "chunk" argument must be ${problem}`, TypeError);
  }
  if (typeof chunk === "string" && typeof encoding === "string" && !Buffer.isEncoding(encoding)) {
    throw nodeError("ERR_UNKNOWN_ENCODING", `Unknown encoding: ${encoding}`, TypeError);
  }
}

export function sizeOf([chunk, encoding]: readonly unknown[]): number {
  if (typeof chunk !== "string") return chunk instanceof Uint8Array ? chunk.byteLength : 0;
  return Buffer.byteLength(chunk, typeof encoding === "string" ? (encoding as "utf8") : "utf8");
}

/** What Node checks with `strictContentLength`, before it is too late to throw. */
export function checkLength(res: NodeResponse, bytes: number, last: boolean): void {
  if (res.strictContentLength !== true || res.req.method === "HEAD") return;
  if (res.statusCode === 204 || res.statusCode === 304) return;
  const declared = res.getHeader("Content-Length");
  if (declared === undefined || res.getHeader("Transfer-Encoding") !== undefined) return;
  if (last ? bytes === Number(declared) : bytes <= Number(declared)) return;
  throw nodeError(
    "ERR_HTTP_CONTENT_LENGTH_MISMATCH",
    `Response body's content-length of ${bytes} byte(s) does not match the content-length of ` +
      `${String(declared)} byte(s) set in header`,
  );
}

export function headersAreSent(res: NodeResponse, verb: string): Error {
  return isHttp2(res)
    ? nodeError("ERR_HTTP2_HEADERS_SENT", "Response has already been initiated.")
    : nodeError(
        "ERR_HTTP_HEADERS_SENT",
        `Cannot ${verb} headers after they are sent to the client`,
      );
}

/** An error as Node makes it: programs read the code. */
export function nodeError(code: string, message: string, Class: ErrorConstructor = Error): Error {
  return Object.assign(new Class(message), { code });
}
