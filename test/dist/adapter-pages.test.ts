import type { ChildProcess } from "node:child_process";
import { execFile, spawn } from "node:child_process";
import { once } from "node:events";
import { readFile } from "node:fs/promises";
import { connect as connectHttp2 } from "node:http2";
import type { AddressInfo } from "node:net";
import { connect } from "node:net";
import { resolve as absolute, join } from "node:path";
import { text } from "node:stream/consumers";
import { promisify } from "node:util";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { WebSocket } from "ws";
import type { Agent } from "../../src/testing/agent.ts";
import { agent } from "../../src/testing/agent.ts";
import { until } from "../support/until.ts";

const ORIGIN = "https://shop.example";
const PAGES = ["express", "fastify", "hono", "koa", "node", "web"] as const;
const SESSION_SECRET = `ck1_${"tZ0mW3sVvK2yq8hQ5cYb7nJ4xLr1fGd9uPaEoXiTkMw"}`;

/** What is below the path that a page guards. */
const BELOW_ADMIN: Partial<Record<string, { path: string; status: number }>> = {
  express: { path: "/admin/desk", status: 404 },
  fastify: { path: "/admin", status: 200 },
  hono: { path: "/admin/desk", status: 404 },
  koa: { path: "/admin/desk", status: 404 },
};

/** Starts the first program of a page that was checked, with a store that does as it is told. */
async function start(page: string, ...imports: string[]): Promise<[ChildProcess, origin: string]> {
  const trouble = join(import.meta.dirname, "fixtures/troubled-memory.mjs");
  const app = `.tmp/docs/docs-adapters-${page}-md/out/app.js`;
  const program = spawn(
    "node",
    [...[trouble, ...imports].flatMap((each) => ["--import", each]), app],
    {
      env: { ...process.env, ORIGIN, PORT: "0", SESSION_SECRET },
      stdio: ["ignore", "pipe", "inherit", "ipc"],
    },
  );
  return [program, `http://127.0.0.1:${await printedPort(program)}`];
}

async function stop(program: ChildProcess): Promise<void> {
  program.kill();
  if (program.exitCode === null && program.signalCode === null) await once(program, "exit");
}

/** Holds pages to the package: they compile, and every link and command is there. */
const check = (...pages: string[]) =>
  promisify(execFile)("node", [
    "scripts/check-docs.mjs",
    ...pages.map((page) => `docs/adapters/${page}.md`),
  ]);

const post = (client: Agent, path: string, form: Record<string, string> = {}) =>
  client.fetch(path, { method: "POST", body: new URLSearchParams(form) });

/** Somebody who has signed in. */
async function someone(origin: string): Promise<Agent> {
  const client = agent(origin);
  await post(client, "/sign-in", { name: "ada", password: "secret tea" });
  return client;
}

// The check of the pages leaves out what is imported again: who copies the blocks does not.
describe.each(PAGES)("the blocks of docs/adapters/%s.md, one below the other", (page) => {
  it("import no name twice", async () => {
    const text = await readFile(`docs/adapters/${page}.md`, "utf8");
    const code = [...text.matchAll(/^```ts( continued)?\n(.*?)^```$/gms)];
    const isAnother = code.findIndex(
      ([, on, lines = ""], at) => at > 0 && !on && /^import /m.test(lines),
    );
    const program = code.slice(0, isAnother === -1 ? undefined : isAnother);
    const imports = program.flatMap(([, , lines = ""]) => [
      ...lines.matchAll(/^import (?:type )?(.+?) from /gms),
    ]);
    const names = imports.flatMap(([, what = ""]) => what.match(/[\w$]+(?=\s*(?:[,}]|$))/g) ?? []);
    expect(names).toContain("createSessions");
    expect(names).toEqual([...new Set(names)]);
  });
});

