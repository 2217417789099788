import { once } from "node:events";
import type { Server } from "node:https";
import { createServer } from "node:https";
import type { AddressInfo } from "node:net";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, vi } from "vitest";
import { coatcheck } from "../../src/adapters/node.ts";
import type { Sessions } from "../../src/index.ts";
import { createSessions } from "../../src/index.ts";
import { memoryStore } from "../../src/stores/memory.ts";
import { chromiumEngine } from "../support/browser.ts";
import type { Certificate } from "../support/certificate.ts";
import { makeCertificate, openssl } from "../support/certificate.ts";
import type { RunningEngine } from "../support/engine.ts";
import { firefox } from "../support/firefox.ts";
import { describeWith } from "../support/needs.ts";
import type { Tab } from "../support/tab.ts";
import { AS_IN_PRODUCTION } from "../support/tab.ts";
import { webkit } from "../support/webkit.ts";

// A real program, on a machine that may be busy with others.
vi.setConfig({ testTimeout: 180_000, hookTimeout: 180_000 });

const NAMES = [0, 1, 2, 3].map((at) => (at === 0 ? "__Host-Http-sid" : `__Host-Http-sid-${at}`));

/** So many words take so many cookies. */
const COUNTS = { 1: 1, 2: 800, 3: 1300, 4: 1700 } as const;
const words = (count: number): string =>
  Array.from({ length: count }, (_, index) => `w${index}`).join(" ");

/** A button for each thing that can be done, and what the session holds. */
const page = (user: string, text: string): string => `<!doctype html><title>Words</title>
  <form method="post" action="/sign-in"><button>Sign in</button></form>
  <form method="post" action="/sign-out"><button>Sign out</button></form>
  <form method="post" action="/keep"><label>Words <input name="count"></label><button>Keep</button></form>
  <h1>${user}</h1><main>${text}</main>`;

describe.each([chromiumEngine, firefox, webkit])("sealed sessions", (engine) => {
  const programs = { ...engine.programs, openssl };
  describeWith(programs, `in ${engine.name}`, () => {
    let running: RunningEngine;
    let certificate: Certificate;
    let url: string;
    let sessions: Sessions;
    let server: Server;
    /** How far the app's clock is before the browser's. */
    let ahead: number;

    beforeAll(async () => {
      running = await engine.start();
      certificate = await makeCertificate("localhost");
    });

    afterAll(() => running?.stop());

    beforeEach(async () => {
      ahead = 0;
      sessions = createSessions({
        secrets: [crypto.getRandomValues(new Uint8Array(32))],
        method: "sealed",
        store: memoryStore(),
        clock: () => Date.now() + ahead,
      });
      server = createServer(
        certificate,
        coatcheck(sessions, async (request, response) => {
          const { session } = request;
          if (request.method === "POST") {
            let form = "";
            for await (const chunk of request.setEncoding("utf8")) form += chunk;
            if (request.url === "/sign-in") await session.signIn("ada");
            else if (request.url === "/sign-out") await session.signOut();
            else (await session.load()).set("text", words(Number(form.split("=")[1])));
            response.writeHead(303, { location: "/" }).end();
            return;
          }
          const loaded = await session.load();
          response.setHeader("content-type", "text/html");
          response.end(page(loaded.userId ?? "nobody", String(loaded.get("text") ?? "")));
        }),
      );
      server.listen(0, "127.0.0.1");
      await once(server, "listening");
      url = `https://localhost:${(server.address() as AddressInfo).port}/`;
    });

    afterEach(async () => {
      await running?.closeBrowsers();
      server?.closeAllConnections();
      server?.close();
      await sessions?.close();
    });

    async function keep(tab: Tab, cookies: keyof typeof COUNTS): Promise<void> {
      await tab.fill("Words", String(COUNTS[cookies]));
      await tab.press("Keep");
      await expectShown(tab, "ada", words(COUNTS[cookies]));
    }

    async function expectShown(tab: Tab, user: string, text: string): Promise<void> {
      expect(await tab.text("h1")).toBe(user);
      expect(await tab.text("main")).toBe(text);
    }

    async function cookieNames(tab: Tab): Promise<string[]> {
      return (await tab.cookies()).map(({ name }) => name).sort();
    }

    it("come back whole over reloads, in one cookie to four, and leave none behind", async () => {
      const tab = await running.newBrowser();
      await tab.goto(url);
      await tab.press("Sign in");
      for (const count of [3, 4, 2, 3, 1] as const) {
        await keep(tab, count);
        for (let reloads = 0; reloads < 2; reloads += 1) {
          await tab.reload();
          await expectShown(tab, "ada", words(COUNTS[count]));
        }
        expect(await cookieNames(tab)).toEqual(NAMES.slice(0, count));
      }
      await keep(tab, 4);
      await tab.press("Sign out");
      await expectShown(tab, "nobody", "");
      expect(await tab.cookies()).toEqual([]);
    });

    it("give script none of their cookies to read, and make nothing of those that it plants", async () => {
      const tab = await running.newBrowser();
      await tab.goto(url);
      await tab.press("Sign in");
      await keep(tab, 3);
      ahead = 10 * 60_000;
      await tab.reload();
      const names = [...NAMES.slice(0, 3), "__Host-Http-sid-seen"];
      const before = await tab.cookies();
      expect(before.map(({ name }) => name).sort()).toEqual(names);
      for (const cookie of before) expect(cookie).toMatchObject(AS_IN_PRODUCTION);
      expect(await tab.run(() => document.cookie)).toBe("");
      expect(await tab.run(async () => (await cookieStore.getAll()).length)).toBe(0);

      const planted = [...names, "__Host-Http-sid-3", "planted"];
      const seen = await tab.run(async (names) => {
        for (const name of names) {
          // biome-ignore lint/suspicious/noDocumentCookie: it is what is tried here
          document.cookie = `${name}=evil; Path=/; Secure; SameSite=Lax`;
          await cookieStore.set({ name, value: "evil" }).catch(() => undefined);
        }
        return document.cookie;
      }, planted);
      // The way of planting works: a cookie of another name is taken.
      expect(seen).toContain("planted=evil");
      // WebKitGTK's jar has never heard of prefixes, and takes what is not there yet.
      const taken = engine.knowsPrefixes ? ["planted"] : ["planted", "__Host-Http-sid-3"];
      const after = (await tab.cookies()).filter(({ name }) => !taken.includes(name));
      expect(after).toEqual(before);
      await tab.reload();
      await expectShown(tab, "ada", words(COUNTS[3]));
      await tab.press("Sign out");
      expect(await cookieNames(tab)).toEqual(["planted"]);
    });
  });
});
