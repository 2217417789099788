import { describe, expect, it } from "vitest";
import { SessionClosedError } from "../../../src/errors.ts";
import type { App } from "../../support/ways.ts";
import { memoryApp } from "../../support/ways.ts";

/** A request that arrived with a visitor's cookie and asks for its session only when the test says so. */
async function slowRequest(app: App) {
  const ada = app.browser();
  await ada.set("cart", ["tea"]);
  const slow = ada.begin();
  app.clock.advance("1s");
  return { ada, slow };
}

describe.each(["stored", "sealed"] as const)("a %s session that has ended", (method) => {
  it.each([
    ["ten seconds", "10s", false],
    ["two minutes", "2m", false],
    ["two minutes, swept meanwhile", "2m", true],
  ] as const)(
    "blocks a request that arrived before, however slow it is (%s)",
    async (_, later, isSwept) => {
      const app = memoryApp({ method });
      const { ada, slow } = await slowRequest(app);
      await ada.signIn("ada");
      const good = ada.cookie();
      app.clock.advance(later);
      if (isSwept) await app.sessions.sweep();
      const loaded = await slow.session.load();
      expect([loaded.userId, loaded.keys()]).toEqual([undefined, []]);
      expect(() => loaded.set("a", 1)).toThrow(SessionClosedError);
      await expect(slow.session.update("a", () => 1)).rejects.toBeInstanceOf(SessionClosedError);
      await slow.session.signOut();
      expect((await slow.finish()).cookies).toEqual([]);
      expect(ada.cookie()).toBe(good);
      expect((await ada.read()).userId).toBe("ada");
    },
  );

  it("hinders nobody who comes a minute later: that one starts afresh", async () => {
    const app = memoryApp({ method });
    const ada = app.browser();
    await ada.signIn("ada");
    const copy = ada.copy();
    await ada.visit((session) => session.signOut());
    app.clock.advance("59s");
    await expect(copy.set("a", 1)).rejects.toBeInstanceOf(SessionClosedError);
    app.clock.advance("1s");
    await copy.set("a", 1);
    expect((await copy.read()).all()).toEqual({ a: 1 });
  });

  it("by a timeout hinders nobody: the next write starts afresh at once", async () => {
    const app = memoryApp({ method, timeouts: { idle: "1h" } });
    const ada = app.browser();
    await ada.signIn("ada");
    app.clock.advance("2h");
    const { head, result } = await ada.visit(async (session) => {
      const loaded = await session.load();
      const { refusal } = loaded;
      loaded.set("a", 1);
      return refusal;
    });
    expect([result, head.cookies.length]).toEqual(["idle-timeout", 1]);
    expect((await ada.read()).all()).toEqual({ a: 1 });
  });
});
