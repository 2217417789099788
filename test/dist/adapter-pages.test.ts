import type { ChildProcess } from "node:child_process";
import { execFile, spawn } from "node:child_process";
import { once } from "node:events";
import { connect } from "node:net";
import { join } from "node:path";
import { promisify } from "node:util";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { WebSocket } from "ws";
import type { Agent } from "../../src/testing/agent.ts";
import { agent } from "../../src/testing/agent.ts";

const ORIGIN = "https://shop.example";
const PAGES = ["express", "fastify", "hono", "koa", "node", "web"] as const;

describe.each(PAGES)("the program of docs/adapters/%s.md", (page) => {
  let program: ChildProcess;
  let origin: string;
  let ada: Agent;

  beforeAll(async () => {
    // Also holds the page to the package: it compiles, and every link and command is there.
    await promisify(execFile)("node", ["scripts/check-docs.mjs", `docs/adapters/${page}.md`]);
    const trouble = join(import.meta.dirname, "fixtures/troubled-memory.mjs");
    const app = `.tmp/docs/docs-adapters-${page}-md/out/app.js`;
    program = spawn("node", ["--import", trouble, app], {
      env: {
        ...process.env,
        ORIGIN,
        PORT: "0",
        SESSION_SECRET: `ck1_${"tZ0mW3sVvK2yq8hQ5cYb7nJ4xLr1fGd9uPaEoXiTkMw"}`,
      },
      stdio: ["ignore", "pipe", "inherit", "ipc"],
    });
    origin = `http://127.0.0.1:${await printedPort(program)}`;
    ada = agent(origin);
  });
  afterAll(async () => {
    program.kill();
    if (program.exitCode === null && program.signalCode === null) await once(program, "exit");
  });

  const post = (client: Agent, path: string, form: Record<string, string> = {}) =>
    client.fetch(path, { method: "POST", body: new URLSearchParams(form) });
  const shown = async (client: Agent): Promise<unknown> => (await client.fetch("/")).json();

  /** Somebody who has signed in. */
  const signedIn = async (): Promise<Agent> => {
    const client = agent(origin);
    await post(client, "/sign-in", { name: "ada", password: "secret tea" });
    return client;
  };
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

  it("signs out, also the copy of a cookie", async () => {
    const thief = ada.copy();
    expect(await (await post(ada, "/sign-out")).json()).toEqual({ user: "nobody", cart: [] });
    expect(await shown(thief)).toEqual({ user: "nobody", cart: [] });
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
