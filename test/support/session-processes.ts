/**
 * Real processes of one app that share a store, and a browser whose requests they serve.
 *
 * @module
 */

import { rm } from "node:fs/promises";
import type { Child, ChildProgram } from "./child-program.ts";
import { childProgram } from "./child-program.ts";
import type { Order, Reply } from "./session-process.ts";
import { temporaryFolder } from "./temporary-folder.ts";

export interface SessionProcess {
  send(order: Order): Promise<Reply>;
}

/** A browser: one cookie, and requests that can be held open. */
export interface ProcessBrowser {
  cookie: string;
  /** A request that has arrived at a process, with the cookie of now. */
  begin(process: SessionProcess): Promise<HeldRequest>;
  /** What a whole request that only reads is shown. */
  read(process: SessionProcess): Promise<Reply>;
}

export interface HeldRequest {
  send(order: RequestOrder): Promise<Reply>;
  /** Commits and takes the cookies of the response. @returns those cookies. */
  finish(how?: "finish" | "fail"): Promise<readonly string[]>;
}

type RequestOrder = Order extends infer One
  ? One extends { readonly request: number }
    ? Omit<One, "request">
    : never
  : never;

export interface SessionProcesses {
  /**
   * Starts so many processes.
   *
   * @param address - of the store that they share
   * @default address: an LMDB store of their own
   */
  start(count: number, options?: object, address?: string): Promise<readonly SessionProcess[]>;
  browser(): ProcessBrowser;
  /** Ends the processes that run. */
  end(): Promise<void>;
  dispose(): void;
}

export function sessionProcesses(): SessionProcesses {
  const program: ChildProgram = childProgram("session-process.ts");
  const running: Child[] = [];
  const folders: string[] = [];
  let requests = 0;

  async function ownFolder(): Promise<string> {
    const path = await temporaryFolder("session-processes");
    folders.push(path);
    return path;
  }

  function talkTo(child: Child): SessionProcess {
    let orders = 0;
    return {
      async send(order) {
        orders += 1;
        const number = orders;
        child.process.stdin?.write(`${JSON.stringify({ number, order })}\n`);
        const line = await child.line(`${number} `);
        return JSON.parse(line.slice(line.indexOf(" ") + 1)) as Reply;
      },
    };
  }

  return {
    async start(count, options = {}, address = undefined) {
      const at = address ?? `lmdb:${await ownFolder()}`;
      const children = Array.from({ length: count }, () =>
        program.start(at, JSON.stringify(options)),
      );
      running.push(...children);
      return children.map(talkTo);
    },

    browser() {
      const browser: ProcessBrowser = {
        cookie: "",
        async begin(process) {
          requests += 1;
          const request = requests;
          await process.send({ do: "begin", request, cookie: browser.cookie });
          return {
            send: (order) => process.send({ ...order, request } as Order),
            async finish(how = "finish") {
              const { cookies = [], error } = await process.send({ do: how, request });
              if (error !== undefined) throw new Error(`the commit failed: ${error}`);
              for (const cookie of cookies) browser.cookie = cookie;
              return cookies;
            },
          };
        },
        async read(process) {
          const request = await browser.begin(process);
          const seen = await request.send({ do: "load" });
          await request.finish();
          return seen;
        },
      };
      return browser;
    },

    async end() {
      const children = running.splice(0);
      for (const child of children) child.process.stdin?.end();
      await Promise.all(children.map((child) => child.ended));
      for (const path of folders.splice(0)) await rm(path, { recursive: true });
    },

    dispose: () => program.dispose(),
  };
}
