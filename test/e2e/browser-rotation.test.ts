import { once } from "node:events";
import type { Server } from "node:https";
import { createServer } from "node:https";
import type { AddressInfo } from "node:net";
import { afterAll, beforeAll, describe, expect, it, vi } from "vitest";
import { coatcheck } from "../../src/adapters/node.ts";
import type { Sessions } from "../../src/index.ts";
import { createSessions } from "../../src/index.ts";
import { memoryStore } from "../../src/stores/memory.ts";
import { chromiumEngine } from "../support/browser.ts";
import { makeCertificate, openssl } from "../support/certificate.ts";
import type { RunningEngine } from "../support/engine.ts";
import { firefox } from "../support/firefox.ts";
import { describeWith } from "../support/needs.ts";
import type { Tab } from "../support/tab.ts";
import { webkit } from "../support/webkit.ts";

// A real program, on a machine that may be busy with others.
vi.setConfig({ testTimeout: 180_000, hookTimeout: 180_000 });

const MINUTE_MS = 60_000;

interface Counter {
  count: number;
}

describe.each([chromiumEngine, firefox, webkit])("rotation", (engine) => {
  const programs = { ...engine.programs, openssl };
  describeWith(programs, `in ${engine.name}`, () => {
    let running: RunningEngine;
    let sessions: Sessions<Counter>;
    let server: Server;
    let url: string;
    /** How far the app's clock is before the browser's. */
    let ahead = 0;
    const reuses: unknown[] = [];

    beforeAll(async () => {
      running = await engine.start();
      sessions = createSessions<Counter>({
        secrets: [crypto.getRandomValues(new Uint8Array(32))],
        store: memoryStore(),
        rotateEvery: "1m",
        clock: () => Date.now() + ahead,
      });
      sessions.on("reuse", (event) => reuses.push(event));
      server = createServer(
        await makeCertificate("localhost"),
        coatcheck(sessions, async (request, response) => {
          const { session } = request;
          if (request.url === "/sign-in") await session.signIn("ada");
          if (request.url === "/count") await session.update("count", (count = 0) => count + 1);
          const loaded = await session.load();
          const page = `<h1>${loaded.userId}</h1><main>${loaded.get("count")}</main>`;
          response.setHeader("content-type", "text/html").end(page);
        }),
      );
      server.listen(0, "127.0.0.1");
      await once(server, "listening");
      url = `https://localhost:${(server.address() as AddressInfo).port}`;
    });

    afterAll(async () => {
      await running?.stop();
      server?.closeAllConnections();
      server?.close();
      await sessions?.close();
    });

    async function ticket(tab: Tab): Promise<string | undefined> {
      return (await tab.cookies())[0]?.value;
    }

    it("P16 leaves the right ticket with who asks many things at once, and loses none of them", async () => {
      const tab = await running.newBrowser();
      await tab.goto(`${url}/sign-in`);
      const tickets = new Set([await ticket(tab)]);
      for (let rounds = 0; rounds < 4; rounds += 1) {
        ahead += 2 * MINUTE_MS;
        const names = await tab.run(async () => {
          const paths = Array.from({ length: 12 }, (_, at) => (at % 2 === 0 ? "/count" : "/"));
          const pages = paths.map(async (path) => (await fetch(path)).text());
          return [...new Set((await Promise.all(pages)).map((page) => page.split("<main>")[0]))];
        });
        expect(names).toEqual(["<h1>ada</h1>"]);
        tickets.add(await ticket(tab));
      }
      expect(tickets.size).toBe(5);
      expect(reuses).toEqual([]);
      await tab.goto(url);
      expect(await tab.text("main")).toBe("24");
    });
  });
});
