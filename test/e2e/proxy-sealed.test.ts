import { once } from "node:events";
import { readFile } from "node:fs/promises";
import type { Server } from "node:http";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { afterAll, beforeAll, expect, it, vi } from "vitest";
import { coatcheck } from "../../src/adapters/node.ts";
import type { Sessions } from "../../src/index.ts";
import { createSessions } from "../../src/index.ts";
import { memoryStore } from "../../src/stores/memory.ts";
import { describeWith } from "../support/needs.ts";
import type { ReverseProxy } from "../support/proxy.ts";
import { nginx, startPassThrough } from "../support/proxy.ts";
import { newVisitor } from "../support/visitor.ts";

// A real program, on a machine that may be busy with others.
vi.setConfig({ testTimeout: 60_000 });

/** Texts of so many letters take one cookie to four. */
const LENGTHS = [10, 4000, 6000, 9000];

describeWith({ nginx }, "sealed sessions in several cookies behind nginx", () => {
  let sessions: Sessions;
  let server: Server;
  let port: number;
  const proxies: ReverseProxy[] = [];

  beforeAll(async () => {
    sessions = createSessions({
      secrets: [crypto.getRandomValues(new Uint8Array(32))],
      method: "sealed",
      store: memoryStore(),
    });
    const listener = coatcheck(sessions, async ({ method, url = "/", session }, response) => {
      if (url === "/sign-out") await session.signOut();
      const loaded = await session.load();
      if (method === "POST" && url !== "/sign-out") loaded.set("text", "x".repeat(+url.slice(1)));
      response.end(String(loaded.get("text")));
    });
    server = createServer(listener).listen(0, "127.0.0.1");
    await once(server, "listening");
    ({ port } = server.address() as AddressInfo);
  });

  afterAll(async () => {
    for (const proxy of proxies) await proxy.stop();
    server?.closeAllConnections();
    server?.close();
    await sessions?.close();
  });

  async function behind(http: string) {
    const proxy = await startPassThrough(port, http);
    proxies.push(proxy);
    return newVisitor(proxy.url);
  }

  it("go through with what the page says", async () => {
    const page = await readFile("docs/concepts.md", "utf8");
    const [, directives = ""] = /^```nginx\n(.+?)^```$/ms.exec(page) ?? [];
    const visitor = await behind(directives);
    for (const [index, length] of [...LENGTHS, ...LENGTHS.toReversed()].entries()) {
      expect((await visitor.post(`/${length}`)).status, `${length}`).toBe(200);
      expect(visitor.cookies.size, `${length}`).toBe(index < 4 ? index + 1 : 8 - index);
      expect((await visitor.get("/")).text).toBe("x".repeat(length));
    }
    await visitor.post("/9000");
    expect((await visitor.post("/sign-out")).status).toBe(200);
    expect(visitor.cookies.size).toBe(0);
  });

  it("do not go through without: what the page says that nginx answers then", async () => {
    const visitor = await behind("");
    expect((await visitor.post("/10")).status).toBe(200);
    expect((await visitor.post("/4000")).status).toBe(502);
    expect((await visitor.get("/")).text).toBe("x".repeat(10));
    const direct = newVisitor(`http://127.0.0.1:${port}`);
    await direct.post("/6000");
    for (const [name, value] of direct.cookies) visitor.cookies.set(name, value);
    expect((await visitor.get("/")).status).toBe(400);
  });
});
