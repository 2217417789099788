import { describe, expect, it } from "vitest";
import { SignInRefusedError, UsageError } from "../../../src/errors.ts";
import { createSessions } from "../../../src/index.ts";
import { memoryStore } from "../../../src/stores/memory.ts";
import { testClock } from "../../../src/testing/clock.ts";
import type { Gate } from "../../../src/testing/faults.ts";
import { gate, nthCall } from "../../../src/testing/faults.ts";
import type { Browser } from "../../support/jar.ts";
import { createBrowser } from "../../support/jar.ts";
import type { App, Data } from "../../support/ways.ts";
import { memoryApp, SECRET } from "../../support/ways.ts";

const SEEN = "__Host-Http-sid-seen";

describe("sealed sessions whose replay is accepted", () => {
  function withoutFeed() {
    const clock = testClock();
    const sessions = createSessions<Data>({
      secrets: [SECRET],
      method: "sealed",
      sealed: { revocations: "accept-replay" },
      clock: clock.now,
    });
    return { clock, sessions, browser: () => createBrowser(sessions) };
  }

  it("sign in and out without any store; the cookie goes, and a copy goes on", async () => {
    const { browser } = withoutFeed();
    const ada = browser();
    await ada.set("cart", ["tea"]);
    await ada.signIn("ada");
    const copy = ada.copy();
    await ada.visit((session) => session.signOut());
    expect(ada.cookie()).toBe("");
    const loaded = await copy.read();
    expect([loaded.userId, loaded.get("cart")]).toEqual(["ada", ["tea"]]);
  });

  it("end by their timeouts all the same", async () => {
    const { browser, clock } = withoutFeed();
    const ada = browser();
    await ada.signIn("ada");
    clock.advance("8d");
    expect((await ada.read()).refusal).toBe("idle-timeout");
  });

  it.each([
    ["revoke", (sessions: Sessions) => sessions.revoke("a".repeat(24))],
    ["revokeUser", (sessions: Sessions) => sessions.revokeUser("ada")],
    ["revokeEveryone", (sessions: Sessions) => sessions.revokeEveryone()],
    ["sweep", (sessions: Sessions) => sessions.sweep()],
    ["list", async (sessions: Sessions) => sessions.list()[Symbol.asyncIterator]().next()],
  ])("throw for %s, which nothing could keep", async (_, call) => {
    const { sessions } = withoutFeed();
    const told: unknown[] = [];
    sessions.on("revoked", (event) => told.push(event));
    await expect(call(sessions)).rejects.toBeInstanceOf(UsageError);
    expect(told).toEqual([]);
  });

  it("throw for revokeOthers, and nobody is told that it was done", async () => {
    const { browser } = withoutFeed();
    const ada = browser();
    await ada.signIn("ada");
    const attempt = ada.visit((session) => session.revokeOthers());
    await expect(attempt).rejects.toBeInstanceOf(UsageError);
    expect((await ada.read()).userId).toBe("ada");
  });

  type Sessions = ReturnType<typeof createSessions<Data>>;
});

describe("sealed sessions with a feed and no store", () => {
  const { add, since } = memoryStore();
  const sessions = createSessions<Data>({
    secrets: [SECRET],
    method: "sealed",
    sealed: { revocations: { add, since } },
  });

  it("are revoked by id, by user and all at once", async () => {
    for (const end of [
      (id: string) => sessions.revoke(id),
      () => sessions.revokeUser("ada"),
      () => sessions.revokeEveryone(),
    ]) {
      const ada = createBrowser(sessions);
      await new Promise((resolve) => setTimeout(resolve, 3));
      await ada.signIn("ada");
      await end((await ada.read()).id as string);
      expect((await ada.read()).refusal).toBe("revoked");
    }
  });

  it("cannot be listed or swept: nobody keeps them", async () => {
    await expect(sessions.sweep()).rejects.toThrow(/no `store` keeps them/);
    await expect(sessions.list()[Symbol.asyncIterator]().next()).rejects.toThrow(/listed/);
  });
});

describe.each(["before", "after"] as const)(
  "a call of the feed that fails %s its effect, once",
  (fault) => {
    it.each(["signOut", "revoke", "revokeUser", "revokeEveryone"] as const)(
      "P5 does not keep %s from ending a session, everywhere",
      async (end) => {
        const app = memoryApp({ method: "sealed", faults: nthCall("add", 1, fault) });
        const other = app.another();
        const ada = app.browser();
        await ada.signIn("ada");
        const there = ada.copy(other.sessions);
        const { id = "" } = await ada.read();
        if (end === "signOut") await ada.visit((session) => session.signOut());
        else if (end === "revokeUser") await app.sessions.revokeUser("ada");
        else if (end === "revoke") await app.sessions.revoke(id);
        else await app.sessions.revokeEveryone();
        expect([...app.told("signedOut"), ...app.told("revoked")]).toHaveLength(1);
        app.clock.advance("10s");
        expect((await there.read()).refusal).toBe("revoked");
      },
    );
  },
);

