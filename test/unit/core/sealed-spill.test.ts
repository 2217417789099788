import { describe, expect, it } from "vitest";
import type { HeadChanges } from "../../../src/index.ts";
import { nthCall } from "../../../src/testing/faults.ts";
import { memoryApp } from "../../support/ways.ts";

const NAME = "__Host-Http-sid";

/** Which cookies a head sets, and which it deletes. */
function outline({ cookies }: HeadChanges): { set: string[]; deleted: string[] } {
  const short = (name: string) => name.replace(NAME, "sid");
  const isDeleted = ({ attributes }: HeadChanges["cookies"][number]) => attributes.maxAge === 0;
  return {
    set: cookies.filter((each) => !isDeleted(each)).map(({ name }) => short(name)),
    deleted: cookies.filter(isDeleted).map(({ name }) => short(name)),
  };
}

const text = (bytes: number) => "x".repeat(bytes);
const ticketIn = (cookie: string) => cookie.slice(cookie.indexOf("=") + 1);

describe("a sealed session that moves into the store", () => {
  const open = (options: Parameters<typeof memoryApp>[0] = {}) =>
    memoryApp({ method: "sealed", sealed: { overflow: "store" }, ...options });

  it.each(["a visitor's", "a user's"])("goes on there with all it had: %s", async (whose) => {
    const app = open();
    const ada = app.browser();
    if (whose === "a user's") {
      await ada.visit((session) => session.signIn("ada", { remember: true, methods: ["totp"] }));
    }
    await ada.set("small", new Map([["k", 1n]]));
    const before = await ada.read();
    const sealed = ada.cookie();
    app.clock.advance("1m");
    const head = await ada.set("large", text(5000));
    expect(outline(head).set).toEqual(["sid"]);
    expect(head.cookies[0]?.attributes.maxAge === undefined).toBe(whose === "a visitor's");
    expect(ticketIn(ada.cookie())).toHaveLength(76);
    const after = await ada.read();
    expect(after.all()).toEqual({ small: new Map([["k", 1n]]), large: text(5000) });
    expect(after.userId).toBe(before.userId);
    expect(after.info).toMatchObject({
      createdAt: before.info.createdAt,
      endsAt: before.info.endsAt,
      remembered: before.info.remembered,
      authentications: before.info.authentications,
    });
    // A new id, and the seal of before opens nothing.
    expect(after.id).not.toBe(before.id);
    const thief = app.browser();
    thief.plant(sealed);
    expect((await thief.read()).refusal).toBe("revoked");
  });

  it("never goes back, however small it becomes", async () => {
    const app = open();
    const ada = app.browser();
    await ada.signIn("ada");
    await ada.set("large", text(5000));
    const { id } = await ada.read();
    await ada.visit(async (session) => (await session.load()).clear());
    expect(ticketIn(ada.cookie())).toHaveLength(76);
    expect((await ada.read()).id).toBe(id);
    await ada.visit((session) => session.elevate("totp"));
    expect(ticketIn(ada.cookie())).toHaveLength(76);
  });

  it("may begin there: a first write that is too large", async () => {
    const app = open();
    const ada = app.browser();
    expect(outline(await ada.set("large", text(5000)))).toEqual({ set: ["sid"], deleted: [] });
    expect((await ada.read()).get("large")).toBe(text(5000));
    expect(app.recorded.count("add")).toBe(0);
  });

  it("goes on in the same request, where it moved", async () => {
    const app = open();
    const ada = app.browser();
    await ada.signIn("ada");
    await ada.visit(async (session) => {
      const loaded = await session.load();
      loaded.set("large", text(5000));
      await session.commit();
      loaded.set("more", 1);
      await session.update("n", () => 2);
    });
    const loaded = await ada.read();
    expect([loaded.userId, loaded.keys()]).toEqual(["ada", ["large", "more", "n"]]);
  });

  it("is listed, revoked and signed out of like any stored one", async () => {
    const app = open();
    const ada = app.browser();
    await ada.signIn("ada");
    await ada.set("large", text(5000));
    const listed = [];
    for await (const each of app.sessions.list("ada")) listed.push(each.id);
    expect(listed).toEqual([(await ada.read()).id]);
    const copy = ada.copy();
    await ada.visit((session) => session.signOut());
    expect([ada.cookie(), (await copy.read()).refusal]).toEqual(["", "closed"]);
  });

  it.each(["at once", "later", "by a proof"])(
    "moves %s after it has ended the user's other sessions",
    async (when) => {
      const app = open();
      const ada = app.browser();
      await ada.signIn("ada");
      app.clock.advance("1m");
      await ada.visit((session) => session.revokeOthers());
      if (when === "later") app.clock.advance("1m");
      await ada.visit(async (session) => {
        (await session.load()).set("large", text(5000));
        if (when === "by a proof") await session.elevate("totp");
      });
      const loaded = await ada.read();
      expect([loaded.userId, loaded.get("large")]).toEqual(["ada", text(5000)]);
    },
  );

  it("clears the chunks and the small cookie that were there before", async () => {
    const app = open({ sealed: { overflow: "chunks" }, timeouts: { touchInterval: "1m" } });
    const ada = app.browser();
    await ada.set("large", text(4000));
    app.clock.advance("2m");
    await ada.read();
    expect(ada.cookie().split("; ")).toHaveLength(3);
    const spilling = app.another({ sealed: { overflow: "store" } }).browser();
    spilling.plant(ada.cookie());
    expect(outline(await spilling.set("n", 1))).toEqual({
      set: ["sid"],
      deleted: ["sid-1", "sid-seen"],
    });
    expect((await spilling.read()).keys()).toEqual(["large", "n"]);
  });

  it("stays as it was when the store does not take it", async () => {
    const app = open({ faults: ({ verb }) => (verb === "create" ? "before" : undefined) });
    const ada = app.browser();
    await ada.set("a", 1);
    const { session, finish } = ada.begin();
    (await session.load()).set("large", text(5000));
    await expect(finish()).rejects.toMatchObject({ status: 503 });
    // What an adapter answers the error with.
    expect((await session.commit({ at: "head", failed: true })).cookies).toEqual([]);
    expect((await ada.read()).all()).toEqual({ a: 1 });
  });

  it("stays as it was when it is too large for the store as well", async () => {
    const app = open();
    const ada = app.browser();
    await ada.set("a", 1);
    const { session, finish } = ada.begin();
    (await session.load()).set("large", text(2 * 1024 * 1024));
    await expect(finish()).rejects.toMatchObject({ code: "ERR_SESSION_TOO_LARGE" });
    expect((await session.commit({ at: "head", failed: true })).cookies).toEqual([]);
    expect((await ada.read()).all()).toEqual({ a: 1 });
  });

  it("stays as it was when a sign-in cannot move it", async () => {
    const app = open({ faults: ({ verb }) => (verb === "create" ? "before" : undefined) });
    const ada = app.browser();
    await ada.set("a", text(2500));
    const { session, finish } = ada.begin();
    (await session.load()).set("b", text(2500));
    await expect(session.signIn("ada")).rejects.toMatchObject({ status: 503 });
    expect((await finish({ failed: true })).cookies).toEqual([]);
    expect((await ada.read()).keys()).toEqual(["a"]);
  });

  it("stays as it was when its seal cannot be denied, and nothing of it is left in the store", async () => {
    const app = open({ faults: ({ verb }) => (verb === "add" ? "before" : undefined) });
    const ada = app.browser();
    await ada.set("a", 1);
    const { session, finish } = ada.begin();
    (await session.load()).set("large", text(5000));
    await expect(finish()).rejects.toMatchObject({ status: 503 });
    expect((await session.commit({ at: "head", failed: true })).cookies).toEqual([]);
    expect((await ada.read()).all()).toEqual({ a: 1 });
    for await (const each of app.sessions.list()) expect(each).toBeUndefined();
  });

  it("by a sign-in leaves no device behind when the session of before cannot be denied", async () => {
    const app = open({ faults: ({ verb }) => (verb === "add" ? "before" : undefined) });
    const ada = app.browser();
    await ada.set("a", text(2500));
    const { session, finish } = ada.begin();
    (await session.load()).set("b", text(2500));
    await expect(session.signIn("ada")).rejects.toMatchObject({ status: 503 });
    expect((await finish({ failed: true })).cookies).toEqual([]);
    for await (const each of app.sessions.list()) expect(each).toBeUndefined();
  });

  it("moves also when the store's answer to its user's cut-off was lost", async () => {
    const app = open({ faults: nthCall("cutOff", 1, "after") });
    const [ada, other] = [app.browser(), app.browser()];
    for (const each of [ada, other]) await each.signIn("ada");
    app.clock.advance("1s");
    await ada.visit((session) => session.revokeOthers());
    app.clock.advance("1s");
    await ada.set("large", text(5000));
    expect([(await ada.read()).userId, (await other.read()).userId]).toEqual(["ada", undefined]);
  });

  it("moves once when the store's answer is lost", async () => {
    const app = open({ faults: nthCall("create", 1, "after") });
    const ada = app.browser();
    await ada.set("large", text(5000));
    const listed = [];
    for await (const each of app.sessions.list()) listed.push(each);
    expect([listed.length, (await ada.read()).get("large")]).toEqual([1, text(5000)]);
  });
});
