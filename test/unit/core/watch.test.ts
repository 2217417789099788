import { getEventListeners } from "node:events";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { createWatchers } from "../../../src/core/watch.ts";
import { createSessions } from "../../../src/index.ts";
import type { Revocations, SessionStore, StoreChange } from "../../../src/stores/contract.ts";
import { memoryStore } from "../../../src/stores/memory.ts";
import { outage } from "../../../src/testing/faults.ts";
import { createBrowser } from "../../support/jar.ts";
import { until } from "../../support/until.ts";
import type { App, Data } from "../../support/ways.ts";
import { memoryApp, SECRET } from "../../support/ways.ts";

/** Lets everything that is not waiting for a timer happen. */
const settled = async () => {
  for (let turn = 0; turn < 20; turn += 1) await new Promise((resolve) => setImmediate(resolve));
};

/** A memory store that tells nobody of changes. */
function silentStore(): SessionStore & Revocations {
  const { watch: _watch, ...store } = memoryStore();
  return store;
}

async function watching(app: App, stop?: AbortSignal, userId = "ada") {
  const ada = app.browser();
  await ada.signIn(userId);
  const { id } = await ada.read();
  const signal = await ada.begin().session.watch(stop);
  await settled();
  expect(signal.aborted).toBe(false);
  return { ada, id: id as string, signal };
}

/** A socket that has watched its session, as its page says, and is closed. */
async function closedSocket(app: App): Promise<WeakRef<object>> {
  const socket = { closing: new AbortController(), isOpen: true };
  const { signal } = await watching(app, socket.closing.signal);
  signal.addEventListener("abort", () => {
    socket.isOpen = false;
  });
  socket.closing.abort();
  return new WeakRef(socket);
}

setFlagsFromString("--expose-gc");
const collectGarbage = runInNewContext("gc") as () => void;

type Watching = Awaited<ReturnType<typeof watching>>;

/** What ends a session in this process, without a hint from the store. */
const ENDINGS: Record<string, (app: App, watched: Watching) => Promise<unknown>> = {
  "a sign-out": (_, { ada }) => ada.visit((session) => session.signOut()),
  "a sign-in as somebody else": (_, { ada }) => ada.signIn("bob"),
  "a proof more": (_, { ada }) => ada.visit((session) => session.elevate("totp")),
  "a revoke": (app, { id }) => app.sessions.revoke(id),
  "a cut-off of the user": (app) => app.sessions.revokeUser("ada"),
  "a cut-off of everyone": (app) => app.sessions.revokeEveryone(),
  "a sign-out from another device": async (app) => {
    const device = app.browser();
    await device.signIn("ada");
    await device.visit((session) => session.revokeOthers());
  },
};

beforeEach(() => {
  vi.useFakeTimers({ toFake: ["setInterval", "clearInterval"] });
});
afterEach(() => {
  vi.useRealTimers();
});

