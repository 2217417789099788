import { describe, expect, it } from "vitest";
import { ValueError } from "../../../src/errors.ts";
import type { LoadedSession } from "../../../src/index.ts";
import { dump } from "../../support/dump.ts";
import type { App, Data } from "../../support/ways.ts";
import { memoryApp } from "../../support/ways.ts";

type Loaded = LoadedSession<Data>;

/** A browser whose session holds these values, and how many writes a request over it takes. */
async function withData(values: Data, app: App = memoryApp()) {
  const ada = app.browser();
  await ada.visit(async (session) => {
    const loaded = await session.load();
    for (const [key, value] of Object.entries(values)) loaded.set(key, value);
  });
  return {
    app,
    ada,
    async change(handler: (loaded: Loaded) => void): Promise<{ writes: number; all: Data }> {
      app.recorded.clear();
      await ada.visit(async (session) => handler(await session.load()));
      const writes = app.recorded.count("update");
      return { writes, all: (await ada.read()).all() };
    },
  };
}

describe("a value changed in place", () => {
  const cases: Record<string, [make: () => unknown, change: (value: never) => unknown]> = {
    "an array that grows": [() => ["tea"], (list: string[]) => list.push("milk")],
    "an array that is sorted": [() => [3, 1, 2], (list: number[]) => list.sort()],
    "a property set": [() => ({ a: 1 }), (value: { a: number }) => Object.assign(value, { a: 2 })],
    "a property deleted": [
      () => ({ a: 1, b: 2 }),
      (value: { a?: number }) => {
        delete value.a;
      },
    ],
    "deep inside": [
      () => ({ a: [{ b: new Map([["c", [1]]]) }] }),
      (value: { a: { b: Map<string, number[]> }[] }) => value.a[0]?.b.get("c")?.push(2),
    ],
    "a Date": [() => new Date(0), (date: Date) => date.setFullYear(2030)],
    "a Map": [() => new Map([["a", 1]]), (map: Map<string, number>) => map.set("a", 2)],
    "a Map's order": [
      () =>
        new Map([
          ["a", 1],
          ["b", 2],
        ]),
      (map: Map<string, number>) => {
        map.delete("a");
        map.set("a", 1);
      },
    ],
    "a Set": [() => new Set([1, 2]), (set: Set<number>) => set.delete(1)],
    "a URL": [
      () => new URL("https://example.com/a"),
      (url: URL) => url.searchParams.set("q", "tea"),
    ],
    bytes: [() => new Uint8Array([1, 2, 3]), (bytes: Uint8Array) => bytes.fill(7)],
    "a number that becomes a bigint": [
      () => ({ n: 1 }),
      (value: { n: unknown }) => {
        value.n = 1n;
      },
    ],
    "a zero that becomes negative": [
      () => ({ n: 0 }),
      (value: { n: number }) => {
        value.n = -0;
      },
    ],
  };

  it.each(Object.keys(cases))("is found at commit: %s", async (name) => {
    const [make, change] = cases[name] as (typeof cases)[string];
    const { change: request } = await withData({ value: make(), other: "x" });
    const expected = make();
    change(expected as never);
    const { writes, all } = await request((loaded) => change(loaded.get("value") as never));
    expect(writes).toBe(1);
    expect(dump(all)).toBe(dump({ value: expected, other: "x" }));
  });

  it.each(Object.keys(cases))("is not seen where nothing was changed: %s", async (name) => {
    const [make] = cases[name] as (typeof cases)[string];
    const { change: request } = await withData({ value: make(), other: "x" });
    const { writes, all } = await request((loaded) => {
      loaded.get("value");
      loaded.all();
    });
    expect(writes).toBe(0);
    expect(dump(all)).toBe(dump({ value: make(), other: "x" }));
  });

  it("is found in what all() has handed out", async () => {
    const { change } = await withData({ cart: ["tea"], theme: "dark" });
    const { writes, all } = await change((loaded) => (loaded.all()["cart"] as string[]).push("x"));
    expect([writes, all]).toEqual([1, { cart: ["tea", "x"], theme: "dark" }]);
  });

  it("is no write when it was changed back", async () => {
    const { change } = await withData({ cart: ["tea"] });
    const { writes } = await change((loaded) => {
      const cart = loaded.get("cart") as string[];
      cart.push("x");
      cart.pop();
    });
    expect(writes).toBe(0);
  });

  it("is dropped when the key is deleted or set afterwards", async () => {
    const { change } = await withData({ a: ["x"], b: ["x"] });
    const { all } = await change((loaded) => {
      (loaded.get("a") as string[]).push("y");
      (loaded.get("b") as string[]).push("y");
      loaded.delete("a");
      loaded.set("b", ["z"]);
    });
    expect(all).toEqual({ b: ["z"] });
  });

  it("is dropped so also when it could not be kept", async () => {
    const { change } = await withData({ a: [1], b: [1] });
    const { all } = await change((loaded) => {
      for (const key of ["a", "b"]) (loaded.get(key) as unknown[]).push(Symbol("x"));
      loaded.delete("a");
      loaded.set("b", [2]);
    });
    expect(all).toEqual({ b: [2] });
  });

  it("belongs to its request alone", async () => {
    const { ada } = await withData({ cart: ["tea"] });
    const [one, two] = [ada.begin(), ada.begin()];
    ((await one.session.load()).get("cart") as string[]).push("milk");
    expect((await two.session.load()).get("cart")).toEqual(["tea"]);
    await one.finish({ failed: true });
    expect((await ada.read()).get("cart")).toEqual(["tea"]);
  });

  it("into something that cannot be kept is an error at commit that names the path", async () => {
    const { ada } = await withData({ cart: [{ n: 1 }] });
    for (const [wrong, path] of [
      [() => 1, "cart[0].n"],
      [Number.NaN, "cart[0].n"],
      [new WeakMap(), "cart[0].n"],
      [Promise.resolve(1), "cart[0].n"],
      [{ deep: Symbol("x") }, "cart[0].n.deep"],
    ] as const) {
      const visit = ada.begin();
      const cart = (await visit.session.load()).get("cart") as { n: unknown }[];
      Object.assign(cart[0] as object, { n: wrong });
      const failure = await visit.finish().catch((error: unknown) => error);
      expect(failure).toBeInstanceOf(ValueError);
      expect(failure).toMatchObject({ path, status: 500 });
    }
    expect((await ada.read()).all()).toEqual({ cart: [{ n: 1 }] });
  });
});