describe.each(PAGES)("the program of docs/adapters/%s.md", (page) => {
  let program: ChildProcess;
  let origin: string;
  let ada: Agent;

  beforeAll(async () => {
    await check(page);
    [program, origin] = await start(page);
    ada = agent(origin);
  });
  afterAll(() => stop(program));

  const shown = async (client: Agent): Promise<unknown> => (await client.fetch("/")).json();

  const signedIn = (): Promise<Agent> => someone(origin);
  const cookieOf = (client: Agent): string => `sid=${client.cookies().get("sid")}`;

  /** A socket that is open and was greeted, or the status that refused it. */
  const socketOf = async (cookie: string, from?: string): Promise<WebSocket | number> => {
    const socket = new WebSocket(origin.replace("http", "ws"), {
      headers: { cookie },
      ...(from !== undefined && { origin: from }),
    });
    return new Promise((resolve, reject) => {
      socket.on("error", reject);
      socket.on("message", (hello) => {
        expect(String(hello)).toBe("hello ada");
        resolve(socket);
      });
      socket.on("unexpected-response", (_request, { statusCode = 0 }) => {
        socket.off("error", reject).on("error", () => undefined);
        socket.terminate();
        resolve(statusCode);
      });
    });
  };

  /** Bytes as no client should send them. */
  const rawSocket = (head: string, ...lines: string[]) => {
    const raw = connect(Number(new URL(origin).port), "127.0.0.1");
    raw.on("error", () => undefined);
    raw.write([`${head} HTTP/1.1`, "Host: shop.example", ...lines, "", ""].join("\r\n"));
    return raw;
  };
  const rawUpgrade = (cookie: string) =>
    rawSocket(
      "GET /",
      "Connection: Upgrade",
      "Upgrade: websocket",
      "Sec-WebSocket-Version: 13",
      "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==",
      `Cookie: ${cookie}`,
    );

  /** Makes the store what test/dist/fixtures/troubled-memory.mjs offers. */
  const tell = async (mode: "down" | "up" | "hold" | "release"): Promise<void> => {
    const heard = once(program, "message");
    program.send(mode);
    await heard;
  };

  it("keeps a visitor's cart", async () => {
    expect(await shown(ada)).toEqual({ user: "nobody", cart: [] });
    expect(ada.cookies().size).toBe(0);
    expect(await (await post(ada, "/cart", { item: "tea" })).json()).toEqual({
      user: "nobody",
      cart: ["tea"],
    });
  });

  it("refuses a form that does not fit", async () => {
    expect((await post(ada, "/cart", { item: "" })).status).toBe(400);
    expect(await shown(ada)).toMatchObject({ cart: ["tea"] });
  });

  it("guards what is for users only", async () => {
    expect((await ada.fetch("/account")).status).toBe(401);
    expect((await ada.fetch("/account/keys")).status).toBe(401);
  });

  const below = BELOW_ADMIN[page];
  it.skipIf(below === undefined)("guards everything below a path", async () => {
    const { path, status } = below as NonNullable<typeof below>;
    const refused = await agent(origin).fetch(path);
    expect(refused.status).toBe(401);
    // The one page that shows how to answer with a page.
    const link = '<a href="/sign-in">Sign in</a> first.';
    if (page === "express") expect(await refused.text()).toBe(link);
    expect((await (await signedIn()).fetch(path)).status).toBe(status);
  });

  it("signs in with a password, and the cart comes along", async () => {
    expect((await post(ada, "/sign-in", { name: "ada", password: "guess" })).status).toBe(401);
    const before = ada.cookies().get("sid");
    const response = await post(ada, "/sign-in", { name: "ada", password: "secret tea" });
    expect(await response.json()).toEqual({ user: "ada", cart: ["tea"] });
    expect(ada.cookies().get("sid")).not.toBe(before);
    expect(await (await ada.fetch("/account")).json()).toEqual({ userId: "ada" });
    expect(await (await ada.fetch("/account/keys")).json()).toEqual({ userId: "ada", keys: [] });
  });

  it("refuses a socket without a user, and closes one whose session ends", async () => {
    expect(await socketOf("")).toBe(401);
    const bob = await signedIn();
    const socket = await socketOf(cookieOf(bob));
    const closed = once(socket as WebSocket, "close");
    await post(bob, "/sign-out");
    expect((await closed)[0]).toBe(4001);
  });

  it("refuses a socket from another origin", async () => {
    const cookie = cookieOf(await signedIn());
    for (const other of ["https://evil.shop.example", "http://shop.example", "null"]) {
      expect(await socketOf(cookie, other)).toBe(403);
    }
    ((await socketOf(cookie, ORIGIN)) as WebSocket).terminate();
  });

  it("P10 refuses a socket with 503 while the store is down, and not with 401", async () => {
    const cookie = cookieOf(await signedIn());
    await tell("down");
    expect(await socketOf(cookie)).toBe(503);
    await tell("up");
    ((await socketOf(cookie)) as WebSocket).terminate();
  });

  it("outlives clients that break off, and what is no frame", async () => {
    const bob = await signedIn();
    const open = rawUpgrade(cookieOf(bob));
    await once(open, "data");
    open.end(Buffer.from([0xff, 0xff]));
    await once(open, "close");

    const thief = bob.copy();
    await post(bob, "/sign-out");
    await tell("hold");
    const held = once(program, "message");
    const gone = rawUpgrade(cookieOf(thief));
    await held;
    gone.resetAndDestroy();
    await once(gone, "close");
    await tell("release");

    const type = "Content-Type: application/x-www-form-urlencoded";
    const form = rawSocket("POST /cart", type, "Content-Length: 100", "Expect: 100-continue");
    await once(form, "data");
    form.end("item=");
    await once(form, "close");

    expect(await shown(ada)).toMatchObject({ user: "ada" });
    expect(program.exitCode).toBeNull();
  });

  it("ends a stream whose session ends", async () => {
    expect((await agent(origin).fetch("/events")).status).toBe(401);
    const eve = await signedIn();
    const events = await eve.fetch("/events");
    expect(events.headers.get("content-type")).toContain("text/event-stream");
    const text = events.text();
    await post(eve, "/sign-out");
    const lines = (await text).split("\n").filter((line) => line !== "");
    expect(lines).toEqual(["data: hello", "event: signed-out", "data: bye"]);
  });

  it("ends a stream whose session has ended before its first event", async () => {
    const eve = await signedIn();
    await tell("hold");
    const held = once(program, "message");
    const events = eve.fetch("/events");
    await held;
    await post(eve, "/sign-out");
    await tell("release");
    expect(await (await events).text()).toContain("signed-out");
  });

  it("watches nothing for those who have left before the first event", async () => {
    const watches = async (): Promise<boolean> => {
      const heard = once(program, "message");
      program.send("watches");
      return (await heard)[0];
    };
    const eve = await signedIn();
    const staying = await eve.fetch("/events");
    expect(await watches()).toBe(true);
    await staying.body?.cancel();

    await tell("hold");
    const held = once(program, "message");
    const gone = rawSocket("GET /events", `Cookie: ${cookieOf(eve)}`);
    await held;
    gone.resetAndDestroy();
    await once(gone, "close");
    // What comes after it has been answered, so the server knows that it is gone.
    expect((await agent(origin).fetch("/events")).status).toBe(401);
    await tell("release");
    await until("nothing is watched", async () => !(await watches()));
    // And it has not only not begun yet.
    await shown(eve);
    expect(await watches()).toBe(false);
  });

  it("signs out, also the copy of a cookie", async () => {
    const thief = ada.copy();
    expect(await (await post(ada, "/sign-out")).json()).toEqual({ user: "nobody", cart: [] });
    expect(await shown(thief)).toEqual({ user: "nobody", cart: [] });
  });
});

