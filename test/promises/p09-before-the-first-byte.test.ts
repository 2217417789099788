import { expect, it } from "vitest";
import { SessionClosedError, ValueError } from "../../src/errors.ts";
import { eachWay } from "../support/ways.ts";

eachWay((open, { method }) => {
  it("P9 when the head may go out, the store has taken the changes", async () => {
    const app = await open();
    const ada = app.browser();
    await ada.signIn("ada");
    const visit = ada.begin();
    (await visit.session.load()).set("theme", "dark");
    await visit.finish();
    const there = app.another().browser();
    there.plant(ada.cookie());
    expect((await there.read()).get("theme")).toBe("dark");
  });

  it("P9 calls that nobody awaited are waited for by the commit, in call order", async () => {
    const { browser } = await open();
    const ada = browser();
    await ada.visit((session) => {
      void session.update("steps", () => ["a"]);
      void session.update("steps", (steps) => [...(steps as string[]), "b"]);
      void session.signIn("ada");
      void session.update("steps", (steps) => [...(steps as string[]), "c"]);
    });
    const loaded = await ada.read();
    expect([loaded.userId, loaded.get("steps")]).toEqual(["ada", ["a", "b", "c"]]);
  });

  it("P9 a change that is made once the head is out is an error, never silently lost", async () => {
    const { browser } = await open();
    const ada = browser();
    await ada.signIn("ada");
    const { session, finish } = ada.begin();
    const loaded = await session.load();
    await finish();
    expect(() => loaded.set("theme", "dark")).toThrow(SessionClosedError);
    expect(() => loaded.delete("theme")).toThrow(SessionClosedError);
    expect(() => loaded.clear()).toThrow(SessionClosedError);
    for (const late of [session.signIn("bob"), session.signOut(), session.elevate("totp")]) {
      await expect(late).rejects.toBeInstanceOf(SessionClosedError);
    }
    const update = session.update("theme", () => "dark");
    if (method === "stored") expect(await update).toBe("dark");
    else await expect(update).rejects.toBeInstanceOf(SessionClosedError);
    expect((await ada.read()).get("theme")).toBe(method === "stored" ? "dark" : undefined);
  });

  it("P9 a change made while the last commit is under way is an error", async () => {
    const { browser } = await open();
    const ada = browser();
    await ada.signIn("ada");
    const { session, finish } = ada.begin();
    const loaded = await session.load();
    loaded.set("a", 1);
    const finished = finish();
    await Promise.resolve();
    expect(() => loaded.set("b", 1)).toThrow(SessionClosedError);
    await finished;
    expect((await ada.read()).all()).toEqual({ a: 1 });
  });

  it("P9 a handle with the head sent reads, and refuses what needs a header", async () => {
    const app = await open();
    const ada = app.browser();
    await ada.set("n", 1);
    const request = { headers: { cookie: ada.cookie() } };
    const session = app.sessions.open(request, { head: "sent" });
    const loaded = await session.load();
    expect(loaded.get("n")).toBe(1);
    expect(() => loaded.set("n", 2)).toThrow(SessionClosedError);
    await expect(session.signIn("ada")).rejects.toBeInstanceOf(SessionClosedError);
    expect((await session.commit()).cookies).toEqual([]);
    const nobody = app.sessions.open({ headers: {} }, { head: "sent" });
    const start = nobody.update("n", () => 1);
    await expect(start).rejects.toBeInstanceOf(SessionClosedError);
  });

  it("P9 in development a value changed in place too late is told, with its key", async () => {
    const app = await open({ dev: true });
    const ada = app.browser();
    await ada.set("cart", ["tea"]);
    const { session, finish } = ada.begin();
    const cart = (await session.load()).get("cart") as string[];
    cart.push("milk");
    await finish();
    await session.commit({ at: "end" });
    expect(app.told("lateChange")).toEqual([]);
    cart.push("sugar");
    await session.commit({ at: "end" });
    expect(app.told("lateChange")).toMatchObject([{ keys: ["cart"] }]);
  });

  it("P9 a value that cannot be kept is refused by its path, and nothing is written", async () => {
    const { browser } = await open();
    const ada = browser();
    await ada.set("cart", [{ price: 1 }]);
    const { session, finish } = ada.begin();
    const loaded = await session.load();
    expect(() => loaded.set("f", { a: [() => 1] })).toThrow(/f\.a\[0\]/);
    (loaded.get("cart") as { price: unknown }[])[0] = { price: Number.NaN };
    const failure = await finish().catch((error: unknown) => error);
    expect(failure).toBeInstanceOf(ValueError);
    expect(failure).toMatchObject({ path: "cart[0].price" });
    expect((await ada.read()).all()).toEqual({ cart: [{ price: 1 }] });
  });

  it("P9 a request that failed drops what it buffered and sends what acted at once", async () => {
    const { browser } = await open();
    const ada = browser();
    const { session, finish } = ada.begin();
    const loaded = await session.signIn("ada");
    loaded.set("theme", "dark");
    const head = await finish({ failed: true });
    expect(head.cookies).toHaveLength(1);
    const after = await ada.read();
    expect([after.userId, after.get("theme")]).toEqual(["ada", undefined]);
  });

  it("P9 a commit by hand may be followed by more changes and another commit", async () => {
    const { browser } = await open();
    const ada = browser();
    const { session, finish } = ada.begin();
    const loaded = await session.load();
    loaded.set("list", [1]);
    expect((await session.commit()).cookies).toHaveLength(1);
    (loaded.get("list") as number[]).push(2);
    await session.commit();
    (loaded.get("list") as number[]).push(3);
    expect((await finish()).cookies).toHaveLength(1);
    expect((await ada.read()).get("list")).toEqual([1, 2, 3]);
  });
});
