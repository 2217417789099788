/**
 * A browser as far as sessions go: keeps cookies, and sends requests that a test can hold open.
 *
 * @module
 */

import type { HeadChanges, LoadedSession, Session, Sessions } from "../../src/index.ts";
import type { Data } from "./ways.ts";

/** What came of one request. */
export interface Answer<Result = unknown> {
  readonly head: HeadChanges;
  readonly result: Result;
}

/** A request that is under way. */
export interface Visit {
  readonly session: Session<Data>;
  /** Commits and takes the cookies of the response, as a browser would. */
  finish(options?: { readonly failed?: boolean }): Promise<HeadChanges>;
}

export interface Browser {
  /** The `Cookie` header that a request would carry now. */
  cookie(): string;
  /** Replaces all cookies. */
  plant(cookie: string): void;
  begin(): Visit;
  /** A whole request. */
  visit<Result>(
    handler: (session: Session<Data>) => Promise<Result> | Result,
  ): Promise<Answer<Result>>;
  /** A request that only reads. */
  read(): Promise<LoadedSession<Data>>;
  set(key: string, value: unknown): Promise<HeadChanges>;
  signIn(userId: string): Promise<HeadChanges>;
  /**
   * Another browser with a copy of the cookies: a thief, or a second tab with its own fate.
   *
   * @param at - the process that it asks. @default the same
   */
  copy(at?: Sessions<Data>): Browser;
}

export function createBrowser(
  sessions: Sessions<Data>,
  cookies: Map<string, string> = new Map(),
): Browser {
  function take(head: HeadChanges): void {
    for (const { name, value, attributes } of head.cookies) {
      if (attributes.maxAge === 0) cookies.delete(name);
      else cookies.set(name, value);
    }
  }

  const browser: Browser = {
    cookie: () => [...cookies].map(([name, value]) => `${name}=${value}`).join("; "),
    plant(cookie) {
      cookies.clear();
      for (const pair of cookie.split("; ")) {
        const at = pair.indexOf("=");
        if (at > 0) cookies.set(pair.slice(0, at), pair.slice(at + 1));
      }
    },
    begin() {
      const cookie = browser.cookie();
      const headers = { "user-agent": "test", ...(cookie === "" ? {} : { cookie }) };
      const session = sessions.open({ headers });
      return {
        session,
        async finish({ failed = false } = {}) {
          const head = await session.commit({ at: "head", failed });
          take(head);
          return head;
        },
      };
    },
    async visit(handler) {
      const { session, finish } = browser.begin();
      const result = await handler(session);
      return { head: await finish(), result };
    },
    async read() {
      return (await browser.visit((session) => session.load())).result;
    },
    async set(key, value) {
      const { head } = await browser.visit(async (session) => {
        (await session.load()).set(key, value);
      });
      return head;
    },
    async signIn(userId) {
      return (await browser.visit((session) => session.signIn(userId))).head;
    },
    copy: (at = sessions) => createBrowser(at, new Map(cookies)),
  };
  return browser;
}
