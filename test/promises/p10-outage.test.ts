import { expect, it } from "vitest";
import { StoreUnavailableError } from "../../src/errors.ts";
import type { Session } from "../../src/index.ts";
import type { FaultPlan } from "../../src/testing/faults.ts";
import { gate, nthCall, outage } from "../../src/testing/faults.ts";
import type { Data } from "../support/ways.ts";
import { eachWay } from "../support/ways.ts";

const later = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

eachWay((open) => {
  it("P10 a store that is down is an error (503), and the session is there when it is back", async () => {
    const down = outage();
    const app = await open({ faults: down.plan });
    const ada = app.browser();
    await ada.signIn("ada");
    const cookie = ada.cookie();
    down.begin();
    const visit = ada.begin();
    const failure = await visit.session.load().catch((error: unknown) => error);
    expect(failure).toBeInstanceOf(StoreUnavailableError);
    expect(failure).toMatchObject({
      status: 503,
      code: "ERR_STORE_UNAVAILABLE",
      operation: "load",
    });
    expect((await visit.finish({ failed: true })).cookies).toEqual([]);
    expect(app.told("outage").length).toBeGreaterThan(0);
    expect(ada.cookie()).toBe(cookie);
    down.end();
    expect((await ada.read()).userId).toBe("ada");
  });

  it("P10 a route that says so goes on as anonymous, and cannot write", async () => {
    const down = outage();
    const app = await open({ faults: down.plan });
    const ada = app.browser();
    await ada.signIn("ada");
    down.begin();
    const visit = ada.begin();
    const loaded = await visit.session.load({ outage: "anonymous" });
    expect([loaded.userId, loaded.refusal]).toEqual([undefined, "outage"]);
    expect(() => loaded.set("cart", [])).toThrow(StoreUnavailableError);
    await expect(visit.session.requireUser()).rejects.toBeInstanceOf(StoreUnavailableError);
    expect((await visit.finish()).cookies).toEqual([]);
    down.end();
    expect((await ada.read()).userId).toBe("ada");
  });

  it("P10 a write that fails is an error, and nothing of it is half there", async () => {
    const down = outage();
    const app = await open({ faults: down.plan });
    const ada = app.browser();
    await ada.set("theme", "light");
    const visit = ada.begin();
    (await visit.session.load()).set("theme", "dark");
    down.begin();
    await expect(visit.finish()).rejects.toBeInstanceOf(StoreUnavailableError);
    expect((await visit.finish({ failed: true })).cookies).toEqual([]);
    down.end();
    expect((await ada.read()).get("theme")).toBe("light");
  });

  it("P10 a sign-in or a proof that cannot be written leaves the session as it was", async () => {
    let isDown = false;
    const faults: FaultPlan = ({ verb }) =>
      isDown && (verb === "create" || verb === "add") ? "before" : undefined;
    const app = await open({ faults });
    const ada = app.browser();
    await ada.signIn("ada");
    const { id, info } = await ada.read();
    isDown = true;
    for (const act of [
      (session: Session<Data>) => session.signIn("ada"),
      (session: Session<Data>) => session.elevate("totp"),
    ]) {
      const { session, finish } = ada.begin();
      await expect(act(session)).rejects.toMatchObject({ status: 503 });
      expect((await finish({ failed: true })).cookies).toEqual([]);
    }
    isDown = false;
    const after = await ada.read();
    expect([after.userId, after.id, after.info]).toEqual(["ada", id, info]);
  });

  it("P10 a store that answers too late is an outage, and its late answer changes nothing", async () => {
    const held = gate();
    const app = await open({
      faults: nthCall("load", 2, { answeredAfter: held }),
      storeDeadline: 1,
    });
    const ada = app.browser();
    await ada.set("theme", "light");
    await ada.read();
    await expect(ada.begin().session.load()).rejects.toBeInstanceOf(StoreUnavailableError);
    held.open();
    await later(5);
    expect((await ada.read()).get("theme")).toBe("light");
  });

  it("P10 a store that keeps failing is left alone, and asked again after a moment", async () => {
    const down = outage();
    const app = await open({ faults: down.plan });
    const ada = app.browser();
    await ada.signIn("ada");
    down.begin();
    for (let n = 0; n < 20; n += 1) {
      await expect(ada.begin().session.load()).rejects.toBeInstanceOf(StoreUnavailableError);
    }
    app.recorded.clear();
    await expect(ada.begin().session.load()).rejects.toBeInstanceOf(StoreUnavailableError);
    expect(app.recorded.count("load")).toBe(0);
    down.end();
    await later(1100);
    expect((await ada.read()).userId).toBe("ada");
  });
}, "stored");

eachWay((open) => {
  it("P10 a feed that is down long enough to be too old is an error, not a guess", async () => {
    const down = outage();
    const app = await open({ faults: down.plan, sealed: { revocationDelay: "10s" } });
    const ada = app.browser();
    await ada.signIn("ada");
    await ada.read();
    down.begin();
    app.clock.advance("9s");
    expect((await ada.read()).userId).toBe("ada");
    app.clock.advance("2s");
    await expect(ada.begin().session.load()).rejects.toBeInstanceOf(StoreUnavailableError);
    down.end();
    expect((await ada.read()).userId).toBe("ada");
  });
}, "sealed");

eachWay((open) => {
  it("P10 signing out during an outage clears the cookie and throws", async () => {
    const down = outage();
    const app = await open({ faults: down.plan, sealed: { revocationDelay: "10s" } });
    const ada = app.browser();
    await ada.signIn("ada");
    app.clock.advance("11s");
    down.begin();
    const visit = ada.begin();
    await expect(visit.session.signOut()).rejects.toBeInstanceOf(StoreUnavailableError);
    const { cookies } = await visit.finish({ failed: true });
    expect(cookies.map(({ attributes }) => attributes.maxAge)).toEqual([0]);
    expect(ada.cookie()).toBe("");
  });
});
