import type { ServerOptions } from "node:http";
import { describe, expect, it } from "vitest";
import { holdHead } from "../../../src/adapters/hold.ts";
import type { HeadChanges } from "../../../src/core/session.ts";
import { NOTHING } from "../../support/held.ts";
import type { App } from "../../support/response-apps.ts";
import { APPS, attempt, tick } from "../../support/response-apps.ts";
import { listen } from "../../support/wire.ts";

/** A commit that takes a turn of the event loop, like one that talks to a store. */
const session = {
  async commit(): Promise<HeadChanges> {
    await tick();
    return NOTHING;
  },
};

interface Outcome {
  readonly bytes: string;
  readonly log: readonly string[];
}

/** What a client and the app see, with or without a held head. */
async function run(
  app: App,
  request: string,
  held: boolean,
  options: ServerOptions = {},
): Promise<Outcome> {
  const log: string[] = [];
  const wire = await listen((req, res) => {
    if (held) holdHead(res, session, false);
    for (const event of ["finish", "error"]) {
      res.on(event, (error?: Error & { code?: string }) => {
        log.push(`event ${event} ${error?.code ?? ""}`);
      });
    }
    const outcome = app(req, res, (line) => log.push(line));
    if (outcome instanceof Promise) outcome.catch((error) => log.push(`threw ${error.code}`));
  }, options);
  try {
    const bytes = await wire.exchange(request);
    return { bytes: joinChunks(bytes.replaceAll(/Date: [^\r]*/g, "Date: …")), log };
  } finally {
    await wire.close();
  }
}

/** What is written in one turn may go in one chunk or in several: that is for Node to say. */
function joinChunks(answer: string): string {
  const [head = "", ...rest] = answer.split(/(?<=\r\n\r\n)/);
  if (!head.includes("Transfer-Encoding: chunked")) return answer;
  let left = rest.join("");
  let body = "";
  for (;;) {
    const size = Number.parseInt(left, 16);
    const from = left.indexOf("\r\n") + 2;
    // The last chunk has no bytes, and what follows it are trailers.
    if (!(size > 0)) return `${head}${body}\r\n${left}`;
    body += left.slice(from, from + size);
    left = left.slice(from + size + 2);
  }
}

const get = (method = "GET"): string =>
  `${method} / HTTP/1.1\r\nHost: test\r\nConnection: close\r\n\r\n`;

const NAMES = Object.keys(APPS);
/** HTTP/1.0 and `HEAD` have no trailers: Node throws when the head is written. */
const WITHOUT_TRAILERS = NAMES.filter((name) => !name.startsWith("trailers"));

describe("a held head", () => {
  it.each(NAMES)("looks like Node's own to client and app: %s", async (name) => {
    const app = APPS[name] as App;
    expect(await run(app, get(), true)).toEqual(await run(app, get(), false));
  });

  it.each(WITHOUT_TRAILERS)("looks like Node's own to a HEAD request: %s", async (name) => {
    const app = APPS[name] as App;
    expect(await run(app, get("HEAD"), true)).toEqual(await run(app, get("HEAD"), false));
  });

  it.each(WITHOUT_TRAILERS)("looks like Node's own to HTTP/1.0: %s", async (name) => {
    const app = APPS[name] as App;
    const request = "GET / HTTP/1.0\r\n\r\n";
    expect(await run(app, request, true)).toEqual(await run(app, request, false));
  });

  it.each<[string, App]>([
    ["too much", (_req, res, log) => attemptEnd(res, log, "toolong")],
    ["too little", (_req, res, log) => attemptEnd(res, log, "x")],
    [
      "too much at a second write",
      (_req, res, log) => {
        res.write("he");
        attemptEnd(res, log, "llo there");
      },
    ],
    [
      "too much in a second write",
      (_req, res, log) => {
        res.write("he");
        attempt(log, "write", () => res.write("llo there"));
        res.destroy();
      },
    ],
    ["as much as declared", (_req, res, log) => attemptEnd(res, log, "hello")],
  ])("throws with strictContentLength as Node does: %s", async (_name, app) => {
    const strict: App = (req, res, log) => {
      res.strictContentLength = true;
      res.setHeader("Content-Length", 5);
      return app(req, res, log);
    };
    const [held, bare] = [await run(strict, get(), true), await run(strict, get(), false)];
    expect(held.log).toEqual(bare.log);
  });
});

function attemptEnd(res: Parameters<App>[1], log: (line: string) => void, text: string): void {
  try {
    res.end(text);
    log("sent");
  } catch (error) {
    log(`threw ${(error as { code?: string }).code}`);
    res.destroy();
  }
}
