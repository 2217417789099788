/**
 * iron-session: the data in the cookie, encrypted by WebCrypto under keys stretched per request.
 *
 * @module
 */

import { getIronSession } from "iron-session";
import { ONE_DAY, SECRET } from "../fixture.mjs";

export const ironSession = {
  id: "iron-session",
  name: "iron-session",
  keeps: "sealed",
  setup:
    "`password`, `cookieName`, `ttl` one day; `getIronSession` in the handler, `save` on a change",
  on: ["node"],
  install() {
    const options = {
      password: SECRET,
      cookieName: "session",
      ttl: ONE_DAY,
      cookieOptions: { secure: false },
    };
    const open = (req, res) => getIronSession(req, res, options);
    return {
      read: async (req, res) => (await open(req, res)).theme,
      async change(req, res, n) {
        const session = await open(req, res);
        session.views = n;
        await session.save();
      },
      async start(req, res, data) {
        const session = await open(req, res);
        Object.assign(session, data);
        await session.save();
      },
      get: async (key, req, res) => (await once(req, res, open))[key],
      async set(key, value, req, res) {
        const session = await once(req, res, open);
        session[key] = value;
        await session.save();
      },
      async signIn(user, req, res) {
        const session = await once(req, res, open);
        session.user = user;
        await session.save();
      },
      async end(req, res) {
        (await once(req, res, open)).destroy();
      },
    };
  },
};

/** In a race the handler opens the session when it begins and saves the same one when it ends. */
function once(req, res, open) {
  req.opened ??= open(req, res);
  return req.opened;
}
