import { once } from "node:events";
import { readFile } from "node:fs/promises";
import type { Server } from "node:https";
import { createServer } from "node:https";
import type { AddressInfo } from "node:net";
import express from "express";
import type { Browser, BrowserContext, Page } from "playwright-core";
import { afterAll, afterEach, beforeAll, beforeEach, expect, it, vi } from "vitest";
import { coatcheck } from "../../src/adapters/express.ts";
import type { Sessions, SessionsOptions } from "../../src/index.ts";
import { CrossOriginError, createSessions } from "../../src/index.ts";
import { memoryStore } from "../../src/stores/memory.ts";
import { chromium, launchBrowser } from "../support/browser.ts";
import { makeCertificate, openssl } from "../support/certificate.ts";
import { describeWith } from "../support/needs.ts";

// A real program, on a machine that may be busy with others.
vi.setConfig({ testTimeout: 180_000, hookTimeout: 180_000 });

interface Cart {
  cart: string[];
}

const OURS = "https://shop.example";
const API = "https://api.shop.example";
const SIBLING = "https://blog.shop.example";
const STRANGER = "https://evil.example";
const ELSEWHERE = "https://api.elsewhere.example";

/** The blocks of the recipe, as they stand on the page. */
async function recipe(): Promise<{ page: string; server: string }> {
  const text = await readFile("docs/recipes.md", "utf8");
  const [, section = ""] = /^## A page on another origin\n([\s\S]*?)^## /m.exec(text) ?? [];
  const block = (language: string): string => {
    const [, code] =
      new RegExp(`\`\`\`${language}[^\\n]*\\n([\\s\\S]*?)\`\`\``).exec(section) ?? [];
    if (code === undefined) throw new Error(`the recipe has no ${language} block any more`);
    return code;
  };
  return { page: block("js"), server: block("ts").replace(/^import .*$/m, "") };
}

