import { once } from "node:events";
import { createServer } from "node:https";
import type { AddressInfo } from "node:net";
import type { Browser, BrowserContext, Page } from "playwright-core";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, vi } from "vitest";
import { seeds } from "../../examples/shop/src/people.ts";
import { chromium, chromiumEngine, launchBrowser } from "../support/browser.ts";
import type { Certificate } from "../support/certificate.ts";
import { makeCertificate, openssl } from "../support/certificate.ts";
import type { RunningEngine } from "../support/engine.ts";
import { firefox } from "../support/firefox.ts";
import { describeWith } from "../support/needs.ts";
import type { BuiltShop, RunningShop } from "../support/shop.ts";
import { buildShop, dataFolder, startShop } from "../support/shop.ts";
import type { Tab } from "../support/tab.ts";
import { AS_IN_PRODUCTION } from "../support/tab.ts";
import type { TlsFront } from "../support/tls-front.ts";
import { startTlsFront } from "../support/tls-front.ts";
import { until } from "../support/until.ts";
import { webkit } from "../support/webkit.ts";

// Real programs, on a machine that may be busy with others.
vi.setConfig({ testTimeout: 180_000, hookTimeout: 180_000 });

const password = (name: string): string => seeds.find(({ id }) => id === name)?.password ?? "";

let built: BuiltShop;

beforeAll(async () => {
  built = await buildShop();
});

afterAll(() => built?.remove());

