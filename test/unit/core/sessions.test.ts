import { describe, expect, it } from "vitest";
import { UsageError } from "../../../src/errors.ts";
import { createSessions } from "../../../src/index.ts";
import { memoryStore } from "../../../src/stores/memory.ts";
import type { App } from "../../support/ways.ts";
import { memoryApp, SECRET } from "../../support/ways.ts";

const handleOf = (app: App) => app.sessions.open({ headers: {} });

/** A context whose `get` needs its own object, as Hono's does. */
function hono(session: unknown): object {
  const vars = new Map([["session", session]]);
  return {
    vars,
    get(this: { readonly vars: typeof vars }, name: string) {
      return this.vars.get(name);
    },
  };
}

describe("sessions.of", () => {
  it("finds the handle where adapters put it, and gives the very same one", () => {
    const app = memoryApp();
    const session = handleOf(app);
    const carriers: Record<string, object> = {
      "req.session of node, Express and Fastify": { session, headers: {} },
      "ctx.session of Koa, which has a get of its own": { session, get: () => "" },
      "c.get of Hono": hono(session),
      "a Map": new Map([["session", session]]),
    };
    for (const [name, carrier] of Object.entries(carriers)) {
      expect(app.sessions.of(carrier) === session, name).toBe(true);
    }
  });

  it("finds what was attached to an object that has no room for it, such as a Request", () => {
    const app = memoryApp();
    const request = new Request("https://example.com/");
    const session = handleOf(app);
    app.sessions.attach(request, session);
    expect(app.sessions.of(request) === session).toBe(true);
    expect(Object.keys(request)).toEqual([]);
  });

  it("takes what was attached before what lies on the object", () => {
    const app = memoryApp();
    const [one, two] = [handleOf(app), handleOf(app)];
    const carrier = { session: one };
    app.sessions.attach(carrier, two);
    expect(app.sessions.of(carrier) === two).toBe(true);
  });

  it.each([true, false])("works with the guard of development (%s)", (dev) => {
    const app = memoryApp({ dev });
    const session = handleOf(app);
    expect(app.sessions.of({ session }) === session).toBe(true);
  });

  it("throws and says what to do where there is no handle of this app", async () => {
    const app = memoryApp();
    const session = handleOf(app);
    const strangers: Record<string, object> = {
      nothing: {},
      "another library's session": { session: { cookie: {}, passport: {} } },
      "another app's handle": { session: handleOf(memoryApp()) },
      "a loaded session": { session: await session.load() },
      "a copy of a handle": { session: { ...session } },
      "Express' req.get, which reads headers": { get: (name: string) => `${name}: x` },
      "a Request without a handle": new Request("https://example.com/"),
      "a null": { session: null },
      "an array": [session],
      "a function": () => session,
    };
    for (const [name, carrier] of Object.entries(strangers)) {
      expect(() => app.sessions.of(carrier), name).toThrow(UsageError);
      expect(() => app.sessions.of(carrier), name).toThrow(/install the adapter/);
    }
  });

  it("does not take a handle that another app has attached", () => {
    const [here, there] = [memoryApp(), memoryApp()];
    const carrier = {};
    there.sessions.attach(carrier, handleOf(there));
    expect(() => here.sessions.of(carrier)).toThrow(UsageError);
    here.sessions.attach(carrier, handleOf(there));
    expect(() => here.sessions.of(carrier)).toThrow(UsageError);
  });
});

describe("sessions.open", () => {
  it("reads a Node request, a Request, and several Cookie fields of HTTP/2", async () => {
    const app = memoryApp();
    const ada = app.browser();
    await ada.signIn("ada");
    const cookie = ada.cookie();
    const requests = [
      { headers: { cookie } },
      { headers: { cookie: ["theme=dark", cookie, "x=y"] } },
      new Request("https://example.com/", { headers: { cookie } }),
      { headers: new Map([["cookie", cookie]]) as never },
      { headers: Object.assign(Object.create(null), { cookie, get: "a header called get" }) },
    ];
    for (const request of requests) {
      expect((await app.sessions.open(request).load()).userId).toBe("ada");
    }
  });

  it("gives every call a handle of its own, whatever is open already", async () => {
    const app = memoryApp();
    const ada = app.browser();
    await ada.signIn("ada");
    const request = { headers: { cookie: ada.cookie() } };
    const [one, two] = [app.sessions.open(request), app.sessions.open(request)];
    expect(one === two).toBe(false);
    expect((await one.load()) === (await two.load())).toBe(false);
    const [first, again] = [await one.load(), await one.load()];
    expect(first === again).toBe(true);
  });

  it("takes the outage policy of a route over that of the app", async () => {
    const app = memoryApp({ outage: "anonymous", faults: () => "before" });
    const request = { headers: { cookie: await cookieOf() } };
    expect((await app.sessions.open(request).load()).refusal).toBe("outage");
    const strict = app.sessions.open(request, { outage: "closed" });
    await expect(strict.load()).rejects.toMatchObject({ status: 503 });
    expect((await strict.load({ outage: "anonymous" })).refusal).toBe("outage");
    await expect(strict.load()).rejects.toMatchObject({ status: 503 });
  });
});

/** A good cookie of the same secret: the store behind the app does not matter. */
async function cookieOf(): Promise<string> {
  const ada = memoryApp().browser();
  await ada.signIn("ada");
  return ada.cookie();
}

describe("sessions.close", () => {
  it("closes the store and stops listening to it", async () => {
    let listeners = 0;
    let closed = 0;
    const store = memoryStore();
    const app = memoryApp({
      store: {
        ...store,
        async close() {
          closed += 1;
        },
        watch() {
          listeners += 1;
          return () => {
            listeners -= 1;
          };
        },
      },
    });
    const ada = app.browser();
    await ada.signIn("ada");
    expect(listeners).toBe(0);
    const signal = await ada.begin().session.watch();
    expect(listeners).toBe(1);
    await app.sessions.close();
    expect([listeners, closed, signal.aborted]).toEqual([0, 1, false]);
  });

  it("works where nothing was opened and there is no store", async () => {
    const sessions = createSessions({
      secrets: [SECRET],
      method: "sealed",
      sealed: { revocations: "accept-replay" },
    });
    await expect(sessions.close()).resolves.toBeUndefined();
  });
});
