import { describe, expect, it, vi } from "vitest";
import { UsageError } from "../../../src/errors.ts";
import type { ListedSession } from "../../../src/index.ts";
import { createSessions } from "../../../src/index.ts";
import { memoryStore } from "../../../src/stores/memory.ts";
import { recording } from "../../../src/testing/recording.ts";
import { createBrowser } from "../../support/jar.ts";
import type { App, Data } from "../../support/ways.ts";
import { memoryApp, SECRET } from "../../support/ways.ts";

async function listed(app: App, userId?: string): Promise<ListedSession[]> {
  const all: ListedSession[] = [];
  const sessions = userId === undefined ? app.sessions.list() : app.sessions.list(userId);
  for await (const each of sessions) all.push(each);
  return all;
}

async function signedIn(app: App, userId: string) {
  const browser = app.browser();
  await browser.signIn(userId);
  return { browser, id: (await browser.read()).id as string };
}

/** Without the verbs of the feed, as a store may be. */
function withoutFeed() {
  const { add: _add, since: _since, ...store } = memoryStore();
  return store;
}

describe("revoke", () => {
  it("ends one session and no other, and answers whether there was one", async () => {
    const app = memoryApp();
    const [one, two] = [await signedIn(app, "ada"), await signedIn(app, "ada")];
    expect(await app.sessions.revoke(one.id)).toBe(true);
    expect(await app.sessions.revoke(one.id)).toBe(false);
    expect([(await one.browser.read()).userId, (await two.browser.read()).userId]).toEqual([
      undefined,
      "ada",
    ]);
  });

  it.each([
    "",
    "../",
    "../../etc/passwd",
    "x".repeat(23),
    "x".repeat(10_000),
    "\u0000".repeat(24),
    "é".repeat(24),
    "__proto__",
    undefined,
    null,
    5,
    {},
    ["a"],
  ])("answers false for %j, and no store is asked", async (id) => {
    const app = memoryApp();
    expect(await app.sessions.revoke(id as never)).toBe(false);
    expect([app.recorded.calls, app.told("revoked")]).toEqual([[], []]);
  });

  it("answers false for an id of nobody, and for a session that is over already", async () => {
    const app = memoryApp();
    expect(await app.sessions.revoke("A".repeat(24))).toBe(false);
    const { id } = await signedIn(app, "ada");
    app.clock.advance("30d");
    expect(await app.sessions.revoke(id)).toBe(false);
    expect(app.told("revoked")).toEqual([]);
  });

  it("P5 ends a session that has timed out here, and is live by the longer timeouts of another process", async () => {
    const app = memoryApp();
    const { browser, id } = await signedIn(app, "ada");
    app.clock.advance("2h");
    expect(await app.another({ timeouts: "aal2" }).sessions.revoke(id)).toBe(true);
    expect((await browser.read()).refusal).toBe("closed");
  });

  it("ends a session that others are writing to", async () => {
    const app = memoryApp();
    const { browser, id } = await signedIn(app, "ada");
    const writes = Array.from({ length: 20 }, (_, at) =>
      browser.set(`key${at}`, at).catch((error: unknown) => error),
    );
    const revoked = app.sessions.revoke(id);
    await Promise.all(writes);
    expect(await revoked).toBe(true);
    expect((await browser.read()).userId).toBeUndefined();
  });
});

describe("a sign-in after everything was revoked", () => {
  it.each(["stored", "sealed"] as const)("is a later one, however fast (%s)", async (method) => {
    const sessions = createSessions<Data>({ secrets: [SECRET], store: memoryStore(), method });
    const browser = createBrowser(sessions);
    for (let round = 0; round < 50; round += 1) {
      if (round % 2 === 0) await sessions.revokeUser("ada");
      else await sessions.revokeEveryone();
      await browser.signIn("ada");
      expect((await browser.read()).userId).toBe("ada");
    }
  });
});

