import { describe, expect, it } from "vitest";
import { SessionClosedError } from "../../../src/errors.ts";
import { nthCall, outage } from "../../../src/testing/faults.ts";
import { memoryApp } from "../../support/ways.ts";

describe("calls on one handle", () => {
  it("run in call order, also those that nobody awaits", async () => {
    const app = memoryApp();
    const ada = app.browser();
    const order: string[] = [];
    await ada.visit((session) => {
      const note = (name: string) => () => void order.push(name);
      void session.load().then(note("load"));
      void session.update("n", () => 1).then(note("update"));
      void session.signIn("ada").then(note("signIn"));
      void session.elevate("totp").then(note("elevate"));
      void session.update("n", (n) => (n as number) + 1).then(note("update"));
      void session.reload().then(note("reload"));
      void session.signOut().then(note("signOut"));
      void session.update("n", (n) => n ?? "new").then(note("update"));
    });
    expect(order).toEqual([
      "load",
      "update",
      "signIn",
      "elevate",
      "update",
      "reload",
      "signOut",
      "update",
    ]);
    const loaded = await ada.read();
    expect([loaded.userId, loaded.get("n")]).toEqual([undefined, "new"]);
  });

  it("go on after one that fails, and each failure is told to its own caller alone", async () => {
    const app = memoryApp();
    const ada = app.browser();
    await ada.set("n", 1);
    const { result } = await ada.visit((session) =>
      Promise.allSettled([
        session.update("n", () => {
          throw new RangeError("mine");
        }),
        session.update("n", (n) => (n as number) + 1),
        session.elevate("totp"),
        session.load(),
      ]),
    );
    expect(result.map(({ status }) => status)).toEqual([
      "rejected",
      "fulfilled",
      "rejected",
      "fulfilled",
    ]);
    expect((await ada.read()).get("n")).toBe(2);
  });

  it("load the record once, however many ask for it at the same time", async () => {
    const app = memoryApp();
    const ada = app.browser();
    await ada.signIn("ada");
    app.recorded.clear();
    await ada.visit((session) =>
      Promise.all([
        session.load(),
        session.load({}),
        session.requireUser(),
        session.requireFresh({ within: "1h" }),
        session.load({ outage: "anonymous" }),
      ]),
    );
    expect(app.recorded.count("load")).toBe(1);
  });

  it("ask the store again after a load that failed", async () => {
    const app = memoryApp({ faults: nthCall("load", 1, "before") });
    const ada = app.browser();
    await ada.signIn("ada");
    await ada.visit(async (session) => {
      await expect(session.load()).rejects.toMatchObject({ status: 503 });
      expect((await session.load()).userId).toBe("ada");
    });
  });

  it("find the session again after an anonymous answer, when the store is back", async () => {
    const down = outage();
    const app = memoryApp({ faults: down.plan });
    const ada = app.browser();
    await ada.signIn("ada");
    await ada.set("n", 1);
    down.begin();
    await ada.visit(async (session) => {
      const loaded = await session.load({ outage: "anonymous" });
      expect([loaded.userId, loaded.refusal]).toEqual([undefined, "outage"]);
      down.end();
      expect((await session.load()) === loaded).toBe(true);
      expect([loaded.userId, loaded.refusal, loaded.get("n")]).toEqual(["ada", undefined, 1]);
    });
  });
});

describe("reload", () => {
  it("shows what others have written, on the same object", async () => {
    const app = memoryApp();
    const ada = app.browser();
    await ada.set("n", 1);
    await ada.visit(async (session) => {
      const loaded = await session.load();
      await ada.set("n", 2);
      expect(loaded.get("n")).toBe(1);
      expect((await session.reload()) === loaded).toBe(true);
      expect(loaded.get("n")).toBe(2);
    });
  });

  it("keeps what is buffered over it: sets, deletes and changes in place", async () => {
    const app = memoryApp();
    const ada = app.browser();
    await ada.visit(async (session) => {
      const loaded = await session.load();
      for (const key of ["a", "b", "c"]) loaded.set(key, { n: 0 });
    });
    await ada.visit(async (session) => {
      const loaded = await session.load();
      loaded.set("a", { n: 1 });
      loaded.delete("b");
      (loaded.get("c") as { n: number }).n = 1;
      await ada.set("d", { n: 2 });
      await session.reload();
      expect(loaded.all()).toEqual({ a: { n: 1 }, c: { n: 1 }, d: { n: 2 } });
    });
    expect((await ada.read()).all()).toEqual({ a: { n: 1 }, c: { n: 1 }, d: { n: 2 } });
  });

  it("leaves what the app holds in its hands linked, and null what was set to null", async () => {
    const app = memoryApp();
    const ada = app.browser();
    await ada.set("read", ["tea"]);
    await ada.set("gone", ["tea"]);
    await ada.visit(async (session) => {
      const loaded = await session.load();
      const read = loaded.get("read") as string[];
      const set = { n: 1 };
      loaded.get("gone");
      loaded.set("gone", null);
      loaded.set("set", set);
      read.push("a");
      await session.reload();
      read.push("b");
      set.n = 2;
      expect(loaded.all()).toEqual({ read: ["tea", "a", "b"], gone: null, set: { n: 2 } });
    });
    expect((await ada.read()).all()).toEqual({
      read: ["tea", "a", "b"],
      gone: null,
      set: { n: 2 },
    });
  });

  it("shows that the session has ended, and then nothing can be kept", async () => {
    const app = memoryApp();
    const ada = app.browser();
    await ada.signIn("ada");
    await ada.set("n", 1);
    const { session, finish } = ada.begin();
    const loaded = await session.load();
    await app.sessions.revokeUser("ada");
    await session.reload();
    expect([loaded.userId, loaded.keys(), loaded.refusal]).toEqual([undefined, [], "closed"]);
    expect(() => loaded.set("n", 2)).toThrow(SessionClosedError);
    expect((await finish()).cookies).toEqual([]);
  });

  it("keeps the session of before when the store does not answer", async () => {
    const down = outage();
    const app = memoryApp({ faults: down.plan });
    const ada = app.browser();
    await ada.signIn("ada");
    const { session } = ada.begin();
    const loaded = await session.load();
    down.begin();
    await expect(session.reload()).rejects.toMatchObject({ status: 503 });
    expect([loaded.userId, loaded.refusal]).toEqual(["ada", undefined]);
  });

  it("judges the ticket no more: one that was rotated away goes on", async () => {
    const app = memoryApp({ rotateEvery: "1h" });
    const ada = app.browser();
    await ada.signIn("ada");
    const socket = ada.copy().begin();
    await socket.session.load();
    for (let hour = 0; hour < 3; hour += 1) {
      app.clock.advance("61m");
      await ada.read();
    }
    expect((await socket.session.reload()).userId).toBe("ada");
  });
});
