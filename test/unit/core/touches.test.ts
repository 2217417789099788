import { describe, expect, it } from "vitest";
import { createTouches } from "../../../src/core/touches.ts";
import { nthCall } from "../../../src/testing/faults.ts";
import { memoryApp } from "../../support/ways.ts";

const MINUTE = 60_000;
const START = Date.now();

describe("touches", () => {
  it("are due when the last use is an interval old, and claimed once", () => {
    const touches = createTouches(5 * MINUTE);
    expect(touches.isDue("a", START, START + 5 * MINUTE - 1)).toBe(false);
    expect(touches.isDue("a", START, START + 5 * MINUTE)).toBe(true);
    expect(touches.claim("a", START, START + 5 * MINUTE)).toBe(true);
    expect(touches.claim("a", START, START + 5 * MINUTE)).toBe(false);
    expect(touches.claim("b", START, START + 5 * MINUTE)).toBe(true);
  });

  it("are claimed again an interval later, although the record that was read is older still", () => {
    const touches = createTouches(5 * MINUTE);
    let claims = 0;
    for (let minute = 5; minute < 65; minute += 1) {
      if (touches.claim("a", START, START + minute * MINUTE)) claims += 1;
    }
    expect(claims).toBe(12);
  });

  it("that failed may be claimed by the next request", () => {
    const touches = createTouches(5 * MINUTE);
    touches.claim("a", START, START + 5 * MINUTE);
    touches.forget("a");
    expect(touches.claim("a", START, START + 5 * MINUTE)).toBe(true);
  });

  it("go on after a clock that was far ahead has been put right", () => {
    const touches = createTouches(5 * MINUTE);
    const year = 365 * 24 * 60 * MINUTE;
    expect(touches.claim("a", START, START + year)).toBe(true);
    let claims = 0;
    for (let minute = 0; minute < 60; minute += 1) {
      if (touches.claim(`b${minute % 2}`, START - year, START + minute * MINUTE)) claims += 1;
    }
    expect(claims).toBe(20);
  });
});

describe("a touch", () => {
  const timeouts = { idle: "1h", absolute: "1d", touchInterval: "5m" } as const;

  it("that fails ends nobody, is told, and is tried by the next request", async () => {
    const app = memoryApp({ timeouts, faults: nthCall("touch", 1, "before") });
    const ada = app.browser();
    await ada.signIn("ada");
    app.clock.advance("6m");
    expect((await ada.read()).userId).toBe("ada");
    expect(app.told("outage")).toMatchObject([{ operation: "touch" }]);
    await ada.read();
    await ada.read();
    expect(app.recorded.count("touch")).toBe(2);
    expect((await ada.read()).info.lastSeenAt).toBe(app.clock.now());
  });

  it("is spared by a write, which moves the times itself", async () => {
    const app = memoryApp({ timeouts });
    const ada = app.browser();
    await ada.signIn("ada");
    app.clock.advance("6m");
    await ada.set("a", 1);
    await ada.read();
    expect(app.recorded.count("touch")).toBe(0);
    expect((await ada.read()).info.lastSeenAt).toBe(app.clock.now());
  });

  it("is not made by a request that failed, nor by one that never looked", async () => {
    const app = memoryApp({ timeouts });
    const ada = app.browser();
    await ada.signIn("ada");
    app.clock.advance("6m");
    await ada.visit(() => undefined);
    const { session, finish } = ada.begin();
    await session.load();
    await finish({ failed: true });
    expect(app.recorded.count("touch")).toBe(0);
  });

  it("of several processes never ends a session early", async () => {
    const here = memoryApp({ timeouts });
    const there = here.another();
    const ada = here.browser();
    await ada.signIn("ada");
    for (let time = 0; time < 20; time += 1) {
      here.clock.advance("59m");
      const browser = (time % 2 === 0 ? there : here).browser();
      browser.plant(ada.cookie());
      expect((await browser.read()).userId).toBe("ada");
    }
  });
});
