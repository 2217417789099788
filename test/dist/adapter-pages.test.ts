import type { ChildProcess } from "node:child_process";
import { execFile, spawn } from "node:child_process";
import { once } from "node:events";
import { promisify } from "node:util";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { WebSocket } from "ws";
import type { Agent } from "../../src/testing/agent.ts";
import { agent } from "../../src/testing/agent.ts";

const PAGES = ["express", "fastify", "hono", "koa", "node", "web"] as const;

describe.each(PAGES)("the program of docs/adapters/%s.md", (page) => {
  let program: ChildProcess;
  let origin: string;
  let ada: Agent;

  beforeAll(async () => {
    // Also holds the page to the package: it compiles, and every link and command is there.
    await promisify(execFile)("node", ["scripts/check-docs.mjs", `docs/adapters/${page}.md`]);
    program = spawn("node", [`.tmp/docs/docs-adapters-${page}-md/out/app.js`], {
      env: {
        ...process.env,
        PORT: "0",
        SESSION_SECRET: `ck1_${"tZ0mW3sVvK2yq8hQ5cYb7nJ4xLr1fGd9uPaEoXiTkMw"}`,
      },
      stdio: ["ignore", "pipe", "inherit"],
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
    const stranger = new WebSocket(origin.replace("http", "ws"));
    const [, refusal] = await once(stranger, "unexpected-response");
    expect(refusal.statusCode).toBe(401);
    stranger.on("error", () => undefined).terminate();

    const bob = agent(origin);
    await post(bob, "/sign-in", { name: "ada", password: "secret tea" });
    const headers = { cookie: `sid=${bob.cookies().get("sid")}` };
    const socket = new WebSocket(origin.replace("http", "ws"), { headers });
    const [hello] = await once(socket, "message");
    expect(String(hello)).toBe("hello ada");
    const closed = once(socket, "close");
    await post(bob, "/sign-out");
    expect((await closed)[0]).toBe(4001);
  });

  it("ends a stream whose session ends", async () => {
    const eve = agent(origin);
    expect((await eve.fetch("/events")).status).toBe(401);
    await post(eve, "/sign-in", { name: "ada", password: "secret tea" });
    const events = await eve.fetch("/events");
    expect(events.headers.get("content-type")).toContain("text/event-stream");
    const text = events.text();
    await post(eve, "/sign-out");
    const lines = (await text).split("\n").filter((line) => line !== "");
    expect(lines).toEqual(["data: hello", "event: signed-out", "data: bye"]);
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
