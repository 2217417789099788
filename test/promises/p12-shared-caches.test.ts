import { expect, it } from "vitest";
import { mergeCacheControl, mergeVary } from "../../src/cookie/cache.ts";
import { eachWay } from "../support/ways.ts";

eachWay((open, { method }) => {
  it("P12 a response that sets a session cookie must not be stored", async () => {
    const { browser } = await open();
    const ada = browser();
    for (const head of [
      await ada.set("cart", ["tea"]),
      await ada.signIn("ada"),
      (await ada.visit((session) => session.signOut())).head,
    ]) {
      expect(head.cookies.length).toBeGreaterThan(0);
      expect([head.vary, head.cacheControl]).toEqual([true, "no-store"]);
    }
  });

  it("P12 a response that looked at the session varies by Cookie and is private", async () => {
    const { browser } = await open();
    const ada = browser();
    const visitor = (await ada.visit((session) => session.load())).head;
    await ada.signIn("ada");
    const user = (await ada.visit((session) => session.requireUser())).head;
    for (const head of [visitor, user]) {
      expect(head).toMatchObject({ cookies: [], vary: true, cacheControl: "private" });
    }
  });

  it("P12 a touch and a rotation keep their response out of caches too", async () => {
    const { browser, clock } = await open({
      ...(method === "stored" ? { rotateEvery: "1h" } : {}),
      timeouts: { touchInterval: "5m" },
    });
    const ada = browser();
    await ada.signIn("ada");
    clock.advance("2h");
    const { head } = await ada.visit((session) => session.load());
    expect(head.cookies).toHaveLength(1);
    expect(head.cacheControl).toBe("no-store");
  });
});

it("P12 what the app says about caching is tightened, never loosened", () => {
  expect(mergeCacheControl("public, max-age=600, s-maxage=3600", "no-store")).toMatch(/no-store/);
  expect(mergeCacheControl("public, max-age=600", "no-store")).not.toMatch(/public/);
  expect(mergeCacheControl("public, s-maxage=60", "private")).not.toMatch(/public|s-maxage/);
  expect(mergeCacheControl("no-store", "private")).toMatch(/no-store/);
  expect(mergeVary("Accept-Encoding")).toBe("Accept-Encoding, Cookie");
  expect(mergeVary("*")).toBe("*");
});
