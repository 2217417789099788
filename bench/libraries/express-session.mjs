/**
 * express-session with the store it comes with, and with memorystore.
 *
 * @module
 */

import session from "express-session";
import createMemoryStore from "memorystore";
import { ONE_DAY, SECRET } from "../fixture.mjs";

export const SETUP =
  "`resave: false, saveUninitialized: false` as its readme asks; `cookie.maxAge` one day; `secure: false` because the bench speaks plain http";

/** On what `open` makes of where the sessions are to lie. */
export const expressSessionOn = (open) => async (_framework, at) => ({
  plug: session({
    secret: SECRET,
    resave: false,
    saveUninitialized: false,
    cookie: { maxAge: ONE_DAY * 1000, sameSite: "lax", secure: false },
    store: await open?.(at),
  }),
  read: (req) => req.session.theme,
  change(req, _res, n) {
    req.session.views = n;
  },
  start(req, _res, data) {
    Object.assign(req.session, data);
  },
  get: (key, req) => req.session[key],
  set(key, value, req) {
    req.session[key] = value;
  },
  async signIn(user, req) {
    await done((callback) => req.session.regenerate(callback));
    req.session.user = user;
  },
  end: (req) => done((callback) => req.session.destroy(callback)),
});

function done(call) {
  return new Promise((resolve, reject) => call((error) => (error ? reject(error) : resolve())));
}

export const expressSession = {
  id: "express-session",
  name: "express-session, MemoryStore",
  keeps: "stored",
  setup: SETUP,
  on: ["node", "express"],
  install: expressSessionOn(),
};

const MemoryStore = createMemoryStore(session);

export const expressSessionMemorystore = {
  id: "express-session-memorystore",
  name: "express-session, memorystore",
  keeps: "stored",
  setup: `${SETUP}; \`checkPeriod\` one day, as memorystore's readme has it`,
  on: ["express"],
  install: expressSessionOn(() => new MemoryStore({ checkPeriod: ONE_DAY * 1000 })),
};
