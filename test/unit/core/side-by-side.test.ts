import { describe, expect, it } from "vitest";
import { SessionClosedError, ValueError } from "../../../src/index.ts";
import { flaskCookie } from "../../../src/interop/flask.ts";
import { memoryStore } from "../../../src/stores/memory.ts";
import { testClock } from "../../../src/testing/clock.ts";
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

  describe.each(["stored", "sealed"] as const)(
    "with shorter timeouts for a while (%s)",
    (method) => {
      function open() {
        const clock = testClock();
        const app = memoryApp({ method, clock, store: memoryStore({ clock: clock.now }) });
        return { app, strict: app.another({ timeouts: "aal3" }) };
      }

      // What is kept of an ending must outlast the sessions of before, not only those by the timeouts of then.
      it.each([
        ["revokeEveryone", ({ sessions }: App) => sessions.revokeEveryone()],
        ["revokeUser", ({ sessions }: App) => sessions.revokeUser("ada")],
        ["revoke", ({ sessions }: App, id: string) => sessions.revoke(id)],
      ])("P5 what %s has ended stays so when they are longer again", async (_, end) => {
        const { app, strict } = open();
        const { here } = await ada(app, strict);
        const { id = "" } = await here.read();
        app.clock.advance("20m");
        await end(strict, id);
        app.clock.advance("3d");
        await strict.sessions.sweep();
        expect((await here.copy(app.another().sessions).read()).userId).toBeUndefined();
      });

      it("P5 what was signed out stays so when they are longer again", async () => {
        const { app, strict } = open();
        const { here, there } = await ada(app, strict);
        await there.set("color", "blue");
        await there.visit((session) => session.signOut());
        app.clock.advance("3d");
        await strict.sessions.sweep();
        expect((await here.copy(app.another().sessions).read()).userId).toBeUndefined();
      });

      it("P5 a sign-out ends what is live elsewhere by its latest use alone", async () => {
        const { app } = open();
        const { here, there } = await ada(app, app.another({ timeouts: { idle: "1d" } }));
        app.clock.advance("6d");
        await here.read();
        app.clock.advance("2d");
        there.plant(here.cookie());
        await there.visit((session) => session.signOut());
        app.clock.advance("11s");
        expect((await here.read()).userId).toBeUndefined();
      });

      it.each(["signOut", "signIn"])(
        "P5 %s ends what is timed out by them, and live by those of other processes",
        async (how) => {
          const { app, strict } = open();
          const { here, there } = await ada(app, strict);
          // A use that is written there, of which a copy of the cookie knows nothing.
          app.clock.advance("6m");
          await there.read();
          app.clock.advance("20m");
          const { head } = await there.visit<unknown>((session) =>
            how === "signOut" ? session.signOut() : session.signIn("ada"),
          );
          expect(head.cookies[0]?.attributes.maxAge).toBe(how === "signOut" ? 0 : undefined);
          app.clock.advance("11s");
          expect((await here.read()).userId).toBeUndefined();
          if (how === "signIn") expect((await there.read()).userId).toBe("ada");
        },
      );
    },
  );

  it("P5 with longer timeouts, a sign-out ends what is timed out by a use that an old process has written", async () => {
    const app = memoryApp({ method: "sealed" });
    const { here, there } = await ada(app, app.another({ timeouts: "aal3" }));
    app.clock.advance("6m");
    await there.read();
    app.clock.advance("20m");
    await there.copy(app.sessions).visit((session) => session.signOut());
    expect((await here.read()).userId).toBeUndefined();
  });

  it("with shorter timeouts, a sign-out with a ticket of before a rotation ends nobody's session", async () => {
    const old = memoryApp({ rotateEvery: "1m" });
    const { here, there } = await ada(old, old.another({ timeouts: "aal3" }));
    old.clock.advance("2m");
    await here.read();
    await here.read();
    old.clock.advance("20m");
    await there.visit((session) => session.signOut());
    expect((await here.read()).userId).toBe("ada");
  });

  it("P16 a use that was written under a secret that is put first too early keeps the cookie of a sealed session", async () => {
    const old = memoryApp({ method: "sealed", timeouts: { idle: "1h" } });
    const { here, there } = await ada(old, old.another({ secrets: [OTHER_SECRET, SECRET] }));
    old.clock.advance("50m");
    await there.read();
    here.plant(there.cookie());
    old.clock.advance("50m");
    const { userId, refusal } = await here.read();
    expect([userId, refusal]).toEqual([undefined, "unknown-key"]);
    await expect(here.set("color", "blue")).rejects.toThrow(SessionClosedError);
    expect((await there.read()).userId).toBe("ada");
  });

  it.each(["stored", "sealed"] as const)(
    "P16 with another `cookie.domain`, a sign-in helps whom two of them have given a session (%s)",
    async (method) => {
      const old = memoryApp({ method, cookie: { name: "sid" } });
      const next = old.another({ cookie: { name: "sid", domain: "shop.example" } });
      const [here, there] = [old.browser(), next.browser()];
      await here.set("color", "red");
      await there.set("color", "blue");
      const tab = next.sessions.open({
        headers: { cookie: `${here.cookie()}; ${there.cookie()}` },
      });
      expect((await tab.load()).refusal).toBe("ambiguous");
      await tab.signIn("ada");
      const [set] = (await tab.commit({ at: "head" })).cookies;
      const cookie = `${here.cookie()}; sid=${set?.value}`;
      const { userId } = await next.sessions.open({ headers: { cookie } }).load();
      expect(userId).toBe("ada");
    },
  );

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

  it("P8 with a new secret, a shared session that revokeOthers has spared goes on", async () => {
    const share = flaskCookie({ secrets: ["flask's own secret"] });
    const app = memoryApp({ method: "shared", share, secrets: [SECRET, OTHER_SECRET] });
    const { cookies } = await share.seal({ data: { _user_id: "ada" } }, app.clock.now());
    const ada = app.browser();
    ada.plant(cookies.map(({ name, value }) => `${name}=${value}`).join("; "));
    app.clock.advance("1m");
    await ada.visit((session) => session.revokeOthers());
    const rotated = app.another({ secrets: [OTHER_SECRET, SECRET] });
    for (const { sessions } of [app, rotated]) {
      expect((await ada.copy(sessions).read()).userId).toBe("ada");
    }
  });

  it.each(["signOut", "signIn"])(
    "P5 with shorter timeouts, %s ends a shared session that is timed out by them",
    async (how) => {
      const share = flaskCookie({ secrets: ["flask's own secret"] });
      const app = memoryApp({ method: "shared", share });
      const { here, there } = await ada(app, app.another({ timeouts: "aal3" }));
      app.clock.advance("20m");
      const { head } = await there.visit<unknown>((session) =>
        how === "signOut" ? session.signOut() : session.signIn("ada"),
      );
      expect(head.cookies.map(({ attributes }) => attributes.maxAge)).toEqual([
        how === "signOut" ? 0 : undefined,
      ]);
      app.clock.advance("11s");
      expect((await here.read()).userId).toBeUndefined();
      if (how === "signIn") expect((await there.read()).userId).toBe("ada");
    },
  );

  it("with `adopt` in place of `share`, nothing of ours comes along as theirs", async () => {
    const share = flaskCookie({ secrets: ["flask's own secret"] });
    const shared = memoryApp({ method: "shared", share });
    const { there } = await ada(
      shared,
      shared.another({ method: "stored", share: undefined, adopt: [share] }),
    );
    expect((await there.read()).all()).toEqual({ color: "red" });
  });

  it("with an overflow into the store, what has moved there is nothing to an old process", async () => {
    const old = memoryApp({ method: "sealed" });
    const { there } = await ada(old, old.another({ sealed: { overflow: "store" } }));
    await there.set("color", "x".repeat(5000));
    const back = there.copy(old.sessions);
    expect((await back.read()).refusal).toBe("malformed");
    expect((await back.set("color", "blue")).cookies).toHaveLength(1);
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

// Browsers do not look at the port: on localhost all apps have one jar.
describe("two apps on one host", () => {
  it("with one cookie name between them are told why nothing is kept", async () => {
    const shop = memoryApp();
    const { there } = await ada(shop, memoryApp({ secrets: [OTHER_SECRET] }));
    await expect(there.set("color", "blue")).rejects.toThrow("another app's on this host?");
  });

  it("with a cookie name each leave one another alone", async () => {
    const shop = memoryApp();
    const { here, there } = await ada(
      shop,
      memoryApp({ secrets: [OTHER_SECRET], cookie: { name: "office" } }),
    );
    await there.set("color", "blue");
    await there.signIn("bob");
    here.plant(there.cookie());
    expect((await here.read()).get("color")).toBe("red");
    expect((await there.read()).get("color")).toBe("blue");
  });
});
