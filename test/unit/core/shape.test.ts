import { inspect } from "node:util";
import { describe, expect, it } from "vitest";
import { z } from "zod";
import { ValueError } from "../../../src/errors.ts";
import type { SchemaLike } from "../../../src/index.ts";
import type { App, Data } from "../../support/ways.ts";
import { memoryApp } from "../../support/ways.ts";

const shop = z.object({
  cart: z.array(z.string()).default([]),
  theme: z.enum(["light", "dark"]).default("light"),
  address: z.object({ lines: z.array(z.string()) }).optional(),
});

const asSchema = (schema: unknown) => schema as SchemaLike<Data>;

/** A browser of `from` that goes on as one of `to`. */
function moved(from: { cookie(): string }, to: App) {
  const browser = to.browser();
  browser.plant(from.cookie());
  return browser;
}

it("P13 a schema's own words, which may hold the value, are told in development only", async () => {
  const token = "oauth-token-of-ada";
  const schema = asSchema(
    z.object({ token: z.string().refine(() => false, { error: ({ input }) => `was ${input}` }) }),
  );
  for (const dev of [false, true]) {
    const app = memoryApp({ schema, dev });
    const failure: unknown = await app
      .browser()
      .set("token", token)
      .catch((error: unknown) => error);
    expect(failure).toMatchObject({ code: "ERR_VALUE", path: "token" });
    expect(inspect(failure).includes(token)).toBe(dev);
    expect(inspect(app.told("commitFailed")).includes(token)).toBe(dev);
  }
});

