/**
 * koa-session, with the data in a signed cookie and with a store.
 *
 * @module
 */

import session from "koa-session";
import { ONE_DAY, SECRET } from "../fixture.mjs";

const install = (store) => () => ({
  plug(app) {
    app.keys = [SECRET];
    app.use(
      session({ maxAge: ONE_DAY * 1000, secure: false, ...(store && { store: store() }) }, app),
    );
  },
  read: (ctx) => ctx.session.theme,
  change(ctx, _res, n) {
    ctx.session.views = n;
  },
  start(ctx, _res, data) {
    Object.assign(ctx.session, data);
  },
  get: (key, ctx) => ctx.session?.[key],
  set(key, value, ctx) {
    ctx.session[key] = value;
  },
  async signIn(user, ctx) {
    ctx.session.user = user;
    await ctx.session.regenerate();
  },
  end(ctx) {
    ctx.session = null;
  },
});

const SETUP = "its defaults, `maxAge` one day; `secure: false` because the bench speaks plain http";

export const koaSessionStore = {
  id: "koa-session-store",
  name: "koa-session, a Map of JSON as store",
  keeps: "stored",
  setup: `${SETUP}; it comes without a store`,
  on: ["koa"],
  install: install(() => mapOfJson((value) => value)),
};

/** For the races. */
export const koaSessionSerialising = {
  id: "koa-session-serialising",
  name: "koa-session, a store that serialises",
  keeps: "stored",
  setup: `${SETUP}; a Map of JSON that answers in the next turn of the event loop, as a database would`,
  on: ["koa"],
  install: install(() => mapOfJson((value) => new Promise((done) => setImmediate(done, value)))),
};

export const koaSessionCookie = {
  id: "koa-session-cookie",
  name: "koa-session, cookie",
  keeps: "signed",
  setup: SETUP,
  on: ["koa"],
  install: install(),
};

function mapOfJson(answer) {
  const records = new Map();
  return {
    async get(key) {
      const text = records.get(key);
      return answer(text === undefined ? undefined : JSON.parse(text));
    },
    async set(key, value) {
      records.set(key, JSON.stringify(value));
      await answer();
    },
    async destroy(key) {
      records.delete(key);
      await answer();
    },
  };
}
