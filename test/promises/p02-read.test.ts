import { expect, it } from "vitest";
import { eachWay } from "../support/ways.ts";

eachWay((open, { method }) => {
  it("P2 a read is one round trip at most, sets no cookie and writes nothing", async () => {
    const { recorded, browser } = await open();
    const ada = browser();
    await ada.signIn("ada");
    await ada.set("theme", "dark");
    await ada.read();
    recorded.clear();
    const { head, result } = await ada.visit(async (session) => {
      const loaded = await session.load();
      await session.load();
      return [loaded.get("theme"), loaded.userId];
    });
    expect(result).toEqual(["dark", "ada"]);
    expect(head.cookies).toEqual([]);
    expect(recorded.calls.map(({ verb }) => verb)).toEqual(method === "stored" ? ["load"] : []);
  });

  it("P2 the feed of revocations is asked at most once per process and half the delay", async () => {
    const { recorded, browser, clock } = await open({ sealed: { revocationDelay: "10s" } });
    const ada = browser();
    await ada.signIn("ada");
    await ada.read();
    recorded.clear();
    for (let second = 0; second < 20; second += 1) {
      await Promise.all([ada.read(), ada.read()]);
      clock.advance("1s");
    }
    expect(recorded.count("since")).toBeLessThanOrEqual(4);
    expect(recorded.count("since")).toBeGreaterThan(1);
  });

  it("P2 a touch happens at most once per process and touch interval", async () => {
    const { recorded, browser, clock } = await open({ timeouts: { touchInterval: "5m" } });
    const ada = browser();
    await ada.signIn("ada");
    const touches = async (): Promise<number> => {
      recorded.clear();
      const before = ada.cookie();
      const heads = await Promise.all(
        Array.from({ length: 10 }, () => ada.visit((session) => session.load())),
      );
      const cookies = heads.flatMap(({ head }) => head.cookies);
      expect(method === "stored" ? ada.cookie() === before : cookies.length <= 1).toBe(true);
      return recorded.count("touch") + cookies.length;
    };
    expect(await touches()).toBe(0);
    clock.advance("5m");
    expect(await touches()).toBe(1);
    clock.advance("4m");
    expect(await touches()).toBe(0);
    clock.advance("1m");
    expect(await touches()).toBe(1);
  });

  it("P2 a touch keeps the session alive beyond the idle timeout", async () => {
    const { browser, clock } = await open({ timeouts: { idle: "1h", absolute: "1d" } });
    const ada = browser();
    await ada.signIn("ada");
    for (let hour = 0; hour < 6; hour += 1) {
      clock.advance("50m");
      expect((await ada.read()).userId).toBe("ada");
    }
  });

  it("P2 a change is one write after the read", async () => {
    const { recorded, browser } = await open();
    const ada = browser();
    await ada.signIn("ada");
    await ada.read();
    recorded.clear();
    const head = await ada.set("theme", "dark");
    expect(recorded.calls.map(({ verb }) => verb)).toEqual(
      method === "stored" ? ["load", "update"] : [],
    );
    expect(head.cookies).toHaveLength(method === "stored" ? 0 : 1);
  });
});

eachWay((open) => {
  it("P2 a sign-in is two writes at most beyond the load", async () => {
    const { recorded, browser } = await open();
    const ada = browser();
    await ada.set("cart", ["tea"]);
    await ada.read();
    recorded.clear();
    await ada.signIn("ada");
    expect(recorded.calls.map(({ verb }) => verb)).toEqual(["load", "create", "update"]);
  });
}, "stored");
