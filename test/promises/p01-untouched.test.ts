import { expect, it } from "vitest";
import { eachWay } from "../support/ways.ts";

eachWay((open) => {
  it("P1 a request that does not use its session calls no store and sets no header", async () => {
    const { recorded, browser } = await open();
    const ada = browser();
    await ada.signIn("ada");
    recorded.clear();
    const { head } = await ada.visit(() => undefined);
    expect(head).toEqual({
      cookies: [],
      vary: false,
      cacheControl: undefined,
      clearSiteData: undefined,
    });
    expect(recorded.calls).toEqual([]);
  });

  it("P1 a cookie that nobody looks at is not even read", async () => {
    const { sessions } = await open();
    const request = {
      get headers(): never {
        throw new Error("the headers were read");
      },
    };
    const session = sessions.open(request);
    expect((await session.commit({ at: "head" })).vary).toBe(false);
  });
});
