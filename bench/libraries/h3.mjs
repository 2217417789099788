/**
 * The sessions that h3 has built in: sealed by WebCrypto under keys stretched per request.
 *
 * @module
 */

import { useSession } from "h3";
import { ONE_DAY, SECRET } from "../fixture.mjs";

export const h3Session = {
  id: "h3",
  name: "h3 useSession",
  keeps: "sealed",
  setup: "`password` and `maxAge` one day; `useSession` in the handler",
  on: ["h3"],
  install() {
    const config = { password: SECRET, maxAge: ONE_DAY, cookie: { secure: false } };
    return {
      read: async (event) => (await useSession(event, config)).data.theme,
      async change(event, _res, n) {
        const session = await useSession(event, config);
        await session.update({ views: n });
      },
      async start(event, _res, data) {
        const session = await useSession(event, config);
        await session.update(data);
      },
      get: async (key, event) => (await useSession(event, config)).data[key],
      async set(key, value, event) {
        const session = await useSession(event, config);
        await session.update({ [key]: value });
      },
      async signIn(user, event) {
        const session = await useSession(event, config);
        await session.update({ user });
      },
      async end(event) {
        const session = await useSession(event, config);
        await session.clear();
      },
    };
  },
};
