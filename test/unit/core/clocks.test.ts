import { describe, expect, it } from "vitest";
import { memoryStore } from "../../../src/stores/memory.ts";
import type { TestClock } from "../../../src/testing/clock.ts";
import { testClock } from "../../../src/testing/clock.ts";
import { gate, nthCall } from "../../../src/testing/faults.ts";
import { aroundVerbs } from "../../../src/testing/verbs.ts";
import type { App, AppOptions } from "../../support/ways.ts";
import { memoryApp } from "../../support/ways.ts";

const HOUR = 3_600_000;

/** What ends a session, as somebody other than its browser sees it. */
const ENDINGS: Record<string, (app: App, cookie: string, id: string) => Promise<unknown>> = {
  "a sign-out": async (app, cookie) => {
    const browser = app.browser();
    browser.plant(cookie);
    await browser.visit((session) => session.signOut());
  },
  "a sign-in as somebody else": async (app, cookie) => {
    const browser = app.browser();
    browser.plant(cookie);
    await browser.signIn("bob");
  },
  "a proof more": async (app, cookie) => {
    const browser = app.browser();
    browser.plant(cookie);
    await browser.visit((session) => session.elevate("totp"));
  },
  "a revoke": (app, _, id) => app.sessions.revoke(id),
  "a cut-off of the user": (app) => app.sessions.revokeUser("ada"),
  "a cut-off of everyone": (app) => app.sessions.revokeEveryone(),
};

/** Everything that a running app does to its store, so that whatever is forgotten in time is. */
async function bustle(app: App): Promise<void> {
  const other = app.browser();
  await other.set("a", 1);
  await other.read();
  await app.sessions.sweep();
}

function jump(clock: TestClock, ms: number): void {
  clock.set(clock.now() + ms);
}

function open(options: AppOptions): App {
  const clock = testClock();
  const { store: _store, clock: _clock, ...rest } = options;
  return memoryApp({ ...rest, clock, store: memoryStore({ clock: clock.now }) });
}

describe.each(["stored", "sealed"] as const)("a clock that jumps, with %s sessions", (method) => {
  it.each(Object.keys(ENDINGS))(
    "forth and back by an hour revives nothing after %s",
    async (how) => {
      for (const age of [0, 11.5]) {
        const app = open({ method, timeouts: { idle: "12h", absolute: "12h" } });
        const ada = app.browser();
        await ada.signIn("ada");
        jump(app.clock, age * HOUR);
        const { id } = await ada.read();
        const cookie = ada.cookie();
        await ENDINGS[how]?.(app, cookie, id as string);
        for (const ms of [HOUR, -HOUR, -HOUR, 2 * HOUR, -HOUR, 61_000, -61_000]) {
          jump(app.clock, ms);
          await bustle(app);
          for (const process of [app, app.another()]) {
            const thief = process.browser();
            thief.plant(cookie);
            const { userId } = await thief.read();
            expect(userId, `${how} at ${age} h, then ${ms}`).toBeUndefined();
          }
        }
      }
    },
  );

  it("back by an hour ends nobody and keeps what is written", async () => {
    const app = open({ method });
    const ada = app.browser();
    await ada.signIn("ada");
    jump(app.clock, 2 * HOUR);
    await ada.set("n", 1);
    jump(app.clock, -HOUR);
    await ada.set("m", 2);
    const loaded = await ada.read();
    expect([loaded.userId, loaded.all()]).toEqual(["ada", { n: 1, m: 2 }]);
    jump(app.clock, 2 * HOUR);
    expect((await ada.read()).userId).toBe("ada");
  });

  it("back by an hour never moves a use back", async () => {
    const app = open({ method, timeouts: { idle: "3h", touchInterval: "1m" } });
    const ada = app.browser();
    await ada.signIn("ada");
    jump(app.clock, 2 * HOUR);
    await ada.read();
    const { lastSeenAt } = (await ada.read()).info;
    jump(app.clock, -HOUR);
    await ada.read();
    if (method === "stored") await ada.set("n", 1);
    expect((await ada.read()).info.lastSeenAt).toBe(lastSeenAt);
    jump(app.clock, 3 * HOUR);
    expect((await ada.read()).userId).toBe("ada");
  });

  it("back by an hour ends nobody who goes on, however short the idle timeout", async () => {
    const app = open({ method, timeouts: "aal3" });
    const ada = app.browser();
    await ada.signIn("ada");
    jump(app.clock, -HOUR);
    await ada.set("n", 1);
    for (let minutes = 0; minutes < 120; minutes += 10) {
      expect((await ada.read()).userId, `${minutes} minutes later`).toBe("ada");
      app.clock.advance("10m");
    }
    app.clock.advance("15m");
    expect((await ada.read()).userId).toBeUndefined();
  });

  it("back by an hour and right again has ended nobody by what was written meanwhile", async () => {
    const app = open({ method, timeouts: "aal3" });
    const ada = app.browser();
    await ada.signIn("ada");
    jump(app.clock, -HOUR);
    await ada.set("n", 1);
    jump(app.clock, HOUR);
    const loaded = await ada.read();
    expect([loaded.userId, loaded.get("n")]).toEqual(["ada", 1]);
  });

  it("back by an hour refuses a sign-in rather than let one in below a cut-off", async () => {
    const app = open({ method });
    await app.sessions.revokeUser("ada");
    jump(app.clock, -HOUR);
    const ada = app.browser();
    await expect(ada.signIn("ada")).rejects.toMatchObject({ code: "ERR_SIGN_IN_REFUSED" });
    jump(app.clock, HOUR + 1);
    await ada.signIn("ada");
    expect((await ada.read()).userId).toBe("ada");
  });

  it.each(["one's other sessions", "a user's sessions", "everyone's sessions"])(
    "back by seconds leaves out none of %s that began in the time that comes again",
    async (whose) => {
      const app = open({ method });
      const [ada, elsewhere] = [app.browser(), app.browser()];
      await ada.signIn("ada");
      jump(app.clock, 1000);
      await elsewhere.signIn("ada");
      jump(app.clock, -10_000);
      if (whose.startsWith("one")) await ada.visit((session) => session.revokeOthers());
      if (whose.startsWith("a user")) await app.sessions.revokeUser("ada");
      if (whose.startsWith("everyone")) await app.sessions.revokeEveryone();
      for (const ms of [0, 20_000]) {
        jump(app.clock, ms);
        for (const process of [app, app.another()]) {
          const thief = process.browser();
          thief.plant(elsewhere.cookie());
          expect((await thief.read()).userId, `after ${ms} ms`).toBeUndefined();
        }
        expect((await ada.read()).userId).toBe(whose.startsWith("one") ? "ada" : undefined);
      }
      await elsewhere.signIn("ada");
      expect((await elsewhere.read()).userId).toBe("ada");
    },
  );

  it("back by an hour makes no old proof fresh", async () => {
    const app = open({ method });
    const ada = app.browser();
    await ada.signIn("ada");
    jump(app.clock, 0.2 * HOUR);
    const fresh = () => ada.visit((session) => session.requireFresh({ within: "10m" }));
    await expect(fresh()).rejects.toMatchObject({ code: "ERR_NOT_FRESH" });
    jump(app.clock, -HOUR);
    await expect(fresh()).rejects.toMatchObject({ code: "ERR_NOT_FRESH" });
  });
});

