// The conformance suite inside workerd, on D1 and on Durable Objects as miniflare runs them. One request
// runs one test; others count round trips.
import { createSessions } from "./dist/index.js";
import { d1Store } from "./dist/stores/cloudflare-d1.js";
import { durableObjectStore, SessionsObject } from "./dist/stores/cloudflare-do.js";
import { storeSuite } from "./dist/testing/store-suite.js";

export { SessionsObject };

const SECRET = "ck1_tZ0mW3sVvK2yq8hQ5cYb7nJ4xLr1fGd9uPaEoXiTkMw";

const fixtures = {
  d1(env, prefix) {
    const open = (begin) => d1Store({ client: env.DB, prefix: begin });
    return {
      store: open(prefix),
      another: async () => open(prefix),
      elsewhere: async () => open(`e${prefix}`),
    };
  },
  do(env, prefix) {
    const open = (begin) => durableObjectStore({ client: env.SESSIONS, prefix: begin, objects: 3 });
    return {
      store: open(prefix),
      another: async () => open(prefix),
      elsewhere: async () => open(`e${prefix}`),
    };
  },
};

/** Stores whose every way to the database, or to an object, is counted. */
const counted = {
  d1: ({ DB }, count, createTables = true) =>
    d1Store({
      prefix: "trips_",
      createTables,
      client: {
        prepare: (text) => DB.prepare(text),
        batch(statements) {
          count();
          return DB.batch(statements);
        },
      },
    }),
  do: ({ SESSIONS }, count) =>
    durableObjectStore({
      prefix: "trips_",
      client: {
        idFromName: (name) => SESSIONS.idFromName(name),
        get: (id) => ({
          fetch(...request) {
            count();
            return SESSIONS.get(id).fetch(...request);
          },
        }),
      },
    }),
};

/**
 * The round trips of one request, the load included, the second time that it is made; `sessions` is the
 * same for all of them.
 */
async function countTrips(open, env) {
  let count = 0;
  let ahead = 0;
  const store = open(env, () => {
    count += 1;
  });
  const sessions = createSessions({
    secrets: [SECRET],
    store,
    clock: () => Date.now() + ahead,
    timeouts: { touchInterval: "1m" },
    // The feed is asked beside a load now and then: not while it counts.
    sealed: { revocationDelay: "1h" },
  });
  let trips = {};
  for (let round = 0; round < 2; round += 1) {
    let cookie = "";
    const visit = async (handler) => {
      const before = count;
      const session = sessions.open({ headers: { cookie } });
      await handler(session);
      const { cookies } = await session.commit({ at: "head" });
      if (cookies.length > 0)
        cookie = cookies.map(({ name, value }) => `${name}=${value}`).join("; ");
      return count - before;
    };
    const set = async (session) => (await session.load()).set("theme", `${round}`);
    await visit(set);
    const signIn = await visit((session) => session.signIn(`user ${round}`));
    const read = await visit((session) => session.load());
    const write = await visit(async (session) => (await session.load()).set("cart", [round]));
    ahead += 60_000;
    const touch = await visit((session) => session.load());
    const signOut = await visit((session) => session.signOut());
    trips = { read, firstRead: read, write, touch, signIn, firstSignIn: signIn, signOut };
  }
  return trips;
}

const VISITS = {
  begin: async (session) => (await session.load()).set("theme", "dark"),
  signIn: (session) => session.signIn("ada"),
  read: (session) => session.load(),
  write: async (session) => (await session.load()).set("cart", ["tea"]),
  signOut: (session) => session.signOut(),
};

/** The round trips of a visit with `sessions` of its own, as a Worker has to make them. */
async function visit(open, env, { does, cookie, ahead }) {
  let trips = 0;
  const count = () => {
    trips += 1;
  };
  const sessions = createSessions({
    secrets: [SECRET],
    store: open(env, count, false),
    clock: () => Date.now() + ahead,
    timeouts: { touchInterval: "1m" },
  });
  const session = sessions.open({ headers: { cookie } });
  await VISITS[does](session);
  const { cookies } = await session.commit({ at: "head" });
  const [{ name, value } = {}] = cookies;
  return { trips, cookie: name === undefined ? cookie : `${name}=${value}` };
}

let opened = 0;

export default {
  async fetch(request, env) {
    const { pathname } = new URL(request.url);
    const [, kind, index] = pathname.split("/");
    if (index === "traits") return Response.json(fixtures[kind](env, "traits").store.traits);
    if (index === "trips") return Response.json(await countTrips(counted[kind], env));
    if (index === "visit")
      return Response.json(await visit(counted[kind], env, await request.json()));
    let schedules = 0;
    const tests = await storeSuite({
      sequences: 10,
      open() {
        opened += 1;
        return fixtures[kind](env, `t${opened}_`);
      },
      onRace: (race) => {
        schedules += race.schedules;
      },
    });
    if (index === undefined) return Response.json(tests.map(({ name, skip }) => ({ name, skip })));
    try {
      await tests[index].run();
      return Response.json({ schedules });
    } catch (error) {
      return Response.json({ schedules, error: `${error?.stack ?? error}` });
    }
  },
};