it("P5 a sealed sign-in that began before a cut-off elsewhere is refused, however old the mirror is", async () => {
  const app = memoryApp({ method: "sealed" });
  const there = app.another();
  const { session, finish } = there.browser().begin();
  app.clock.advance("1s");
  await app.sessions.revokeUser("ada");
  await expect(session.signIn("ada")).rejects.toBeInstanceOf(SignInRefusedError);
  expect((await finish({ failed: true })).cookies).toEqual([]);
  expect(there.told("signedIn")).toEqual([]);
});

describe("revoke of a sealed session", () => {
  it.each([
    "",
    "../",
    "a".repeat(23),
    "a".repeat(25),
    "é".repeat(24),
    "x".repeat(10_000),
    " ",
    "%",
  ])("answers false for %j and keeps nothing of it", async (id) => {
    const app = memoryApp({ method: "sealed" });
    expect(await app.sessions.revoke(id)).toBe(false);
    expect([app.recorded.count("add"), app.told("revoked")]).toEqual([0, []]);
  });

  it("holds for whoever has it, at once", async () => {
    const app = memoryApp({ method: "sealed" });
    const ada = app.browser();
    await ada.signIn("ada");
    const { id } = await ada.read();
    expect(await app.sessions.revoke(id as string)).toBe(true);
    expect((await ada.read()).refusal).toBe("revoked");
    expect(app.told("revoked")).toEqual([{ sessionId: id, userId: undefined, by: "session" }]);
  });
});

describe.each([
  ["within the same millisecond", 0],
  ["a millisecond later", 0.001],
])("a sealed session that is signed out while another request replaces it, %s", (_, later) => {
  function replacing() {
    const held = gate();
    const app = memoryApp({
      method: "sealed",
      sealed: { overflow: "store" },
      faults: nthCall("add", 1, { heldBy: held }),
    });
    return { app, held };
  }

  async function signOutMeanwhile(app: App, ada: Browser, held: Gate): Promise<void> {
    const leaving = ada.copy();
    app.clock.advance(later);
    await leaving.visit((session) => session.signOut());
    held.open();
  }

  it("P5 is not followed by the one that a proof has made", async () => {
    const { app, held } = replacing();
    const ada = app.browser();
    await ada.signIn("ada");
    const { session, finish } = ada.begin();
    const proof = expect(session.elevate("totp")).rejects.toBeInstanceOf(SignInRefusedError);
    await expect.poll(() => app.recorded.count("add")).toBe(1);
    await signOutMeanwhile(app, ada, held);
    await proof;
    expect((await finish({ failed: true })).cookies).toEqual([]);
    expect(app.told("signedIn")).toHaveLength(1);
    expect((await ada.read()).userId).toBeUndefined();
  });

  it("P5 is not followed by the one that it was to become in the store", async () => {
    const { app, held } = replacing();
    const ada = app.browser();
    await ada.signIn("ada");
    const { session, finish } = ada.begin();
    (await session.load()).set("large", "x".repeat(5000));
    const writing = finish();
    await expect.poll(() => app.recorded.count("add")).toBe(1);
    await signOutMeanwhile(app, ada, held);
    expect((await writing).cookies).toEqual([]);
    expect(app.told("dropped")).toMatchObject([{ keys: ["large"] }]);
    for await (const each of app.sessions.list()) expect(each).toBeUndefined();
    expect((await ada.read()).userId).toBeUndefined();
  });

  it("P6 is followed by one of two proofs", async () => {
    const { app, held } = replacing();
    const ada = app.browser();
    await ada.signIn("ada");
    const both = ["totp", "passkey"].map((method) => {
      if (method === "passkey") app.clock.advance(later);
      return ada.begin().session.elevate(method);
    });
    held.open();
    const outcomes = await Promise.allSettled(both);
    expect(outcomes.map(({ status }) => status).sort()).toEqual(["fulfilled", "rejected"]);
  });
});

describe("the sign-out of a sealed session", () => {
  const DAY = 86_400_000;

  async function signedOut(make: (browser: Browser) => Promise<unknown>) {
    const app = memoryApp({ method: "sealed" });
    const other = app.another();
    const browser = app.browser();
    await make(browser);
    const slow = browser.copy(other.sessions);
    await slow.read();
    await browser.visit((session) => session.signOut());
    const { revocations } = await app.store.since(undefined);
    return { app, slow, lasts: (revocations.at(-1)?.until ?? 0) - app.clock.now() };
  }

  it("is remembered for as long as its seals could be live, by any timeouts, and a clock be set back: a visitor's soon is not", async () => {
    const visitor = await signedOut((browser) => browser.set("cart", ["tea"]));
    expect(visitor.lasts).toBe(2 * DAY + 310_000);
    const user = await signedOut((browser) => browser.signIn("ada"));
    expect(user.lasts).toBe(31 * DAY);
  });

  it("P5 outlasts a seal that another process has made before it knew", async () => {
    const { app, slow } = await signedOut((browser) => browser.set("cart", ["tea"]));
    app.clock.advance("9s");
    await slow.set("cart", ["tea", "cups"]);
    for (let hours = 0; hours < 72; hours += 1) {
      app.clock.advance("1h");
      expect((await slow.copy(app.sessions).read()).get("cart")).toBeUndefined();
    }
  });
});

