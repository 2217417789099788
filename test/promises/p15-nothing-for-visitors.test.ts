import { expect, it } from "vitest";
import { addFlash, takeFlash } from "../../src/flash.ts";
import { eachWay } from "../support/ways.ts";

eachWay((open) => {
  it("P15 however many requests a visitor sends, nothing is created until something is written", async () => {
    const app = await open();
    const heads = await Promise.all(
      Array.from({ length: 200 }, () =>
        app.browser().visit(async (session) => {
          const loaded = await session.load();
          loaded.get("cart");
          loaded.delete("cart");
          loaded.clear();
          await session.update("cart", () => undefined);
          await session.reload();
          await takeFlash(session);
          expect([loaded.id, loaded.isNew]).toEqual([undefined, true]);
        }),
      ),
    );
    expect(heads.flatMap(({ head }) => head.cookies)).toEqual([]);
    const calls = app.recorded.calls.map(({ verb }) => verb);
    expect(calls.filter((verb) => verb !== "since")).toEqual([]);
  });

  it("P15 signing out without a session creates nothing", async () => {
    const app = await open();
    const { head } = await app.browser().visit((session) => session.signOut());
    expect(head.cookies).toEqual([]);
    expect(app.recorded.count("create") + app.recorded.count("add")).toBe(0);
  });

  it("P15 a set that is taken back in the same request creates nothing", async () => {
    const app = await open();
    const { head } = await app.browser().visit(async (session) => {
      const loaded = await session.load();
      loaded.set("cart", ["tea"]);
      loaded.delete("cart");
    });
    expect(head.cookies).toEqual([]);
    expect(app.recorded.count("create")).toBe(0);
  });

  it("P15 the first write creates one record and one cookie", async () => {
    const app = await open();
    const ada = app.browser();
    const { head } = await ada.visit((session) => addFlash(session, "notice", "hello"));
    expect(head.cookies).toHaveLength(1);
    expect(await ada.visit(takeFlash).then(({ result }) => result)).toEqual([
      { kind: "notice", text: "hello" },
    ]);
  });
});

eachWay((open) => {
  it("P15 two pages that load at once never show one flash message twice", async () => {
    const app = await open();
    const ada = app.browser();
    for (const text of ["a", "b", "c"]) {
      await ada.visit((session) => addFlash(session, "notice", text));
    }
    const pages = await Promise.all(Array.from({ length: 20 }, () => ada.visit(takeFlash)));
    expect(pages.flatMap(({ result }) => result.map(({ text }) => text))).toEqual(["a", "b", "c"]);
  });
}, "stored");
