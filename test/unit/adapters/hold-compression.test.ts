import { randomBytes } from "node:crypto";
import { once } from "node:events";
import type { IncomingMessage, RequestListener, ServerResponse } from "node:http";
import { get } from "node:http";
import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { gunzipSync } from "node:zlib";
import compression from "compression";
import { describe, expect, it } from "vitest";
import { holdHead } from "../../../src/adapters/hold.ts";
import { StoreUnavailableError } from "../../../src/errors.ts";
import { gatedSession, serveHeld } from "../../support/held.ts";
import { listen } from "../../support/wire.ts";

// Does not shrink, so that it fills every buffer on its way.
const NOISE = randomBytes(1_000_000).toString("hex");
const CHUNKS = NOISE.match(/.{1,65536}/gs) ?? [];
// The first of these fits into the compressor, which then owes nobody a drain.
const CRUMBS = NOISE.match(/.{1,1000}/gs) ?? [];

const squeeze = compression({ threshold: 0 });
const compressed: RequestListener = (req, res) => {
  squeeze(req as never, res as never, () => undefined);
};

const BODIES: Readonly<Record<string, (res: ServerResponse) => unknown>> = {
  "one end": (res) => res.end(NOISE),
  "a piped stream": (res) => Readable.from(CHUNKS).pipe(res),
  "a pipeline": (res) => pipeline(Readable.from(CHUNKS), res),
  "writes that wait for drain": (res) => writeWaiting(res, CHUNKS),
  "small writes that wait for drain": (res) => writeWaiting(res, CRUMBS),
  "writes with a lasting drain listener": (res) => writeListening(res, CHUNKS),
  "small writes with a lasting drain listener": (res) => writeListening(res, CRUMBS),
  "writes that do not care": (res) => {
    for (const chunk of CHUNKS) res.write(chunk);
    res.end();
  },
};

async function writeWaiting(res: ServerResponse, chunks: readonly string[]): Promise<void> {
  for (const chunk of chunks) if (!res.write(chunk)) await once(res, "drain");
  res.end();
}

function writeListening(res: ServerResponse, given: readonly string[]): void {
  const chunks = [...given];
  function pump(): void {
    let room = true;
    while (room && chunks.length > 0) room = res.write(chunks.shift());
    if (chunks.length === 0) res.end();
  }
  res.on("drain", () => {
    if (chunks.length > 0) pump();
  });
  pump();
}

async function fetchGzip(port: number): Promise<{ status: number | undefined; text: string }> {
  const request = get({ port, host: "127.0.0.1", headers: { "accept-encoding": "gzip" } });
  const [answer] = (await once(request, "response")) as [IncomingMessage];
  const bytes = Buffer.concat(await answer.toArray());
  const text = answer.headers["content-encoding"] === "gzip" ? gunzipSync(bytes) : bytes;
  return { status: answer.statusCode, text: text.toString() };
}

describe("a held head with compression", () => {
  it.each(Object.keys(BODIES))("that was installed before: %s", async (name) => {
    const { wire, session } = await serveHeld(
      (_req, res) => {
        res.setHeader("Content-Type", "text/plain");
        BODIES[name]?.(res);
      },
      gatedSession(),
      { before: compressed },
    );
    setImmediate(() => session.gate.open());
    expect(await fetchGzip(wire.port)).toEqual({ status: 200, text: NOISE });
    await wire.close();
  });

  it.each(Object.keys(BODIES))("that was installed after: %s", async (name) => {
    const { wire, session } = await serveHeld((req, res) => {
      compressed(req, res);
      res.setHeader("Content-Type", "text/plain");
      BODIES[name]?.(res);
    });
    setImmediate(() => session.gate.open());
    expect(await fetchGzip(wire.port)).toEqual({ status: 200, text: NOISE });
    await wire.close();
  });

  it.each([true, false])("answers a failed commit, installed before: %s", async (first) => {
    const session = gatedSession(new StoreUnavailableError("memory", "update"));
    const wire = await listen((req, res) => {
      if (first) compressed(req, res);
      holdHead(res, session, false);
      if (!first) compressed(req, res);
      res.setHeader("Content-Type", "text/plain");
      res.end(NOISE);
    });
    session.gate.open();
    expect(await fetchGzip(wire.port)).toEqual({ status: 503, text: "Service Unavailable\n" });
    await wire.close();
  });
});
