/**
 * WebKitGTK: Safari's engine for pages, but not its cookies, which are libsoup's here. Without a screen,
 * by the protocol of its driver: W3C WebDriver.
 *
 * @module
 */

import { once } from "node:events";
import { rm } from "node:fs/promises";
import type { Engine, RunningEngine } from "./engine.ts";
import { freePort } from "./free-port.ts";
import { findProgram, required } from "./needs.ts";
import type { MortalProgram } from "./spawn-mortal.ts";
import { spawnMortal } from "./spawn-mortal.ts";
import type { KeptCookie, Tab } from "./tab.ts";
import { tabOf } from "./tab.ts";
import { temporaryFolder } from "./temporary-folder.ts";
import { until } from "./until.ts";

const driver = findProgram("WebKitWebDriver");
const xvfb = findProgram("Xvfb");

export const webkit: Engine = {
  name: "WebKitGTK",
  programs: { webkit: driver, xvfb },
  knowsPrefixes: false,
  start,
};

async function start(): Promise<RunningEngine> {
  const home = await temporaryFolder("webkit");
  const args = ["-displayfd", "1", "-nolisten", "tcp", "-screen", "0", "1600x1200x24"];
  const screen = spawnMortal(required("xvfb", xvfb), args, process.env);
  const ended = once(screen, "close").then(([code]) => {
    throw new Error(`Xvfb ended with ${code}`);
  });
  const [display] = await Promise.race([once(screen.stdout, "data"), ended]);
  const env = {
    ...process.env,
    DISPLAY: `:${String(display).trim()}`,
    // Also where somebody's own screen is Wayland's.
    GDK_BACKEND: "x11",
    HOME: home,
  };
  const open: (() => Promise<void>)[] = [];
  async function closeBrowsers(): Promise<void> {
    for (const close of open.splice(0)) await close();
  }

  return {
    async newBrowser() {
      const { tab, close } = await startBrowser(env);
      open.push(close);
      return tab;
    },
    closeBrowsers,
    async stop() {
      await closeBrowsers();
      await end(screen);
      await rm(home, { recursive: true, force: true, maxRetries: 5 });
    },
  };
}

/** A driver has one browser. */
async function startBrowser(
  env: NodeJS.ProcessEnv,
): Promise<{ readonly tab: Tab; readonly close: () => Promise<void> }> {
  const port = await freePort();
  const program = spawnMortal(required("webkit", driver), ["-p", `${port}`], env);

  // biome-ignore lint/suspicious/noExplicitAny: the protocol's answers, of which we read a few words
  async function call(method: string, path: string, body?: object): Promise<any> {
    const init = body === undefined ? { method } : { method, body: JSON.stringify(body) };
    const answer = await fetch(`http://127.0.0.1:${port}${path}`, init);
    const { value } = (await answer.json()) as { value: { error: string; message: string } };
    if (!answer.ok) throw new Error(`${path}: ${value.error}: ${value.message}`);
    return value;
  }

  await until("WebKitWebDriver answers", async () => (await call("GET", "/status")).ready);
  const capabilities = { alwaysMatch: { acceptInsecureCerts: true } };
  const { sessionId } = await call("POST", "/session", { capabilities });
  const session = (method: string, path: string, body?: object) =>
    call(method, `/session/${sessionId}${path}`, body);

  return {
    tab: tabOver(session),
    async close() {
      // The driver waits for the end of its browser.
      await session("DELETE", "");
      await end(program);
    },
  };
}

// biome-ignore lint/suspicious/noExplicitAny: as above
function tabOver(session: (method: string, path: string, body?: object) => Promise<any>): Tab {
  return tabOf({
    goto: (url) => session("POST", "/url", { url }),
    reload: () => session("POST", "/refresh", {}),
    back: () => session("POST", "/back", {}),
    async evaluate(expression) {
      const script = `const done = arguments[0];
        ${expression}.then((text) => done({ text }), (error) => done({ error: String(error) }))`;
      const { text, error } = await session("POST", "/execute/async", { script, args: [] });
      if (error !== undefined) throw new Error(error);
      return text;
    },
    async click(selector) {
      const [id] = Object.values(
        await session("POST", "/element", { using: "css selector", value: selector }),
      );
      await session("POST", `/element/${id}/click`, {});
    },
    async type(text) {
      const keys = [...text].flatMap((value) => [
        { type: "keyDown", value },
        { type: "keyUp", value },
      ]);
      const keyboard = { type: "key", id: "keyboard", actions: keys };
      await session("POST", "/actions", { actions: [keyboard] });
    },
    async cookies() {
      const cookies: WebDriverCookie[] = await session("GET", "/cookie");
      return cookies.map(({ expiry, sameSite, ...cookie }) => ({
        ...cookie,
        sameSite: sameSite.toLowerCase(),
        endsWithBrowser: expiry === undefined,
      }));
    },
  });
}

interface WebDriverCookie extends Omit<KeptCookie, "endsWithBrowser"> {
  readonly expiry?: number;
}

async function end(program: MortalProgram): Promise<void> {
  program.kill();
  if (program.exitCode === null && program.signalCode === null) await once(program, "close");
}
