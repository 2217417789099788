/**
 * Sends requests over HTTP/1.1, HTTP/2 or no socket at all, and sees of the answer what a test asks
 * about: each field, each trailer, each chunk as it comes.
 *
 * @module
 */

import type { IncomingMessage } from "node:http";
import { Agent, request as request1 } from "node:http";
import type { ClientHttp2Session, IncomingHttpHeaders } from "node:http2";
import { connect } from "node:http2";
import type { Writable } from "node:stream";
import type { AdapterServer } from "./adapter-fixture.ts";
import { ExpectationError } from "./expect.ts";

export interface ClientRequest {
  /** @default "GET" */
  readonly method?: string;
  /** @default "/" */
  readonly path?: string;
  readonly cookie?: string;
  /** Text at once, or pieces over time. */
  readonly body?: string | AsyncIterable<string>;
}

export interface AnswerHead {
  readonly status: number;
  /** In lower case; several fields of one name joined with ", ". Without `set-cookie`. */
  readonly headers: Readonly<Record<string, string>>;
  /** Every `Set-Cookie` field. */
  readonly cookies: readonly string[];
}

export interface Answer extends AnswerHead {
  readonly body: string;
  readonly trailers: Readonly<Record<string, string>>;
}

/** A request that is under way. */
export interface Exchange {
  /** Resolves when the head has come. */
  readonly head: Promise<AnswerHead>;
  /** Resolves when so much of the body has come, or more. */
  until(length: number): Promise<void>;
  /** Resolves at the end of the body; rejects when it is cut off. */
  readonly answer: Promise<Answer>;
  /** Whether anything has come. */
  begun(): boolean;
  /** Goes away, as a browser does when its tab is closed. */
  abort(): void;
}

export interface Client {
  send(request?: ClientRequest): Exchange;
  close(): void;
}

/** @param connections - at most so many at a time, for tests of what shares one. */
export function createClient(
  target: AdapterServer["target"],
  http2: boolean,
  connections: number,
): Client {
  if (typeof target === "function") return inProcess(target);
  return http2 ? overHttp2(new URL(target)) : overHttp1(new URL(target), connections);
}

/** What a transport tells about one answer. */
interface Progress {
  head(status: number, headers: Headers): void;
  chunk(text: string): void;
  end(trailers: Readonly<Record<string, string>>): void;
  fail(error: unknown): void;
}

// Longer than any answer takes. Some runners know no limit of their own, and would wait for ever.
const STANDSTILL = 30_000;

function exchange(
  { method, path }: Required<Pick<ClientRequest, "method" | "path">>,
  start: (progress: Progress) => () => void,
): Exchange {
  let begun = false;
  let over: Error | undefined;
  let body = "";
  let answered: AnswerHead | undefined;
  const waiting: {
    readonly length: number;
    readonly go: () => void;
    readonly stop: (error: unknown) => void;
  }[] = [];
  const head = deferred<AnswerHead>();
  const answer = deferred<Answer>();
  const timer = setTimeout(() => {
    const what = begun ? "came to no end" : "was not answered";
    fail(new ExpectationError(`${method} ${path} ${what} for ${STANDSTILL / 1000} s`));
    abort();
  }, STANDSTILL);

  function finish(error: Error): void {
    clearTimeout(timer);
    over ??= error;
    for (const { stop } of waiting.splice(0)) stop(over);
  }

  function fail(error: unknown): void {
    finish(error as Error);
    head.reject(error);
    answer.reject(error);
  }

  const abort = start({
    head(status, headers) {
      begun = true;
      const cookies = headers.getSetCookie();
      headers.delete("set-cookie");
      answered = { status, headers: Object.fromEntries(headers), cookies };
      head.resolve(answered);
    },
    chunk(text) {
      body += text;
      for (const { length, go } of waiting) if (body.length >= length) go();
    },
    end(trailers) {
      finish(new ExpectationError(`the body ended after ${body.length} characters`));
      if (answered !== undefined) answer.resolve({ ...answered, body, trailers });
    },
    fail,
  });
  return {
    head: head.promise,
    answer: answer.promise,
    begun: () => begun,
    until: (length) =>
      new Promise((go, stop) => {
        if (body.length >= length) go();
        else if (over !== undefined) stop(over);
        else waiting.push({ length, go, stop });
      }),
    abort() {
      clearTimeout(timer);
      abort();
    },
  };
}

function overHttp1(base: URL, connections: number): Client {
  const agent = new Agent({ keepAlive: true, maxSockets: connections });
  return {
    send({ method = "GET", path = "/", cookie, body } = {}) {
      return exchange({ method, path }, (progress) => {
        const headers = headersWith(cookie, body);
        const outgoing = request1(new URL(path, base), { agent, method, headers });
        outgoing.on("error", progress.fail);
        outgoing.on("response", (incoming) => receive(incoming, progress));
        write(body, outgoing).catch(progress.fail);
        return () => outgoing.destroy();
      });
    },
    close: () => agent.destroy(),
  };
}

