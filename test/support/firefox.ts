/**
 * Firefox, without a window, by the protocol that it speaks itself: WebDriver BiDi.
 *
 * @module
 */

import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { WebSocket } from "ws";
import type { Engine, RunningEngine } from "./engine.ts";
import { findProgram, required } from "./needs.ts";
import { spawnMortal } from "./spawn-mortal.ts";
import type { KeptCookie, Tab } from "./tab.ts";
import { tabOf } from "./tab.ts";

const program = findProgram("firefox-esr", "firefox");

export const firefox: Engine = {
  name: "Firefox",
  programs: { firefox: program },
  knowsPrefixes: true,
  start,
};

async function start(): Promise<RunningEngine> {
  // Not in memory: Firefox wants what there is of that for itself, and in a container it is little.
  const profile = await mkdtemp(join(tmpdir(), "coatcheck-firefox-"));
  const child = spawnMortal(
    required("firefox", program),
    ["--headless", "--no-remote", "--profile", profile, "--remote-debugging-port=0"],
    { ...process.env, HOME: profile },
  );
  const ended = once(child, "close");
  const url = await new Promise<string>((found, failed) => {
    createInterface({ input: child.stderr }).on("line", (line) => {
      const [, address] = /WebDriver BiDi listening on (ws:\S+)/.exec(line) ?? [];
      if (address !== undefined) found(address);
    });
    void ended.then(([code]) => failed(new Error(`Firefox ended with ${code}`)), failed);
  });
  const { send, close } = await connect(`${url}/session`);
  await send("session.new", { capabilities: { alwaysMatch: { acceptInsecureCerts: true } } });
  const people = new Set<string>();

  return {
    async newBrowser() {
      const { userContext } = await send("browser.createUserContext", {});
      people.add(userContext);
      const { context } = await send("browsingContext.create", { type: "tab", userContext });
      return tabIn(context, send);
    },
    async closeBrowsers() {
      for (const userContext of people) await send("browser.removeUserContext", { userContext });
      people.clear();
    },
    async stop() {
      close();
      child.kill("SIGKILL");
      await ended;
      await rm(profile, { recursive: true, force: true, maxRetries: 5 });
    },
  };
}

// biome-ignore lint/suspicious/noExplicitAny: the protocol's answers, of which we read a few words
type Send = (method: string, params: object) => Promise<any>;

async function connect(url: string): Promise<{ readonly send: Send; readonly close: () => void }> {
  const socket = new WebSocket(url);
  await once(socket, "open");
  const waiting = new Map<number, (answer: Answer) => void>();
  socket.on("message", (data) => {
    const answer: Answer = JSON.parse(String(data));
    waiting.get(answer.id)?.(answer);
    waiting.delete(answer.id);
  });
  let last = 0;
  return {
    async send(method, params) {
      last += 1;
      const id = last;
      const answered = new Promise<Answer>((answer) => waiting.set(id, answer));
      socket.send(JSON.stringify({ id, method, params }));
      const { error, message, result } = await answered;
      if (error !== undefined) throw new Error(`${method}: ${error}: ${message}`);
      return result;
    },
    close: () => socket.terminate(),
  };
}

interface Answer {
  readonly id: number;
  readonly result?: unknown;
  readonly error?: string;
  readonly message?: string;
}

function tabIn(context: string, send: Send): Tab {
  async function evaluate(expression: string): Promise<string> {
    const answer = await send("script.evaluate", {
      expression,
      target: { context },
      awaitPromise: true,
    });
    if (answer.type === "exception") throw new Error(answer.exceptionDetails.text);
    return answer.result.value;
  }
  const act = (actions: object) => send("input.performActions", { context, actions: [actions] });

  return tabOf({
    goto: (url) => send("browsingContext.navigate", { context, url, wait: "complete" }),
    reload: () => send("browsingContext.reload", { context, wait: "complete" }),
    back: () => send("browsingContext.traverseHistory", { context, delta: -1 }),
    evaluate,
    async click(selector) {
      await evaluate(
        `document.querySelector("${selector}").scrollIntoView({ block: "center" }), ""`,
      );
      const locator = { type: "css", value: selector };
      const { nodes } = await send("browsingContext.locateNodes", { context, locator });
      const origin = { type: "element", element: { sharedId: nodes[0].sharedId } };
      const actions = [
        { type: "pointerMove", x: 0, y: 0, origin },
        { type: "pointerDown", button: 0 },
        { type: "pointerUp", button: 0 },
      ];
      await act({ type: "pointer", id: "mouse", actions });
    },
    async type(text) {
      const keys = [...text].flatMap((value) => [
        { type: "keyDown", value },
        { type: "keyUp", value },
      ]);
      await act({ type: "key", id: "keyboard", actions: keys });
    },
    async cookies() {
      const partition = { type: "context", context };
      const { cookies } = await send("storage.getCookies", { partition });
      const here = new URL(await evaluate("location.href")).hostname;
      return cookies
        .filter(({ domain }: BidiCookie) => domain === here)
        .map(({ value, expiry, ...cookie }: BidiCookie) => ({
          ...cookie,
          value: value.value,
          endsWithBrowser: expiry === undefined,
        }));
    },
  });
}

interface BidiCookie extends Omit<KeptCookie, "value" | "endsWithBrowser"> {
  readonly value: { readonly value: string };
  readonly expiry?: number;
}
