/**
 * What the apps of all frameworks have in common: listening, headers and bodies.
 *
 * @module
 */

import { once } from "node:events";
import type { Server as Http1Server, ServerResponse } from "node:http";
import type { Http2Server, ServerHttp2Session } from "node:http2";
import type { AddressInfo } from "node:net";
import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import type {
  AdapterServer,
  AdapterSuiteOptions,
  RouteAnswer,
} from "../../../src/testing/adapter-fixture.ts";

/** An app that the suite can start. The stores are not its business. */
export type AdapterApp = Omit<AdapterSuiteOptions, "store">;

/** Listens on a free port of 127.0.0.1; closes every connection in the end. */
export async function listenOn(server: Http1Server | Http2Server): Promise<AdapterServer> {
  const sessions = new Set<ServerHttp2Session>();
  server.on("session", (session: ServerHttp2Session) => {
    sessions.add(session);
    session.on("close", () => sessions.delete(session));
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return {
    target: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    async close() {
      const closed = once(server, "close");
      server.close();
      if ("closeAllConnections" in server) server.closeAllConnections();
      for (const session of sessions) session.destroy();
      await closed;
    },
  };
}

/** Every header of an answer, one entry for each name. */
export function headersOf({
  headers = {},
}: RouteAnswer): [name: string, value: string | string[]][] {
  return Object.entries(headers).map(([name, value]) => [
    name,
    typeof value === "string" ? value : [...value],
  ]);
}

/** Sends an answer with the methods of Node's response. */
export async function sendOn(res: ServerResponse, answer: RouteAnswer): Promise<void> {
  const { status = 200, body, trailers } = answer;
  for (const [name, value] of headersOf(answer)) res.setHeader(name, value);
  res.writeHead(status);
  if (trailers !== undefined) res.addTrailers(trailers);
  if (typeof body === "object") await pipeline(Readable.from(body), res).catch(() => undefined);
  else res.end(body);
}

/** A body of chunks as Web streams have it. */
export function webStream(chunks: AsyncIterable<string>): ReadableStream<Uint8Array> {
  const iterator = chunks[Symbol.asyncIterator]();
  const encoder = new TextEncoder();
  return new ReadableStream({
    async pull(controller) {
      const { done, value } = await iterator.next();
      if (done === true) controller.close();
      else controller.enqueue(encoder.encode(value));
    },
    async cancel() {
      await iterator.return?.();
    },
  });
}
