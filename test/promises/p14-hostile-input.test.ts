import fc from "fast-check";
import { expect, it } from "vitest";
import { isCoatcheckError } from "../../src/errors.ts";
import { fuzzRuns } from "../support/fuzz.ts";
import { eachWay } from "../support/ways.ts";

const NAME = "__Host-Http-sid";

eachWay((open) => {
  it("P14 whatever the Cookie header holds, loading answers and never throws", async () => {
    const app = await open();
    const ada = app.browser();
    await ada.signIn("ada");
    const good = ada.cookie();
    const noise = fc.oneof(
      fc.string({ unit: "binary", maxLength: 300 }),
      fc.string({ maxLength: 300 }),
      fc.constantFrom(good, `${NAME}=`, "; ", "=", NAME, `${good}; ${good}`, "\u0000", "\ud800"),
      fc
        .tuple(fc.nat(good.length), fc.string({ maxLength: 3 }))
        .map(([at, text]) => good.slice(0, at) + text + good.slice(at + text.length)),
    );
    await fc.assert(
      fc.asyncProperty(fc.array(noise, { maxLength: 6 }), async (parts) => {
        const session = app.sessions.open({ headers: { cookie: parts.join("; ") } });
        const loaded = await session.load();
        expect([undefined, "ada"]).toContain(loaded.userId);
        expect((await session.commit({ at: "head" })).cookies).toEqual([]);
      }),
      { numRuns: Math.ceil(fuzzRuns() / 4) },
    );
  });

  it("P14 a header of a megabyte is answered, with and without our cookie in it", async () => {
    const app = await open();
    const ada = app.browser();
    await ada.signIn("ada");
    for (const cookie of [
      `${NAME}=${"A".repeat(1_000_000)}`,
      "a=b; ".repeat(200_000),
      `${NAME}=x; `.repeat(60_000),
      `${";".repeat(1_000_000)}`,
      `${NAME}-1=x; `.repeat(60_000),
    ]) {
      const loaded = await app.sessions.open({ headers: { cookie } }).load();
      expect(loaded.userId).toBeUndefined();
    }
  });

  it("P14 odd values are kept or refused by a typed error, never half", async () => {
    const app = await open();
    await fc.assert(
      fc.asyncProperty(
        fc.anything({ withBigInt: true, withDate: true, withMap: true, withSet: true }),
        async (value) => {
          const ada = app.browser();
          const outcome = await ada.set("value", value).catch((error: unknown) => error);
          if (outcome instanceof Error) {
            expect(isCoatcheckError(outcome) && outcome.code).toBe("ERR_VALUE");
            expect((await ada.read()).keys()).toEqual([]);
          } else if (value !== undefined) {
            const again = await ada.read();
            expect(again.has("value")).toBe(true);
            // Once more through the whole way: what was kept is kept again as it is.
            const kept = again.get("value");
            await ada.set("copy", kept);
            expect((await ada.read()).get("copy")).toEqual(kept);
          }
        },
      ),
      { numRuns: Math.ceil(fuzzRuns() / 20) },
    );
  });

  it("P14 keys such as __proto__ are data and touch no prototype", async () => {
    const app = await open();
    const ada = app.browser();
    const hostile = JSON.parse(
      '{"__proto__":{"admin":true},"constructor":{"prototype":1}}',
    ) as object;
    await ada.set("value", hostile);
    await ada.set("__proto__", { admin: true });
    await ada.set("constructor", 1);
    const loaded = await ada.read();
    expect(Object.keys(loaded.get("value") as object)).toEqual(["__proto__", "constructor"]);
    expect(loaded.get("__proto__")).toEqual({ admin: true });
    expect(loaded.keys().sort()).toEqual(["__proto__", "constructor", "value"]);
    expect(({} as { admin?: boolean }).admin).toBeUndefined();
    expect(loaded.get("toString")).toBeUndefined();
    expect(loaded.has("hasOwnProperty")).toBe(false);
  });
});
