import { expect, it } from "vitest";
import { SessionClosedError, SignInRefusedError } from "../../src/errors.ts";
import type { FaultPlan } from "../../src/testing/faults.ts";
import type { App } from "../support/ways.ts";
import { eachWay } from "../support/ways.ts";

/** The ways in which a session ends, as somebody other than the slow request does them. */
const ENDINGS = {
  "a sign-out": async (app: App, cookie: string) => {
    const elsewhere = app.browser();
    elsewhere.plant(cookie);
    await elsewhere.visit((session) => session.signOut());
  },
  "a revoke": async (app: App, _cookie: string, id: string) => {
    await app.sessions.revoke(id);
  },
  "a cut-off of the user": async (app: App) => {
    await app.sessions.revokeUser("ada");
  },
  "a cut-off of everyone": async (app: App) => {
    await app.sessions.revokeEveryone();
  },
  "a sign-out from another device": async (app: App) => {
    const device = app.browser();
    app.clock.advance("1s");
    await device.signIn("ada");
    await device.visit((session) => session.revokeOthers());
  },
  "a sign-in as somebody else": async (app: App, cookie: string) => {
    const elsewhere = app.browser();
    elsewhere.plant(cookie);
    await elsewhere.signIn("bob");
  },
  "the absolute timeout": (app: App) => {
    app.clock.advance("31d");
    return Promise.resolve();
  },
};

/** A crash between the cut-off and the closing, or a backend whose index of users is lost. */
const closingFails: FaultPlan = ({ verb }) => (verb === "update" ? "before" : undefined);

eachWay((open) => {
  for (const [how, end] of Object.entries(ENDINGS)) {
    it(`P5 after ${how} the cookie opens nothing, whatever was under way`, async () => {
      const app = await open();
      const ada = app.browser();
      await ada.signIn("ada");
      const id = (await ada.read()).id as string;
      const cookie = ada.cookie();

      const writing = ada.begin();
      (await writing.session.load()).set("theme", "dark");
      const changing = ada.begin();
      await changing.session.load();
      const reading = ada.begin();
      await reading.session.load();
      const idle = ada.begin();
      const proving = ada.begin();
      await proving.session.load();

      await end(app, cookie, id);

      const late = [
        await writing.finish(),
        await reading.finish(),
        await idle.finish(),
        await idle.session.commit(),
      ];
      const change = changing.session.update("n", () => 1);
      await expect(change).rejects.toBeInstanceOf(SessionClosedError);
      expect(late.flatMap(({ cookies }) => cookies)).toEqual([]);
      expect(app.told("dropped")).toMatchObject([{ keys: ["theme"] }]);
      await changing.finish();
      const proof = proving.session.elevate("totp");
      await expect(proof).rejects.toBeInstanceOf(SignInRefusedError);
      expect((await proving.finish()).cookies).toEqual([]);

      for (const replay of [cookie, ada.cookie()]) {
        const thief = app.browser();
        thief.plant(replay);
        expect((await thief.read()).userId).toBeUndefined();
      }
    });
  }

  it("P5 in another process it holds within the revocation delay, even if nothing can be closed", async () => {
    const app = await open({ sealed: { revocationDelay: "10s" }, faults: closingFails });
    const other = app.another();
    const ada = app.browser();
    await ada.signIn("ada");
    const there = other.browser();
    there.plant(ada.cookie());
    expect((await there.read()).userId).toBe("ada");
    await app.sessions.revokeEveryone();
    app.clock.advance("10s");
    expect((await there.read()).userId).toBeUndefined();
  });

  it("P5 a session of another user, or one signed in later, is not touched by a cut-off", async () => {
    const app = await open();
    const ada = app.browser();
    await ada.signIn("ada");
    const bob = app.browser();
    await bob.signIn("bob");
    await app.sessions.revokeUser("ada");
    app.clock.advance("1s");
    const again = app.browser();
    await again.signIn("ada");
    expect([
      (await ada.read()).userId,
      (await bob.read()).userId,
      (await again.read()).userId,
    ]).toEqual([undefined, "bob", "ada"]);
  });

  it("P5 everyone's cut-off ends visitors too, and what begins later lives", async () => {
    const app = await open();
    const visitor = app.browser();
    await visitor.set("cart", ["tea"]);
    await app.sessions.revokeEveryone();
    expect((await visitor.read()).keys()).toEqual([]);
    app.clock.advance("2m");
    await visitor.set("cart", ["milk"]);
    expect((await visitor.read()).get("cart")).toEqual(["milk"]);
  });

  it("P5 the excepted session goes on, also through what it signs in next", async () => {
    const app = await open();
    const ada = app.browser();
    await ada.signIn("ada");
    const other = ada.copy();
    const second = app.browser();
    await second.signIn("ada");
    await ada.visit(async (session) => {
      await session.revokeOthers();
      await session.elevate("totp");
    });
    expect((await ada.read()).userId).toBe("ada");
    expect((await second.read()).userId).toBeUndefined();
    expect((await other.read()).userId).toBeUndefined();
  });
});

eachWay((open) => {
  it("P5 the cut-off alone ends a user's sessions, even if none of them can be closed", async () => {
    const app = await open({ faults: closingFails });
    const ada = app.browser();
    await ada.signIn("ada");
    const writing = ada.begin();
    (await writing.session.load()).set("theme", "dark");
    await app.sessions.revokeUser("ada");
    expect((await ada.read()).refusal).toBe("revoked");
    const listed = [];
    for await (const each of app.sessions.list("ada")) listed.push(each);
    expect(listed).toEqual([]);
  });

  it("P5 sweeping takes what is over and nothing else", async () => {
    const app = await open();
    const gone = app.browser();
    await gone.set("a", 1);
    app.clock.advance("2d");
    const alive = app.browser();
    await alive.signIn("ada");
    expect(await app.sessions.sweep()).toBe(1);
    expect((await alive.read()).userId).toBe("ada");
    expect((await gone.read()).refusal).toBe("absent");
  });
}, "stored");

eachWay((open) => {
  it("P5 a sign-out with two cookies that open two live sessions ends both", async () => {
    const app = await open();
    const cookies: string[] = [];
    for (const user of ["ada", "bob"]) {
      const browser = app.browser();
      await browser.signIn(user);
      cookies.push(browser.cookie());
    }
    const session = app.sessions.open({ headers: { cookie: cookies.join("; ") } });
    await session.signOut();
    expect((await session.commit({ at: "head" })).cookies.map(String)).toEqual([
      expect.stringContaining("Max-Age=0"),
    ]);
    expect(app.told("signedOut")).toHaveLength(2);
    for (const cookie of cookies) {
      const late = await app.sessions.open({ headers: { cookie } }).load();
      expect(late.userId).toBeUndefined();
    }
  });
});
