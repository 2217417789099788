/**
 * Stores in memory, each the way an app would fill it: what is kept, listed and ended at scale.
 *
 * A kind has `create(n)`, `read(n)`, and where the store can do it: `list()` and `sweep()`, which give
 * how many sessions were listed or removed, and `expire()`, after which every session is over.
 *
 * @module
 */

import { randomBytes } from "node:crypto";
import { promisify } from "node:util";
import { ONE_DAY, SECRET, sessionData } from "../fixture.mjs";
import { built } from "./built.mjs";

const ALL_OVER_MS = 400 * ONE_DAY * 1000;

export const memoryKinds = {
  /** Signed-in sessions, made through the whole core, with the user agent of a browser. */
  async coatcheck() {
    const { createSessions } = await built("index");
    const { memoryStore } = await built("stores/memory");
    let ahead = 0;
    const clock = () => Date.now() + ahead;
    const store = memoryStore({ maxBytes: 64 * 2 ** 30, clock });
    const sessions = createSessions({ secrets: [SECRET], store, clock });
    const ids = sampler();
    return {
      async create(n) {
        const session = await startSession(sessions, n);
        ids.keep(n, session.id);
      },
      read: (n) => store.load(ids.near(n)),
      async list() {
        let count = 0;
        for await (const _ of sessions.list()) count += 1;
        return count;
      },
      sweep: () => sessions.sweep(),
      expire() {
        ahead = ALL_OVER_MS;
      },
    };
  },

  /** What a store of one's own begins with. */
  async "map-of-json"() {
    const records = new Map();
    const ids = sampler();
    let ahead = 0;
    return {
      async create(n) {
        const id = randomBytes(24).toString("base64url");
        const expiresAt = Date.now() + ONE_DAY * 1000;
        records.set(id, { text: JSON.stringify(sessionData(n)), expiresAt });
        ids.keep(n, id);
      },
      read: async (n) => JSON.parse(records.get(ids.near(n)).text),
      async list() {
        return [...records].length;
      },
      async sweep() {
        const now = Date.now() + ahead;
        let removed = 0;
        for (const [id, { expiresAt }] of records) {
          if (expiresAt <= now && records.delete(id)) removed += 1;
        }
        return removed;
      },
      expire() {
        ahead = ALL_OVER_MS;
      },
    };
  },

  async "express-session"() {
    const { default: session } = await import("express-session");
    return callbackStore(new session.MemoryStore(), "all");
  },

  async memorystore() {
    const { default: session } = await import("express-session");
    const { default: create } = await import("memorystore");
    const store = new (create(session))({ ttl: ONE_DAY * 1000 });
    return {
      ...callbackStore(store, "all"),
      // It prunes by the machine's clock, so its sessions can't be made to be over here.
      expire: undefined,
      async sweep() {
        store.prune();
        return 0;
      },
    };
  },
};

/** A signed-in session with the data of {@link sessionData}, begun by a browser: one write. */
export async function startSession(sessions, n) {
  const data = sessionData(n);
  const handle = sessions.open({ headers: BROWSER });
  const session = await handle.load();
  for (const [key, value] of Object.entries(data)) session.set(key, value);
  await handle.signIn(data.user);
  const { cookies } = await handle.commit({ at: "head" });
  return { id: session.id, cookie: `${cookies[0].name}=${cookies[0].value}` };
}

const BROWSER = {
  "user-agent": "Mozilla/5.0 (X11; Linux x86_64; rv:145.0) Gecko/20100101 Firefox/145.0",
};

function callbackStore(store, all) {
  const ids = sampler();
  const get = promisify(store.get.bind(store));
  const set = promisify(store.set.bind(store));
  return {
    create(n) {
      const id = randomBytes(24).toString("base64url");
      ids.keep(n, id);
      const maxAge = ONE_DAY * 1000;
      const cookie = { originalMaxAge: maxAge, expires: new Date(Date.now() + maxAge), path: "/" };
      return set(id, { cookie, ...sessionData(n) });
    },
    read: (n) => get(ids.near(n)),
    list: async () => Object.keys(await promisify(store[all].bind(store))()).length,
  };
}

/** Every 64th id: to read by, at little memory. */
function sampler() {
  const kept = [];
  return {
    keep(n, id) {
      if (n % 64 === 0) kept.push(id);
    },
    near: (n) => kept[Math.floor(n / 64) % kept.length],
  };
}
