import { describe, expect, it } from "vitest";
import type { Memo } from "../../../src/core/memo.ts";
import { createMemo } from "../../../src/core/memo.ts";
import { memoryApp } from "../../support/ways.ts";

/** Comes twice, which is what it takes. */
function remember<Value>(memo: Memo<Value>, key: string, text: string, value: Value): void {
  memo.keep(key, text, value);
  memo.keep(key, text, value);
}

const id = (n: number): string => `id-${n}`.padStart(24, "x");

describe("the memo", () => {
  it("gives what was made of the very same text, and nothing else", () => {
    const memo = createMemo<string>();
    remember(memo, "id", "text", "value");
    expect(memo.find("id", "text")).toBe("value");
    for (const [key, text] of [
      ["id", "text "],
      ["id", ""],
      ["other", "text"],
      ["__proto__", "text"],
    ] as const) {
      expect(memo.find(key, text)).toBeUndefined();
    }
  });

  it("forgets an older text of the same key", () => {
    const memo = createMemo<string>();
    remember(memo, "id", "one", "1");
    memo.keep("id", "two", "2");
    expect([memo.find("id", "one"), memo.find("id", "two")]).toEqual([undefined, "2"]);
  });

  it("never mixes up a text of before with one of now, over any number of generations", () => {
    const memo = createMemo<string>();
    const bodies = ["a", "b", "c"].map((letter) => letter.repeat(10_000));
    for (let time = 0; time < 2000; time += 1) {
      const key = `id${time % 7}`;
      const text = bodies[time % 3] as string;
      const found = memo.find(key, text);
      expect([undefined, text]).toContain(found);
      remember(memo, key, text, text);
      expect(memo.find(key, text)).toBe(text);
    }
  });

  it("is bounded, and keeps what is in use over what is not", () => {
    const memo = createMemo<number>();
    const text = "x".repeat(1000);
    remember(memo, "used", text, 0);
    for (let at = 1; at <= 10_000; at += 1) {
      remember(memo, id(at), text, at);
      if (at % 500 === 0) expect(memo.find("used", text)).toBe(0);
    }
    let kept = 0;
    for (let at = 1; at <= 10_000; at += 1) {
      if (memo.find(id(at), text) !== undefined) kept += 1;
    }
    expect(kept).toBeGreaterThan(500);
    expect(kept).toBeLessThan(2200);
  });

  it("lets one large text put nobody out", () => {
    const memo = createMemo<number>();
    remember(memo, "small", "x", 1);
    for (let at = 0; at < 100; at += 1) remember(memo, id(at), "x".repeat(100_000), at);
    expect([memo.find("small", "x"), memo.find(id(1), "x".repeat(100_000))]).toEqual([
      1,
      undefined,
    ]);
  });

  it("keeps what comes a second time, so that many who come once put nobody out", () => {
    const memo = createMemo<number>();
    const text = "x".repeat(1000);
    memo.keep(id(0), text, 0);
    expect(memo.find(id(0), text)).toBeUndefined();
    memo.keep(id(0), text, 0);
    let kept = 0;
    for (let at = 1; at <= 20_000; at += 1) {
      memo.keep(id(at), text, at);
      if (memo.find(id(at), text) !== undefined) kept += 1;
    }
    // A few share their mark with another.
    expect(kept).toBeLessThan(2000);
    expect(memo.find(id(0), text)).toBe(0);
  });

  it("has room for all where few take turns", () => {
    const memo = createMemo<number>();
    const turns = Array.from({ length: 500 }, (_, n) => n);
    for (let round = 0; round < 3; round += 1) {
      for (const n of turns)
        if (memo.find(id(n), "text") === undefined) memo.keep(id(n), "text", n);
    }
    expect(turns.map((n) => memo.find(id(n), "text"))).toEqual(turns);
  });

  it("follows a session that is written, if it was remembered before", () => {
    const memo = createMemo<number>();
    memo.renew("other", "one", 1);
    remember(memo, "id", "one", 1);
    memo.renew("id", "two", 2);
    expect([memo.find("other", "one"), memo.find("id", "two")]).toEqual([undefined, 2]);
  });
});

describe.each(["stored", "sealed"] as const)("%s sessions that are remembered", (method) => {
  it("show at once what another process has written", async () => {
    const here = memoryApp({ method });
    const ada = here.browser();
    await ada.set("n", 0);
    const there = here.another().browser();
    for (let n = 1; n < 20; n += 1) {
      const [writer, reader] = n % 2 === 0 ? [ada, there] : [there, ada];
      writer.plant(reader.cookie());
      await writer.set("n", n);
      reader.plant(writer.cookie());
      expect((await reader.read()).get("n")).toBe(n);
    }
  });

  it("are judged anew: by their timeouts, and by a revoke", async () => {
    const app = memoryApp({ method, timeouts: { idle: "1h", touchInterval: "1m" } });
    const [ada, bob] = [app.browser(), app.browser()];
    await ada.signIn("ada");
    await bob.signIn("bob");
    await Promise.all([ada.read(), bob.read()]);
    await app.sessions.revokeUser("bob");
    expect((await bob.read()).userId).toBeUndefined();
    app.clock.advance("2h");
    expect((await ada.read()).refusal).toBe("idle-timeout");
  });

  it("share nothing between requests: neither values nor what is known about them", async () => {
    const app = memoryApp({ method });
    const ada = app.browser();
    await ada.visit(async (session) => {
      (await session.signIn("ada")).set("cart", [{ n: 1, at: new Date(0) }]);
    });
    const first = await ada.read();
    const [item] = first.get("cart") as { n: number; at: Date }[];
    Object.assign(item as object, { n: 2 });
    item?.at.setFullYear(2030);
    (first.all() as { cart: unknown[] }).cart.push("x");
    // Whether it throws or changes a copy: nobody else may see it.
    for (const spoil of [
      () => (first.info.authentications as { method: string; at: number }[]).pop(),
      () => Object.assign(first.info.authentications[0] ?? {}, { method: "passkey" }),
      () => Object.assign(first.info, { remembered: true }),
    ]) {
      try {
        spoil();
      } catch (error) {
        expect(error).toBeInstanceOf(TypeError);
      }
    }
    const second = await ada.read();
    expect(second.get("cart")).toEqual([{ n: 1, at: new Date(0) }]);
    expect(second.info.authentications.map(({ method: by }) => by)).toEqual(["password"]);
    expect(second.info.remembered).toBe(false);
    await expect(
      ada.visit((session) => session.requireFresh({ within: "1h", methods: ["passkey"] })),
    ).rejects.toMatchObject({ status: 401 });
  });
});
