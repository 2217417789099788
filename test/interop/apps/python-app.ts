/**
 * A Python app that runs, and a Node app beside it, which share one browser's session.
 *
 * @module
 */

import { spawn } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { foreignCookieText } from "../../../src/interop/set-cookie.ts";
import type { ForeignSession, ForeignSource } from "../../../src/interop/source.ts";
import { isRefused } from "../../../src/interop/source.ts";
import { required } from "../../support/needs.ts";
import { sorted } from "../python/describe.ts";
import { PYTHON } from "../python/peer.ts";
import { cookieReader } from "../records.ts";

/** One step of a test: what is done to the session. */
export interface Operation {
  readonly op: string;
  readonly key?: string;
  /** JSON, for `set` described. */
  readonly value?: unknown;
}

export const USER_AGENT = "interop-test";

/** An app of `test/interop/apps` on a port of its own. */
export interface PythonApp {
  readonly port: number;
  /**
   * Asks for an operation. The session as the app sees it then, described; and its cookies.
   *
   * @param url - where it is asked, if not at its own port.
   */
  operate(
    operation: Operation,
    cookie: string,
    url?: string,
  ): Promise<{ session: unknown; setCookie: string[] }>;
  stop(): Promise<void>;
}

/** Starts it; stop it after the tests. */
export async function startPythonApp(file: string, settings: object): Promise<PythonApp> {
  const program = fileURLToPath(new URL(file, import.meta.url));
  const child = spawn(required("python3", PYTHON), [program, JSON.stringify(settings)], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  let port: string | undefined;
  for await (const line of createInterface({ input: child.stdout })) {
    port = /^ready (\d+)$/.exec(line)?.[1];
    if (port !== undefined) break;
  }
  if (port === undefined) throw new Error(`${file} did not start`);
  return {
    port: Number(port),
    async operate(operation, cookie, url = `http://127.0.0.1:${port}/`) {
      const response = await fetch(url, {
        method: "POST",
        headers: { "content-type": "application/json", "user-agent": USER_AGENT, cookie },
        body: JSON.stringify(operation),
      });
      const text = await response.text();
      if (!response.ok) throw new Error(`${file} answered ${response.status}: ${text}`);
      return { session: sorted(JSON.parse(text)), setCookie: response.headers.getSetCookie() };
    },
    async stop() {
      child.kill();
      await once(child, "close");
    },
  };
}

/** One browser's cookies. */
export interface CookieJar {
  header(): string;
  get(name: string): string | undefined;
  take(setCookie: readonly string[]): void;
  /** Another browser with a copy of them. */
  copy(): CookieJar;
}

export function cookieJar(cookies: Map<string, string> = new Map()): CookieJar {
  return {
    copy: () => cookieJar(new Map(cookies)),
    header: () => [...cookies].map(([name, value]) => `${name}=${value}`).join("; "),
    get: (name) => cookies.get(name),
    take(setCookie) {
      for (const field of setCookie) {
        const [pair = "", ...attributes] = field.split("; ").map((part) => part.trim());
        const at = pair.indexOf("=");
        const name = pair.slice(0, at);
        if (!attributes.some((part) => /^path=\/$/i.test(part))) {
          throw new Error(`a browser would not bring ${name} to every path of its origin`);
        }
        // Beaker deletes with a date a year ago and no Max-Age.
        const expires = attributes.find((part) => /^expires=./i.test(part))?.slice(8);
        const isOver = expires !== undefined && Date.parse(expires) <= Date.now();
        if (isOver) cookies.delete(name);
        else cookies.set(name, pair.slice(at + 1).replace(/^"(.*)"$/, "$1"));
      }
    },
  };
}

/** What the Node app does with the session that it has found, or with none. */
export type NodeOperation = (
  source: ForeignSource,
  session: ForeignSession | undefined,
  operation: Operation,
) => Promise<{
  readonly data: Record<string, unknown>;
  readonly userId?: string;
  readonly origin?: unknown;
}>;

/** The Node app: opens the session that the browser brings, changes it, and sends it back. */
export async function operateInNode(
  source: ForeignSource,
  jar: CookieJar,
  operation: Operation,
  change: NodeOperation,
): Promise<readonly string[]> {
  const session = await sessionOf(source, jar);
  const draft = await change(source, session, operation);
  const { cookies } = await source.seal(draft, Date.now());
  const setCookie = cookies.map(foreignCookieText);
  jar.take(setCookie);
  return setCookie;
}

/** The session that the browser would bring; `undefined` when it has no cookie, or a deleted session. */
export async function sessionOf(
  source: ForeignSource,
  jar: CookieJar,
): Promise<ForeignSession | undefined> {
  const [name] = source.cookieNames as readonly [string];
  const opened = await source.open(cookieReader({ [name]: jar.get(name) }), Date.now());
  if (!isRefused(opened)) return opened;
  if (opened.refused === "absent") return undefined;
  throw new Error(`the session is ${opened.refused}: ${opened.problem}`);
}

/** The attributes of a `Set-Cookie`, without values that differ from one moment to the next. */
export function attributesIn(setCookie: string): string[] {
  const attributes = setCookie.split("; ").slice(1);
  return attributes.map((part) => part.toLowerCase().replace(/^(expires|max-age)=.+/, "$1")).sort();
}