describeWith({ chromium, openssl }, "the recipe for a page on another origin, in Chromium", () => {
  let browser: Browser;
  let context: BrowserContext;
  let server: Server;
  let sessions: Sessions<Cart>;
  let app: express.Express;
  let page: string;

  beforeAll(async () => {
    const options = await makeCertificate("shop.example");
    server = createServer(options, (req, res) => app(req, res)).listen(0, "127.0.0.1");
    await once(server, "listening");
    const { port } = server.address() as AddressInfo;
    browser = await launchBrowser([`--host-resolver-rules=MAP *.example:443 127.0.0.1:${port}`]);
  });

  afterAll(async () => {
    await browser?.close();
    server?.close();
    server?.closeAllConnections();
  });

  beforeEach(async () => {
    context = await browser.newContext({ ignoreHTTPSErrors: true });
    context.setDefaultTimeout(60_000);
    await start();
  });

  afterEach(() => context.close());

  /** Pages without anything on them, and behind the recipe the routes of the host that they ask. */
  async function start(cookie: SessionsOptions["cookie"] = {}): Promise<void> {
    const code = await recipe();
    page = code.page;
    const secrets = [crypto.getRandomValues(new Uint8Array(32))];
    sessions = createSessions<Cart>({ secrets, store: memoryStore(), cookie });
    app = express();
    // Express prints what is thrown otherwise.
    app.set("env", "test");
    app.use((req, res, next) => {
      if (req.hostname.startsWith("api.")) return next();
      res.type("html").send("<!doctype html><title>A page</title>");
    });
    app.use(coatcheck(sessions));
    new Function("app", "CrossOriginError", code.server)(app, CrossOriginError);
    app.post("/cart", async (req, res) => {
      await sessions.of(req).update("cart", (cart = []) => [...cart, "tea"]);
      res.sendStatus(204);
    });
    app.delete("/cart", async (req, res) => {
      (await sessions.of(req).load()).delete("cart");
      res.sendStatus(204);
    });
    app.get("/cart", async (req, res) => {
      res.json((await sessions.of(req).load()).get("cart") ?? []);
    });
    app.get("/account", async (req, res) => {
      res.json((await sessions.of(req).requireUser()).userId);
    });
  }

  async function visit(origin: string): Promise<Page> {
    const opened = await context.newPage();
    await opened.goto(origin);
    return opened;
  }

  /** What the recipe's own line does in a page, to this server. */
  const addTea = (opened: Page, api = API): Promise<string> =>
    opened.evaluate(
      (line) =>
        new Function(`return (async () => { return ${line} })()`)().then(
          (response: Response) => `${response.status}`,
          (error: Error) => error.name,
        ),
      page.trim().replace(API, api),
    );

  /** Asks as a page would with a script of its own; what it may not read is an error. */
  const ask = (opened: Page, path: string, init: RequestInit = {}, api = API): Promise<string> =>
    opened.evaluate(
      ([url, options]) =>
        fetch(url, { credentials: "include", ...options }).then(
          async (response) => `${response.status} ${await response.text()}`,
          (error: Error) => error.name,
        ),
      [`${api}${path}`, init] as const,
    );

  it("lets our own page use the session", async () => {
    const ours = await visit(OURS);
    expect(await addTea(ours)).toBe("204");
    expect(await addTea(ours)).toBe("204");
    expect(await ask(ours, "/cart")).toBe('200 ["tea","tea"]');
    const [cookie] = await context.cookies(API);
    expect(cookie).toMatchObject({ name: "__Host-Http-sid", sameSite: "Lax", secure: true });
    // With a preflight.
    const json = { method: "POST", body: "{}", headers: { "content-type": "application/json" } };
    expect(await ask(ours, "/cart", json)).toBe("204 ");
    expect(await ask(ours, "/cart", { method: "DELETE" })).toBe("204 ");
    expect(await ask(ours, "/cart")).toBe("200 []");
  });

  it("lets our own page read why it was refused", async () => {
    expect(await ask(await visit(OURS), "/account")).toMatch(/^401 /);
  });

  it.each([SIBLING, STRANGER])("keeps a page of %s from reading and changing it", async (other) => {
    const ours = await visit(OURS);
    await addTea(ours);
    const theirs = await visit(other);
    expect(await ask(theirs, "/cart")).toBe("TypeError");
    expect(await addTea(theirs)).toBe("TypeError");
    expect(await ask(theirs, "/cart", { method: "DELETE" })).toBe("TypeError");
    // Without asking first, as a form does; the answer cannot be read either.
    const answered = theirs.waitForResponse(`${API}/cart`);
    await theirs.evaluate((url) => {
      const form = Object.assign(document.createElement("form"), { method: "post", action: url });
      document.body.append(form);
      form.submit();
    }, `${API}/cart`);
    expect((await answered).status()).toBe(403);
    expect(await ask(ours, "/cart")).toBe('200 ["tea"]');
  });

  it("gives another site's page no session of its own with the default cookie", async () => {
    const ours = await visit(OURS);
    expect(await addTea(ours, ELSEWHERE)).toBe("204");
    expect(await context.cookies(ELSEWHERE)).toEqual([]);
  });

  it("gives it one with `sameSite: none` and `partitioned`, in a jar that other pages do not have", async () => {
    await start({ sameSite: "none", partitioned: true });
    const ours = await visit(OURS);
    expect(await addTea(ours, ELSEWHERE)).toBe("204");
    expect(await addTea(ours, ELSEWHERE)).toBe("204");
    expect(await ask(ours, "/cart", {}, ELSEWHERE)).toBe('200 ["tea","tea"]');
    const theirs = await visit(STRANGER);
    const sent = theirs.waitForRequest(`${ELSEWHERE}/cart`);
    expect(await addTea(theirs, ELSEWHERE)).toBe("TypeError");
    expect(await (await sent).headerValue("cookie")).toBeNull();
    expect(await ask(ours, "/cart", {}, ELSEWHERE)).toBe('200 ["tea","tea"]');
  });
});
