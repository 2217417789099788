/**
 * Small programs over a Node response, each with its own way to answer. A test serves them twice, by
 * Node alone and with a held head, and compares what client and app see.
 *
 * @module
 */

import type { IncomingMessage, ServerResponse } from "node:http";
import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";

/** @param log - notes what the app saw. */
export type App = (
  req: IncomingMessage,
  res: ServerResponse,
  log: (line: string) => void,
) => unknown;

/** Each is served twice, by Node alone and with a held head: clients and apps must see the same. */
export const APPS: Readonly<Record<string, App>> = {
  "end with text": (_req, res) => res.end("hello"),
  "end with bytes": (_req, res) => res.end(Buffer.from([1, 2, 255])),
  "end with an encoding": (_req, res) => res.end("68656c6c6f", "hex"),
  "end with nothing": (_req, res) => res.end(),
  "end with an empty text": (_req, res) => res.end(""),
  "end with null": (_req, res) => res.end(null),
  "end's callback, after the text": (_req, res, log) => res.end("x", () => log("callback")),
  "end's callback alone": (_req, res, log) => res.end(() => log("callback")),
  "headers, then end": (_req, res) => {
    res.setHeader("X-One", "1");
    res.setHeader("Set-Cookie", ["a=1", "b=2"]);
    res.end("x");
  },
  "a declared length": (_req, res) => {
    res.setHeader("Content-Length", 5);
    res.write("he");
    res.end("llo");
  },
  "a removed length": (_req, res) => {
    res.removeHeader("Content-Length");
    res.end("hello");
  },
  "several writes": (_req, res) => {
    res.write("a");
    res.write(Buffer.from("b"));
    res.write("63", "hex");
    res.end("d");
  },
  "writes with callbacks": (_req, res, log) => {
    res.write("a", () => log("one"));
    res.write("b", "utf8", () => log("two"));
    res.end("c", "utf8", () => log("three"));
  },
  "writes over time": async (_req, res) => {
    for (const chunk of ["a", "b", "c"]) {
      res.write(chunk);
      await tick();
    }
    res.end();
  },
  "writeHead with a status": (_req, res) => res.writeHead(201).end("x"),
  "writeHead with a message": (_req, res) => res.writeHead(299, "Fine").end("x"),
  "writeHead with an object": (_req, res) =>
    res.writeHead(200, { "X-One": 1, "Set-Cookie": ["a=1", "b=2"], "Content-Length": 1 }).end("x"),
  "writeHead with message and object": (_req, res) =>
    res.writeHead(200, "Good", { "X-One": "1" }).end("x"),
  "writeHead with a flat list": (_req, res) =>
    res.writeHead(200, ["X-One", "1", "Set-Cookie", "a=1", "Set-Cookie", "b=2"]).end("x"),
  "writeHead with an object over set headers": (_req, res) => {
    res.setHeader("x-one", "0");
    res.setHeader("X-Two", "2");
    res.writeHead(200, { "X-One": "1" }).end("x");
  },
  "writeHead with a flat list over set headers": (_req, res) => {
    res.setHeader("x-one", "0");
    res.writeHead(200, ["X-One", "1", "X-Two", "2"]).end("x");
  },
  "writeHead with a list of pairs": (_req, res) => {
    const pairs = [
      ["X-One", "1"],
      ["Set-Cookie", "a=1"],
      ["Set-Cookie", "b=2"],
    ];
    // Known to Node, if not to its types.
    res.writeHead(200, pairs as unknown as string[]).end("x");
  },
  "writeHead with undefined headers": (_req, res) => res.writeHead(200, undefined).end("x"),
  "writeHead with headers and null": (_req, res) =>
    (res.writeHead as (...args: unknown[]) => typeof res)
      .call(res, 200, { "X-One": "1" }, null)
      .end("x"),
  "writeHead, then writes": (_req, res) => {
    res.writeHead(200, { "Content-Type": "text/plain" });
    res.write("a");
    res.end("b");
  },
  "writeHead twice": (_req, res, log) => {
    res.writeHead(200);
    attempt(log, "again", () => res.writeHead(404));
    res.end("x");
  },
  "writeHead with a bad status": (_req, res, log) => {
    attempt(log, "99", () => res.writeHead(99));
    attempt(log, "1000", () => res.writeHead(1000));
    log(`sent ${res.headersSent}`);
    res.end("x");
  },
  "writeHead with no number": (_req, res, log) => {
    attempt(log, "NaN", () => res.writeHead(Number.NaN));
    log(`sent ${res.headersSent}`);
    res.end("x");
  },
  "writeHead with a bad header": (_req, res, log) => {
    attempt(log, "value", () => res.writeHead(200, { "X-One": "a\nb" }));
    attempt(log, "name", () => res.writeHead(200, { "X One": "a" }));
    attempt(log, "undefined", () => res.writeHead(200, { "X-One": undefined }));
    log(`sent ${res.headersSent}`);
    res.end("x");
  },
  "writeHead with an odd list": (_req, res, log) => {
    attempt(log, "odd", () => res.writeHead(200, ["X-One"]));
    res.end("x");
  },
  "writeHead with a bad message": (_req, res, log) => {
    attempt(log, "message", () => res.writeHead(200, "a\r\nb"));
    log(`sent ${res.headersSent}`);
    res.destroy();
  },
  "a bad status on the property": (_req, res, log) => {
    res.statusCode = 99;
    attempt(log, "end", () => res.end("x"));
    res.statusCode = 200;
    res.end("y");
  },
  "a status and a message on the properties": (_req, res) => {
    res.statusCode = 418;
    res.statusMessage = "Short and stout";
    res.end("x");
  },
  "changes after the head": (_req, res, log) => {
    res.setHeader("X-One", "1");
    res.write("a");
    log(`sent ${res.headersSent}`);
    attempt(log, "set", () => res.setHeader("X-Two", "2"));
    attempt(log, "append", () => res.appendHeader("X-Two", "2"));
    attempt(log, "remove", () => res.removeHeader("X-One"));
    attempt(log, "setHeaders", () => res.setHeaders(new Map([["X-Two", "2"]])));
    attempt(log, "writeHead", () => res.writeHead(404));
    attempt(log, "flush", () => res.flushHeaders());
    res.statusCode = 500;
    res.statusMessage = "No";
    res.end("b");
  },
  "a cookie list that is changed after the head": (_req, res) => {
    const list = ["a=1"];
    res.setHeader("Set-Cookie", list);
    res.write("a");
    list.push("b=2");
    res.end();
  },
  "after end": (_req, res, log) => {
    log(`ended ${res.writableEnded}`);
    res.end("a");
    log(`ended ${res.writableEnded} sent ${res.headersSent}`);
    attempt(log, "set", () => res.setHeader("X-Two", "2"));
    res.end();
    res.end(() => log("late callback"));
    res.on("finish", () => log(`finished ${res.writableFinished}`));
  },
  "write after end": (_req, res, log) => {
    res.end("a");
    log(`write ${res.write("b", (error) => log(`written ${(error as { code?: string })?.code}`))}`);
  },
  "bad chunks": (_req, res, log) => {
    attempt(log, "null", () => res.write(null));
    attempt(log, "undefined", () => res.write(undefined));
    attempt(log, "number", () => res.write(1));
    attempt(log, "end number", () => res.end(1));
    res.end("x");
  },
  "a bad chunk leaves the head open": (_req, res, log) => {
    attempt(log, "null", () => res.write(null));
    log(`sent ${res.headersSent}`);
    res.end("x");
  },
  "flushHeaders, then end": async (_req, res) => {
    res.setHeader("X-One", "1");
    res.flushHeaders();
    res.flushHeaders();
    await tick();
    res.end("x");
  },
  "server-sent events": async (_req, res) => {
    res.writeHead(200, { "Content-Type": "text/event-stream" });
    res.flushHeaders();
    for (const event of ["one", "two"]) {
      await tick();
      res.write(`data: ${event}\n\n`);
    }
    res.end();
  },
  "no content": (_req, res) => {
    res.statusCode = 204;
    res.end("ignored");
  },
  "not modified": (_req, res) => {
    res.setHeader("ETag", '"1"');
    res.writeHead(304).end();
  },
  trailers: (_req, res) => {
    res.setHeader("Trailer", "X-Sum");
    res.write("a");
    res.addTrailers({ "X-Sum": "1" });
    res.end();
  },
  "trailers, added while the head is held": async (_req, res) => {
    res.writeHead(200, { Trailer: "X-Sum" });
    res.write("a");
    await tick();
    res.addTrailers({ "X-Sum": "1" });
    res.end("b");
  },
  "cork and uncork": (_req, res) => {
    res.cork();
    res.write("a");
    res.write("b");
    res.uncork();
    res.end("c");
  },
  "early hints": (_req, res) => {
    res.writeEarlyHints({ link: "</a.css>; rel=preload; as=style" });
    res.end("x");
  },
  continue: (_req, res) => {
    res.writeContinue();
    res.end("x");
  },
  "processing, while the head is held": (_req, res) => {
    res.writeProcessing();
    res.end("x");
  },
  "a stream": (_req, res) => {
    Readable.from(["a", "b", "c"]).pipe(res);
  },
  "a pipeline": async (_req, res, log) => {
    await pipeline(Readable.from(["a".repeat(40_000), "b".repeat(40_000)]), res);
    log("piped");
  },
  "a pipeline that fails before its first chunk": async (_req, res, log) => {
    const broken = new Readable({
      read() {
        this.destroy(new Error("broken"));
      },
    });
    await pipeline(broken, res).catch(() => log("failed"));
  },
  "a destroyed response": (_req, res, log) => {
    res.on("close", () => log(`closed, ended ${res.writableEnded}`));
    res.destroy();
    res.end("x");
  },
  "an own response to an own request": (req, res) => {
    res.end(String(res.req === req));
  },
};

export const tick = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

/** Notes what a call throws, by its code. */
export function attempt(log: (line: string) => void, what: string, call: () => unknown): void {
  try {
    call();
    log(`${what} ok`);
  } catch (error) {
    log(`${what} threw ${(error as { code?: string }).code}`);
  }
}
