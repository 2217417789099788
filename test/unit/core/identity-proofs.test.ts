import { describe, expect, it } from "vitest";
import {
  FreshnessError,
  SignInRequiredError,
  StoreUnavailableError,
  UsageError,
} from "../../../src/errors.ts";
import { nthCall } from "../../../src/testing/faults.ts";
import { memoryApp } from "../../support/ways.ts";

const DAY = 86_400;

describe("a remembered session", () => {
  it("has a cookie as long as it may live, shorter by what has passed when it rotates", async () => {
    const app = memoryApp({
      rotateEvery: "1d",
      timeouts: { remember: { idle: "20d", absolute: "90d" } },
    });
    const ada = app.browser();
    const ages = (head: { cookies: readonly { attributes: { maxAge?: number | undefined } }[] }) =>
      head.cookies.map(({ attributes }) => attributes.maxAge);
    const { head } = await ada.visit((session) => session.signIn("ada", { remember: true }));
    expect(ages(head)).toEqual([90 * DAY]);
    app.clock.advance("10d");
    const rotated = await ada.visit((session) => session.load());
    expect(ages(rotated.head)).toEqual([80 * DAY]);
    const elevated = await ada.visit((session) => session.elevate("totp"));
    expect(ages(elevated.head)).toEqual([90 * DAY]);
  });

  it("may last for 400 days, as long as a browser keeps a cookie", async () => {
    const app = memoryApp({ timeouts: { remember: { absolute: "400d" } } });
    const { head } = await app
      .browser()
      .visit((session) => session.signIn("ada", { remember: true }));
    expect(head.cookies[0]?.attributes.maxAge).toBe(400 * DAY);
  });
});

describe("elevate", () => {
  it("keeps the earlier proofs, and renews one of the same method", async () => {
    const { browser, clock } = memoryApp();
    const ada = browser();
    await ada.signIn("ada");
    const signedInAt = clock.now();
    clock.advance("1h");
    await ada.visit((session) => session.elevate("totp"));
    clock.advance("1h");
    await ada.visit((session) => session.elevate("totp"));
    expect((await ada.read()).info.authentications).toEqual([
      { method: "password", at: signedInAt },
      { method: "totp", at: clock.now() },
    ]);
  });

  it.each([5, "", undefined, null, ["totp"]])("refuses %o as a proof", async (proof) => {
    const app = memoryApp();
    const ada = app.browser();
    await ada.signIn("ada");
    const { id } = await ada.read();
    const attempt = ada.visit((session) => session.elevate(proof as never));
    await expect(attempt).rejects.toBeInstanceOf(UsageError);
    expect((await ada.read()).id).toBe(id);
  });

  it("needs somebody who is signed in", async () => {
    const app = memoryApp();
    const ada = app.browser();
    await ada.set("cart", ["tea"]);
    const attempt = ada.visit((session) => session.elevate("totp"));
    await expect(attempt).rejects.toBeInstanceOf(SignInRequiredError);
    expect((await ada.read()).get("cart")).toEqual(["tea"]);
  });
});

