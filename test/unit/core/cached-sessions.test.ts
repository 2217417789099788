import { describe, expect, it } from "vitest";
import type { Revocations, SessionStore } from "../../../src/stores/contract.ts";
import { cached } from "../../../src/stores/layers/cached.ts";
import { memoryStore } from "../../../src/stores/memory.ts";
import { testClock } from "../../../src/testing/clock.ts";
import { recording } from "../../../src/testing/recording.ts";
import type { MemoryAppOptions } from "../../support/ways.ts";
import { memoryApp } from "../../support/ways.ts";

/** Two processes, each with a cache of its own before one store, and one without. */
function twoProcesses(watch: boolean, options: Options = {}) {
  const clock = testClock();
  const { watch: hear, ...silent } = memoryStore({ clock: clock.now });
  const asked = recording<SessionStore & Revocations>(
    watch && hear !== undefined ? { ...silent, watch: hear } : silent,
  );
  const open = () => {
    const store = cached(asked.store, { clock: clock.now, maxAge: "10s" });
    return memoryApp({ store, clock, ...options });
  };
  return { here: open(), there: open(), direct: memoryApp({ store: silent, clock }), asked, clock };
}

type Options = Pick<MemoryAppOptions, "rotateEvery" | "rotationGrace" | "method" | "sealed">;

describe.each([
  ["with watch", true],
  ["without watch", false],
])("two processes with a cache each, %s", (_, watch) => {
  it("P2 reading a session in use costs no round trip", async () => {
    const { here, asked } = twoProcesses(watch);
    const ada = here.browser();
    await ada.set("theme", "dark");
    await ada.read();
    asked.clear();
    for (let n = 0; n < 20; n += 1) expect((await ada.read()).get("theme")).toBe("dark");
    expect(asked.count("load")).toBe(0);
  });

  it("P4 no update is lost between them, however stale what they read", async () => {
    const { here, there, direct } = twoProcesses(watch);
    const [a, b, c] = [here.browser(), there.browser(), direct.browser()];
    await a.set("n", 0);
    for (const each of [b, c]) each.plant(a.cookie());
    for (let n = 0; n < 20; n += 1) {
      await Promise.all(
        [a, b, a, b].map((each) =>
          each.visit((session) => session.update("n", (value) => (value as number) + 1)),
        ),
      );
    }
    expect((await c.read()).get("n")).toBe(80);
  });

  it("P5 what is ended there is refused here: with watch at once, else within `maxAge`", async () => {
    const { here, there, clock } = twoProcesses(watch);
    const ends: ((id: string, userId: string) => Promise<unknown>)[] = [
      (id) => there.sessions.revoke(id),
      (_id, userId) => there.sessions.revokeUser(userId),
    ];
    for (const [index, end] of ends.entries()) {
      const browser = here.browser();
      await browser.signIn(`user ${index}`);
      const { id } = await browser.read();
      await end(id as string, `user ${index}`);
      if (!watch) {
        clock.advance(9.999);
        expect((await browser.read()).userId).toBe(`user ${index}`);
        clock.advance(0.001);
      }
      expect((await browser.read()).userId).toBeUndefined();
    }
  });

  it("P8 P16 a ticket that another process has rotated is good here at once", async () => {
    const { here, there, clock } = twoProcesses(watch, { rotateEvery: "5s", rotationGrace: 1 });
    const ada = here.browser();
    await ada.signIn("ada");
    await ada.read();
    const there2 = there.browser();
    there2.plant(ada.cookie());
    await there2.read();
    clock.advance("6s");
    // Rotated there, and shown there: here the old ticket secret is still the current one.
    await there2.read();
    expect(there2.cookie()).not.toBe(ada.cookie());
    ada.plant(there2.cookie());
    const loaded = await ada.read();
    expect([loaded.userId, loaded.refusal]).toEqual(["ada", undefined]);
    expect(here.told("reuse")).toEqual([]);
  });

  it("P5 a copy of a ticket that was replaced twice is refused by what the store has", async () => {
    const { here, clock, asked } = twoProcesses(watch, { rotateEvery: "1m", rotationGrace: 1 });
    const ada = here.browser();
    await ada.signIn("ada");
    const copy = ada.copy();
    for (let n = 0; n < 2; n += 1) {
      clock.advance("61s");
      await ada.read();
      await ada.read();
    }
    await ada.read();
    asked.clear();
    expect((await copy.read()).refusal).toBe("superseded");
    expect(asked.count("load")).toBe(1);
    expect(here.told("reuse")).toHaveLength(1);
  });

  it("P5 `requireFresh` lets nobody in who was revoked elsewhere, and keeps what was buffered", async () => {
    const { here, there } = twoProcesses(watch);
    const ada = here.browser();
    await ada.signIn("ada");
    const { id } = await ada.read();
    await ada.visit(async (session) => {
      (await session.load()).set("theme", "dark");
      expect((await session.requireFresh({ within: "1h" })).userId).toBe("ada");
    });
    expect((await ada.read()).get("theme")).toBe("dark");
    await there.sessions.revoke(id as string);
    await expect(ada.begin().session.requireFresh({ within: "1h" })).rejects.toMatchObject({
      status: 401,
    });
  });

  it("P5 `requireFresh` asks the store for a sealed session that has moved there, too", async () => {
    const sealed = { overflow: "store" } as const;
    const { here, there } = twoProcesses(watch, { method: "sealed", sealed });
    const ada = here.browser();
    await ada.signIn("ada");
    const isFresh = () => ada.visit((session) => session.requireFresh({ within: "1h" }));
    expect((await isFresh()).result.userId).toBe("ada");
    await ada.set("large", "x".repeat(5000));
    const { id } = (await isFresh()).result;
    await there.sessions.revoke(id);
    await expect(isFresh()).rejects.toMatchObject({ status: 401 });
  });

  it("`reload` reads what the store has", async () => {
    const { here, there } = twoProcesses(watch);
    const ada = here.browser();
    await ada.set("theme", "dark");
    await ada.read();
    const other = there.browser();
    other.plant(ada.cookie());
    const visit = ada.begin();
    const loaded = await visit.session.load();
    await other.set("theme", "light");
    await visit.session.reload();
    expect(loaded.get("theme")).toBe("light");
  });
});
