import { describe, expect, it } from "vitest";
import { StoreUnavailableError } from "../../../src/errors.ts";
import type { SessionRecord } from "../../../src/stores/contract.ts";
import { memoryStore } from "../../../src/stores/memory.ts";
import { outage } from "../../../src/testing/faults.ts";
import { memoryApp, OTHER_SECRET, SECRET } from "../../support/ways.ts";

/** A store whose records are read as the test says. */
function storeReading(alter: (record: SessionRecord) => SessionRecord | undefined) {
  const store = memoryStore();
  return {
    ...store,
    async load(id: string) {
      const loaded = await store.load(id);
      const record = loaded && alter(loaded.record);
      return loaded && record && { ...loaded, record };
    },
  };
}

describe("a stored session", () => {
  it("of a user lies where the store keeps that user's; a visitor's lies anywhere", async () => {
    const homes: Record<string, string> = { ada: "AAAAAAAA", bob: "BBBBBBBB" };
    const store = { ...memoryStore(), home: async (userId: string) => homes[userId] as string };
    const app = memoryApp({ store });
    const browser = app.browser();
    await browser.set("cart", ["tea"]);
    expect((await browser.read()).id?.slice(0, 8)).not.toMatch(/A{8}|B{8}/);
    await browser.signIn("ada");
    expect((await browser.read()).id?.slice(0, 8)).toBe("AAAAAAAA");
    await browser.visit((session) => session.elevate("totp"));
    expect((await browser.read()).id?.slice(0, 8)).toBe("AAAAAAAA");
    await browser.signIn("bob");
    expect((await browser.read()).id?.slice(0, 8)).toBe("BBBBBBBB");
  });

  it("does not begin while the store cannot tell where", async () => {
    const down = outage();
    const store = { ...memoryStore(), home: async () => "AAAAAAAA" };
    const app = memoryApp({ store, faults: down.plan });
    const ada = app.browser();
    down.begin();
    await expect(ada.signIn("ada")).rejects.toMatchObject({ status: 503 });
    expect(ada.cookie()).toBe("");
  });

  it("gets another id when the one it drew is taken", async () => {
    const store = memoryStore();
    let calls = 0;
    const app = memoryApp({
      store: {
        ...store,
        async create(record, startedAgo, now) {
          calls += 1;
          if (calls < 3) await store.create({ ...record, body: "another's" }, startedAgo, now);
          return store.create(record, startedAgo, now);
        },
      },
    });
    const ada = app.browser();
    await ada.set("a", 1);
    expect([calls, (await ada.read()).get("a")]).toEqual([3, 1]);
  });

  it("is not begun by a store to which every id is taken: an error, and not for ever", async () => {
    const taken = { id: "", revision: 1, mark: 0, lastSeenAt: 0, closed: false, body: "another's" };
    const app = memoryApp({
      store: {
        ...memoryStore(),
        create: async () => "taken",
        load: async (id) => ({
          record: { ...taken, id, userId: undefined, expiresAt: Number.MAX_SAFE_INTEGER },
          cutOff: 0,
        }),
      },
    });
    const ada = app.browser();
    await expect(ada.set("a", 1)).rejects.toThrow(/taken|did not answer/);
    expect([ada.cookie(), app.recorded.count("create") < 10]).toEqual(["", true]);
  });

  it("of somebody else, which a mixed-up client gave as an answer, is an outage and not a session", async () => {
    let answer: SessionRecord | undefined;
    const app = memoryApp({ store: storeReading((record) => answer ?? record) });
    const [ada, bob] = [app.browser(), app.browser()];
    await bob.signIn("bob");
    await ada.signIn("ada");
    const { id } = await bob.read();
    answer = (await app.store.load(id as string))?.record;
    await expect(ada.read()).rejects.toBeInstanceOf(StoreUnavailableError);
    answer = undefined;
    expect((await ada.read()).userId).toBe("ada");
  });

  it.each([
    ["of a later version", (body: string) => body.replace('{"v":1', '{"v":2')],
    ["cut in half", (body: string) => body.slice(0, body.length / 2)],
    ["of another library", () => '{"cookie":{"path":"/"},"passport":{"user":"ada"}}'],
    ["of nothing", () => ""],
  ])(
    "whose body is one %s opens nothing, and is neither overwritten nor cleared",
    async (_, alter) => {
      let damaged = false;
      const app = memoryApp({
        store: storeReading((record) =>
          damaged ? { ...record, body: alter(record.body) } : record,
        ),
      });
      const ada = app.browser();
      await ada.signIn("ada");
      await ada.set("a", 1);
      damaged = true;
      app.recorded.clear();
      const { session, finish } = ada.begin();
      const loaded = await session.load();
      expect([loaded.userId, loaded.refusal]).toEqual([undefined, "malformed"]);
      expect(() => loaded.set("a", 2)).toThrow(/made with a secret, or by a version/);
      await expect(session.signOut()).rejects.toThrow(/could not be ended/);
      expect((await finish()).cookies).toEqual([]);
      expect(app.recorded.count("update") + app.recorded.count("create")).toBe(0);
      damaged = false;
      expect((await ada.read()).get("a")).toBe(1);
    },
  );

  it("under a secret that this process does not have waits for one that has", async () => {
    const ahead = memoryApp({ secrets: [OTHER_SECRET, SECRET] });
    const ada = ahead.browser();
    await ada.signIn("ada");
    const behind = ahead.another({ secrets: [SECRET] }).browser();
    behind.plant(ada.cookie());
    const { session, finish } = behind.begin();
    const loaded = await session.load();
    expect([loaded.userId, loaded.refusal]).toEqual([undefined, "unknown-key"]);
    await expect(session.update("a", () => 1)).rejects.toMatchObject({
      code: "ERR_SESSION_CLOSED",
    });
    // It may well be live: nobody is to be told that it was ended.
    await expect(session.signOut()).rejects.toThrow(/could not be ended/);
    expect((await finish({ failed: true })).cookies).toEqual([]);
    expect((await ada.read()).userId).toBe("ada");
    // Signing in there works, from nothing.
    await behind.signIn("ada");
    expect((await behind.read()).userId).toBe("ada");
  });

  it("that was swept away is absent, and a new one begins with the next write", async () => {
    const app = memoryApp();
    const ada = app.browser();
    await ada.set("a", 1);
    const before = ada.cookie();
    app.clock.advance("40d");
    await app.sessions.sweep();
    expect((await ada.read()).refusal).toBe("absent");
    await ada.set("a", 2);
    expect([ada.cookie() === before, (await ada.read()).all()]).toEqual([false, { a: 2 }]);
  });
});
