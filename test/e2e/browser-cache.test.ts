import { once } from "node:events";
import type { Server } from "node:http";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import express from "express";
import type { Browser, Page } from "playwright-core";
import { afterAll, beforeAll, expect, it, vi } from "vitest";
import { seeds } from "../../examples/shop/src/people.ts";
import { coatcheck } from "../../src/adapters/express.ts";
import type { Sessions } from "../../src/core/sessions.ts";
import { createSessions } from "../../src/core/sessions.ts";
import { memoryStore } from "../../src/stores/memory.ts";
import { chromium, launchBrowser } from "../support/browser.ts";
import { describeWith } from "../support/needs.ts";
import type { ReverseProxy } from "../support/proxy.ts";
import { nginx, startCache } from "../support/proxy.ts";
import type { BuiltShop, RunningShop } from "../support/shop.ts";
import { buildShop, dataFolder, startShop } from "../support/shop.ts";
import { newVisitor } from "../support/visitor.ts";

// Real programs, on a machine that may be busy with others.
vi.setConfig({ testTimeout: 180_000, hookTimeout: 180_000 });

describeWith({ chromium, nginx }, "the shop in Chromium behind a shared cache", () => {
  let built: BuiltShop;
  let shop: RunningShop;
  let proxy: ReverseProxy;
  let browser: Browser;

  beforeAll(async () => {
    browser = await launchBrowser();
    built = await buildShop();
    shop = await startShop(built, { SHOP_DATA: await dataFolder(built) });
    proxy = await startCache(shop.port);
  });

  afterAll(async () => {
    await browser?.close();
    await proxy?.stop();
    await shop?.stop();
    await built?.remove();
  });

  async function newBrowser(): Promise<Page> {
    const context = await browser.newContext({ baseURL: proxy.url });
    context.setDefaultTimeout(60_000);
    return context.newPage();
  }

  async function signIn(page: Page, name: string): Promise<void> {
    await page.goto("/sign-in");
    await page.getByLabel("Name").fill(name);
    await page.getByLabel("Password").fill(seeds.find(({ id }) => id === name)?.password ?? "");
    await page.getByRole("main").getByRole("button", { name: "Sign in" }).click();
    await page.waitForURL("/");
  }

  it("P12 gets nobody's page from the cache", async () => {
    const paths = ["/", "/cart", "/session", "/account/devices", "/goods/hat", "/sign-in"];
    const [ada, grace, visitor] = [await newBrowser(), await newBrowser(), await newBrowser()];
    await signIn(ada, "ada");
    await signIn(grace, "grace");
    const marks = { ada: /ada|lovelace/i, grace: /grace|hopper/i };

    for (const path of paths) {
      // Ada twice: the second time would come from the cache, if the first had been kept.
      for (const page of [ada, ada, grace, visitor]) {
        const answer = await page.goto(path);
        expect(answer?.headers()["x-cache"], path).toBe("MISS");
      }
      if (path === "/sign-in") continue;
      expect(await ada.locator("header").textContent(), path).toMatch(marks.ada);
      expect(await grace.locator("header").textContent(), path).toMatch(marks.grace);
      for (const other of [grace, visitor]) {
        expect(await other.locator("header").textContent(), path).not.toMatch(marks.ada);
      }
      expect(await visitor.locator("header").textContent(), path).not.toMatch(marks.grace);
    }
  });

  it("gets the style sheet from the cache, so that the test above means something", async () => {
    const header = async () => (await fetch(`${proxy.url}/shop.css`)).headers.get("x-cache");
    await header();
    expect(await header()).toBe("HIT");
  });
});

describeWith({ nginx }, "an app that calls its pages public, behind a shared cache", () => {
  let sessions: Sessions;
  let server: Server;
  let proxy: ReverseProxy;

  beforeAll(async () => {
    sessions = createSessions({
      secrets: [crypto.getRandomValues(new Uint8Array(32))],
      store: memoryStore(),
      dev: true,
    });
    const app = express();
    const PUBLIC = "public, max-age=60, s-maxage=600";

    // Without sessions: what such an app does to its people.
    app.get("/naive", (req, res) => {
      res.set("Cache-Control", PUBLIC).send(`for ${req.get("cookie")}`);
    });
    app.get("/plain", (_req, res) => res.set("Cache-Control", PUBLIC).send(`at ${Math.random()}`));

    app.use(coatcheck(sessions));
    app.post("/sign-in/:name", async (req, res) => {
      await sessions.of(req).signIn(req.params.name);
      res.end();
    });
    app.get("/hello", async (req, res) => {
      const { userId } = await sessions.of(req).load();
      res.set("Cache-Control", PUBLIC).send(`hello ${userId}`);
    });
    app.get("/silent", async (req, res) => {
      const { userId } = await sessions.of(req).load();
      res.send(`hello ${userId}`);
    });
    app.get("/start", async (req, res) => {
      const session = await sessions.of(req).load();
      session.set("started", true);
      res.set("Cache-Control", PUBLIC).send("started");
    });
    app.get("/untouched", (_req, res) => {
      res.set("Cache-Control", PUBLIC).send(`at ${Math.random()}`);
    });
    server = createServer(app).listen(0, "127.0.0.1");
    await once(server, "listening");
    proxy = await startCache((server.address() as AddressInfo).port);
  });

  afterAll(async () => {
    await proxy?.stop();
    server?.close();
    await sessions?.close();
  });

  async function person(name: string) {
    const visitor = newVisitor(proxy.url);
    await visitor.post(`/sign-in/${name}`);
    return visitor;
  }

  it("gives one person's page to another, where coatcheck does not look after it", async () => {
    const first = await (await person("ada")).get("/naive");
    const second = await (await person("grace")).get("/naive");
    expect(second.headers.get("x-cache")).toBe("HIT");
    expect(second.text).toBe(first.text);
  });

  it.each(["/hello", "/silent"])(
    "P12 keeps %s, which read the session, to its owner",
    async (path) => {
      const [ada, grace, visitor] = [
        await person("ada"),
        await person("grace"),
        newVisitor(proxy.url),
      ];
      expect((await ada.get(path)).text).toBe("hello ada");
      const again = await ada.get(path);
      expect(again.text).toBe("hello ada");
      expect(again.headers.get("x-cache")).not.toBe("HIT");
      expect(again.headers.get("cache-control")).not.toMatch(/public|s-maxage/);
      expect(again.headers.get("vary")).toMatch(/\bCookie\b/);
      expect((await grace.get(path)).text).toBe("hello grace");
      expect((await visitor.get(path)).text).toBe("hello undefined");
    },
  );

  it("P12 gives nobody a cookie that was set for another", async () => {
    const [first, second] = [newVisitor(proxy.url), newVisitor(proxy.url)];
    const answers = [await first.get("/start"), await second.get("/start")];
    for (const { setCookies, headers } of answers) {
      expect(setCookies).toHaveLength(1);
      expect(headers.get("cache-control")).toContain("no-store");
      expect(headers.get("x-cache")).not.toBe("HIT");
    }
    expect(first.cookies.get("sid")).not.toBe(second.cookies.get("sid"));
  });

  it("P1 leaves to the cache what did not look at the session", async () => {
    for (const path of ["/plain", "/untouched"]) {
      const [ada, grace] = [await person("ada"), await person("grace")];
      const first = await ada.get(path);
      const second = await grace.get(path);
      expect(second.headers.get("x-cache"), path).toBe("HIT");
      expect(second.text, path).toBe(first.text);
    }
  });
});