describe.each([
  ["that answers at once", asSchema(shop)],
  ["that takes its time", asSchema(late(shop))],
])("a schema %s", (_, schema) => {
  it("keeps what fits", async () => {
    const app = memoryApp({ schema });
    const ada = app.browser();
    await ada.set("cart", ["tea"]);
    expect((await ada.read()).all()).toEqual({ cart: ["tea"], theme: "light" });
    await ada.visit((session) => session.update("theme", () => "dark"));
    expect((await ada.read()).all()).toEqual({ cart: ["tea"], theme: "dark" });
  });

  it("refuses at commit what does not fit, by its path, and nothing is written", async () => {
    const app = memoryApp({ schema });
    const ada = app.browser();
    await ada.set("cart", ["tea"]);
    for (const [key, value, path] of [
      ["theme", "blue", "theme"],
      ["cart", ["tea", 5], "cart.1"],
      ["address", { lines: ["a", null] }, "address.lines.1"],
    ] as const) {
      const failure = await ada.set(key, value).catch((error: unknown) => error);
      expect(failure).toBeInstanceOf(ValueError);
      expect(failure).toMatchObject({ path, status: 500 });
      expect((failure as Error).message).toContain("does not fit the schema");
    }
    expect((await ada.read()).all()).toEqual({ cart: ["tea"], theme: "light" });
  });

  it("refuses in update and in signIn what does not fit, and nothing is written", async () => {
    const app = memoryApp({ schema });
    const ada = app.browser();
    await ada.set("cart", ["tea"]);
    app.recorded.clear();
    await ada.visit(async (session) => {
      await expect(session.update("theme", () => "blue")).rejects.toBeInstanceOf(ValueError);
      await expect(session.update(() => ({ cart: "tea" }))).rejects.toBeInstanceOf(ValueError);
      const loaded = await session.load();
      loaded.set("theme", "blue");
      await expect(session.signIn("ada")).rejects.toBeInstanceOf(ValueError);
      loaded.set("theme", "dark");
    });
    expect(app.recorded.calls.filter(({ verb }) => verb === "create")).toEqual([]);
    expect((await ada.read()).all()).toEqual({ cart: ["tea"], theme: "dark" });
  });

  it("refuses the first write of a visitor, who then has no session", async () => {
    const app = memoryApp({ schema });
    const ada = app.browser();
    await expect(ada.set("theme", "blue")).rejects.toBeInstanceOf(ValueError);
    expect([ada.cookie(), app.recorded.count("create")]).toEqual(["", 0]);
  });

  it("is asked again over what others have written meanwhile", async () => {
    const atMostOne = asSchema(
      z.record(z.string(), z.unknown()).refine((data) => Object.keys(data).length < 3, "too many"),
    );
    const app = memoryApp({ schema: atMostOne });
    const ada = app.browser();
    await ada.set("a", 1);
    const slow = ada.begin();
    (await slow.session.load()).set("b", 1);
    await ada.set("c", 1);
    await expect(slow.finish()).rejects.toThrow(/does not fit/);
    expect((await ada.read()).keys()).toEqual(["a", "c"]);
  });

  it("gives its defaults to load and to update alike, and tells no overwriting for them", async () => {
    const app = memoryApp({ schema });
    const ada = app.browser();
    await ada.set("cart", ["tea"]);
    const slow = ada.begin();
    const loaded = await slow.session.load();
    expect(loaded.get("theme")).toBe("light");
    loaded.set("theme", "dark");
    await ada.visit((session) =>
      session.update("theme", (theme) => {
        expect(theme).toBe("light");
        return theme;
      }),
    );
    await ada.set("cart", ["milk"]);
    await slow.finish();
    expect(app.told("overwritten")).toEqual([]);
    expect((await ada.read()).all()).toEqual({ cart: ["milk"], theme: "dark" });
  });

  it("writes nothing, and asks nothing, for an update that leaves everything as it was", async () => {
    const app = memoryApp({ schema });
    const ada = app.browser();
    await ada.set("cart", ["tea"]);
    await ada.set("theme", "dark");
    app.recorded.clear();
    await ada.visit(async (session) => {
      await session.update("cart", (cart) => cart);
      await session.update((data) => data);
    });
    expect(app.recorded.calls.map(({ verb }) => verb)).toEqual(["load"]);
  });

  it("lets a session become empty again", async () => {
    const required = asSchema(z.object({ cart: z.array(z.string()) }));
    const app = memoryApp({ schema: required });
    const ada = app.browser();
    await ada.set("cart", ["tea"]);
    await ada.visit(async (session) => (await session.load()).clear());
    await ada.signIn("ada");
    expect((await ada.read()).keys()).toEqual([]);
  });

  it("refuses at load what is there and does not fit, and keeps it", async () => {
    const before = memoryApp();
    const ada = before.browser();
    await ada.signIn("ada");
    await ada.set("cart", "tea");
    const now = moved(ada, before.another({ schema }));
    await expect(now.read()).rejects.toMatchObject({ code: "ERR_VALUE", path: "cart" });
    expect((await ada.read()).get("cart")).toBe("tea");
  });

  it("that refuses what is there hinders nobody from signing out", async () => {
    const before = memoryApp();
    const ada = before.browser();
    await ada.signIn("ada");
    await ada.set("cart", "tea");
    const now = moved(ada, before.another({ schema }));
    const { head } = await now.visit((session) => session.signOut());
    expect(head.cookies.map(({ attributes }) => attributes.maxAge)).toEqual([0]);
    expect((await ada.read()).refusal).toBe("closed");
  });
});

function late(schema: typeof shop): unknown {
  const { validate, ...rest } = schema["~standard"];
  return {
    "~standard": {
      ...rest,
      async validate(value: unknown) {
        await new Promise((resolve) => setImmediate(resolve));
        return validate(value);
      },
    },
  };
}

