import { once } from "node:events";
import type { IncomingMessage, ServerResponse } from "node:http";
import { connect, createServer } from "node:http2";
import type { AddressInfo } from "node:net";
import { describe, expect, it } from "vitest";
import { holdHead, prepareHold } from "../../../src/adapters/hold.ts";
import type { NodeResponse } from "../../../src/adapters/node-response.ts";
import { ownCookie } from "../../../src/cookie/write.ts";
import type { CommitOptions, HeadChanges } from "../../../src/core/session.ts";
import { StoreUnavailableError } from "../../../src/errors.ts";
import { NOTHING } from "../../support/held.ts";
import type { App } from "../../support/response-apps.ts";
import { APPS, tick } from "../../support/response-apps.ts";

interface Outcome {
  readonly headers: Record<string, unknown> | undefined;
  readonly trailers: Record<string, unknown> | undefined;
  readonly body: string;
  readonly code: number | undefined;
  readonly log: readonly string[];
}

const slow = {
  async commit(): Promise<HeadChanges> {
    await tick();
    return NOTHING;
  },
};

async function run(
  app: App,
  session: { commit(options?: CommitOptions): Promise<HeadChanges> } | undefined,
  method = "GET",
): Promise<Outcome> {
  const log: string[] = [];
  const server = createServer((req, res) => {
    if (session !== undefined) holdHead(res as unknown as NodeResponse, session, false);
    for (const event of ["finish", "error"]) {
      res.on(event, (error?: Error & { code?: string }) => {
        log.push(`event ${event} ${error?.code ?? ""}`);
      });
    }
    const note = (line: string): unknown => log.push(line);
    const outcome = app(
      req as unknown as IncomingMessage,
      res as unknown as ServerResponse,
      (line) => void note(line),
    );
    if (outcome instanceof Promise) outcome.catch((error) => note(`threw ${error.code}`));
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const client = connect(`http://127.0.0.1:${(server.address() as AddressInfo).port}`);
  const stream = client.request({ ":path": "/", ":method": method });
  let headers: Record<string, unknown> | undefined;
  let trailers: Record<string, unknown> | undefined;
  let body = "";
  stream.setEncoding("latin1");
  stream.on("response", (given) => {
    headers = { ...given, date: "…" };
  });
  stream.on("trailers", (given) => {
    trailers = { ...given };
  });
  stream.on("data", (chunk: string) => {
    body += chunk;
  });
  stream.on("error", () => undefined);
  await new Promise((resolve) => stream.once("close", resolve));
  await tick();
  const code = stream.rstCode;
  client.close();
  server.close();
  return { headers, trailers, body, code, log };
}

// What HTTP/2 responses do not have: reason phrases, `setHeaders`, 102. Or where Node is more careful
// over HTTP/1, and we are over both.
const NOT_HTTP2 = new Set([
  "writeHead with a bad status",
  "writeHead with no number",
  "writeHead with headers and null",
  "a bad chunk leaves the head open",
  "processing, while the head is held",
  "changes after the head",
  "a status and a message on the properties",
  "writeHead with a bad message",
  "a bad status on the property",
]);
const NAMES = Object.keys(APPS).filter((name) => !NOT_HTTP2.has(name));
// Where Node leaves the stream open, or ends it while the app still writes, sooner or later.
const NOT_HEAD = new Set([
  "a pipeline that fails before its first chunk",
  "write after end",
  "writes over time",
]);
const HEAD_NAMES = NAMES.filter((name) => !NOT_HEAD.has(name));

describe("a held head over HTTP/2", () => {
  it.each(NAMES)("looks like Node's own to client and app: %s", async (name) => {
    const app = APPS[name] as App;
    expect(await run(app, slow)).toEqual(await run(app, undefined));
  });

  it("P9 waits also where a method was looked up before the session was used", async () => {
    const app: App = (_req, given) => {
      const res = given as unknown as NodeResponse;
      prepareHold(res);
      const { end } = given;
      holdHead(res, slow, false);
      (end as (body: string) => unknown).call(given, "x");
    };
    const { headers, body } = await run(app, undefined);
    expect([headers?.[":status"], body]).toEqual([200, "x"]);
  });

  it.each(HEAD_NAMES)("looks like Node's own to a HEAD request: %s", async (name) => {
    const app = APPS[name] as App;
    expect(await run(app, slow, "HEAD")).toEqual(await run(app, undefined, "HEAD"));
  });

  it("throws for changes after the head under HTTP/2's own code", async () => {
    const { log } = await run((_req, res, note) => {
      res.write("a");
      for (const change of [
        () => res.setHeader("X-One", "1"),
        () => res.appendHeader("X-One", "1"),
        () => res.removeHeader("X-One"),
        () => res.writeHead(404),
      ]) {
        try {
          change();
        } catch (error) {
          note((error as { code: string }).code);
        }
      }
      res.end();
    }, slow);
    expect(log.slice(0, 4)).toEqual(Array(4).fill("ERR_HTTP2_HEADERS_SENT"));
  });

  it("P10 answers 503 when the commit fails, with the cookies of what acted", async () => {
    const cookie = ownCookie("sid", "new", {
      path: "/",
      secure: true,
      sameSite: "lax",
      partitioned: false,
    });
    const { headers, body } = await run(
      (_req, res) => {
        res.setHeader("ETag", '"1"');
        res.end("lost");
      },
      {
        async commit({ failed } = {}) {
          if (!failed) throw new StoreUnavailableError("memory", "update");
          return { ...NOTHING, cookies: [cookie], vary: true, cacheControl: "no-store" };
        },
      },
    );
    expect(headers).toMatchObject({
      ":status": 503,
      "set-cookie": [String(cookie)],
      "cache-control": "no-store",
      vary: "Cookie",
    });
    expect(headers).not.toHaveProperty("etag");
    expect(body).toBe("Service Unavailable\n");
  });

  it("becomes an answer, not a crash, when Node refuses the head as it is written", async () => {
    // A list for a header that may stand once: HTTP/2 throws only then.
    const { headers } = await run((_req, res) => {
      res.setHeader("Content-Language", ["en", "de"]);
      res.end("x");
    }, slow);
    expect(headers).toMatchObject({ ":status": 500 });
  });
});
