/**
 * How answers are sent under the façade: with compression around it, in streams, from files, over
 * HTTP/2; and what happens to a session that cannot be kept.
 */

import { once } from "node:events";
import { rm, writeFile } from "node:fs/promises";
import { connect, createServer } from "node:http2";
import type { AddressInfo } from "node:net";
import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import compression from "compression";
import express from "express";
import { describe, expect, it } from "vitest";
import type { Session } from "../../src/compat/express-session.ts";
import { serve } from "../support/express-visitor.ts";
import { OURS, WAYS } from "../support/express-ways.ts";
import { temporaryFolder } from "../support/temporary-folder.ts";

type Data = Session & Record<string, unknown>;

const LONG = "a line of a long answer\n".repeat(20_000);
const PATHS = ["/send", "/stream", "/file", "/json", "/events"] as const;

function sendWays(app: express.Express, file: string): void {
  app.use((req, _res, next) => {
    const data = req.session as never as Data;
    data["count"] = Number(data["count"] ?? 0) + 1;
    next();
  });
  app.get("/send", (_req, res) => void res.type("text").send(LONG));
  app.get("/json", (_req, res) => void res.json({ text: LONG }));
  app.get("/file", (_req, res) => res.sendFile(file));
  app.get("/stream", async (_req, res) => {
    res.type("text");
    await pipeline(Readable.from(LONG.match(/[\s\S]{1,9000}/g) ?? []), res);
  });
  app.get("/events", async (_req, res) => {
    res.writeHead(200, { "Content-Type": "text/event-stream" });
    for (let at = 0; at < 3; at += 1) {
      res.write(`data: ${at}\n\n`);
      await new Promise((resolve) => setTimeout(resolve, 5));
    }
    res.end();
  });
  app.get("/count", (req, res) => void res.json((req.session as never as Data)["count"]));
}

const EXPECTED: Readonly<Record<(typeof PATHS)[number], string>> = {
  "/send": LONG,
  "/stream": LONG,
  "/file": LONG,
  "/json": JSON.stringify({ text: LONG }),
  "/events": "data: 0\n\ndata: 1\n\ndata: 2\n\n",
};

describe.each(WAYS)("on $name", ({ open }) => {
  it.each(["alone", "before", "after"])("answers arrive whole, compression %s", async (place) => {
    const { install, close } = await open();
    const folder = await temporaryFolder("responses");
    const file = `${folder}/long.txt`;
    await writeFile(file, LONG);
    const app = express();
    if (place === "before") app.use(compression());
    app.use(install());
    if (place === "after") app.use(compression());
    sendWays(app, file);
    const site = await serve(app);
    const browser = site.browser();
    for (const path of PATHS) {
      const reply = await browser.get(path, { "accept-encoding": "gzip" });
      expect({ path, isWhole: reply.text === EXPECTED[path] }).toEqual({ path, isWhole: true });
      expect(reply.headers.get("content-encoding")).toBe(place === "alone" ? null : "gzip");
    }
    expect((await browser.get("/count")).text).toBe(`${PATHS.length + 1}`);
    await site.close();
    await close();
    await rm(folder, { recursive: true });
  });
});

describe.each(OURS.filter(({ name }) => name.startsWith("the façade")))("on $name", ({ open }) => {
  it("a session that JSON cannot hold is a 500, and sets no cookie", async () => {
    const { install, close } = await open();
    const app = express();
    app.use(install());
    app.get("/", (req, res) => {
      (req.session as never as Data)["big"] = 1n;
      res.send("fine");
    });
    const site = await serve(app);
    const warning = once(process, "warning");
    const { status, text, cookies } = await site.browser().get("/");
    expect({ status, text, cookies }).toEqual({
      status: 500,
      text: "Internal Server Error\n",
      cookies: [],
    });
    expect(String((await warning)[0])).toContain("BigInt");
    await site.close();
    await close();
  });

  it("HTTP/2 works", async () => {
    const { install, close } = await open();
    const middleware = install() as unknown as (req: object, res: object, next: () => void) => void;
    const server = createServer((req, res) => {
      middleware(req, res, () => {
        const { session } = req as unknown as { session: Data };
        session["count"] = Number(session["count"] ?? 0) + 1;
        res.end(`${session["count"]}`);
      });
    }).listen(0, "127.0.0.1");
    await once(server, "listening");
    const client = connect(`http://127.0.0.1:${(server.address() as AddressInfo).port}`);
    let cookie: string | undefined;
    for (const expected of ["1", "2"]) {
      const stream = client.request({ ":path": "/", ...(cookie && { cookie }) });
      const [head] = (await once(stream, "response")) as [Record<string, string[]>];
      cookie ??= head["set-cookie"]?.[0]?.split(";")[0];
      let text = "";
      for await (const piece of stream) text += String(piece);
      expect(text).toBe(expected);
    }
    client.close();
    server.close();
    await close();
  });
});