describe("docs/adapters/express.md, on Express 4", () => {
  let program: ChildProcess;
  let origin: string;
  beforeAll(async () => {
    await check("express");
    [program, origin] = await start("express", join(import.meta.dirname, "fixtures/express4.mjs"));
  });
  afterAll(() => stop(program));

  it("hands on what a handler rejects with", async () => {
    const refused = await agent(origin).fetch("/name");
    expect(refused.status).toBe(401);
    expect(await refused.text()).toBe('<a href="/sign-in">Sign in</a> first.');
    expect(await (await (await someone(origin)).fetch("/name")).json()).toBe("ada");
  });
});

describe("what only one page has", () => {
  beforeAll(() => check("express", "node", "web"));

  it("express.md: a handler that hands its rejection on, which Express 5 does not mind", async () => {
    const [program, origin] = await start("express");
    expect((await agent(origin).fetch("/name")).status).toBe(401);
    expect(await (await (await someone(origin)).fetch("/name")).json()).toBe("ada");
    await stop(program);
  });

  it("web.md: the adapter's work by hand", async () => {
    const [program, origin] = await start("web");
    const bob = agent(origin);
    const dark = await post(bob, "/dark");
    expect(dark.status).toBe(204);
    expect(dark.headers.get("cache-control")).toBe("no-store");
    expect(dark.headers.get("vary")).toBe("Cookie");
    const before = bob.cookies().get("sid");
    expect(before).toMatch(/^[\w-]{76}$/);
    // It is the session of what follows.
    await post(bob, "/cart", { item: "tea" });
    expect((await post(bob, "/dark")).headers.getSetCookie()).toEqual([]);
    expect(await (await bob.fetch("/")).json()).toEqual({ user: "nobody", cart: ["tea"] });
    expect(bob.cookies().get("sid")).toBe(before);
    await stop(program);
  });

  it("node.md: a listener for HTTP/2", async () => {
    process.env["SESSION_SECRET"] = SESSION_SECRET;
    const { server, sessions } = await import(
      absolute(".tmp/docs/docs-adapters-node-md/out/program-2.js")
    );
    server.listen(0, "127.0.0.1");
    await once(server, "listening");
    const client = connectHttp2(`http://127.0.0.1:${(server.address() as AddressInfo).port}`);
    const get = async (cookie?: string) => {
      const stream = client.request({ ":path": "/", ...(cookie !== undefined && { cookie }) });
      const [headers] = await once(stream, "response");
      return { status: headers[":status"], vary: headers.vary, body: await text(stream) };
    };
    expect(await get()).toEqual({ status: 200, vary: "Cookie", body: "empty" });

    const handle = sessions.open({ headers: {} });
    (await handle.load()).set("cart", ["tea", "milk"]);
    const [{ name, value }] = (await handle.commit({ at: "head" })).cookies;
    expect(await get(`${name}=${value}`)).toMatchObject({ status: 200, body: "tea, milk" });
    client.close();
    server.close();
    await once(server, "close");
  });
});

/** The programs print the address that they listen on. */
async function printedPort(program: ChildProcess): Promise<string> {
  let text = "";
  for await (const chunk of program.stdout ?? []) {
    text += chunk;
    const port = /\d{4,5}/.exec(text)?.[0];
    if (port !== undefined) return port;
  }
  throw new Error(`it ended before it listened, and printed ${text}`);
}