describe("values that were handed out", () => {
  it("are one object per key and request", async () => {
    const { ada } = await withData({ cart: ["tea"] });
    const loaded = await ada.read();
    const [first, again] = [loaded.get("cart"), loaded.get("cart")];
    expect(first === again).toBe(true);
    expect(loaded.all()["cart"] === first).toBe(true);
  });

  it("stay linked after a commit by hand", async () => {
    const { ada } = await withData({ cart: ["tea"], other: { n: 1 } });
    await ada.visit(async (session) => {
      const loaded = await session.load();
      const cart = loaded.get("cart") as string[];
      const set = { n: 1 };
      loaded.set("set", set);
      cart.push("a");
      await session.commit();
      cart.push("b");
      set.n = 2;
      await session.commit();
      cart.push("c");
      expect(loaded.get("cart") === cart && loaded.get("set") === set).toBe(true);
    });
    expect((await ada.read()).all()).toEqual({
      cart: ["tea", "a", "b", "c"],
      other: { n: 1 },
      set: { n: 2 },
    });
  });

  it("stay linked after an update of another key, with what was pending in it", async () => {
    const { ada } = await withData({ cart: ["tea"] });
    await ada.visit(async (session) => {
      const loaded = await session.load();
      const cart = loaded.get("cart") as string[];
      cart.push("a");
      await session.update("n", () => 1);
      cart.push("b");
    });
    expect((await ada.read()).all()).toEqual({ cart: ["tea", "a", "b"], n: 1 });
  });

  it("stay linked after signing in", async () => {
    const { ada } = await withData({ cart: ["tea"] });
    await ada.visit(async (session) => {
      const cart = (await session.load()).get("cart") as string[];
      await session.signIn("ada");
      cart.push("a");
    });
    expect((await ada.read()).get("cart")).toEqual(["tea", "a"]);
  });

  it("give way to what an update has made of them", async () => {
    const { ada } = await withData({ cart: ["tea"] });
    await ada.visit(async (session) => {
      const loaded = await session.load();
      const before = loaded.get("cart");
      await session.update("cart", (cart) => [...(cart as string[]), "a"]);
      expect(loaded.get("cart")).toEqual(["tea", "a"]);
      expect(loaded.get("cart") === before).toBe(false);
      (loaded.get("cart") as string[]).push("b");
    });
    expect((await ada.read()).get("cart")).toEqual(["tea", "a", "b"]);
  });

  it("are told as changed too late only when they are, in development", async () => {
    const { app, ada } = await withData({ cart: ["tea"], other: ["x"] }, memoryApp({ dev: true }));
    const { session, finish } = ada.begin();
    const loaded = await session.load();
    const [cart, other] = [loaded.get("cart") as string[], loaded.get("other") as string[]];
    await session.update("cart", (list) => [...(list as string[]), "milk"]);
    other.push("y");
    await session.reload();
    await finish();
    await session.commit({ at: "end" });
    expect(app.told("lateChange")).toEqual([]);
    cart.push("late");
    await session.commit({ at: "end" });
    expect(app.told("lateChange")).toMatchObject([{ keys: ["cart"] }]);
  });

  it("in place before and after a reload, in time, are not told as late", async () => {
    const { app, ada } = await withData({ cart: [] }, memoryApp({ dev: true }));
    const { session, finish } = ada.begin();
    const cart = (await session.load()).get("cart") as string[];
    cart.push("tea");
    await session.reload();
    cart.push("milk");
    await finish();
    await session.commit({ at: "end" });
    expect(app.told("lateChange")).toEqual([]);
    expect((await ada.read()).get("cart")).toEqual(["tea", "milk"]);
    cart.push("late");
    await session.commit({ at: "end" });
    expect(app.told("lateChange")).toMatchObject([{ keys: ["cart"] }]);
  });

  it("share nothing with what another key holds, nor with the app's object once written", async () => {
    const shared = { list: ["x"] };
    const { ada } = await withData({ a: shared, b: { inner: shared, again: shared } });
    shared.list.push("late");
    const loaded = await ada.read();
    const all = loaded.all() as { a: typeof shared; b: { inner: typeof shared } };
    expect(all).toEqual({
      a: { list: ["x"] },
      b: { inner: { list: ["x"] }, again: { list: ["x"] } },
    });
    expect(all.a === all.b.inner).toBe(false);
  });
});