describe("revokeUser", () => {
  it("ends all sessions of the user but the excepted one", async () => {
    const app = memoryApp();
    const [one, two] = [await signedIn(app, "ada"), await signedIn(app, "ada")];
    const bob = await signedIn(app, "bob");
    await app.sessions.revokeUser("ada", { except: two.id });
    const left = [one, two, bob].map(async ({ browser }) => (await browser.read()).userId);
    expect(await Promise.all(left)).toEqual([undefined, "ada", "bob"]);
  });

  it.each([undefined, null, "", 5, {}, "ada\ud83d"])(
    "refuses %j as a user, rather than revoke nothing",
    async (userId) => {
      const app = memoryApp();
      const attempt = (async () => app.sessions.revokeUser(userId as never))();
      await expect(attempt).rejects.toBeInstanceOf(UsageError);
      expect([app.recorded.calls, app.told("revoked")]).toEqual([[], []]);
    },
  );

  it("excepts nobody by the id of another user's session, or of none", async () => {
    const app = memoryApp();
    const ada = await signedIn(app, "ada");
    const bob = await signedIn(app, "bob");
    for (const except of [bob.id, "A".repeat(24), "../", ""]) {
      await app.sessions.revokeUser("ada", { except });
    }
    expect((await ada.browser.read()).userId).toBeUndefined();
    expect((await bob.browser.read()).userId).toBe("bob");
  });

  it.each([5, null, {}, "\0", "A".repeat(5000)])(
    "asks no store to except %o, which is no id",
    async (id) => {
      const store = memoryStore();
      const cutOff = vi.spyOn(store, "cutOff");
      const sessions = createSessions({ secrets: [SECRET], store });
      await sessions.revokeUser("ada", { except: id as string });
      expect(cutOff.mock.calls[0]?.[1].except).toBeUndefined();
    },
  );

  it("brings nothing back by excepting a session that an earlier one has ended", async () => {
    const app = memoryApp({ faults: ({ verb }) => (verb === "update" ? "before" : undefined) });
    const { browser, id } = await signedIn(app, "ada");
    await app.sessions.revokeUser("ada");
    app.clock.advance("1s");
    await app.sessions.revokeUser("ada", { except: id });
    expect((await browser.read()).userId).toBeUndefined();
  });

  it("P14 lets other requests have their turn while it closes many sessions", async () => {
    const kept = memoryStore();
    const turns = new Set<number>();
    let turn = 0;
    const update: typeof kept.update = (...args) => {
      turns.add(turn);
      return kept.update(...args);
    };
    const sessions = createSessions<Data>({ secrets: [SECRET], store: { ...kept, update } });
    for (let at = 0; at < 600; at += 1) await createBrowser(sessions).signIn("ada");
    const count = (): unknown => {
      turn += 1;
      return turn > 0 && setImmediate(count);
    };
    count();
    await sessions.revokeUser("ada");
    turn = Number.NEGATIVE_INFINITY;
    expect(turns.size).toBe(3);
  });

  it("P14 closes each session once when somebody signs out everywhere many times at once", async () => {
    const app = memoryApp();
    const browsers = Array.from({ length: 60 }, () => app.browser());
    for (const browser of browsers) await browser.signIn("eve");
    app.recorded.clear();
    const all = browsers.map((browser) =>
      browser.visit((session) => session.revokeOthers()).catch(() => undefined),
    );
    await Promise.all(all);
    expect(app.recorded.count("update")).toBeLessThanOrEqual(60);
  });

  it("works with a store that keeps no feed", async () => {
    const sessions = createSessions<Data>({ secrets: [SECRET], store: withoutFeed() });
    const ada = createBrowser(sessions);
    await ada.signIn("ada");
    await sessions.revokeUser("ada");
    expect((await ada.read()).userId).toBeUndefined();
  });
});

describe("revokeEveryone", () => {
  it("throws where no feed is kept, and says what keeps one", async () => {
    const sessions = createSessions<Data>({ secrets: [SECRET], store: withoutFeed() });
    const ada = createBrowser(sessions);
    await ada.signIn("ada");
    const attempt = sessions.revokeEveryone();
    await expect(attempt).rejects.toBeInstanceOf(UsageError);
    await expect(attempt).rejects.toThrow(/lmdbStore or memoryStore/);
    expect((await ada.read()).userId).toBe("ada");
  });

  it("closes what lies in the store, page by page, so that its data is gone", async () => {
    const app = memoryApp();
    for (let at = 0; at < 300; at += 1) await app.browser().set("secret", at);
    await app.sessions.revokeEveryone();
    expect(await listed(app)).toEqual([]);
    const closings = app.recorded.calls.filter(({ verb }) => verb === "update");
    expect(closings).toHaveLength(300);
    app.clock.advance("61s");
    expect(await app.sessions.sweep()).toBe(300);
  });
});

describe("sweep", () => {
  it("removes what is over in batches, and says how many", async () => {
    const app = memoryApp();
    for (let at = 0; at < 25; at += 1) await app.browser().set("a", at);
    app.clock.advance("2d");
    await signedIn(app, "ada");
    app.recorded.clear();
    expect(await app.sessions.sweep({ batch: 10 })).toBe(25);
    expect(app.recorded.count("sweep")).toBe(3);
    expect(await app.sessions.sweep()).toBe(0);
    expect(await listed(app)).toHaveLength(1);
  });

  it("leaves one timer at most, however often it is called", async () => {
    vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout"] });
    try {
      const { sessions } = memoryApp();
      for (let call = 0; call < 3; call += 1) await sessions.sweep();
      expect(vi.getTimerCount()).toBeLessThanOrEqual(1);
    } finally {
      vi.useRealTimers();
    }
  });

  it("takes as long as the store needs, which may have millions to go along", async () => {
    vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout", "performance"] });
    try {
      const sweep = () => new Promise<number>((done) => setTimeout(done, 60_000, 7));
      const store = { ...memoryStore(), sweep };
      const sessions = createSessions({ secrets: [SECRET], store, storeDeadline: "3s" });
      const swept = sessions.sweep();
      const settled = expect(swept).resolves.toBe(7);
      await vi.advanceTimersByTimeAsync(60_000);
      await settled;
    } finally {
      vi.useRealTimers();
    }
  });

  it.each([0, -1, 0.5, Number.NaN, Number.POSITIVE_INFINITY, "10", null])(
    "refuses a batch of %o, with which it would never end",
    async (batch) => {
      const recorded = recording(memoryStore());
      const sessions = createSessions({ secrets: [SECRET], store: recorded.store });
      const attempt = (async () => sessions.sweep({ batch: batch as number }))();
      await expect(attempt).rejects.toBeInstanceOf(UsageError);
      expect(recorded.count("sweep")).toBe(0);
    },
  );
});

it("P5 revokeEveryone is done, and not done again, where the store cannot list whom to close", async () => {
  const app = memoryApp({ faults: ({ verb }) => (verb === "list" ? "before" : undefined) });
  const ada = app.browser();
  await ada.signIn("ada");
  await app.sessions.revokeEveryone();
  expect(app.told("revoked")).toHaveLength(1);
  expect((await ada.read()).refusal).toBe("revoked");
});