function receive(incoming: IncomingMessage, progress: Progress): void {
  const headers = new Headers();
  const { rawHeaders } = incoming;
  for (let at = 0; at < rawHeaders.length; at += 2) {
    headers.append(rawHeaders[at] ?? "", rawHeaders[at + 1] ?? "");
  }
  progress.head(incoming.statusCode ?? 0, headers);
  incoming.setEncoding("utf8");
  incoming.on("data", progress.chunk);
  incoming.on("error", progress.fail);
  incoming.on("end", () => progress.end(incoming.trailers as Record<string, string>));
}

function overHttp2(base: URL): Client {
  let session: ClientHttp2Session | undefined;
  return {
    send({ method = "GET", path = "/", cookie, body } = {}) {
      session ??= connect(base).on("error", () => undefined);
      const connection = session;
      return exchange({ method, path }, (progress) => {
        const fields = {
          ":method": method,
          ":path": path,
          // Each in a field of its own, as browsers send them (RFC 9113 §8.2.3).
          ...headersWith(cookie?.split("; "), body),
        };
        // `close` would end the body first, and the server could not tell it from a whole one.
        const stop = new AbortController();
        const stream = connection.request(fields, { signal: stop.signal });
        let trailers: Record<string, string> = {};
        stream.setEncoding("utf8");
        stream.on("response", (fields) => progress.head(fields[":status"] ?? 0, headersOf(fields)));
        stream.on("trailers", (fields) => {
          trailers = Object.fromEntries(headersOf(fields));
        });
        stream.on("data", progress.chunk);
        stream.on("error", progress.fail);
        stream.on("aborted", () => progress.fail(new Error("the stream was aborted")));
        stream.on("end", () => progress.end(trailers));
        write(body, stream).catch(progress.fail);
        return () => stop.abort();
      });
    },
    close: () => session?.destroy(),
  };
}

const TEXT = { "content-type": "text/plain; charset=utf-8" } as const;

function headersWith<Cookie extends string | string[]>(
  cookie: Cookie | undefined,
  body: ClientRequest["body"],
): { cookie?: Cookie; "content-type"?: string } {
  return { ...(cookie === undefined ? {} : { cookie }), ...(body === undefined ? {} : TEXT) };
}

/** Sends a body, or that there is none. */
async function write(body: ClientRequest["body"], to: Writable): Promise<void> {
  if (typeof body !== "object") {
    to.end(body);
    return;
  }
  for await (const piece of body) to.write(piece);
  to.end();
}

function headersOf(fields: IncomingHttpHeaders): Headers {
  const headers = new Headers();
  for (const [name, value] of Object.entries(fields)) {
    if (name.startsWith(":") || value === undefined) continue;
    for (const each of typeof value === "string" ? [value] : value) headers.append(name, each);
  }
  return headers;
}

function inProcess(answer: (request: Request) => Response | Promise<Response>): Client {
  return {
    send({ method = "GET", path = "/", cookie, body } = {}) {
      return exchange({ method, path }, (progress) => {
        const stop = new AbortController();
        const request = new Request(new URL(path, "http://in-process.test"), {
          method,
          headers: headersWith(cookie, body),
          ...(typeof body === "object"
            ? { body: streamOf(body, stop.signal), duplex: "half" as const }
            : { body: body ?? null }),
        });
        read(answer, request, progress, stop.signal).catch(progress.fail);
        return () => stop.abort();
      });
    },
    close: () => undefined,
  };
}

/** Pieces as the body of a `Request`; a client that goes away breaks it off. */
function streamOf(pieces: AsyncIterable<string>, gone: AbortSignal): ReadableStream<Uint8Array> {
  const iterator = pieces[Symbol.asyncIterator]();
  const encoder = new TextEncoder();
  return new ReadableStream({
    start(controller) {
      gone.addEventListener("abort", () => controller.error(gone.reason));
    },
    async pull(controller) {
      const { done, value } = await iterator.next();
      if (gone.aborted) return;
      if (done === true) controller.close();
      else controller.enqueue(encoder.encode(value));
    },
  });
}

async function read(
  answer: (request: Request) => Response | Promise<Response>,
  request: Request,
  progress: Progress,
  stop: AbortSignal,
): Promise<void> {
  const response = await answer(request);
  progress.head(response.status, new Headers(response.headers));
  const decoder = new TextDecoder();
  const reader = response.body?.getReader();
  stop.addEventListener("abort", () => void reader?.cancel(stop.reason));
  for (;;) {
    const { done, value } = (await reader?.read()) ?? { done: true, value: undefined };
    stop.throwIfAborted();
    if (done) break;
    // What a server sends to `HEAD` has no body, whatever the handler gave.
    if (request.method !== "HEAD") progress.chunk(decoder.decode(value, { stream: true }));
  }
  progress.end({});
}

function deferred<Value>(): {
  readonly promise: Promise<Value>;
  resolve(value: Value): void;
  reject(error: unknown): void;
} {
  let resolve: (value: Value) => void = () => undefined;
  let reject: (error: unknown) => void = () => undefined;
  const promise = new Promise<Value>((yes, no) => {
    resolve = yes;
    reject = no;
  });
  // A test that aborts does not look at every promise.
  promise.catch(() => undefined);
  return { promise, resolve, reject };
}
