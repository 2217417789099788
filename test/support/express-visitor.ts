/**
 * A server on a free port, and browsers that keep its cookies, for apps written for express-session.
 *
 * @module
 */

import { once } from "node:events";
import type { RequestListener } from "node:http";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";

export interface Reply {
  readonly status: number;
  readonly text: string;
  readonly headers: Headers;
  /** `Set-Cookie` field values. */
  readonly cookies: readonly string[];
}

export interface Browser {
  readonly origin: string;
  readonly jar: Map<string, string>;
  get(path: string, headers?: Readonly<Record<string, string>>): Promise<Reply>;
  post(path: string, form?: Readonly<Record<string, string>>): Promise<Reply>;
  /** Another browser with a copy of the cookies. */
  copy(): Browser;
}

export interface Site {
  readonly origin: string;
  browser(): Browser;
  close(): Promise<void>;
}

export async function serve(listener: RequestListener): Promise<Site> {
  const server = createServer(listener).listen(0, "127.0.0.1");
  await once(server, "listening");
  const origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  return {
    origin,
    browser: () => browserOf(origin, new Map()),
    async close() {
      server.closeAllConnections();
      server.close();
      await once(server, "close");
    },
  };
}

export function browserOf(origin: string, jar: Map<string, string>): Browser {
  async function ask(path: string, init: RequestInit): Promise<Reply> {
    const cookie = [...jar].map(([name, value]) => `${name}=${value}`).join("; ");
    const headers = { ...(init.headers as object), ...(cookie === "" ? {} : { cookie }) };
    const response = await fetch(origin + path, { ...init, headers, redirect: "manual" });
    const cookies = response.headers.getSetCookie();
    for (const field of cookies) {
      const [, name = "", value = ""] = /^([^=]+)=([^;]*)/.exec(field) ?? [];
      if (/expires=Thu, 01 Jan 1970/i.test(field)) jar.delete(name);
      else jar.set(name, value);
    }
    const text = await response.text();
    return { status: response.status, text, headers: response.headers, cookies };
  }
  return {
    origin,
    jar,
    get: (path, headers = {}) => ask(path, { headers }),
    post: (path, form) =>
      ask(path, { method: "POST", ...(form && { body: new URLSearchParams(form) }) }),
    copy: () => browserOf(origin, new Map(jar)),
  };
}

/** Holds requests until so many have come, or until it is opened. */
export interface Gate {
  /** Resolved when a request waits here. */
  readonly arrived: Promise<void>;
  wait(): Promise<void>;
  open(): void;
}

export function createGate(count: number = Number.POSITIVE_INFINITY): Gate {
  let open = (): void => {};
  const opened = new Promise<void>((resolve) => {
    open = resolve;
  });
  let arrive = (): void => {};
  const arrived = new Promise<void>((resolve) => {
    arrive = resolve;
  });
  let waiting = 0;
  return {
    arrived,
    wait() {
      waiting += 1;
      arrive();
      if (waiting >= count) open();
      return opened;
    },
    open,
  };
}
