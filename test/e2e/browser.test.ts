import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import type { Browser, BrowserContext, Page } from "playwright-core";
import { afterAll, afterEach, beforeAll, beforeEach, expect, it, vi } from "vitest";
import { seeds } from "../../examples/shop/src/people.ts";
import { chromium, launchBrowser } from "../support/browser.ts";
import { describeWith } from "../support/needs.ts";
import type { BuiltShop, RunningShop } from "../support/shop.ts";
import { buildShop, dataFolder, startShop } from "../support/shop.ts";

// Real programs, on a machine that may be busy with others.
vi.setConfig({ testTimeout: 180_000, hookTimeout: 180_000 });

const password = (name: string): string => seeds.find(({ id }) => id === name)?.password ?? "";

describeWith({ chromium }, "the shop in Chromium", () => {
  let built: BuiltShop;
  let shop: RunningShop;
  let browser: Browser;
  let contexts: BrowserContext[];
  /** Where cookies are as in production: Chromium takes `Secure` ones from http://localhost. */
  let url: string;

  beforeAll(async () => {
    browser = await launchBrowser();
    built = await buildShop();
  });

  afterAll(async () => {
    await browser?.close();
    await built?.remove();
  });

  beforeEach(async () => {
    contexts = [];
    shop = await startShop(built, { SHOP_DATA: await dataFolder(built), SECURE: "1" });
    url = `http://localhost:${shop.port}`;
  });

  afterEach(async () => {
    for (const context of contexts) await context.close();
    await shop?.stop();
  });

  /** A browser of somebody's own: no cookies, no cache, no history. */
  async function newBrowser(options: Parameters<Browser["newContext"]>[0] = {}): Promise<Page> {
    const context = await browser.newContext({ baseURL: url, ...options });
    context.setDefaultTimeout(60_000);
    contexts.push(context);
    return context.newPage();
  }

  async function signIn(page: Page, name: string): Promise<void> {
    await page.goto("/sign-in");
    await page.getByLabel("Name").fill(name);
    await page.getByLabel("Password").fill(password(name));
    await page.getByRole("main").getByRole("button", { name: "Sign in" }).click();
    await page.waitForURL("/");
  }

  it("keeps the cart over the sign-in, without a script", async () => {
    const page = await newBrowser({ javaScriptEnabled: false });
    await page.goto("/");
    await page.getByRole("button", { name: "Add Eight-rib umbrella to cart" }).click();
    await page.waitForURL("/cart");
    await page.getByRole("button", { name: "One more: Eight-rib umbrella" }).click();
    await page.getByRole("button", { name: "Sign in and order" }).click();
    await page.waitForURL("/sign-in?next=%2Fcart");
    await page.getByLabel("Name").fill("ada");
    await page.getByLabel("Password").fill(password("ada"));
    await page.getByRole("main").getByRole("button", { name: "Sign in" }).click();
    await page.waitForURL("/cart");
    expect(await page.getByRole("status").textContent()).toBe("Welcome, Ada Lovelace.");
    expect(
      await page.getByRole("listitem").filter({ hasText: "umbrella" }).textContent(),
    ).toContain("€128.00");
    await page.getByRole("button", { name: "Place the order" }).click();
    expect(await page.getByRole("status").textContent()).toContain("Your order is placed");
  });

  it("P5 shows a second browser under devices, and signs it out from the first", async () => {
    const here = await newBrowser();
    const phone =
      "Mozilla/5.0 (Linux; Android 14; Pixel 8) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/126.0.0.0 Mobile Safari/537.36";
    const there = await newBrowser({ userAgent: phone });
    await signIn(here, "grace");
    await signIn(there, "grace");
    await there.goto("/account/devices");

    await here.goto("/account/devices");
    const device = here.getByRole("listitem").filter({ hasText: "Chrome on Android" });
    await device.getByRole("button", { name: "Sign out Chrome on Android" }).click();
    expect(await here.getByRole("status").textContent()).toBe("Signed out: Chrome on Android.");
    expect(await device.count()).toBe(0);

    await there.reload();
    expect(there.url()).toBe(`${url}/sign-in?next=%2Faccount%2Fdevices`);
    expect(await there.locator("body").textContent()).not.toContain("Grace");
    await here.reload();
    expect(here.url()).toBe(`${url}/account/devices`);
  });

  it("P5 signs out everywhere else", async () => {
    const pages = [await newBrowser(), await newBrowser(), await newBrowser()] as const;
    for (const page of pages) await signIn(page, "alan");
    const [here, ...others] = pages;
    await here.goto("/account/devices");
    await here.getByRole("button", { name: "Sign out everywhere else" }).click();
    expect(await here.getByRole("status").textContent()).toBe("Signed out everywhere else.");
    for (const other of others) {
      await other.goto("/account/devices");
      expect(other.url()).toContain("/sign-in");
    }
    await here.goto("/account/devices");
    expect(here.url()).toBe(`${url}/account/devices`);
  });

  it("asks for the password once more before the payment details", async () => {
    const page = await newBrowser();
    await signIn(page, "ada");
    await page.goto("/account/payment");
    expect(await page.locator("body").textContent()).not.toContain("1843");
    await page.getByLabel("Password").fill(password("ada"));
    await page.getByRole("button", { name: "It is me" }).click();
    await page.waitForURL("/account/payment");
    expect(await page.getByRole("main").textContent()).toContain("1843");
  });

  it("gives script no cookie to read", async () => {
    const page = await newBrowser();
    await signIn(page, "ada");
    const cookies = await page.context().cookies();
    expect(cookies.map(({ name }) => name)).toEqual(["__Host-Http-sid"]);
    expect(cookies[0]).toMatchObject({
      httpOnly: true,
      secure: true,
      sameSite: "Lax",
      path: "/",
      domain: "localhost",
      expires: -1,
    });
    expect(await page.evaluate(() => document.cookie)).toBe("");
    const inStore = await page.evaluate(async () => (await cookieStore.getAll()).length);
    expect(inStore).toBe(0);
  });

  it("lets script plant no cookie, neither beside the real one nor before it", async () => {
    const page = await newBrowser();
    await page.goto("/");
    // The way of planting works: a cookie of another name is taken.
    expect(await plant(page, "planted")).toContain("planted=");
    await plant(page, "__Host-Http-sid");
    const before = await page.context().cookies();
    expect(before.map(({ name }) => name)).toEqual(["planted"]);

    await signIn(page, "ada");
    const real = await sessionCookie(page);
    await plant(page, "__Host-Http-sid");
    expect(await sessionCookie(page)).toBe(real);
    await page.goto("/account/devices");
    expect(page.url()).toBe(`${url}/account/devices`);
  });

  it("P6 signs nobody in into a session that somebody else prepared", async () => {
    const attacker = await newBrowser();
    await attacker.goto("/goods/hat");
    await attacker.getByRole("button", { name: /Add/ }).click();
    await attacker.waitForURL("/cart");
    const victim = await newBrowser();
    // As a server of a sibling domain, or a hand on the keyboard, could: not as a script can.
    await victim.context().addCookies(await attacker.context().cookies());
    await signIn(victim, "ada");
    await attacker.goto("/account/devices");
    expect(attacker.url()).toContain("/sign-in");
    await attacker.goto("/session");
    // By itself: three letters stand in an id now and then.
    const names = (page: Page) => page.getByText(/^\s*ada\s*$/i).count();
    expect(await names(attacker)).toBe(0);
    await victim.goto("/session");
    expect(await names(victim)).toBeGreaterThan(0);
    await victim.goto("/account/devices");
    expect(victim.url()).toBe(`${url}/account/devices`);
  });

  it("shows nothing of the account when one goes back after the sign-out", async () => {
    const page = await newBrowser();
    await signIn(page, "grace");
    await page.goto("/account/devices");
    await page.goto("/session");
    expect(await page.getByRole("main").textContent()).toContain("grace");
    await page.getByRole("button", { name: "Sign out" }).click();
    await page.waitForURL("/signed-out");
    for (let steps = 0; steps < 3; steps += 1) {
      await goBack(page);
      expect(await page.locator("body").textContent()).not.toMatch(/hopper|signed in as|device</i);
      expect(await page.getByRole("button", { name: "Sign out" }).count()).toBe(0);
    }
  });

  it("would go back to a page that does not forbid it, so that the test above means something", async () => {
    const page = await newBrowser();
    await page.goto("/goods/hat");
    await page.evaluate(() => Object.assign(window, { stillThere: true }));
    await page.goto("/goods/boots");
    await goBack(page);
    expect(await page.evaluate(() => "stillThere" in window)).toBe(true);
  });

  it.each(["127.0.0.1", "localhost"])(
    "refuses a form of another origin, on %s, and stays signed in",
    async (host) => {
      const page = await newBrowser();
      await signIn(page, "ada");
      const form = `<form method="post" action="${url}/sign-out"><button>Win a boat</button></form>`;
      const evil = createServer((_req, res) => {
        res.setHeader("content-type", "text/html").end(form);
      }).listen(0, "127.0.0.1");
      await once(evil, "listening");
      const elsewhere = await page.context().newPage();
      await elsewhere.goto(`http://${host}:${(evil.address() as AddressInfo).port}/`);
      const answered = elsewhere.waitForResponse(`${url}/sign-out`);
      await elsewhere.getByRole("button").click();
      expect((await answered).status()).toBe(403);
      evil.close();
      evil.closeAllConnections();
      await page.goto("/account/devices");
      expect(page.url()).toBe(`${url}/account/devices`);
    },
  );
});

/** A page that comes out of the back/forward cache is there at once, and never loads. */
async function goBack(page: Page): Promise<void> {
  await page.goBack({ waitUntil: "commit" });
  await page.getByRole("contentinfo").waitFor();
}

async function plant(page: Page, name: string): Promise<string> {
  return page.evaluate(async (name) => {
    // biome-ignore lint/suspicious/noDocumentCookie: it is what is tried here
    document.cookie = `${name}=evil; Path=/; Secure; SameSite=Lax`;
    await cookieStore.set({ name, value: "evil" }).catch(() => undefined);
    return document.cookie;
  }, name);
}

async function sessionCookie(page: Page): Promise<string | undefined> {
  const cookies = await page.context().cookies();
  return cookies.find(({ name }) => name === "__Host-Http-sid")?.value;
}
