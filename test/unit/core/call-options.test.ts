import { describe, expect, it } from "vitest";
import { memoryApp } from "../../support/ways.ts";

describe("an option that a call does not have", () => {
  it.each([
    ["load", { outagge: "closed" }, "there are outage"],
    ["signIn", { rembember: true }, "there are remember, methods, keep, revokeOthers"],
    ["signIn", { revokeOther: true }, "there are remember, methods, keep, revokeOthers"],
    ["signIn", { kep: ["cart"] }, "there are remember, methods, keep, revokeOthers"],
    ["requireFresh", { wihtin: "5m" }, "there are within, methods"],
    ["requireFresh", { within: "5m", method: ["totp"] }, "there are within, methods"],
    ["commit", { faild: true }, "there are at, failed"],
  ])("of a session is refused by name, and nothing happens: %s(%j)", async (name, given, mend) => {
    const app = memoryApp();
    const ada = app.browser();
    await ada.signIn("ada");
    app.recorded.clear();
    await ada.visit(async (session) => {
      const call = session[name as "load"].bind(session) as (
        ...args: unknown[]
      ) => Promise<unknown>;
      const args = name === "signIn" ? ["bob", given] : [given];
      await expect(call(...args)).rejects.toThrow(refusal(name, mend));
    });
    expect((await ada.read()).userId).toBe("ada");
  });

  it("of requireFresh is refused where none is given at all", async () => {
    const ada = memoryApp().browser();
    await ada.signIn("ada");
    await ada.visit(async (session) => {
      const fresh = session.requireFresh.bind(session) as () => Promise<unknown>;
      await expect(fresh()).rejects.toThrow(refusal("requireFresh", "takes a duration"));
    });
  });

  it("of `sessions` is refused by name, and nobody is signed out", async () => {
    const { sessions, browser } = memoryApp();
    const ada = browser();
    await ada.signIn("ada");
    const { id } = await ada.read();
    for (const given of [{ exept: id }, { except: id, all: true }, id]) {
      const mend = typeof given === "string" ? "takes no `0`" : "there are except";
      await expect(sessions.revokeUser("ada", given as never)).rejects.toThrow(
        refusal("revokeUser", mend),
      );
    }
    await expect(sessions.sweep({ bach: 5 } as never)).rejects.toThrow(
      refusal("sweep", "there are batch"),
    );
    const heads = { heads: "sent" } as never;
    expect(() => sessions.open({ headers: {} }, heads)).toThrow(
      refusal("open", "there are head, outage"),
    );
    expect((await ada.read()).userId).toBe("ada");
  });

  it("is one of its own: what lies on Object.prototype is not", async () => {
    const { sessions } = memoryApp();
    let swept: number | undefined;
    Object.assign(Object.prototype, { polluted: 1 });
    try {
      swept = await sessions.sweep({ batch: 5 });
    } finally {
      Reflect.deleteProperty(Object.prototype, "polluted");
    }
    expect(swept).toBe(0);
  });
});

function refusal(call: string, mend: string): Error {
  return expect.objectContaining({
    code: "ERR_USAGE",
    message: expect.stringMatching(new RegExp(`${call}.*${mend}`)),
  }) as Error;
}
