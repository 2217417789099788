// The conformance suite inside workerd, on D1 and on Durable Objects as miniflare runs them. One request
// runs one test.
import { d1Store } from "./dist/stores/cloudflare-d1.js";
import { durableObjectStore, SessionsObject } from "./dist/stores/cloudflare-do.js";
import { storeSuite } from "./dist/testing/store-suite.js";

export { SessionsObject };

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

let opened = 0;

export default {
  async fetch(request, env) {
    const { pathname } = new URL(request.url);
    const [, kind, index] = pathname.split("/");
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
