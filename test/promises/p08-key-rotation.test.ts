import { expect, it } from "vitest";
import { eachWay, OTHER_SECRET, SECRET } from "../support/ways.ts";

eachWay((open) => {
  it("P8 secrets rotate in two steps and nobody is logged out", async () => {
    const old = await open();
    const ada = old.browser();
    await ada.signIn("ada");
    const steps = [
      [SECRET, OTHER_SECRET],
      [OTHER_SECRET, SECRET],
    ];
    for (const secrets of steps) {
      const app = old.another({ secrets });
      const browser = app.browser();
      browser.plant(ada.cookie());
      expect((await browser.read()).userId).toBe("ada");
      await browser.set("theme", "dark");
      // A process that has not been deployed yet, beside one that has.
      const before = old.another({ secrets: [SECRET, OTHER_SECRET] }).browser();
      before.plant(browser.cookie());
      expect((await before.read()).get("theme")).toBe("dark");
    }
  });

  it("P8 a new sign-in uses the first secret", async () => {
    const app = (await open()).another({ secrets: [OTHER_SECRET, SECRET] });
    const ada = app.browser();
    await ada.signIn("ada");
    const onlyNew = app.another({ secrets: [OTHER_SECRET] }).browser();
    onlyNew.plant(ada.cookie());
    expect((await onlyNew.read()).userId).toBe("ada");
  });

  it("P8 dropping a secret is revocation, and takes no cookie from the browser", async () => {
    const app = await open();
    const ada = app.browser();
    await ada.signIn("ada");
    const dropped = app.another({ secrets: [OTHER_SECRET] });
    const browser = dropped.browser();
    browser.plant(ada.cookie());
    dropped.recorded.clear();
    const { session, finish } = browser.begin();
    const loaded = await session.load();
    expect([loaded.userId, loaded.refusal]).toEqual([undefined, "unknown-key"]);
    expect(() => loaded.set("theme", "dark")).toThrow(/made with a secret/);
    expect((await finish()).cookies).toEqual([]);
    expect(dropped.recorded.count("load")).toBe(0);
    await browser.signIn("ada");
    expect((await browser.read()).userId).toBe("ada");
  });
});
