/**
 * A browser with one jar of cookies, for servers on this machine.
 */

import type { RequestListener, Server } from "node:http";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import type { ForeignCookie, ForeignSession, ForeignSource } from "../../../src/interop/source.ts";
import { isRefused } from "../../../src/interop/source.ts";

export interface Browser {
  /** Values as they stand in headers, percent-encoding included. */
  readonly cookies: Map<string, string>;
  get(path: string): Promise<unknown>;
  /** What a foreign source sees of this browser. */
  readonly read: (name: string) => string | undefined;
  /** Takes cookies as a response would set them. */
  take(cookies: readonly ForeignCookie[]): void;
}

export interface Site {
  browser(): Browser;
  close(): Promise<void>;
}

export async function serve(listener: RequestListener): Promise<Site> {
  const server = createServer(listener);
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return siteOf(server);
}

export function siteOf(server: Server): Site {
  const { port } = server.address() as AddressInfo;
  return {
    browser: () => browser(`http://127.0.0.1:${port}`),
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

function browser(origin: string): Browser {
  const cookies = new Map<string, string>();
  return {
    cookies,
    async get(path) {
      const cookie = Array.from(cookies, ([name, value]) => `${name}=${value}`).join("; ");
      const answer = await fetch(origin + path, { headers: { cookie }, redirect: "manual" });
      takeFields(cookies, answer.headers.getSetCookie());
      const text = await answer.text();
      if (!answer.ok) throw new Error(`${answer.status}: ${text}`);
      return JSON.parse(text);
    },
    read: (name) => cookies.get(name),
    take(list) {
      for (const { name, value, expiresAt } of list) {
        if (expiresAt === 0) cookies.delete(name);
        else cookies.set(name, value);
      }
    },
  };
}

export function takeFields(cookies: Map<string, string>, fields: readonly string[]): void {
  for (const field of fields) {
    const [pair = ""] = field.split(";");
    const equals = pair.indexOf("=");
    const name = pair.slice(0, equals);
    const isGone = /expires=thu, 01 jan 1970/i.test(field) || /max-age=0(;|$)/i.test(field);
    if (isGone) cookies.delete(name);
    else cookies.set(name, pair.slice(equals + 1));
  }
}

/** The session that a source finds in a browser. @throws when it refuses. */
export async function opened(
  source: ForeignSource,
  read: (name: string) => string | undefined,
  now: number = Date.now(),
): Promise<ForeignSession> {
  const session = await source.open(read, now);
  if (isRefused(session)) throw new Error(`${session.refused}: ${session.problem}`);
  return session;
}

/** Why a source refuses these cookies; `"taken"` when it does not. */
export async function refusal(
  source: ForeignSource,
  cookies: Readonly<Record<string, string>>,
  now: number = Date.now(),
): Promise<string> {
  const answer = await source.open((name) => cookies[name], now);
  return isRefused(answer) ? answer.refused : "taken";
}