describe.each(["stored", "sealed"] as const)("watch of a %s session", (method) => {
  it("leaves nothing at a signal that was given to many", async () => {
    const app = memoryApp({ method });
    const shutdown = new AbortController();
    const { id } = await watching(app, shutdown.signal);
    await app.sessions.revoke(id);
    await settled();
    expect(getEventListeners(shutdown.signal, "abort")).toEqual([]);
  });

  it("keeps nothing of who listened to it, once the signal that it was given has fired", async () => {
    const app = memoryApp({ method });
    const socket = await closedSocket(app);
    await until("the socket is collected", async () => {
      collectGarbage();
      return socket.deref() === undefined;
    });
  });

  it.each(Object.keys(ENDINGS))("fires in this process at once: %s", async (how) => {
    const app = memoryApp({ method, store: silentStore() });
    const watched = await watching(app);
    await ENDINGS[how]?.(app, watched);
    await settled();
    expect(watched.signal.aborted).toBe(true);
    expect(vi.getTimerCount()).toBe(0);
  });

  it("does not fire for what concerns others, nor for changes of the session itself", async () => {
    const app = memoryApp({ method, ...(method === "stored" ? { rotateEvery: "1h" } : {}) });
    const { ada, id, signal } = await watching(app);
    await app.sessions.revokeUser("ada", { except: id });
    await app.sessions.revokeUser("bob");
    await ada.set("a", 1);
    app.clock.advance("2h");
    await ada.read();
    await vi.advanceTimersByTimeAsync(10_000);
    await settled();
    expect(signal.aborted).toBe(false);
  });

  it("fires by polling when another process has ended it and nobody tells", async () => {
    const app = memoryApp({ method, store: silentStore(), watchInterval: "30s" });
    const { id, signal } = await watching(app);
    await app.another().sessions.revoke(id);
    app.clock.advance("30s");
    await vi.advanceTimersByTimeAsync(29_000);
    await settled();
    expect(signal.aborted).toBe(false);
    await vi.advanceTimersByTimeAsync(1000);
    await settled();
    expect(signal.aborted).toBe(true);
  });

  it("fires when the session has expired, with nothing left behind", async () => {
    const app = memoryApp({ method, timeouts: { absolute: "1h" } });
    const { signal } = await watching(app);
    app.clock.advance("59m");
    await vi.advanceTimersByTimeAsync(10_000);
    await settled();
    expect(signal.aborted).toBe(false);
    app.clock.advance("1m");
    await vi.advanceTimersByTimeAsync(10_000);
    await settled();
    expect([signal.aborted, vi.getTimerCount()]).toEqual([true, 0]);
  });

  it("goes by the latest use that somebody who watches knows of", async () => {
    const app = memoryApp({ method, timeouts: { idle: "1h", touchInterval: "1m" } });
    const { ada, signal } = await watching(app);
    app.clock.advance("50m");
    await ada.read();
    await ada.begin().session.watch();
    app.clock.advance("50m");
    await vi.advanceTimersByTimeAsync(10_000);
    await settled();
    expect(signal.aborted).toBe(false);
  });

  it("does not fire in an outage, until the session is over by what was known of it", async () => {
    const down = outage();
    const app = memoryApp({ method, faults: down.plan, timeouts: { idle: "1h" } });
    const { signal } = await watching(app);
    down.begin();
    for (let time = 0; time < 3; time += 1) {
      app.clock.advance("10m");
      await vi.advanceTimersByTimeAsync(10_000);
      await settled();
    }
    expect(signal.aborted).toBe(false);
    app.clock.advance("2h");
    await vi.advanceTimersByTimeAsync(10_000);
    await settled();
    expect(signal.aborted).toBe(true);
  });

  it("ends with the signal that it was given, and keeps no timer", async () => {
    const app = memoryApp({ method });
    const socket = new AbortController();
    const { ada, signal } = await watching(app, socket.signal);
    const second = await ada.begin().session.watch();
    expect(vi.getTimerCount()).toBe(1);
    socket.abort();
    expect(vi.getTimerCount()).toBe(1);
    await app.sessions.revokeUser("ada");
    await settled();
    // Nobody listens any more: nothing fires there.
    expect([signal.aborted, second.aborted, vi.getTimerCount()]).toEqual([false, true, 0]);
  });

  it("keeps no timer for a signal that has fired already", async () => {
    const app = memoryApp({ method });
    await watching(app, AbortSignal.abort());
    expect(vi.getTimerCount()).toBe(0);
  });

  it("of a session that has ended has fired already", async () => {
    const app = memoryApp({ method });
    const ada = app.browser();
    await ada.signIn("ada");
    const { session } = ada.begin();
    await session.load();
    await app.sessions.revokeUser("ada");
    await ada
      .begin()
      .session.watch()
      .then((signal) => expect(signal.aborted).toBe(true));
    const late = await session.watch();
    await settled();
    expect([late.aborted, vi.getTimerCount()]).toEqual([true, 0]);
  });

  it("of many looks once for each session and interval, and keeps one timer", async () => {
    const app = memoryApp({ method, store: silentStore() });
    const ada = app.browser();
    await ada.signIn("ada");
    const signals = await Promise.all(
      Array.from({ length: 10 }, () => ada.begin().session.watch()),
    );
    expect(vi.getTimerCount()).toBe(1);
    await settled();
    app.recorded.clear();
    await vi.advanceTimersByTimeAsync(10_000);
    await settled();
    expect(app.recorded.count("load")).toBe(method === "stored" ? 1 : 0);
    await app.sessions.revokeUser("ada");
    await settled();
    expect(signals.every(({ aborted }) => aborted)).toBe(true);
  });

  it("ends when the sessions are closed, without firing", async () => {
    const app = memoryApp({ method });
    const { signal } = await watching(app);
    await app.sessions.close();
    expect([signal.aborted, vi.getTimerCount()]).toEqual([false, 0]);
  });

  it("that begins once the sessions are closed keeps no timer", async () => {
    const app = memoryApp({ method });
    const { ada } = await watching(app);
    const { session } = ada.begin();
    await session.load();
    await app.sessions.close();
    await session.watch();
    expect(vi.getTimerCount()).toBe(0);
  });
});

