import { describe, expect, it } from "vitest";
import { confirmed, isUnconfirmed, recognise, rotated } from "../../../src/core/rotation.ts";
import { memoryStore } from "../../../src/stores/memory.ts";
import type { FaultPlan } from "../../../src/testing/faults.ts";
import { gate, nthCall } from "../../../src/testing/faults.ts";
import { memoryApp } from "../../support/ways.ts";

const tick = () => new Promise((resolve) => setImmediate(resolve));

describe("a ticket secret is recognised as", () => {
  const first = { current: "a", rotatedAt: 0 };
  const second = rotated("a", "b", 1000);
  const seen = confirmed(second, 2000);

  it("the current one, or unknown", () => {
    expect(recognise(first, "a", 0, 30)).toBe("current");
    for (const other of ["b", "", "aa", "A"]) {
      expect(recognise(first, other, 0, 30)).toBe("unknown");
    }
    expect(isUnconfirmed(first)).toBe(false);
  });

  it("the previous one until its successor is seen, and for the grace after that", () => {
    expect([recognise(second, "a", 1e12, 30), isUnconfirmed(second)]).toEqual(["previous", true]);
    expect(isUnconfirmed(seen)).toBe(false);
    expect(recognise(seen, "a", 2029, 30)).toBe("previous");
    expect(recognise(seen, "a", 2030, 30)).toBe("reuse");
    expect(recognise(seen, "b", 1e12, 30)).toBe("current");
  });

  it("unknown when it is older than that", () => {
    const third = rotated("b", "c", 3000);
    expect(recognise(third, "a", 3000, 30)).toBe("unknown");
    expect(recognise(third, "b", 3000, 30)).toBe("previous");
  });
});

