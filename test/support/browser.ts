/**
 * Chromium, without a window and with nothing of its own to say to the network.
 *
 * @module
 */

import type { Browser } from "playwright-core";
import { chromium as playwright } from "playwright-core";
import { findProgram, required } from "./needs.ts";

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