describe("migrate", () => {
  const migrate = (old: Data, from: number): Data =>
    from === 0 ? { cart: [old["item"]], seen: [from] } : { ...old, seen: [from] };

  it("brings older data to this version when it is read, and once it is written", async () => {
    const before = memoryApp();
    const ada = before.browser();
    await ada.set("item", "tea");
    const after = before.another({ version: 2, migrate });
    const now = moved(ada, after);
    expect((await now.read()).all()).toEqual({ cart: ["tea"], seen: [0] });
    expect((await ada.read()).all()).toEqual({ item: "tea" });
    await now.set("x", 1);
    expect((await now.read()).all()).toEqual({ cart: ["tea"], seen: [0], x: 1 });
    await expect(ada.read()).rejects.toMatchObject({ code: "ERR_VALUE" });
  });

  it("is told the version that the data has", async () => {
    const before = memoryApp({ version: 1, migrate });
    const ada = before.browser();
    await ada.set("a", new Map([["k", 1]]));
    const now = moved(ada, before.another({ version: 5, migrate }));
    expect((await now.read()).all()).toEqual({ a: new Map([["k", 1]]), seen: [1] });
  });

  it("runs before update and signIn as well", async () => {
    const before = memoryApp();
    const ada = before.browser();
    await ada.set("item", "tea");
    const after = before.another({ version: 1, migrate });
    const now = moved(ada, after);
    await now.visit((session) =>
      session.update("cart", (cart) => [...(cart as unknown[]), "milk"]),
    );
    expect((await now.read()).get("cart")).toEqual(["tea", "milk"]);
    const other = memoryApp();
    const bob = other.browser();
    await bob.set("item", "tea");
    const later = moved(bob, other.another({ version: 1, migrate }));
    await later.signIn("bob");
    expect((await later.read()).get("cart")).toEqual(["tea"]);
  });

  it("tells no overwriting for what it has changed itself", async () => {
    const before = memoryApp();
    const ada = before.browser();
    await ada.set("item", "tea");
    const now = moved(ada, before.another({ version: 1, migrate }));
    const slow = now.begin();
    (await slow.session.load()).set("cart", []);
    await ada.set("other", 1);
    await slow.finish();
    expect((await now.read()).get("cart")).toEqual([]);
  });

  it("may change a copy in place, and changes nothing for those who do not write", async () => {
    const before = memoryApp();
    const ada = before.browser();
    await ada.set("list", [1]);
    const inPlace = (old: Data) => {
      (old["list"] as number[]).push(2);
      return old;
    };
    const now = moved(ada, before.another({ version: 1, migrate: inPlace }));
    for (let time = 0; time < 3; time += 1) expect((await now.read()).get("list")).toEqual([1, 2]);
  });

  it("is asked again after a rotation and a confirmation, which leave data and version as they are", async () => {
    const before = memoryApp({ rotateEvery: "1h" });
    const ada = before.browser();
    await ada.set("item", "tea");
    const after = before.another({ version: 1, migrate });
    const now = moved(ada, after);
    before.clock.advance("61m");
    for (let time = 0; time < 3; time += 1) {
      expect((await now.read()).all()).toEqual({ cart: ["tea"], seen: [0] });
    }
    expect(after.told("rotated")).toHaveLength(1);
    expect((await moved(now, before).read()).all()).toEqual({ item: "tea" });
  });

  it.each([
    ["a promise", async (old: Data) => old],
    ["a promise that fails", () => Promise.reject(new Error("not migrated"))],
    ["nothing", () => undefined],
    ["a list", () => [1]],
  ])("that gives %s is an error, and loses nothing", async (_, wrong) => {
    const before = memoryApp();
    const ada = before.browser();
    await ada.set("item", "tea");
    const now = moved(ada, before.another({ version: 1, migrate: wrong as never }));
    await expect(now.read()).rejects.toMatchObject({ code: "ERR_VALUE" });
    expect((await ada.read()).all()).toEqual({ item: "tea" });
  });

  it("is not asked about data of a later version: that is refused, kept, and can be signed out of", async () => {
    const later = memoryApp({ version: 3, migrate });
    const ada = later.browser();
    await ada.signIn("ada");
    await ada.set("a", 1);
    const behind = moved(ada, later.another({ version: 1, migrate }));
    const failure = await behind.read().catch((error: unknown) => error);
    expect(failure).toBeInstanceOf(ValueError);
    expect((failure as Error).message).toMatch(/version 3.*knows 1.*deploy/);
    expect((await ada.read()).get("a")).toBe(1);
    await behind.visit((session) => session.signOut());
    expect((await ada.read()).userId).toBeUndefined();
  });
});
