import { describe, expect, it } from "vitest";
import { SessionConflictError, UsageError, ValueError } from "../../../src/errors.ts";
import type { Session } from "../../../src/index.ts";
import type { Data } from "../../support/ways.ts";
import { memoryApp } from "../../support/ways.ts";

async function withData(values: Data, options: Parameters<typeof memoryApp>[0] = {}) {
  const app = memoryApp(options);
  const ada = app.browser();
  await ada.visit(async (session) => {
    const loaded = await session.load();
    for (const [key, value] of Object.entries(values)) loaded.set(key, value);
  });
  app.recorded.clear();
  return { app, ada };
}

describe("update of one key", () => {
  it("gives the new value, and shows it on the loaded session", async () => {
    const { ada } = await withData({ n: 1 });
    const { result } = await ada.visit(async (session) => {
      const loaded = await session.load();
      const value = await session.update("n", (n) => (n as number) + 1);
      return [value, loaded.get("n")];
    });
    expect(result).toEqual([2, 2]);
  });

  it("gives the function a copy, which may be changed and given back", async () => {
    const { ada } = await withData({ cart: ["tea"] });
    await ada.visit(async (session) => {
      const held = (await session.load()).get("cart");
      await session.update("cart", (cart) => {
        expect(cart === held).toBe(false);
        (cart as string[]).push("milk");
        return cart;
      });
    });
    expect((await ada.read()).get("cart")).toEqual(["tea", "milk"]);
  });

  it("does nothing with a copy that is changed and not given back", async () => {
    const { ada } = await withData({ cart: ["tea"] });
    await ada.visit((session) =>
      session.update("cart", (cart) => {
        (cart as string[]).push("milk");
        return ["water"];
      }),
    );
    expect((await ada.read()).get("cart")).toEqual(["water"]);
  });

  it("refuses a function that changes the value and forgets to return it, and deletes nothing", async () => {
    const app = memoryApp();
    const ada = app.browser();
    await ada.set("a", { list: ["tea"] });
    await ada.visit(async (session) => {
      const forgetful = session.update("a", (value) => {
        (value as { list: string[] }).list.push("milk");
        return undefined;
      });
      await expect(forgetful).rejects.toThrow(UsageError);
      await expect(forgetful).rejects.toThrow(/must return what it changed/);
    });
    expect((await ada.read()).get("a")).toEqual({ list: ["tea"] });
    // Looked at and not changed, it may go.
    await ada.visit((session) =>
      session.update("a", (value) => {
        expect(value).toEqual({ list: ["tea"] });
        return undefined;
      }),
    );
    expect((await ada.read()).has("a")).toBe(false);
  });

  it("deletes the key for undefined, and keeps null", async () => {
    const { ada } = await withData({ a: 1, b: 1 });
    await ada.visit(async (session) => {
      expect(await session.update("a", () => undefined)).toBeUndefined();
      expect(await session.update("b", () => null)).toBeNull();
    });
    const loaded = await ada.read();
    expect([loaded.has("a"), loaded.get("b"), loaded.has("b")]).toEqual([false, null, true]);
  });

  it.each([
    ["the key", (session: Session<Data>) => session.update("a", () => undefined)],
    ["all data", (session: Session<Data>) => session.update(() => ({}))],
  ])(
    "deletes %s that a visitor's request has set before, and begins nothing",
    async (_, change) => {
      const app = memoryApp();
      const ada = app.browser();
      await ada.visit(async (session) => {
        const loaded = await session.load();
        loaded.set("a", 1);
        await change(session);
        expect(loaded.has("a")).toBe(false);
      });
      expect([ada.cookie(), app.recorded.count("create")]).toEqual(["", 0]);
    },
  );

  it("writes nothing when nothing changes", async () => {
    const { app, ada } = await withData({ cart: ["tea"], date: new Date(5) });
    await ada.visit(async (session) => {
      await session.update("cart", (cart) => [...(cart as string[])]);
      await session.update("date", () => new Date(5));
      await session.update("absent", () => undefined);
      await session.update((data) => ({ ...data }));
    });
    expect(app.recorded.count("update")).toBe(0);
  });

  it("takes what is pending along, before it", async () => {
    const { app, ada } = await withData({ n: 1 });
    await ada.visit(async (session) => {
      const loaded = await session.load();
      loaded.set("n", 10);
      loaded.set("other", "x");
      expect(await session.update("n", (n) => (n as number) + 1)).toBe(11);
      expect(loaded.all()).toEqual({ n: 11, other: "x" });
    });
    expect(app.recorded.count("update")).toBe(1);
    expect((await ada.read()).all()).toEqual({ n: 11, other: "x" });
  });

  it("leaves what is pending where it was when the function throws", async () => {
    const { app, ada } = await withData({ n: 1 });
    await ada.visit(async (session) => {
      const loaded = await session.load();
      loaded.set("other", "x");
      const failed = session.update("n", () => {
        throw new RangeError("no");
      });
      await expect(failed).rejects.toBeInstanceOf(RangeError);
      expect(app.recorded.count("update")).toBe(0);
      expect(loaded.all()).toEqual({ n: 1, other: "x" });
    });
    expect((await ada.read()).all()).toEqual({ n: 1, other: "x" });
  });

  it("refuses a function that gives a promise, and has no effect", async () => {
    const { app, ada } = await withData({ n: 1 });
    const attempts = [async () => 2, () => Promise.reject(new Error("late"))];
    for (const attempt of attempts) {
      const failed = ada.visit((session) => session.update("n", attempt as () => unknown));
      await expect(failed).rejects.toThrow(/must be synchronous/);
      await expect(failed).rejects.toBeInstanceOf(UsageError);
    }
    expect([app.recorded.count("update"), (await ada.read()).get("n")]).toEqual([0, 1]);
  });

  it("refuses what cannot be kept by its path, and has no effect", async () => {
    const { ada } = await withData({ n: 1 });
    const failed = ada.visit((session) => session.update("n", () => ({ a: [new WeakSet()] })));
    await expect(failed).rejects.toMatchObject({ code: "ERR_VALUE", path: "n.a[0]" });
    await expect(failed).rejects.toBeInstanceOf(ValueError);
    expect((await ada.read()).get("n")).toBe(1);
  });

  it("takes a key and a function, or a function", async () => {
    const { ada } = await withData({});
    for (const args of [["n"], ["n", 5], [5, () => 1], [Symbol("n"), () => 1], [undefined], []]) {
      const failed = ada.visit((session) =>
        (session.update as (...args: unknown[]) => Promise<unknown>)(...args),
      );
      await expect(failed, String(args.length)).rejects.toThrow(/key and a function/);
    }
  });

  it("starts a session for a visitor, and none for a change that is none", async () => {
    const app = memoryApp();
    const ada = app.browser();
    await ada.visit((session) => session.update("n", () => undefined));
    expect(ada.cookie()).toBe("");
    await ada.visit((session) => session.update("n", (n) => ((n as number) ?? 0) + 1));
    expect((await ada.read()).get("n")).toBe(1);
  });
});