describe("requireFresh", () => {
  it("looks at the age of each proof, to the millisecond", async () => {
    const { browser, clock } = memoryApp();
    const ada = browser();
    await ada.visit((session) => session.signIn("ada", { methods: ["password"] }));
    clock.advance("10m");
    await ada.visit((session) => session.elevate("totp"));
    const fresh = (within: "10m" | "20m", methods?: string[]) =>
      ada
        .visit((session) => session.requireFresh(methods ? { within, methods } : { within }))
        .then(
          () => true,
          (error) => (error instanceof FreshnessError ? false : error),
        );
    expect(await fresh("10m", ["totp"])).toBe(true);
    expect(await fresh("10m", ["password"])).toBe(true);
    clock.advance(0.001);
    expect(await fresh("10m", ["password"])).toBe(false);
    expect(await fresh("10m", ["password", "totp"])).toBe(true);
    expect(await fresh("10m")).toBe(true);
    clock.advance("10m");
    expect([await fresh("10m"), await fresh("20m", ["totp"])]).toEqual([false, true]);
    expect([await fresh("20m", []), await fresh("20m", ["otp"])]).toEqual([false, false]);
  });

  it("says what would do: seconds and methods, and nothing of the user", async () => {
    const { browser, clock } = memoryApp();
    const ada = browser();
    await ada.signIn("ada");
    clock.advance("1h");
    const error = await ada
      .visit((session) => session.requireFresh({ within: "1.5m", methods: ["passkey"] }))
      .catch((thrown: unknown) => thrown);
    expect(error).toMatchObject({ status: 401, within: 90, methods: ["passkey"], expose: true });
    expect(String(error)).not.toContain("ada");
  });

  it("refuses methods that are one word, of which any part would do", async () => {
    const ada = memoryApp().browser();
    await ada.visit((session) => session.signIn("ada", { methods: ["otp"] }));
    const attempt = ada.visit((session) =>
      session.requireFresh({ within: "1h", methods: "totp" as never }),
    );
    await expect(attempt).rejects.toBeInstanceOf(UsageError);
  });

  it.each([undefined, -5, "soon", Number.NaN, null])(
    "refuses %o as a window while it serves, as a mistake of the call",
    async (within) => {
      const ada = memoryApp().browser();
      await ada.signIn("ada");
      const attempt = ada.visit((session) => session.requireFresh({ within: within as never }));
      await expect(attempt).rejects.toBeInstanceOf(UsageError);
    },
  );
});

describe("signOut", () => {
  it.each([
    ["nothing by default", undefined, undefined],
    ["nothing for an empty list", [], undefined],
    ["what the app names", ["cache", "storage"], '"cache", "storage"'],
    ["everything there is", ["cache", "cookies", "storage"], '"cache", "cookies", "storage"'],
  ] as const)("sends %s as Clear-Site-Data", async (_, parts, value) => {
    const app = memoryApp(parts === undefined ? {} : { clearSiteData: parts });
    const ada = app.browser();
    expect((await ada.signIn("ada")).clearSiteData).toBeUndefined();
    expect((await ada.set("a", 1)).clearSiteData).toBeUndefined();
    const { head } = await ada.visit((session) => session.signOut());
    expect(head.clearSiteData).toBe(value);
  });

  it.each([
    [["cookies"], undefined],
    [["cookies", "cache"], '"cache"'],
    [["cache", "cookies"], '"cache"'],
    [["cache", "cookies", "storage"], '"cache", "storage"'],
  ] as const)(
    "P16 does not clear the cookie of a session that begins in the same response (%j)",
    async (clearSiteData, value) => {
      const app = memoryApp({ clearSiteData });
      const ada = app.browser();
      await ada.signIn("ada");
      const bob = await ada.visit(async (session) => {
        await session.signOut();
        await session.signIn("bob");
      });
      expect([bob.head.clearSiteData, (await ada.read()).userId]).toEqual([value, "bob"]);
    },
  );

  it("clears the cookie also when the session cannot be told, and says so by throwing", async () => {
    const app = memoryApp({ faults: nthCall("load", 1, "before"), clearSiteData: ["cache"] });
    const ada = app.browser();
    await ada.signIn("ada");
    const { session, finish } = ada.begin();
    await expect(session.signOut()).rejects.toBeInstanceOf(StoreUnavailableError);
    const head = await finish({ failed: true });
    expect([ada.cookie(), head.clearSiteData]).toEqual(["", '"cache"']);
  });

  it("drops what was buffered: it was the user's who has left", async () => {
    const app = memoryApp();
    const ada = app.browser();
    await ada.signIn("ada");
    const { head } = await ada.visit(async (session) => {
      (await session.load()).set("secret", 1);
      await session.signOut();
    });
    expect(head.cookies.map(({ attributes }) => attributes.maxAge)).toEqual([0]);
    expect((await ada.read()).isNew).toBe(true);
  });
});
