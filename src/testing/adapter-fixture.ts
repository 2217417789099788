/**
 * What the author of an adapter hands to the suite, and what comes back: tests as plain data.
 *
 * @module
 */

import type { Session } from "../core/session.ts";
import type { Sessions } from "../core/sessions.ts";
import type { SessionStore } from "../stores/contract.ts";

export type SuiteData = Record<string, unknown>;

/** What one handler of the suite is given besides the session. */
export interface RouteRequest {
  readonly method: string;
  /** Begins with "/"; no query. */
  readonly path: string;
  /** What `sessions.of` takes in this framework: the request, or the context. */
  readonly carrier: object;
  /**
   * The body of the request as text, read as apps read it. Called at most once, and not for every request.
   * Rejects when the client has gone away before the end of it.
   */
  readonly body: () => Promise<string>;
}

/** What a handler of the suite answers. */
export interface RouteAnswer {
  /** @default 200 */
  readonly status?: number;
  /** A list is one field for each value. */
  readonly headers?: Readonly<Record<string, string | readonly string[]>>;
  /** Text, or chunks over time; absent for no body. */
  readonly body?: string | AsyncIterable<string>;
  /** Sent after a body of chunks. */
  readonly trailers?: Readonly<Record<string, string>>;
}

/** A handler of the suite. What it throws must reach the framework as a handler's error does. */
export type Route = (
  session: Session<SuiteData>,
  request: RouteRequest,
) => RouteAnswer | Promise<RouteAnswer>;

export interface AdapterServer {
  /** Where it listens, such as `"http://127.0.0.1:3000"`; or what answers without a socket. */
  readonly target: string | ((request: Request) => Response | Promise<Response>);
  close(): void | Promise<void>;
}

/** What a framework cannot do, or has no way to be told. */
export type AdapterLack =
  | "trailers"
  /** Connections: answers come from a function. */
  | "sockets"
  /** Several requests on one connection that are sent without waiting. */
  | "pipelining"
  /** Handlers that begin before the body of the request has come whole. */
  | "partial bodies"
  /** That a handler has thrown: only the status of the answer is told. */
  | "thrown errors"
  /** A way to tell when a response is over. */
  | "end";

/** How the sessions of a test are kept. */
export type AdapterMethod = "stored" | "sealed";

export interface AdapterSuiteOptions {
  /**
   * Starts an app on 127.0.0.1 with the adapter and one handler for all paths and methods. It calls
   * the route with the session of the request and sends the answer in the framework's usual way:
   * the body of chunks as a stream, headers with what the framework has for them.
   */
  start(sessions: Sessions<SuiteData>, route: Route): AdapterServer | Promise<AdapterServer>;
  /** A fresh, empty store. It keeps revocations, unless only stored sessions are tried. */
  store(): SessionStore | Promise<SessionStore>;
  /** Tries only sessions that are kept in this way. @default both, one after the other */
  readonly method?: AdapterMethod;
  /** Over http the server at `target` speaks HTTP/2 with prior knowledge. @default false */
  readonly http2?: boolean;
  /** Tests that need one of these are skipped, by that name. */
  readonly lacks?: readonly AdapterLack[];
}

/** One test, for any runner. */
export interface AdapterTest {
  /** How the session is kept, and a sentence. Tags such as P9 name a promise. */
  readonly name: string;
  /** Why the test can't be run: what the adapter lacks, or sessions that are kept in this way. */
  readonly skip: string | undefined;
  /** Resolves when the promise holds. Tests share nothing and may run in any order. */
  run(): Promise<void>;
}