describe("a clock that jumps, with rotation", () => {
  it("lets no reused ticket in, whichever way it jumps", async () => {
    const app = open({ rotateEvery: "1h", onReuse: "end" });
    const ada = app.browser();
    await ada.signIn("ada");
    const thief = ada.copy();
    jump(app.clock, 1.1 * HOUR);
    await ada.read();
    await ada.read();
    jump(app.clock, 31_000);
    expect((await thief.read()).refusal).toBe("reuse");
    for (const ms of [-HOUR, 2 * HOUR, -HOUR]) {
      jump(app.clock, ms);
      expect([(await thief.read()).userId, (await ada.read()).userId]).toEqual([
        undefined,
        undefined,
      ]);
    }
  });

  it("back by an hour rotates nothing and superseded tickets stay so", async () => {
    const app = open({ rotateEvery: "1h" });
    const ada = app.browser();
    await ada.signIn("ada");
    const first = ada.copy();
    for (let time = 0; time < 2; time += 1) {
      jump(app.clock, 1.1 * HOUR);
      await ada.read();
      await ada.read();
    }
    expect((await first.read()).refusal).toBe("superseded");
    jump(app.clock, -HOUR);
    const { head } = await ada.visit((session) => session.load());
    expect(head.cookies).toEqual([]);
    expect([(await first.read()).refusal, (await ada.read()).userId]).toEqual([
      "superseded",
      "ada",
    ]);
  });
});

describe("a process that stands still while it rotates a ticket", () => {
  it("P16 sends none that another process may have replaced by now", async () => {
    const answering = gate();
    const app = memoryApp({
      rotateEvery: "1h",
      faults: nthCall("update", 1, { answeredAfter: answering }),
    });
    const there = app.another();
    const ada = app.browser();
    await ada.signIn("ada");
    jump(app.clock, 2 * HOUR);
    const slow = ada.begin();
    await slow.session.load();
    const finishing = slow.finish();
    await expect.poll(() => app.recorded.count("update")).toBe(1);
    app.clock.advance("31s");
    const elsewhere = there.browser();
    elsewhere.plant(ada.cookie());
    await elsewhere.read();
    answering.open();
    expect((await finishing).cookies).toEqual([]);
    expect((await elsewhere.read()).userId).toBe("ada");
  });
});

describe("a store with a clock of its own", () => {
  it("P5 refuses a sign-in that is tried again, when there was a cut-off in between", async () => {
    const clock = testClock();
    const inner = memoryStore({ clock: clock.now });
    let tries = 0;
    const store = aroundVerbs(inner, async ({ verb, args }, invoke) => {
      if (verb !== "create") return invoke();
      tries += 1;
      const [record, startedAgo] = args as Parameters<typeof inner.create>;
      // Its own clock tells the time, not the caller.
      if (tries > 1) return inner.create(record, startedAgo, clock.now());
      clock.set(clock.now() + 2000);
      await inner.cutOff("ada", { keepUntil: clock.now() + HOUR }, clock.now() - 1000);
      throw new Error("no answer");
    });
    const ada = memoryApp({ store, clock }).browser();
    await expect(ada.signIn("ada")).rejects.toMatchObject({ code: "ERR_SIGN_IN_REFUSED" });
    expect(tries).toBe(2);
  });

  it("P5 and behind ours ends what of a sealed user has begun before the cut-off", async () => {
    const clock = testClock();
    const inner = memoryStore({ clock: clock.now });
    const store = aroundVerbs(inner, async ({ verb, args }, invoke) => {
      if (verb !== "cutOff") return invoke();
      const [userId, options] = args as Parameters<typeof inner.cutOff>;
      return inner.cutOff(userId, options, clock.now() - 3000);
    });
    const app = memoryApp({ store, clock, method: "sealed" });
    const ada = app.browser();
    await ada.signIn("ada");
    clock.advance("1s");
    await app.sessions.revokeUser("ada");
    expect((await ada.read()).refusal).toBe("revoked");
    clock.advance("1s");
    await ada.signIn("ada");
    expect((await ada.read()).userId).toBe("ada");
  });
});
