/**
 * cookie-session: the data in the cookie, signed, readable by whoever holds it.
 *
 * @module
 */

import cookieSession from "cookie-session";
import { ONE_DAY, SECRET } from "../fixture.mjs";

export const cookieSessionLibrary = {
  id: "cookie-session",
  name: "cookie-session",
  keeps: "signed",
  setup: "`keys` and `maxAge` of one day, as its readme has it",
  on: ["node", "express"],
  install: () => ({
    plug: cookieSession({ name: "session", keys: [SECRET], maxAge: ONE_DAY * 1000 }),
    read: (req) => req.session.theme,
    change(req, _res, n) {
      req.session.views = n;
    },
    start(req, _res, data) {
      Object.assign(req.session, data);
    },
    get: (key, req) => req.session?.[key],
    set(key, value, req) {
      req.session[key] = value;
    },
    signIn(user, req) {
      req.session = { user };
    },
    end(req) {
      req.session = null;
    },
  }),
};
