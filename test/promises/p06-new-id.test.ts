import { expect, it } from "vitest";
import { SignInRefusedError } from "../../src/errors.ts";
import type { Fault } from "../../src/testing/faults.ts";
import { nthCall } from "../../src/testing/faults.ts";
import { eachWay } from "../support/ways.ts";

const FAULTS = {
  before: "fails before its effect",
  after: "fails after its effect",
  resent: "is sent twice",
};

eachWay((open, { method }) => {
  it("P6 signing in mints a new id and ticket; the old cookie never opens the new session", async () => {
    const app = await open();
    const ada = app.browser();
    await ada.set("cart", ["tea"]);
    const before = ada.cookie();
    const visitorId = (await ada.read()).id;
    await ada.signIn("ada");
    const loaded = await ada.read();
    expect([loaded.userId, loaded.get("cart")]).toEqual(["ada", ["tea"]]);
    expect(loaded.id).not.toBe(visitorId);
    expect(ada.cookie()).not.toBe(before);
    const planted = app.browser();
    planted.plant(before);
    const old = await planted.read();
    expect([old.userId, old.get("cart")]).toEqual([undefined, undefined]);
  });

  it("P6 gaining rights mints a new id, and the session of before has ended", async () => {
    const app = await open();
    const ada = app.browser();
    await ada.signIn("ada");
    const weak = ada.copy();
    const id = (await ada.read()).id;
    await ada.visit((session) => session.elevate("totp"));
    const loaded = await ada.read();
    expect(loaded.id).not.toBe(id);
    expect(loaded.info.authentications.map(({ method: by }) => by)).toEqual(["password", "totp"]);
    expect((await weak.read()).userId).toBeUndefined();
  });

  it("P6 signing in twice in one request leaves one live session", async () => {
    const app = await open();
    const ada = app.browser();
    const ids: (string | undefined)[] = [];
    await ada.visit(async (session) => {
      ids.push((await session.signIn("ada")).id);
      ids.push((await session.signIn("ada")).id);
    });
    expect(new Set(ids).size).toBe(2);
    expect((await ada.read()).id).toBe(ids[1]);
  });

  it("P6 another user's data does not come along, but for the keys that are kept", async () => {
    const app = await open();
    const shared = app.browser();
    await shared.visit(async (session) => {
      const loaded = await session.signIn("ada");
      loaded.set("cart", ["tea"]);
      loaded.set("theme", "dark");
    });
    await shared.visit((session) => session.signIn("bob", { keep: ["theme"] }));
    const loaded = await shared.read();
    expect([loaded.userId, loaded.all()]).toEqual(["bob", { theme: "dark" }]);
  });

  it("P6 a sign-in that began before a cut-off is refused", async () => {
    const app = await open();
    for (const cutOff of ["revokeUser", "revokeEveryone"] as const) {
      const slow = app.browser().begin();
      await slow.session.load();
      app.clock.advance("1s");
      await app.sessions[cutOff]("ada");
      await expect(slow.session.signIn("ada")).rejects.toBeInstanceOf(SignInRefusedError);
      expect((await slow.finish({ failed: true })).cookies).toEqual([]);
    }
  });

  it("P6 a password reset signs this browser in and every other one out", async () => {
    const app = await open();
    const thief = app.browser();
    await thief.signIn("ada");
    const ada = app.browser();
    await ada.visit((session) => session.signIn("ada", { revokeOthers: true }));
    expect((await ada.read()).userId).toBe("ada");
    expect((await thief.read()).userId).toBeUndefined();
  });

  it("P6 what was buffered before the sign-in comes along", async () => {
    const app = await open();
    const ada = app.browser();
    await ada.visit(async (session) => {
      (await session.load()).set("cart", ["tea"]);
      const loaded = await session.signIn("ada");
      expect(loaded.get("cart")).toEqual(["tea"]);
      (loaded.get("cart") as string[]).push("milk");
    });
    expect((await ada.read()).get("cart")).toEqual(["tea", "milk"]);
  });

  if (method === "sealed") {
    for (const [fault, what] of Object.entries(FAULTS)) {
      it(`P6 a sign-in survives: call 1 of add ${what}`, async () => {
        const app = await open({ faults: nthCall("add", 1, fault as Fault) });
        const ada = app.browser();
        await ada.set("cart", ["tea"]);
        const visitor = ada.copy();
        await ada.signIn("ada");
        expect([(await ada.read()).userId, (await visitor.read()).refusal]).toEqual([
          "ada",
          "revoked",
        ]);
      });
    }
    return;
  }

  it("P6 what another request wrote during the sign-in comes along", async () => {
    const app = await open();
    const ada = app.browser();
    await ada.set("cart", ["tea"]);
    const slow = ada.begin();
    await slow.session.load();
    await ada.set("theme", "dark");
    await slow.session.signIn("ada");
    await slow.finish();
    expect((await ada.read()).all()).toEqual({ cart: ["tea"], theme: "dark" });
  });

  it("P6 of two sign-ins from one visitor session one is refused, and one session is left", async () => {
    const app = await open();
    const ada = app.browser();
    await ada.set("cart", ["tea"]);
    const visits = [ada.begin(), ada.begin()];
    const outcomes = await Promise.allSettled(visits.map(({ session }) => session.signIn("ada")));
    expect(outcomes.map(({ status }) => status).sort()).toEqual(["fulfilled", "rejected"]);
    const listed = [];
    for await (const each of app.sessions.list("ada")) listed.push(each);
    expect(listed).toHaveLength(1);
  });

  it("P6 a sign-in from a session that was revoked meanwhile is refused", async () => {
    const app = await open();
    const ada = app.browser();
    await ada.set("cart", ["tea"]);
    const slow = ada.begin();
    const { id } = await slow.session.load();
    await app.sessions.revoke(id as string);
    await expect(slow.session.signIn("ada")).rejects.toBeInstanceOf(SignInRefusedError);
    const listed = [];
    for await (const each of app.sessions.list("ada")) listed.push(each);
    expect(listed).toEqual([]);
  });

  for (const [verb, call] of [
    ["create", 2],
    ["update", 1],
  ] as const) {
    for (const [fault, what] of Object.entries(FAULTS)) {
      it(`P6 a sign-in survives: call ${call} of ${verb} ${what}`, async () => {
        const app = await open({ faults: nthCall(verb, call, fault as Fault) });
        const ada = app.browser();
        await ada.set("cart", ["tea"]);
        const visitor = ada.copy();
        await ada.signIn("ada");
        expect((await ada.read()).userId).toBe("ada");
        expect((await visitor.read()).refusal).toBe("closed");
        const listed = [];
        for await (const each of app.sessions.list()) listed.push(each.userId);
        expect(listed).toEqual(["ada"]);
      });
    }
  }
});
