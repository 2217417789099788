/**
 * hono-sessions, with its two stores and with one that serialises.
 *
 * @module
 */

import { CookieStore, MemoryStore, sessionMiddleware } from "hono-sessions";
import { ONE_DAY, SECRET } from "../fixture.mjs";

const SETUP = "`expireAfterSeconds` one day and the `cookieOptions` of its readme";

const install = (store, options) => () => ({
  plug: [
    sessionMiddleware({
      store: store(),
      expireAfterSeconds: ONE_DAY,
      cookieOptions: { sameSite: "Lax", path: "/", httpOnly: true },
      ...options,
    }),
  ],
  read: (c) => c.get("session").get("theme") ?? undefined,
  change(c, _res, n) {
    c.get("session").set("views", n);
  },
  start(c, _res, data) {
    const session = c.get("session");
    for (const [key, value] of Object.entries(data)) session.set(key, value);
  },
  get: (key, c) => c.get("session").get(key) ?? undefined,
  set(key, value, c) {
    c.get("session").set(key, value);
  },
  signIn(user, c) {
    c.set("session_key_rotation", true);
    c.get("session").set("user", user);
  },
  end(c) {
    c.get("session").deleteSession();
  },
});

export const honoSessions = {
  id: "hono-sessions",
  name: "hono-sessions, MemoryStore",
  keeps: "stored",
  setup: `${SETUP}; with the \`encryptionKey\` that it recommends`,
  on: ["hono"],
  install: install(() => new MemoryStore(), { encryptionKey: SECRET }),
};

export const honoSessionsUnsigned = {
  id: "hono-sessions-unsigned",
  name: "hono-sessions, MemoryStore, unsigned id",
  keeps: "stored",
  setup: `${SETUP}; without an \`encryptionKey\`: any id that a client sends is looked up`,
  on: ["hono"],
  install: install(() => new MemoryStore(), {}),
};

/** For the races: its MemoryStore hands one live object to every request, which no other store can. */
export const honoSessionsSerialising = {
  id: "hono-sessions-serialising",
  name: "hono-sessions, a store that serialises",
  keeps: "stored",
  setup: `${SETUP}; a Map of JSON that answers in the next turn of the event loop, as a database would`,
  on: ["hono"],
  install: install(serialisingStore, { encryptionKey: SECRET }),
};

export const honoSessionsCookie = {
  id: "hono-sessions-cookie",
  name: "hono-sessions, CookieStore",
  keeps: "sealed",
  setup: `${SETUP}, \`encryptionKey\``,
  on: ["hono"],
  install: install(() => new CookieStore(), { encryptionKey: SECRET }),
};

function serialisingStore() {
  const records = new Map();
  const later = (value) => new Promise((done) => setImmediate(done, value));
  const put = (id, data) => {
    records.set(id, JSON.stringify(data));
    return later();
  };
  return {
    getSessionById(id) {
      const text = records.get(id);
      return later(text === undefined ? null : JSON.parse(text));
    },
    createSession: put,
    persistSessionData: put,
    deleteSession(id) {
      records.delete(id);
      return later();
    },
  };
}
