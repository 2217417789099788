import { describe, expect, it } from "vitest";
import type { RecordUpdate, SessionStore } from "../../../src/stores/contract.ts";
import { moving } from "../../../src/stores/layers/moving.ts";
import { memoryStore } from "../../../src/stores/memory.ts";
import { testClock } from "../../../src/testing/clock.ts";
import type { FaultPlan } from "../../../src/testing/faults.ts";
import { modelStore } from "../../../src/testing/model.ts";
import { memoryApp } from "../../support/ways.ts";

type App = ReturnType<typeof memoryApp>;

async function left(app: App, userId: string): Promise<number> {
  let count = 0;
  for await (const _ of app.sessions.list(userId)) count += 1;
  return count;
}

describe("maxSessionsPerUser", () => {
  it("ends the oldest above the number after a sign-in, and tells", async () => {
    const app = memoryApp({ maxSessionsPerUser: 2 });
    const browsers = Array.from({ length: 5 }, () => app.browser());
    const ids: (string | undefined)[] = [];
    for (const browser of browsers) {
      app.clock.advance("1s");
      await browser.signIn("ada");
      ids.push((await browser.read()).id);
    }
    const users = await Promise.all(browsers.map(async (each) => (await each.read()).userId));
    expect(users).toEqual([undefined, undefined, undefined, "ada", "ada"]);
    expect(app.told("revoked")).toEqual(
      ids.slice(0, 3).map((sessionId) => ({ sessionId, userId: "ada", by: "cap" })),
    );
  });

  it("counts each user's sessions, and no visitor's", async () => {
    const app = memoryApp({ maxSessionsPerUser: 1 });
    const [ada, bob, visitor] = [app.browser(), app.browser(), app.browser()];
    await visitor.set("cart", ["tea"]);
    await ada.signIn("ada");
    await bob.signIn("bob");
    expect([(await ada.read()).userId, (await bob.read()).userId]).toEqual(["ada", "bob"]);
    expect((await visitor.read()).get("cart")).toEqual(["tea"]);
  });

  it("does not count the session that a sign-in or a new proof replaces", async () => {
    const app = memoryApp({ maxSessionsPerUser: 2 });
    const [one, two] = [app.browser(), app.browser()];
    await one.signIn("ada");
    app.clock.advance("1s");
    await two.signIn("ada");
    for (let time = 0; time < 3; time += 1) {
      app.clock.advance("1s");
      await two.visit((session) => session.elevate("totp"));
    }
    expect([(await one.read()).userId, (await two.read()).userId]).toEqual(["ada", "ada"]);
    expect(app.told("revoked")).toEqual([]);
  });

  it.each([1, 3])("of %i holds when many sign in at once: as many are left", async (cap) => {
    const app = memoryApp({ maxSessionsPerUser: cap });
    await Promise.all(Array.from({ length: 8 }, () => app.browser().signIn("ada")));
    expect(await left(app, "ada")).toBe(cap);
  });

  it("P14 costs no more for each when very many sign in at once", async () => {
    const app = memoryApp({ maxSessionsPerUser: 1 });
    await Promise.all(Array.from({ length: 60 }, () => app.browser().signIn("eve")));
    expect(await left(app, "eve")).toBe(1);
    expect(app.recorded.count("update")).toBeLessThan(70);
  });

  it("never ends the newest, also when another process has the same to do", async () => {
    const here = memoryApp({ maxSessionsPerUser: 1 });
    const there = here.another();
    for (let time = 0; time < 10; time += 1) {
      here.clock.advance("1s");
      await Promise.all([here.browser().signIn("ada"), there.browser().signIn("ada")]);
      expect(await left(here, "ada")).toBe(1);
    }
  });

  it("never ends whoever has just signed in, also where the clock is behind", async () => {
    const app = memoryApp({ maxSessionsPerUser: 2 });
    for (let time = 0; time < 3; time += 1) {
      app.clock.advance("1s");
      await app.browser().signIn("ada");
    }
    const behind = app.another({ clock: () => app.clock.now() - 60_000 });
    const ada = behind.browser();
    await ada.signIn("ada");
    expect((await ada.read()).userId).toBe("ada");
  });

  it("holds by the clock of a store that has one, however far those of two processes are apart", async () => {
    const right = testClock();
    const store = modelStore({ clock: right.now });
    const here = memoryApp({ store, maxSessionsPerUser: 1, clock: testClock(right.now()) });
    const ahead = memoryApp({ store, maxSessionsPerUser: 1, clock: testClock(right.now() + 5000) });
    for (const app of [ahead, here, ahead, here]) {
      for (const { advance } of [right, here.clock, ahead.clock]) advance("1s");
      await app.browser().signIn("ada");
      expect(await left(here, "ada")).toBe(1);
    }
  });

  it("holds over many pages", async () => {
    const unbounded = memoryApp();
    for (let at = 0; at < 300; at += 1) {
      unbounded.clock.advance("1s");
      await unbounded.browser().signIn("ada");
    }
    unbounded.clock.advance("1s");
    const bounded = unbounded.another({ maxSessionsPerUser: 5 });
    const newest = bounded.browser();
    await newest.signIn("ada");
    expect(await left(bounded, "ada")).toBe(5);
    expect((await newest.read()).userId).toBe("ada");
  });

  it("counts a session once that moves to another store meanwhile", async () => {
    const clock = testClock();
    const [from, to] = [memoryStore(), memoryStore()];
    const before = memoryApp({ store: from, clock });
    const phone = before.browser();
    await phone.signIn("ada");
    clock.advance("1s");
    // What moves after the old store has been listed is there once more in the new one.
    const list: SessionStore["list"] = async (query, now) => {
      const page = await from.list(query, now);
      await atNew.read();
      return page;
    };
    const store = moving({ from: { ...from, list }, to, move: true, clock: clock.now });
    const app = memoryApp({ store: store as App["store"], clock, maxSessionsPerUser: 2 });
    const atNew = phone.copy(app.sessions);
    const desk = app.browser();
    await desk.signIn("ada");
    expect([(await desk.read()).userId, (await atNew.read()).userId]).toEqual(["ada", "ada"]);
    expect(app.told("revoked")).toEqual([]);
  });

  it.each(["list", "update"] as const)(
    "P10 makes no error of a sign-in that has happened when `%s` fails, and is kept by the next",
    async (failing) => {
      let isDown = true;
      const faults: FaultPlan = ({ verb, args }) => {
        const isMeant = verb === "list" || (args[2] as RecordUpdate | undefined)?.close === true;
        return isDown && verb === failing && isMeant ? "before" : undefined;
      };
      const app = memoryApp({ maxSessionsPerUser: 1, faults });
      await app.browser().signIn("ada");
      app.clock.advance("1s");
      const ada = app.browser();
      await ada.visit(async (session) => (await session.signIn("ada")).set("theme", "dark"));
      const loaded = await ada.read();
      expect([loaded.userId, loaded.get("theme")]).toEqual(["ada", "dark"]);
      expect(app.told("outage").length).toBeGreaterThan(0);
      isDown = false;
      expect(await left(app, "ada")).toBe(2);
      app.clock.advance("1s");
      await app.browser().signIn("ada");
      expect(await left(app, "ada")).toBe(1);
    },
  );

  it("asks nothing of the store where there is no cap", async () => {
    const app = memoryApp();
    await app.browser().signIn("ada");
    expect(app.recorded.count("list")).toBe(0);
  });
});
