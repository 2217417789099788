/**
 * coatcheck as it is built, stored in memory and sealed, each through the adapter of the framework.
 *
 * @module
 */

import { SECRET } from "../fixture.mjs";
import { built } from "./built.mjs";

const { createSessions } = await built("index");
const { memoryStore } = await built("stores/memory");

const SETUP =
  "nothing but `secrets` and `store: memoryStore()`: all else at its defaults, `Secure` included";

/** With the options of `createSessions` over the bench's own. */
export const coatcheckWith = (options) => async (framework) => {
  const { coatcheck } = await built(`adapters/${framework}`);
  const sessions = createSessions({ secrets: [SECRET], store: memoryStore(), ...options });
  const of = framework === "hono" ? (c) => c.get("session") : (carrier) => carrier.session;
  const load = (carrier) => of(carrier).load();
  return {
    ...plugs[framework](coatcheck, sessions),
    read: async (carrier) => (await load(carrier)).get("theme"),
    change: async (carrier, _res, n) => (await load(carrier)).set("views", n),
    async start(carrier, _res, data) {
      const session = await of(carrier).signIn(data.user);
      for (const [key, value] of Object.entries(data)) session.set(key, value);
    },
    async get(key, carrier) {
      const session = await load(carrier);
      return key === "user" ? session.userId : session.get(key);
    },
    set: async (key, value, carrier) => (await load(carrier)).set(key, value),
    increment: (key, carrier) => of(carrier).update(key, (count = 0) => count + 1),
    signIn: (user, carrier) => of(carrier).signIn(user),
    end: (carrier) => of(carrier).signOut(),
    close: () => sessions.close(),
  };
};

const plugs = {
  node: (coatcheck, sessions) => ({ wrap: (listener) => coatcheck(sessions, listener) }),
  express: (coatcheck, sessions) => ({ plug: coatcheck(sessions) }),
  fastify: (coatcheck, sessions) => ({ plug: (app) => app.register(coatcheck(sessions)) }),
  koa: (coatcheck, sessions) => ({ plug: (app) => app.use(coatcheck(sessions)) }),
  hono: (coatcheck, sessions) => ({ plug: [coatcheck(sessions)] }),
};

const FRAMEWORKS = ["node", "express", "fastify", "koa", "hono"];

export const coatcheckStored = {
  id: "coatcheck",
  name: "coatcheck, memoryStore",
  keeps: "stored",
  setup: SETUP,
  on: FRAMEWORKS,
  install: coatcheckWith({}),
};

/** More sessions than a process can have seen lately. */
export const coatcheckMany = {
  ...coatcheckStored,
  id: "coatcheck-many",
  name: "coatcheck, memoryStore, 20 000 sessions in turn",
  on: ["node"],
  sessions: 20_000,
};

export const coatcheckSealed = {
  id: "coatcheck-sealed",
  name: "coatcheck, sealed",
  keeps: "sealed",
  setup: `${SETUP}; \`method: "sealed"\`, so that the store keeps the revocations`,
  on: FRAMEWORKS,
  install: coatcheckWith({ method: "sealed", sealed: { update: "accept-lost-updates" } }),
};
