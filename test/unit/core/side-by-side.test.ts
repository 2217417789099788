import { describe, expect, it } from "vitest";
import { SessionClosedError, ValueError } from "../../../src/index.ts";
import { memoryStore } from "../../../src/stores/memory.ts";
import type { App } from "../../support/ways.ts";
import { memoryApp, OTHER_SECRET, SECRET } from "../../support/ways.ts";

const HOUR = 3_600_000;

/** Somebody who is signed in at one process, and asks another one with the same cookies. */
async function ada(at: App, there: App) {
  const browser = at.browser();
  await browser.signIn("ada");
  await browser.set("color", "red");
  return { here: browser, there: browser.copy(there.sessions) };
}

// What docs/options.md says of each change that is deployed while the app runs.
describe("old and new processes side by side", () => {
  it("P8 P16 with a new secret put first too early, an old process signs nobody out and keeps nothing", async () => {
    const old = memoryApp();
    const { here, there } = await ada(old.another({ secrets: [OTHER_SECRET, SECRET] }), old);
    const { userId, refusal } = await there.read();
    expect([userId, refusal]).toEqual([undefined, "unknown-key"]);
    await expect(there.set("color", "blue")).rejects.toThrow(SessionClosedError);
    await expect(there.visit((session) => session.signOut())).rejects.toThrow(SessionClosedError);
    expect((await here.read()).get("color")).toBe("red");
  });

  it("with a new version, an old process fails at what the new one wrote, and takes nothing from it", async () => {
    const old = memoryApp();
    const next = old.another({ version: 1, migrate: (data) => ({ ...data, size: "m" }) });
    const { here, there } = await ada(old, next);
    expect((await there.read()).all()).toEqual({ color: "red", size: "m" });
    // Not before it is written.
    expect((await here.read()).all()).toEqual({ color: "red" });
    await there.set("color", "blue");
    await expect(here.read()).rejects.toThrow(ValueError);
    await expect(here.set("color", "green")).rejects.toThrow(ValueError);
    expect((await there.read()).all()).toEqual({ color: "blue", size: "m" });
    await here.signIn("ada");
    expect((await here.read()).all()).toEqual({});
  });

  it("with shorter timeouts, new processes go by theirs at once, and longer ones revive nobody", async () => {
    const old = memoryApp({ timeouts: { idle: "2h" } });
    const next = old.another({ timeouts: { idle: "1h" } });
    const { here, there } = await ada(old, next);
    old.clock.advance("90m");
    expect((await there.read()).refusal).toBe("idle-timeout");
    expect((await here.read()).userId).toBe("ada");
    old.clock.set(old.clock.now() + 3 * HOUR);
    const longer = here.copy(old.another({ timeouts: { idle: "9h" } }).sessions);
    expect((await longer.read()).refusal).toBe("idle-timeout");
  });

  it("with another store, or part of one, everyone begins anew", async () => {
    const old = memoryApp();
    const { there } = await ada(old, memoryApp({ store: memoryStore() }));
    const { userId, refusal } = await there.read();
    expect([userId, refusal]).toEqual([undefined, "absent"]);
    expect((await there.set("color", "blue")).cookies).toHaveLength(1);
  });

  it("with sealed sessions that may spill into the store, stored ones go on", async () => {
    const old = memoryApp();
    const sealed = old.another({
      method: "sealed",
      sealed: { update: "accept-lost-updates", overflow: "store" },
    });
    const { here, there } = await ada(old, sealed);
    await there.set("size", "m");
    expect(there.cookie()).toBe(here.cookie());
    expect((await here.read()).all()).toEqual({ color: "red", size: "m" });
    await there.signIn("ada");
    expect((await there.copy(old.sessions).read()).userId).toBe("ada");
    // What begins there is sealed, and the old process does not know it.
    const bob = sealed.browser();
    await bob.signIn("bob");
    expect((await bob.copy(old.sessions).read()).refusal).toBe("malformed");
  });

  it.each([["stored", "sealed"] as const, ["sealed", "stored"] as const])(
    "from %s to %s sessions, everyone begins anew",
    async (from, to) => {
      const old = memoryApp({ method: from });
      const { there } = await ada(old, old.another({ method: to }));
      const { userId, refusal } = await there.read();
      expect([userId, refusal]).toEqual([undefined, "malformed"]);
      expect((await there.set("color", "blue")).cookies).toHaveLength(1);
    },
  );
});
