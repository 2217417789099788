/**
 * @fastify/session over @fastify/cookie, with its own store and with one that serialises.
 *
 * @module
 */

import fastifyCookie from "@fastify/cookie";
import fastifySession from "@fastify/session";
import { ONE_DAY, SECRET } from "../fixture.mjs";

const SETUP =
  "`saveUninitialized: false` as its readme suggests; `cookie.maxAge` one day; `secure: false` because the bench speaks plain http";

const install = (options, store) => () => ({
  async plug(app) {
    await app.register(fastifyCookie);
    await app.register(fastifySession, {
      secret: SECRET,
      saveUninitialized: false,
      cookie: { maxAge: ONE_DAY * 1000, sameSite: "lax", secure: false },
      ...options,
      ...(store === undefined ? {} : { store: store() }),
    });
  },
  read: (request) => request.session.theme,
  change(request, _reply, n) {
    request.session.views = n;
  },
  start(request, _reply, data) {
    Object.assign(request.session, data);
  },
  get: (key, request) => request.session[key],
  set(key, value, request) {
    request.session[key] = value;
  },
  async signIn(user, request) {
    await request.session.regenerate();
    request.session.user = user;
  },
  end: (request) => request.session.destroy(),
});

export const fastifySessionDefault = {
  id: "fastify-session",
  name: "@fastify/session, its own store",
  keeps: "stored",
  setup: `${SETUP}; \`rolling\` left at its default, true`,
  on: ["fastify"],
  install: install({}),
};

export const fastifySessionStill = {
  id: "fastify-session-still",
  name: "@fastify/session, its own store, `rolling: false`",
  keeps: "stored",
  setup: SETUP,
  on: ["fastify"],
  install: install({ rolling: false }),
};

/** For the races: its own store hands one live object to every request, which no other store can. */
export const fastifySessionSerialising = {
  id: "fastify-session-serialising",
  name: "@fastify/session, a store that serialises, `rolling: false`",
  keeps: "stored",
  setup: `${SETUP}; a Map of JSON that answers in the next turn of the event loop, as a database would`,
  on: ["fastify"],
  install: install({ rolling: false }, serialisingStore),
};

function serialisingStore() {
  const records = new Map();
  const later = (callback, ...values) => setImmediate(callback, null, ...values);
  return {
    get(id, callback) {
      const text = records.get(id);
      later(callback, text === undefined ? null : JSON.parse(text));
    },
    set(id, session, callback) {
      records.set(id, JSON.stringify(session));
      later(callback);
    },
    destroy(id, callback) {
      records.delete(id);
      later(callback);
    },
  };
}
