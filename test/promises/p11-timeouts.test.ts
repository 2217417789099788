import { expect, it } from "vitest";
import { FreshnessError, SignInRequiredError } from "../../src/errors.ts";
import { eachWay } from "../support/ways.ts";

eachWay((open) => {
  it("P11 the idle timeout ends a session on the server, whatever the cookie says", async () => {
    const { browser, clock } = await open({
      timeouts: { idle: "1h", absolute: "10h", touchInterval: "1m" },
    });
    const ada = browser();
    await ada.signIn("ada");
    clock.advance("59m");
    expect((await ada.copy().read()).userId).toBe("ada");
    clock.advance("62m");
    const loaded = await ada.read();
    expect([loaded.userId, loaded.refusal]).toEqual([undefined, "idle-timeout"]);
  });

  it("P11 the absolute timeout ends a session however busy it is", async () => {
    const { browser, clock } = await open({ timeouts: { idle: "1h", absolute: "10h" } });
    const ada = browser();
    await ada.signIn("ada");
    for (let half = 1; half < 20; half += 1) {
      clock.advance("30m");
      expect((await ada.read()).userId).toBe("ada");
    }
    clock.advance("30m");
    const loaded = await ada.read();
    expect([loaded.userId, loaded.refusal]).toEqual([undefined, "absolute-timeout"]);
  });

  it("P11 a visitor's session ends sooner, and a remembered one later", async () => {
    const app = await open();
    const visitor = app.browser();
    await visitor.set("cart", ["tea"]);
    const user = app.browser();
    await user.signIn("ada");
    const remembered = app.browser();
    await remembered.visit((session) => session.signIn("bob", { remember: true }));
    app.clock.advance("2d");
    expect((await visitor.read()).refusal).toBe("idle-timeout");
    expect((await user.read()).userId).toBe("ada");
    app.clock.advance("8d");
    expect((await user.read()).refusal).toBe("idle-timeout");
    expect((await remembered.read()).userId).toBe("bob");
    app.clock.advance("21d");
    expect((await remembered.read()).refusal).toBe("absolute-timeout");
  });

  it("P11 shorter timeouts hold at once, longer ones revive nothing", async () => {
    const app = await open({ timeouts: "aal2" });
    const ada = app.browser();
    await ada.signIn("ada");
    app.clock.advance("20m");
    const strict = app.another({ timeouts: "aal3" }).browser();
    strict.plant(ada.cookie());
    expect((await strict.read()).refusal).toBe("idle-timeout");
    app.clock.advance("20h");
    const lenient = app.another({ timeouts: "consumer" }).browser();
    lenient.plant(ada.cookie());
    expect((await lenient.read()).userId).toBeUndefined();
  });

  it("P11 only remembered sessions get a cookie that outlives the browser", async () => {
    const app = await open();
    const user = await app.browser().signIn("ada");
    expect(user.cookies.map(({ attributes }) => attributes.maxAge)).toEqual([undefined]);
    const { head } = await app
      .browser()
      .visit((session) => session.signIn("bob", { remember: true }));
    expect(head.cookies.map(({ attributes }) => attributes.maxAge)).toEqual([30 * 86_400]);
  });

  it("P11 a fresh proof is asked for by its age and method, and use does not renew it", async () => {
    const { browser, clock } = await open();
    const ada = browser();
    const fresh = (methods?: string[]) =>
      ada.visit((session) =>
        session.requireFresh({ within: "10m", ...(methods === undefined ? {} : { methods }) }),
      );
    await expect(fresh()).rejects.toBeInstanceOf(SignInRequiredError);
    await ada.signIn("ada");
    expect((await fresh()).result.userId).toBe("ada");
    await expect(fresh(["totp"])).rejects.toBeInstanceOf(FreshnessError);
    for (let minute = 0; minute < 11; minute += 1) {
      clock.advance("1m");
      await ada.read();
    }
    await expect(fresh()).rejects.toMatchObject({ status: 401, within: 600 });
    await ada.visit((session) => session.elevate("totp"));
    expect((await fresh(["totp"])).result.userId).toBe("ada");
  });
});
