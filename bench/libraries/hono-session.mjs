/**
 * @hono/session, with the data in the cookie (JWE) and in a storage.
 *
 * @module
 */

import { useSession, useSessionStorage } from "@hono/session";
import { ONE_DAY, SECRET_HEX } from "../fixture.mjs";

const install = (storage) => () => ({
  plug: [
    ...(storage === undefined ? [] : [useSessionStorage(storage())]),
    useSession({ secret: SECRET_HEX, duration: { absolute: ONE_DAY } }),
  ],
  read: async (c) => (await c.var.session.get())?.theme,
  change: (c, _res, n) => c.var.session.update((data) => ({ ...data, views: n })),
  start: (c, _res, data) => c.var.session.update(data),
  get: async (key, c) => (await c.var.session.get())?.[key],
  set: (key, value, c) => c.var.session.update((data) => ({ ...data, [key]: value })),
  signIn: (user, c) => c.var.session.update((data) => ({ ...data, user })),
  async end(c) {
    // Without the `get` the stored record stays.
    await c.var.session.get();
    c.var.session.delete();
  },
});

const SETUP = "`secret` of 32 bytes, `duration.absolute` one day";

export const honoSessionStorage = {
  id: "hono-session-storage",
  name: "@hono/session, a Map of JSON as storage",
  keeps: "stored",
  setup: `${SETUP}; it comes without a storage`,
  on: ["hono"],
  install: install(() => mapOfJson((value) => value)),
};

/** For the races. */
export const honoSessionSerialising = {
  id: "hono-session-serialising",
  name: "@hono/session, a storage that serialises",
  keeps: "stored",
  setup: `${SETUP}; a Map of JSON that answers in the next turn of the event loop, as a database would`,
  on: ["hono"],
  install: install(() => mapOfJson((value) => new Promise((done) => setImmediate(done, value)))),
};

export const honoSessionCookie = {
  id: "hono-session-cookie",
  name: "@hono/session, cookie",
  keeps: "sealed",
  setup: SETUP,
  on: ["hono"],
  install: install(),
};

function mapOfJson(answer) {
  const records = new Map();
  return {
    get(id) {
      const text = records.get(id);
      return answer(text === undefined ? null : JSON.parse(text));
    },
    set(id, data) {
      records.set(id, JSON.stringify(data));
      return answer();
    },
    delete(id) {
      records.delete(id);
      return answer();
    },
  };
}