describe("update that meets another writer", () => {
  it("runs its function again over what is there now, and takes effect once", async () => {
    const { app, ada } = await withData({ n: 1 });
    const there = app.another().browser();
    there.plant(ada.cookie());
    const seen: unknown[] = [];
    await ada.visit(async (session) => {
      await session.load();
      await there.set("n", 41);
      await session.update("n", (n) => {
        seen.push(n);
        return (n as number) + 1;
      });
    });
    expect([seen, (await ada.read()).get("n")]).toEqual([[1, 41], 42]);
  });

  it("gives the result of the run that took effect", async () => {
    const { app, ada } = await withData({ seats: ["a", "b"] });
    const there = app.another().browser();
    there.plant(ada.cookie());
    const take = (seats: unknown) => (seats as string[]).slice(1);
    const { result } = await ada.visit(async (session) => {
      await session.load();
      await there.visit((other) => other.update("seats", take));
      return session.update("seats", take);
    });
    expect(result).toEqual([]);
  });

  it("tells what was pending and has been overwritten, once", async () => {
    const { app, ada } = await withData({ theme: "light", n: 1 });
    await ada.visit(async (session) => {
      (await session.load()).set("theme", "dark");
      await ada.set("theme", "blue");
      await session.update("n", (n) => (n as number) + 1);
    });
    expect(app.told("overwritten")).toMatchObject([{ keys: ["theme"] }]);
    expect((await ada.read()).all()).toEqual({ theme: "dark", n: 2 });
  });

  it("throws instead where the app says so, naming the keys, and the app may go on", async () => {
    const { ada } = await withData({ theme: "light", n: 1 }, { onOverwrite: "throw" });
    await ada.visit(async (session) => {
      const loaded = await session.load();
      loaded.set("theme", "dark");
      await ada.set("theme", "blue");
      const failure = await session.update("n", () => 5).catch((error: unknown) => error);
      expect(failure).toBeInstanceOf(SessionConflictError);
      expect(failure).toMatchObject({ keys: ["theme"], status: 409 });
      // Whoever has looked again knows what is overwritten.
      await session.reload();
      expect(loaded.get("theme")).toBe("dark");
    });
    expect((await ada.read()).all()).toEqual({ theme: "dark", n: 1 });
  });

  it("does not mind that both wrote the same", async () => {
    const { app, ada } = await withData({ theme: "light" });
    await ada.visit(async (session) => {
      (await session.load()).set("theme", "dark");
      await ada.set("theme", "dark");
    });
    expect(app.told("overwritten")).toEqual([]);
  });
});

describe("update of all data", () => {
  it("takes a copy that is altered, or what is given back in its place", async () => {
    const { ada } = await withData({ a: 1, b: 2, c: 3 });
    await ada.visit(async (session) => {
      const all = await session.update((data) => {
        data["a"] = 10;
        delete data["b"];
      });
      expect(all).toEqual({ a: 10, c: 3 });
      expect(await session.update(({ a }) => ({ a, d: 4 }))).toEqual({ a: 10, d: 4 });
    });
    expect((await ada.read()).all()).toEqual({ a: 10, d: 4 });
  });

  it("keeps what cannot be mistaken for nothing: an empty object clears", async () => {
    const { ada } = await withData({ a: 1 });
    await ada.visit((session) => session.update(() => ({})));
    const loaded = await ada.read();
    expect([loaded.keys(), loaded.isNew]).toEqual([[], false]);
  });

  it("leaves out what is undefined, and names the path of what cannot be kept", async () => {
    const { ada } = await withData({ a: 1 });
    await ada.visit((session) => session.update((data) => ({ ...data, b: undefined })));
    expect((await ada.read()).keys()).toEqual(["a"]);
    const failed = ada.visit((session) => session.update(() => ({ list: [() => 1] })));
    await expect(failed).rejects.toMatchObject({ path: "list[0]" });
  });

  it("composes with those of others", async () => {
    const { ada } = await withData({ n: 0 });
    await Promise.all(
      Array.from({ length: 20 }, (_, at) =>
        ada.visit((session) =>
          session.update((data) => {
            data["n"] = (data["n"] as number) + 1;
            data[`key${at}`] = at;
          }),
        ),
      ),
    );
    const loaded = await ada.read();
    expect([loaded.get("n"), loaded.keys()]).toEqual([20, expect.objectContaining({ length: 21 })]);
  });
});
