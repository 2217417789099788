import { once } from "node:events";
import type { Server } from "node:http";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import type { Browser, BrowserContext, Page } from "playwright-core";
import { afterAll, afterEach, beforeAll, beforeEach, expect, it, vi } from "vitest";
import { coatcheck } from "../../src/adapters/node.ts";
import type { Sessions } from "../../src/index.ts";
import { createSessions } from "../../src/index.ts";
import { memoryStore } from "../../src/stores/memory.ts";
import { chromium, launchBrowser } from "../support/browser.ts";
import { describeWith } from "../support/needs.ts";

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
  <form method="post" action="/keep"><input name="count"><button>Keep</button></form>
  <h1>${user}</h1><main>${text}</main>`;

describeWith({ chromium }, "sealed sessions in Chromium", () => {
  let browser: Browser;
  let context: BrowserContext;
  let sessions: Sessions;
  let server: Server;
  /** How far the app's clock is before the browser's. */
  let ahead: number;

  beforeAll(async () => {
    browser = await launchBrowser();
  });

  afterAll(async () => {
    await browser?.close();
  });

  beforeEach(async () => {
    ahead = 0;
    // With cookies as in production: Chromium takes `Secure` ones from http://localhost.
    sessions = createSessions({
      secrets: [crypto.getRandomValues(new Uint8Array(32))],
      method: "sealed",
      store: memoryStore(),
      clock: () => Date.now() + ahead,
    });
    server = createServer(
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
    server.listen(0, "localhost");
    await once(server, "listening");
    const baseURL = `http://localhost:${(server.address() as AddressInfo).port}`;
    context = await browser.newContext({ baseURL });
    context.setDefaultTimeout(60_000);
  });

  afterEach(async () => {
    await context?.close();
    server?.closeAllConnections();
    server?.close();
    await sessions?.close();
  });

  async function press(page: Page, button: string): Promise<void> {
    const loaded = page.waitForEvent("load");
    await page.getByRole("button", { name: button }).click();
    await loaded;
  }

  async function keep(page: Page, cookies: keyof typeof COUNTS): Promise<void> {
    await page.getByRole("textbox").fill(String(COUNTS[cookies]));
    await press(page, "Keep");
    await expectShown(page, "ada", words(COUNTS[cookies]));
  }

  async function expectShown(page: Page, user: string, text: string): Promise<void> {
    expect(await page.getByRole("heading").textContent()).toBe(user);
    expect(await page.getByRole("main").textContent()).toBe(text);
  }

  async function cookieNames(): Promise<string[]> {
    return (await context.cookies()).map(({ name }) => name).sort();
  }

  it("come back whole over reloads, in one cookie to four, and leave none behind", async () => {
    const page = await context.newPage();
    await page.goto("/");
    await press(page, "Sign in");
    for (const count of [3, 4, 2, 3, 1] as const) {
      await keep(page, count);
      for (let reloads = 0; reloads < 2; reloads += 1) {
        await page.reload();
        await expectShown(page, "ada", words(COUNTS[count]));
      }
      expect(await cookieNames()).toEqual(NAMES.slice(0, count));
    }
    await keep(page, 4);
    await press(page, "Sign out");
    await expectShown(page, "nobody", "");
    expect(await context.cookies()).toEqual([]);
  });

  it("give script none of their cookies to read, nor let it plant one", async () => {
    const page = await context.newPage();
    await page.goto("/");
    await press(page, "Sign in");
    await keep(page, 3);
    ahead = 10 * 60_000;
    await page.reload();
    const names = [...NAMES.slice(0, 3), "__Host-Http-sid-seen"];
    const before = await context.cookies();
    expect(before.map(({ name }) => name).sort()).toEqual(names);
    for (const cookie of before) {
      expect(cookie).toMatchObject({
        httpOnly: true,
        secure: true,
        sameSite: "Lax",
        path: "/",
        domain: "localhost",
        expires: -1,
      });
    }
    expect(await page.evaluate(() => document.cookie)).toBe("");
    expect(await page.evaluate(async () => (await cookieStore.getAll()).length)).toBe(0);

    const planted = [...names, "__Host-Http-sid-3", "planted"];
    const seen = await page.evaluate(async (names) => {
      for (const name of names) {
        // biome-ignore lint/suspicious/noDocumentCookie: it is what is tried here
        document.cookie = `${name}=evil; Path=/; Secure; SameSite=Lax`;
        await cookieStore.set({ name, value: "evil" }).catch(() => undefined);
      }
      return document.cookie;
    }, planted);
    // The way of planting works: a cookie of another name is taken.
    expect(seen).toBe("planted=evil");
    const after = (await context.cookies()).filter(({ name }) => name !== "planted");
    expect(after).toEqual(before);
    await page.reload();
    await expectShown(page, "ada", words(COUNTS[3]));
    await press(page, "Sign out");
    expect(await cookieNames()).toEqual(["planted"]);
  });
});