describe("watch by the store's own hints", () => {
  it("fires at once for what another process has done", async () => {
    const app = memoryApp({ store: memoryStore() });
    const { id, signal } = await watching(app);
    await app.another().sessions.revoke(id);
    await settled();
    expect(signal.aborted).toBe(true);
  });

  it("looks only at the session, or at the sessions of the user, that the hint names", async () => {
    let tell = (_change: StoreChange): void => undefined;
    const store = {
      ...memoryStore(),
      watch(listener: (change: StoreChange) => void) {
        tell = listener;
        return () => undefined;
      },
    };
    const app = memoryApp({ store });
    const { id } = await watching(app);
    await watching(app);
    await watching(app, undefined, "bob");
    const loads = async (change: StoreChange) => {
      app.recorded.clear();
      tell(change);
      await settled();
      return app.recorded.count("load");
    };
    expect(await loads({ kind: "session", id })).toBe(1);
    expect(await loads({ kind: "session", id: "A".repeat(24) })).toBe(0);
    expect(await loads({ kind: "user", id: "ada" })).toBe(2);
    expect(await loads({ kind: "user", id: "eve" })).toBe(0);
    expect(await loads({ kind: "everything" })).toBe(3);
  });

  it("looks once for all that it is told at once, such as by a feed that is read anew", async () => {
    const watchers = createWatchers(10_000, Date.now);
    let looks = 0;
    const look = async () => {
      looks += 1;
      return { expiresAt: Number.POSITIVE_INFINITY };
    };
    for (const id of ["a", "b"])
      watchers.watch(id, "ada", Number.POSITIVE_INFINITY, look, undefined);
    await settled();
    for (let user = 0; user < 1000; user += 1) watchers.look("everyone");
    watchers.look("user", "ada");
    await settled();
    expect(looks).toBe(4);
    watchers.look("everyone");
    await settled();
    expect(looks).toBe(6);
    watchers.close();
  });

  it("has nobody's session loaded but those of a user who signs out everywhere", async () => {
    const app = memoryApp({ store: memoryStore() });
    for (let other = 0; other < 20; other += 1) await watching(app, undefined, `user ${other}`);
    const eve = app.browser();
    await eve.signIn("eve");
    app.recorded.clear();
    await eve.visit((session) => session.revokeOthers());
    await settled();
    // Her own: at the beginning of the request, and once more after the cut-off.
    expect(app.recorded.count("load")).toBe(2);
  });

  it("believes no hint: a session that is alive stays", async () => {
    let tell = (_change: StoreChange): void => undefined;
    const store = {
      ...memoryStore(),
      watch(listener: (change: StoreChange) => void) {
        tell = listener;
        return () => undefined;
      },
    };
    const { signal } = await watching(memoryApp({ store }));
    tell({ kind: "everything" });
    await settled();
    expect(signal.aborted).toBe(false);
  });
});

describe("watch without any store", () => {
  it("fires at once in this process for a cut-off of the user", async () => {
    const { add, since } = memoryStore();
    const sessions = createSessions<Data>({
      secrets: [SECRET],
      method: "sealed",
      sealed: { revocations: { add, since } },
    });
    const ada = createBrowser(sessions);
    await ada.signIn("ada");
    const signal = await ada.begin().session.watch();
    await sessions.revokeUser("ada");
    await settled();
    expect(signal.aborted).toBe(true);
    await sessions.close();
  });

  it("of a visitor of whom nothing is kept does not fire, and costs nothing", async () => {
    const app = memoryApp();
    const signal = await app.browser().begin().session.watch();
    expect([signal.aborted, vi.getTimerCount()]).toEqual([false, 0]);
  });
});