describe("a session that rotates", () => {
  it("never does unless it is asked for", async () => {
    const app = memoryApp();
    const ada = app.browser();
    await ada.signIn("ada");
    for (let day = 0; day < 25; day += 1) {
      app.clock.advance("1d");
      expect((await ada.visit((session) => session.load())).head.cookies).toEqual([]);
    }
  });

  it("writes the confirmation once, with the first request that shows the new ticket", async () => {
    const app = memoryApp({ rotateEvery: "1h" });
    const ada = app.browser();
    await ada.signIn("ada");
    app.clock.advance("61m");
    await ada.read();
    app.recorded.clear();
    await ada.read();
    await ada.read();
    await ada.read();
    expect(app.recorded.count("update")).toBe(1);
  });

  it("P10 goes on for whoever only reads when neither can be written, and makes up for it", async () => {
    let isFull = false;
    const faults: FaultPlan = ({ verb }) => (isFull && verb === "update" ? "before" : undefined);
    const app = memoryApp({ rotateEvery: "1h", faults });
    const ada = app.browser();
    await ada.signIn("ada");
    app.clock.advance("61m");
    for (const cookies of [1, 0]) {
      isFull = true;
      const failed = await ada.visit((session) => session.load());
      expect([failed.result.userId, failed.head.cookies]).toEqual(["ada", []]);
      await expect(ada.set("n", 1)).rejects.toMatchObject({ status: 503 });
      isFull = false;
      app.recorded.clear();
      const { head } = await ada.visit((session) => session.load());
      expect([head.cookies.length, app.recorded.count("update")]).toEqual([cookies, 1]);
    }
    expect(app.told("outage").length).toBeGreaterThan(0);
  });

  it("P10 goes on for whoever only reads where a body as large as the store takes leaves no room for it", async () => {
    const store = memoryStore();
    const before = memoryApp({ store });
    const ada = before.browser();
    await ada.signIn("ada");
    await ada.set("large", "x".repeat(1000));
    const { record } = (await store.load((await ada.read()).id as string)) ?? {};
    const traits = { ...store.traits, maxBodyBytes: record?.body.length as number };
    const app = memoryApp({ store: { ...store, traits }, clock: before.clock, rotateEvery: "1h" });
    const there = ada.copy(app.sessions);
    before.clock.advance("61m");
    const { result, head } = await there.visit((session) => session.load());
    expect([result.userId, head.cookies]).toEqual(["ada", []]);
    await expect(there.set("n", 1)).rejects.toMatchObject({ code: "ERR_SESSION_TOO_LARGE" });
    await there.set("large", "");
    expect([app.told("rotated").length, (await there.read()).userId]).toEqual([1, "ada"]);
  });

  it("does both with a change in one write", async () => {
    const app = memoryApp({ rotateEvery: "1h" });
    const ada = app.browser();
    await ada.signIn("ada");
    app.clock.advance("61m");
    app.recorded.clear();
    const head = await ada.set("a", 1);
    expect([head.cookies.length, app.recorded.count("update")]).toEqual([1, 1]);
    await ada.set("a", 2);
    expect([app.recorded.count("update"), (await ada.read()).get("a")]).toEqual([2, 2]);
  });

  it("judges a slow request by when it came, not by when it ends", async () => {
    const held = gate();
    const app = memoryApp({ rotateEvery: "1h", faults: nthCall("load", 2, { heldBy: held }) });
    const ada = app.browser();
    await ada.signIn("ada");
    await ada.read();
    app.clock.advance("61m");
    const slow = ada.copy().begin();
    const loading = slow.session.load();
    await tick();
    await ada.read();
    await ada.read();
    app.clock.advance("5m");
    held.open();
    expect((await loading).userId).toBe("ada");
    expect((await slow.finish()).cookies).toEqual([]);
    expect(app.told("reuse")).toEqual([]);
  });

  it("takes both of its tickets in one header for one session", async () => {
    const app = memoryApp({ rotateEvery: "1h" });
    const ada = app.browser();
    await ada.signIn("ada");
    const before = ada.cookie();
    app.clock.advance("61m");
    await ada.read();
    for (const cookie of [`${before}; ${ada.cookie()}`, `${ada.cookie()}; ${before}`]) {
      const loaded = await app.sessions.open({ headers: { cookie } }).load();
      expect([loaded.userId, loaded.refusal]).toEqual(["ada", undefined]);
    }
  });

  it("is not over, and writes no more, when its browser has kept an older ticket beside the newest", async () => {
    for (const isOldFirst of [true, false]) {
      const app = memoryApp({ rotateEvery: "1h" });
      const ada = app.browser();
      await ada.signIn("ada");
      const old = ada.cookie();
      for (let time = 0; time < 2; time += 1) {
        app.clock.advance("61m");
        await ada.read();
        app.recorded.clear();
        for (let seen = 0; seen < 3; seen += 1) {
          app.clock.advance("31s");
          const both = isOldFirst ? [old, ada.cookie()] : [ada.cookie(), old];
          const session = app.sessions.open({ headers: { cookie: both.join("; ") } });
          expect((await session.load()).userId).toBe("ada");
          expect((await session.commit({ at: "head" })).cookies).toEqual([]);
        }
        expect(app.recorded.count("update")).toBe(1);
      }
      expect(app.told("reuse")).toEqual([]);
      const thief = app.browser();
      thief.plant(old);
      expect((await thief.read()).refusal).toBe("superseded");
      expect(app.told("reuse")).toHaveLength(1);
    }
  });

  it("lets the old ticket write within its grace, and nothing is lost", async () => {
    const app = memoryApp({ rotateEvery: "1h", rotationGrace: "10s" });
    const ada = app.browser();
    await ada.signIn("ada");
    const tab = ada.copy();
    app.clock.advance("61m");
    await ada.set("a", 1);
    await ada.read();
    app.clock.advance("9s");
    expect((await tab.set("b", 1)).cookies).toEqual([]);
    expect((await ada.read()).all()).toEqual({ a: 1, b: 1 });
    app.clock.advance("2s");
    expect((await tab.read()).refusal).toBe("reuse");
    expect((await ada.read()).refusal).toBe("closed");
  });

  it("blocks what a superseded ticket would write, until the session is over anyway", async () => {
    const app = memoryApp({ rotateEvery: "1h", timeouts: { absolute: "1d" } });
    const ada = app.browser();
    await ada.signIn("ada");
    const old = ada.copy();
    for (let time = 0; time < 2; time += 1) {
      app.clock.advance("61m");
      await ada.read();
      await ada.read();
    }
    expect((await old.read()).refusal).toBe("superseded");
    await expect(old.set("a", 1)).rejects.toMatchObject({ code: "ERR_SESSION_CLOSED" });
    expect((await ada.read()).userId).toBe("ada");
    app.clock.advance("1d");
    await old.set("a", 1);
    expect((await old.read()).all()).toEqual({ a: 1 });
  });

  it("keeps the ticket of a signed-out browser out for good", async () => {
    const app = memoryApp({ rotateEvery: "1h" });
    const ada = app.browser();
    await ada.signIn("ada");
    const tickets = [ada.cookie()];
    for (let time = 0; time < 3; time += 1) {
      app.clock.advance("61m");
      await ada.read();
      tickets.push(ada.cookie());
    }
    await ada.visit((session) => session.signOut());
    for (const ticket of tickets) {
      const thief = app.browser();
      thief.plant(ticket);
      expect((await thief.read()).userId).toBeUndefined();
    }
  });
});