describe.each([chromiumEngine, firefox, webkit])("the shop", (engine) => {
  const programs = { ...engine.programs, openssl };
  describeWith(programs, `in ${engine.name}, behind TLS`, () => {
    let running: RunningEngine;
    let shop: RunningShop;
    let front: TlsFront;
    let certificate: Certificate;
    let url: string;

    beforeAll(async () => {
      running = await engine.start();
      certificate = await makeCertificate("localhost");
      shop = await startShop(built, { SHOP_DATA: await dataFolder(built), SECURE: "1" });
      front = await startTlsFront(shop.port, certificate);
      url = `https://localhost:${front.port}`;
    });

    afterAll(async () => {
      await running?.stop();
      front?.stop();
      await shop?.stop();
    });

    afterEach(() => running?.closeBrowsers());

    /** A browser of somebody's own, at the door or further on. */
    async function newBrowser(path: string): Promise<Tab> {
      const tab = await running.newBrowser();
      await tab.goto(url + path);
      return tab;
    }

    async function signIn(tab: Tab, name: string, at = url): Promise<void> {
      await tab.goto(`${at}/sign-in`);
      await tab.fill("Name", name);
      await tab.fill("Password", password(name));
      await tab.press("Sign in");
      expect(await tab.url()).toBe(`${at}/`);
    }

    it("keeps the cart over the sign-in", async () => {
      const tab = await newBrowser("/");
      await tab.press("Add Eight-rib umbrella to cart");
      expect(await tab.url()).toBe(`${url}/cart`);
      await tab.press("One more: Eight-rib umbrella");
      await tab.press("Sign in and order");
      await tab.fill("Name", "ada");
      await tab.fill("Password", password("ada"));
      await tab.press("Sign in");
      expect(await tab.url()).toBe(`${url}/cart`);
      expect(await tab.text("[role=status]")).toBe("Welcome, Ada Lovelace.");
      expect(await tab.text(".line")).toContain("€128.00");
      await tab.press("Place the order");
      expect(await tab.text("[role=status]")).toContain("Your order is placed");
    });

    it("P5 shows a second browser under devices, and signs it out from the first", async () => {
      const [here, there] = [await newBrowser("/"), await newBrowser("/")];
      await signIn(here, "alan");
      await signIn(there, "alan");
      await there.goto(`${url}/account/devices`);

      await here.goto(`${url}/account/devices`);
      const [device = ""] = (await here.buttons()).filter((name) => / on /.test(name));
      await here.press(device);
      expect(await here.text("[role=status]")).toBe(`Signed out: ${device.slice(9)}.`);
      expect(await here.buttons()).not.toContain(device);

      await there.reload();
      expect(await there.url()).toBe(`${url}/sign-in?next=%2Faccount%2Fdevices`);
      expect(await there.text("body")).not.toContain("Alan");
      await here.reload();
      expect(await here.url()).toBe(`${url}/account/devices`);
    });

    it("gives script no cookie to read", async () => {
      const tab = await newBrowser("/");
      await signIn(tab, "ada");
      const real = { name: "__Host-Http-sid", ...AS_IN_PRODUCTION };
      expect(await tab.cookies()).toMatchObject([real]);
      expect(await tab.run(() => document.cookie)).toBe("");
      expect(await tab.run(async () => (await cookieStore.getAll()).length)).toBe(0);
      await tab.press("Sign out");
      expect(await tab.cookies()).toEqual([]);
    });

    // WebKitGTK's jar has never heard of prefixes.
    if (engine.knowsPrefixes) {
      it("lets script plant no cookie, neither beside the real one nor before it", async () => {
        const tab = await newBrowser("/");
        // The way of planting works: a cookie of another name is taken.
        expect(await tab.run(plant, "planted", "evil")).toContain("planted=");
        await tab.run(plant, "__Host-Http-sid", "evil");
        expect((await tab.cookies()).map(({ name }) => name)).toEqual(["planted"]);

        await signIn(tab, "ada");
        const real = await sessionCookie(tab);
        await tab.run(plant, "__Host-Http-sid", "evil");
        expect(await sessionCookie(tab)).toBe(real);
        await tab.goto(`${url}/account/devices`);
        expect(await tab.url()).toBe(`${url}/account/devices`);
      });
    }

    it("P6 makes nothing of a ticket that script has planted", async () => {
      const attacker = await newBrowser("/goods/hat");
      await attacker.press("Add Bobble hat to cart");
      const ticket = (await sessionCookie(attacker)) ?? "";
      const victim = await newBrowser("/");
      await victim.run(plant, "__Host-Http-sid", ticket);
      await signIn(victim, "ada");
      // Once more, and now there is a real one, which script cannot replace in any engine.
      await victim.run(plant, "__Host-Http-sid", ticket);
      await victim.goto(`${url}/account/devices`);
      expect(await victim.url()).toBe(`${url}/account/devices`);
      await attacker.goto(`${url}/account/devices`);
      expect(await attacker.url()).toContain("/sign-in");
    });

    it("shows nothing of the account when one goes back after the sign-out", async () => {
      const tab = await newBrowser("/");
      await signIn(tab, "grace");
      await tab.goto(`${url}/account/devices`);
      await tab.goto(`${url}/session`);
      expect(await tab.text("main")).toContain("grace");
      await tab.press("Sign out");
      expect(await tab.url()).toBe(`${url}/signed-out`);
      for (let steps = 0; steps < 3; steps += 1) {
        await tab.back();
        expect(await tab.text("body")).not.toMatch(/hopper|signed in as|device</i);
        expect(await tab.buttons()).not.toContain("Sign out");
      }
    });

    it("would go back to a page that does not forbid it, so that the test above means something", async () => {
      const tab = await newBrowser("/");
      // Not every time: a browser that is short of something keeps no pages.
      await until("a page is there as it was left", async () => {
        await tab.goto(`${url}/goods/hat`);
        await tab.run(() => void Object.assign(window, { stillThere: true }));
        await tab.goto(`${url}/goods/boots`);
        await tab.back();
        return tab.run(() => "stillThere" in window);
      });
    });

    it.each(["127.0.0.1", "localhost"])(
      "refuses a form of another origin, on %s, and stays signed in",
      async (host) => {
        const tab = await newBrowser("/");
        await signIn(tab, "ada");
        const form = `<form method="post" action="${url}/sign-out"><button>Win a boat</button></form>`;
        const evil = createServer(certificate, (_req, res) => {
          res.setHeader("content-type", "text/html").end(form);
        }).listen(0, "127.0.0.1");
        await once(evil, "listening");
        await tab.goto(`https://${host}:${(evil.address() as AddressInfo).port}/`);
        await tab.press("Win a boat");
        expect(await tab.text("h1")).toBe("Not from there");
        evil.close();
        evil.closeAllConnections();
        await tab.goto(`${url}/account/devices`);
        expect(await tab.url()).toBe(`${url}/account/devices`);
      },
    );

    it("signs in and out over plain http, with `dev`", async () => {
      const plain = await startShop(built, { SHOP_DATA: await dataFolder(built) });
      const at = `http://localhost:${plain.port}`;
      const tab = await running.newBrowser();
      await signIn(tab, "ada", at);
      const cookie = { name: "sid", httpOnly: true, secure: false, sameSite: "lax", path: "/" };
      expect(await tab.cookies()).toMatchObject([cookie]);
      expect(await tab.run(() => document.cookie)).toBe("");
      await tab.goto(`${at}/account/devices`);
      expect(await tab.url()).toBe(`${at}/account/devices`);
      await tab.press("Sign out");
      expect(await tab.cookies()).toEqual([]);
      await tab.goto(`${at}/account/devices`);
      expect(await tab.url()).toContain("/sign-in");
      await plain.stop();
    });
  });
});

describeWith({ chromium }, "the shop in Chromium", () => {
  let shop: RunningShop;
  let browser: Browser;
  let contexts: BrowserContext[];
  /** Where cookies are as in production: Chromium takes `Secure` ones from http://localhost. */
  let url: string;

  beforeAll(async () => {
    browser = await launchBrowser();
  });

  afterAll(() => browser?.close());

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
});

/** In the page. @returns the cookies that script sees after that. */
async function plant(name: string, value: string): Promise<string> {
  // biome-ignore lint/suspicious/noDocumentCookie: it is what is tried here
  document.cookie = `${name}=${value}; Path=/; Secure; SameSite=Lax`;
  await cookieStore.set({ name, value }).catch(() => undefined);
  return document.cookie;
}

async function sessionCookie(tab: Tab): Promise<string | undefined> {
  return (await tab.cookies()).find(({ name }) => name === "__Host-Http-sid")?.value;
}
