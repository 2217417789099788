import { readFile } from "node:fs/promises";
import { createRequire } from "node:module";
import type { AxeResults } from "axe-core";
import type { Browser, BrowserContext, Page } from "playwright-core";
import { afterAll, beforeAll, describe, expect, it, vi } from "vitest";
import { seeds } from "../../examples/shop/src/people.ts";
import { chromium, launchBrowser } from "../support/browser.ts";
import { describeWith } from "../support/needs.ts";
import type { BuiltShop, RunningShop } from "../support/shop.ts";
import { buildShop, dataFolder, startShop } from "../support/shop.ts";

// Real programs, on a machine that may be busy with others.
vi.setConfig({ testTimeout: 180_000, hookTimeout: 180_000 });

const visitorPages = [
  "/",
  "/goods/umbrella",
  "/cart",
  "/sign-in",
  "/session",
  "/signed-out",
  "/nowhere",
];
const signedInPages = [
  "/",
  "/cart",
  "/session",
  "/account/devices",
  "/confirm",
  "/account/payment",
];
const sizes = { phone: { width: 360, height: 740 }, desktop: { width: 1280, height: 860 } };

describeWith({ chromium }, "the pages of the shop", () => {
  let built: BuiltShop;
  let shop: RunningShop;
  let browser: Browser;
  let axe: string;

  beforeAll(async () => {
    axe = await readFile(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");
    browser = await launchBrowser();
    built = await buildShop();
    shop = await startShop(built, { SHOP_DATA: await dataFolder(built) });
  });

  afterAll(async () => {
    await browser?.close();
    await shop?.stop();
    await built?.remove();
  });

  async function newBrowser(options: Parameters<Browser["newContext"]>[0]): Promise<Page> {
    const context: BrowserContext = await browser.newContext({ baseURL: shop.url, ...options });
    context.setDefaultTimeout(60_000);
    return context.newPage();
  }

  describe.each(["light", "dark"] as const)("in the %s", (colorScheme) => {
    it.each(["phone", "desktop"] as const)(
      "have no barrier that axe finds, on a %s",
      async (size) => {
        const page = await newBrowser({ colorScheme, viewport: sizes[size] });
        for (const path of visitorPages) await check(page, path);

        // The same with something to show: goods, a message, a problem, two devices, a card.
        await page.goto("/goods/boots");
        await page.getByRole("button", { name: /Add/ }).click();
        await check(page, "/cart");
        await page.goto("/sign-in");
        await page.getByLabel("Name").fill("ada");
        await page.getByLabel("Password").fill("wrong");
        await page.getByRole("main").getByRole("button", { name: "Sign in" }).click();
        await check(page);
        await signIn(page);
        await check(page);
        const other = await newBrowser({});
        await signIn(other);
        await page.goto("/confirm");
        await page.getByLabel("Password").fill(seeds[0]?.password ?? "");
        await page.getByRole("button", { name: "It is me" }).click();
        for (const path of signedInPages) await check(page, path);
        await page.goto("/account/devices");
        await page.getByRole("button", { name: "Sign out everywhere else" }).click();
        await check(page);
        await other.context().close();
        await page.context().close();
      },
    );
  });

  it("lift their cards off the page, in the light and in the dark", async () => {
    const shadows = new Set<string>();
    for (const colorScheme of ["light", "dark"] as const) {
      const page = await newBrowser({ colorScheme });
      await page.goto("/sign-in");
      const card = page.locator(".card");
      shadows.add(await card.evaluate((element) => getComputedStyle(element).boxShadow));
      await page.context().close();
    }
    expect([...shadows]).toEqual([expect.stringContaining("px"), expect.stringContaining("px")]);
  });

  it("need no more than a keyboard to sign in", async () => {
    const page = await newBrowser({});
    await page.goto("/");
    await page.keyboard.press("Tab");
    expect(await focused(page)).toBe("Skip to the content");
    await page.keyboard.press("Enter");
    expect(await page.evaluate(() => document.activeElement?.id)).toBe("main");

    await page.goto("/");
    await tabTo(page, "Sign in");
    await page.keyboard.press("Enter");
    await page.waitForURL("/sign-in");
    expect(await page.evaluate(() => document.activeElement?.id)).toBe("name");
    await page.keyboard.type("ada");
    await page.keyboard.press("Tab");
    await page.keyboard.type("not the password");
    await page.keyboard.press("Enter");
    await page.getByRole("alert").waitFor();
    // Where the mistake is, and with its reason read out.
    const field = page.getByLabel("Password");
    expect(await page.evaluate(() => document.activeElement?.id)).toBe("password");
    expect(await field.getAttribute("aria-describedby")).toBe("problem");
    await page.keyboard.type(seeds[0]?.password ?? "");
    await page.keyboard.press("Tab");
    await page.keyboard.press("Space");
    expect(await page.getByLabel("Keep me signed in").isChecked()).toBe(true);
    await page.keyboard.press("Tab");
    await page.keyboard.press("Enter");
    await page.waitForURL("/");
    expect(await page.getByRole("status").textContent()).toBe("Welcome, Ada Lovelace.");
    // Kept over a restart of the browser, as was asked for.
    const [cookie] = await page.context().cookies();
    expect(cookie?.expires).toBeGreaterThan(Date.now() / 1000);
    await page.context().close();
  });

  it("show nothing of the name that is there for a password manager", async () => {
    const page = await newBrowser({});
    await signIn(page);
    await page.goto("/confirm");
    const name = page.locator('input[autocomplete="username"]');
    expect([await name.inputValue(), await name.isVisible()]).toEqual(["ada", false]);
    await page.context().close();
  });

  it("show where the focus is, at every stop", async () => {
    const page = await newBrowser({});
    for (const path of ["/", "/sign-in", "/goods/hat"]) {
      await page.goto(path);
      for (let stop = 0; stop < 40; stop += 1) {
        await page.keyboard.press("Tab");
        const outline = await page.evaluate(() => {
          const element = document.activeElement;
          if (element === null || element === document.body) return "the end";
          const { outlineStyle, outlineWidth } = getComputedStyle(element);
          return `${outlineStyle} ${outlineWidth}`;
        });
        if (outline === "the end") break;
        expect(outline, `${path} stop ${stop}: ${await focused(page)}`).toBe("solid 3px");
      }
    }
    await page.context().close();
  });

  it("tell the same without a style sheet: one heading, landmarks, labels", async () => {
    const page = await newBrowser({ javaScriptEnabled: false });
    for (const path of visitorPages) {
      await page.goto(path);
      expect(await page.getByRole("heading", { level: 1 }).count(), path).toBe(1);
      for (const landmark of ["banner", "navigation", "main", "contentinfo"] as const) {
        expect(await page.getByRole(landmark).count(), `${path} ${landmark}`).toBeGreaterThan(0);
      }
    }
    await page.context().close();
  });

  async function signIn(page: Page): Promise<void> {
    await page.goto("/sign-in");
    await page.getByLabel("Name").fill("ada");
    await page.getByLabel("Password").fill(seeds[0]?.password ?? "");
    await page.getByRole("main").getByRole("button", { name: "Sign in" }).click();
    await page.waitForURL("/");
  }

  /** Looks for barriers, and for anything wider than the screen. */
  async function check(page: Page, path?: string): Promise<void> {
    if (path !== undefined) await page.goto(path);
    // Through the debugger: the shop's own policy lets no script in.
    await page.evaluate(axe);
    const { violations } = (await page.evaluate(
      "axe.run({ resultTypes: ['violations'] })",
    )) as AxeResults;
    const found = violations.map(({ id, nodes }) => `${id}: ${nodes.map(({ html }) => html)}`);
    expect(found, `${page.url()}`).toEqual([]);
    const tooWide = await page.evaluate(
      () => document.documentElement.scrollWidth - document.documentElement.clientWidth,
    );
    expect(tooWide, `${page.url()} is wider than the screen`).toBe(0);
  }
});

async function tabTo(page: Page, name: string): Promise<void> {
  for (let stop = 0; stop < 20; stop += 1) {
    await page.keyboard.press("Tab");
    if ((await focused(page)) === name) return;
  }
  throw new Error(`no way by keyboard to “${name}”`);
}

function focused(page: Page): Promise<string | undefined> {
  return page.evaluate(() => document.activeElement?.textContent?.trim());
}
