/**
 * Runs the adapter suite, and starts the servers that it is run on.
 *
 * @module
 */

import { once } from "node:events";
import type { Server as Http1Server } from "node:http";
import type { Http2Server, ServerHttp2Session } from "node:http2";
import type { AddressInfo } from "node:net";
import { describe, it, vi } from "vitest";
import { memoryStore } from "../../src/stores/memory.ts";
import type {
  AdapterServer,
  AdapterSuiteOptions,
  RouteAnswer,
} from "../../src/testing/adapter-fixture.ts";
import { adapterSuite } from "../../src/testing/adapter-suite.ts";
import { faulty } from "../../src/testing/faults.ts";

/**
 * One `it` for each test of the suite, on a store that answers at once and on one that has to be waited for:
 * only then is a head held. A sealed session is written to no store. Frameworks print what handlers throw,
 * and Node what was wrong with a commit: neither is shown.
 */
export function testAdapter(name: string, options: Omit<AdapterSuiteOptions, "store">): void {
  testOn(name, { ...options, store: () => memoryStore() });
  const slow = () => faulty(memoryStore(), () => undefined);
  testOn(`${name}, on a store that is waited for`, { ...options, store: slow, method: "stored" });
}

function testOn(name: string, options: AdapterSuiteOptions): void {
  describe(name, () => {
    const tests = adapterSuite(options);
    for (const test of tests) {
      it.skipIf(test.skip !== undefined)(test.name, async () => {
        const silenced = [
          vi.spyOn(console, "error").mockImplementation(() => undefined),
          vi.spyOn(process, "emitWarning").mockImplementation(() => undefined),
        ];
        await test.run();
        for (const each of silenced) each.mockRestore();
      });
    }
  });
}

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
