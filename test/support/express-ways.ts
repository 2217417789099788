/**
 * The ways to run an app that was written for express-session.
 *
 * @module
 */

import { rm } from "node:fs/promises";
import type { RequestHandler } from "express";
import original from "express-session";
import type { SessionOptions } from "../../src/compat/express-session.ts";
import session from "../../src/compat/express-session.ts";
import { toExpressStore } from "../../src/compat/express-store.ts";
import { lmdbStore } from "../../src/stores/lmdb.ts";
import { memoryStore } from "../../src/stores/memory.ts";
import { temporaryFolder } from "./temporary-folder.ts";

/** What `session(options)` is. */
export type Install = (options?: SessionOptions) => RequestHandler;

export interface Way {
  readonly name: string;
  /** Each with one store of its own kind, for all that is installed. */
  open(): Promise<{ readonly install: Install; close(): Promise<void> }>;
}

export const SECRET = "the hat stand in the hall, and one umbrella";

const defaults = { secret: SECRET, resave: false, saveUninitialized: false } as const;

function installs(make: (options: never) => RequestHandler, store: unknown): Install {
  return (options) => make({ ...defaults, store, ...options } as never);
}

async function close(): Promise<void> {
  // Nothing is open.
}

/** The real express-session with its own store: what the others are compared with. */
export const REAL: Way = {
  name: "express-session",
  open: async () => ({ install: installs(original, new original.MemoryStore()), close }),
};

/** Where no update is lost and nothing comes back. */
export const OURS: readonly Way[] = [
  {
    name: "the façade in memory",
    open: async () => ({ install: installs(session, new session.MemoryStore()), close }),
  },
  {
    name: "the façade on memoryStore",
    open: async () => ({ install: installs(session, memoryStore()), close }),
  },
  {
    name: "the façade on lmdbStore",
    async open() {
      const path = await temporaryFolder("facade");
      const store = lmdbStore({ path });
      return {
        install: installs(session, store),
        async close() {
          await store.close();
          await rm(path, { recursive: true });
        },
      };
    },
  },
  {
    name: "express-session on toExpressStore",
    open: async () => ({ install: installs(original, toExpressStore(memoryStore())), close }),
  },
];

export const WAYS: readonly Way[] = [REAL, ...OURS];
