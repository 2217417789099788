import { describe, expect, it } from "vitest";
import { UsageError, ValueError } from "../../../src/errors.ts";
import type { LoadedSession } from "../../../src/index.ts";
import type { Data } from "../../support/ways.ts";
import { memoryApp } from "../../support/ways.ts";

type Loaded = LoadedSession<Data>;

/** What a loaded session says of its data. */
const shown = (loaded: Loaded) => [loaded.keys(), loaded.all()];

async function loadedWith(values: Data) {
  const app = memoryApp();
  const ada = app.browser();
  await ada.visit(async (session) => {
    const loaded = await session.load();
    for (const [key, value] of Object.entries(values)) loaded.set(key, value);
  });
  app.recorded.clear();
  const visit = ada.begin();
  return { app, ada, visit, loaded: await visit.session.load() };
}

describe("set, get and delete", () => {
  it("show what was set before it is written", async () => {
    const { loaded } = await loadedWith({ a: 1 });
    loaded.set("b", [2]);
    loaded.set("a", 3);
    expect(shown(loaded)).toEqual([["a", "b"], { a: 3, b: [2] }]);
    expect([loaded.get("a"), loaded.has("b"), loaded.has("c"), loaded.get("c")]).toEqual([
      3,
      true,
      false,
      undefined,
    ]);
    loaded.delete("a");
    expect([shown(loaded), loaded.get("a"), loaded.has("a")]).toEqual([
      [["b"], { b: [2] }],
      undefined,
      false,
    ]);
  });

  it("keep null, false, 0 and the empty text apart from absent", async () => {
    const values = { nothing: null, no: false, zero: 0, empty: "", none: [] };
    const { loaded } = await loadedWith(values);
    expect(loaded.all()).toEqual(values);
    expect(Object.keys(values).every((key) => loaded.has(key))).toBe(true);
  });

  it("take undefined for a deletion", async () => {
    const { ada, loaded, visit } = await loadedWith({ a: 1, b: 2 });
    loaded.set("a", undefined);
    expect([loaded.has("a"), loaded.keys()]).toEqual([false, ["b"]]);
    await visit.finish();
    expect((await ada.read()).all()).toEqual({ b: 2 });
  });

  it("write nothing for the deletion of what is not there", async () => {
    const { app, loaded, visit } = await loadedWith({ a: 1 });
    loaded.delete("b");
    loaded.set("c", 1);
    loaded.delete("c");
    await visit.finish();
    expect(app.recorded.count("update")).toBe(0);
  });

  it("see what the app does to its own object until it is written", async () => {
    const { ada, loaded, visit } = await loadedWith({});
    const cart = ["tea"];
    loaded.set("cart", cart);
    cart.push("milk");
    await visit.finish();
    expect((await ada.read()).get("cart")).toEqual(["tea", "milk"]);
  });

  it("refuse at once what cannot be kept, and leave what was there", async () => {
    const { ada, loaded, visit } = await loadedWith({ a: 1 });
    const cycle: unknown[] = [];
    cycle.push(cycle);
    for (const wrong of [() => 1, Symbol("x"), cycle, new (class Cart {})(), Number.NaN]) {
      expect(() => loaded.set("a", wrong)).toThrow(ValueError);
      expect(() => loaded.set("a", { deep: [wrong] })).toThrow(/`a\.deep\[0\]/);
    }
    expect(loaded.get("a")).toBe(1);
    await visit.finish();
    expect((await ada.read()).all()).toEqual({ a: 1 });
  });

  it("take strings as keys and nothing else", async () => {
    const { loaded } = await loadedWith({});
    for (const key of [Symbol("x"), 5, null, undefined, {}]) {
      expect(() => loaded.set(key as never, 1)).toThrow(UsageError);
      expect([loaded.get(key as never), loaded.has(key as never)]).toEqual([undefined, false]);
    }
    expect(loaded.keys()).toEqual([]);
  });

  it.each([
    "",
    " ",
    "__proto__",
    "constructor",
    "toString",
    "hasOwnProperty",
    "then",
    "w",
    'quote"and\\backslash',
    '","w":["x"],"d":{"',
    "line\nbreak\u2028\u0000",
    "\ud83d\udc75",
    "\ud83d",
    "0",
    "k".repeat(10_000),
  ])("keep the key %j like any other", async (key) => {
    const value = { [`${key}!`]: [key] };
    const { ada, loaded, visit } = await loadedWith({ a: 1 });
    expect([loaded.has(key), loaded.get(key)]).toEqual([false, undefined]);
    loaded.set(key, value);
    await visit.finish();
    await ada.visit((session) => session.update("a", (n) => (n as number) + 1));
    const again = await ada.read();
    expect([again.get(key), again.get("a"), again.keys().sort()]).toEqual([
      value,
      2,
      ["a", key].sort(),
    ]);
    expect(Object.hasOwn(again.all(), key)).toBe(true);
    await ada.visit(async (session) => (await session.load()).delete(key));
    expect((await ada.read()).all()).toEqual({ a: 2 });
  });
});

describe("clear", () => {
  it("takes the keys that were read and what the request has set, and nothing of others", async () => {
    const { ada, loaded, visit } = await loadedWith({ a: 1, b: { n: 1 } });
    (loaded.get("b") as { n: number }).n = 2;
    loaded.set("c", 1);
    loaded.clear();
    expect(shown(loaded)).toEqual([[], {}]);
    loaded.set("d", 1);
    await ada.set("e", 1);
    await visit.finish();
    expect((await ada.read()).all()).toEqual({ d: 1, e: 1 });
  });

  it("ends neither the session nor the sign-in", async () => {
    const app = memoryApp();
    const ada = app.browser();
    await ada.signIn("ada");
    await ada.set("a", 1);
    const { id } = await ada.read();
    await ada.visit(async (session) => (await session.load()).clear());
    const loaded = await ada.read();
    expect([loaded.userId, loaded.id, loaded.keys()]).toEqual(["ada", id, []]);
  });

  it("of nothing writes nothing", async () => {
    const { app, loaded, visit } = await loadedWith({});
    loaded.clear();
    expect((await visit.finish()).cookies).toEqual([]);
    expect(app.recorded.calls).toEqual([]);
  });
});

describe("what is known about a session", () => {
  it("is that nothing is there, for a visitor of whom nothing is kept", async () => {
    const { app, loaded } = await loadedWith({});
    const now = app.clock.now();
    expect([loaded.userId, loaded.id, loaded.isNew, loaded.refusal]).toEqual([
      undefined,
      undefined,
      true,
      undefined,
    ]);
    expect(loaded.info).toEqual({
      createdAt: now,
      lastSeenAt: now,
      expiresAt: now + 86_400_000,
      endsAt: now + 30 * 86_400_000,
      authenticatedAt: undefined,
      authentications: [],
      remembered: false,
      userAgent: undefined,
      address: undefined,
    });
  });

  it("turns into that of a session with the first write, on the same object", async () => {
    const { loaded, visit } = await loadedWith({});
    loaded.set("a", 1);
    expect([loaded.id, loaded.isNew]).toEqual([undefined, true]);
    await visit.session.commit();
    expect([loaded.id, loaded.isNew]).toEqual([expect.stringMatching(/^[\w-]{24}$/), false]);
  });

  it("follows signing in and out, on the same object", async () => {
    const { app, loaded, visit } = await loadedWith({ a: 1 });
    const visitorId = loaded.id;
    app.clock.advance("1m");
    expect((await visit.session.signIn("ada", { methods: ["passkey", "totp"] })) === loaded).toBe(
      true,
    );
    const now = app.clock.now();
    expect(loaded.userId).toBe("ada");
    expect(loaded.id).not.toBe(visitorId);
    expect(loaded.info).toMatchObject({
      createdAt: now,
      authenticatedAt: now,
      authentications: [
        { method: "passkey", at: now },
        { method: "totp", at: now },
      ],
      endsAt: now + 30 * 86_400_000,
      remembered: false,
    });
    await visit.session.signOut();
    expect([loaded.userId, loaded.id, loaded.isNew, loaded.keys(), loaded.refusal]).toEqual([
      undefined,
      undefined,
      true,
      [],
      undefined,
    ]);
    loaded.set("b", 1);
    await visit.session.commit();
    expect([loaded.userId, loaded.isNew, loaded.all()]).toEqual([undefined, false, { b: 1 }]);
    expect(loaded.id).not.toBe(visitorId);
  });
});
