/**
 * Chromium, without a window and with nothing of its own to say to the network.
 *
 * @module
 */

import type { Browser, BrowserContext, Page } from "playwright-core";
import { chromium as playwright } from "playwright-core";
import type { Engine } from "./engine.ts";
import { findProgram, required } from "./needs.ts";
import type { Tab } from "./tab.ts";
import { tabOf } from "./tab.ts";

/** Debian's Chromium, or any that is on the path. */
export const chromium: string | undefined = findProgram(
  "chromium",
  "chromium-browser",
  "google-chrome",
);

/** Starts a browser with a profile of its own. Each of its contexts is a person's browser. */
export function launchBrowser(args: readonly string[] = []): Promise<Browser> {
  return playwright.launch({
    executablePath: required("chromium", chromium),
    headless: true,
    // Playwright turns the back/forward cache off, and it is just what "back" after sign-out is about.
    ignoreDefaultArgs: ["--disable-back-forward-cache"],
    args: [
      "--no-sandbox",
      "--disable-gpu",
      "--disable-quic",
      "--no-first-run",
      "--disable-background-networking",
      "--disable-component-update",
      "--disable-sync",
      ...args,
    ],
  });
}

/** Chromium, for the tests that run in other engines too. */
export const chromiumEngine: Engine = {
  name: "Chromium",
  programs: { chromium },
  knowsPrefixes: true,
  async start() {
    const browser = await launchBrowser();
    let contexts: BrowserContext[] = [];
    return {
      async newBrowser() {
        const context = await browser.newContext({ ignoreHTTPSErrors: true });
        context.setDefaultTimeout(60_000);
        contexts.push(context);
        return tabOver(await context.newPage());
      },
      async closeBrowsers() {
        for (const context of contexts) await context.close();
        contexts = [];
      },
      stop: () => browser.close(),
    };
  },
};

function tabOver(page: Page): Tab {
  return tabOf({
    async goto(url) {
      await page.goto(url);
    },
    async reload() {
      await page.reload();
    },
    async back() {
      // A page that comes out of the back/forward cache is there at once, and never loads.
      await page.goBack({ waitUntil: "commit" });
    },
    evaluate: (expression) => page.evaluate(expression),
    click: (selector) => page.click(selector, { noWaitAfter: true }),
    type: (text) => page.keyboard.type(text),
    async cookies() {
      const cookies = await page.context().cookies(page.url());
      return cookies.map(({ name, value, httpOnly, secure, sameSite, path, domain, expires }) => ({
        ...{ name, value, httpOnly, secure, path, domain },
        sameSite: sameSite.toLowerCase(),
        endsWithBrowser: expires === -1,
      }));
    },
  });
}