describe("a request of a sealed session that takes longer than the revocation delay", () => {
  /** Requests that are under way in another process while a proof, a sign-out or a cut-off comes here. */
  async function slow() {
    const app = memoryApp({ method: "sealed" });
    const ada = app.browser();
    await ada.signIn("ada");
    const there = app.another().browser();
    there.plant(ada.cookie());
    const [writing, leaving] = [there.begin(), there.begin()];
    (await writing.session.load()).set("theme", "dark");
    await leaving.session.load();
    app.clock.advance("1s");
    return { app, ada, writing, leaving };
  }

  it("P5 P16 takes no newer cookie: it hears of the proof", async () => {
    const { app, ada, writing, leaving } = await slow();
    await ada.visit((session) => session.elevate("totp"));
    app.clock.advance("10s");
    expect((await writing.finish()).cookies).toEqual([]);
    await leaving.session.signOut();
    expect((await leaving.finish()).cookies).toEqual([]);
    expect((await ada.read()).userId).toBe("ada");
  });

  it("P5 P16 sets no cookie of a session that has ended meanwhile", async () => {
    for (const end of ["revokeUser", "revokeEveryone"] as const) {
      const { app, writing } = await slow();
      await app.sessions[end]("ada");
      app.clock.advance("10s");
      expect((await writing.finish()).cookies).toEqual([]);
    }
  });
});

describe("the small cookie that says when a sealed session was last used", () => {
  const timeouts = { idle: "1h", absolute: "1d", touchInterval: "5m" } as const;

  it("is set by a read at most once per touch interval, and deleted by the next write", async () => {
    const app = memoryApp({ method: "sealed", timeouts });
    const ada = app.browser();
    await ada.signIn("ada");
    const names = async () =>
      (await ada.visit((session) => session.load())).head.cookies.map(({ name }) => name);
    expect(await names()).toEqual([]);
    app.clock.advance("5m");
    expect(await names()).toEqual([SEEN]);
    expect(await names()).toEqual([]);
    const head = await ada.set("a", 1);
    expect(head.cookies.map(({ name, attributes }) => [name, attributes.maxAge])).toEqual([
      ["__Host-Http-sid", undefined],
      [SEEN, 0],
    ]);
  });

  it("carries the session over its idle timeout, and its times show", async () => {
    const app = memoryApp({ method: "sealed", timeouts });
    const ada = app.browser();
    await ada.signIn("ada");
    for (let time = 0; time < 3; time += 1) {
      app.clock.advance("50m");
      await ada.read();
    }
    const { info } = await ada.read();
    expect(info.lastSeenAt).toBe(app.clock.now());
    expect(info.expiresAt).toBe(app.clock.now() + 65 * 60_000);
    app.clock.advance("66m");
    expect((await ada.read()).refusal).toBe("idle-timeout");
  });

  it("does so for its own session alone, and only with the seal itself", async () => {
    const app = memoryApp({ method: "sealed", timeouts });
    const [ada, bob] = [app.browser(), app.browser()];
    await ada.signIn("ada");
    await bob.signIn("bob");
    const seal = bob.cookie();
    app.clock.advance("50m");
    await ada.read();
    const [, seen = ""] = ada.cookie().split("; ");
    app.clock.advance("30m");
    expect((await ada.copy().read()).userId).toBe("ada");
    const cases = [`${seal}; ${seen}`, seen, seen.replace("-seen", ""), `${seal}; ${SEEN}=junk`];
    for (const cookie of cases) {
      const loaded = await app.sessions.open({ headers: { cookie } }).load();
      expect(loaded.userId).toBeUndefined();
    }
  });

  it("never moves the use back: the later of two counts", async () => {
    const app = memoryApp({ method: "sealed", timeouts });
    const ada = app.browser();
    await ada.signIn("ada");
    app.clock.advance("10m");
    await ada.read();
    const [, early = ""] = ada.cookie().split("; ");
    app.clock.advance("10m");
    await ada.read();
    for (const cookie of [`${early}; ${ada.cookie()}`, `${ada.cookie()}; ${early}`]) {
      const { info } = await app.sessions.open({ headers: { cookie } }).load();
      expect(info.lastSeenAt).toBe(app.clock.now());
    }
  });

  it("lasts as long as the session's own cookie does", async () => {
    const app = memoryApp({ method: "sealed" });
    const ada = app.browser();
    await ada.visit((session) => session.signIn("ada", { remember: true }));
    app.clock.advance("1d");
    const { head } = await ada.visit((session) => session.load());
    expect(head.cookies.map(({ name, attributes }) => [name, attributes.maxAge])).toEqual([
      [SEEN, 29 * 86_400],
    ]);
  });
});
