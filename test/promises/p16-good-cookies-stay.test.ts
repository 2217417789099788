import { expect, it } from "vitest";
import { SessionClosedError } from "../../src/errors.ts";
import { eachWay } from "../support/ways.ts";

eachWay((open, { method }) => {
  it("P16 what a request has committed by hand is not sent once it knows that a proof has replaced its session", async () => {
    const app = await open(method === "stored" ? { rotateEvery: "1h" } : {});
    const ada = app.browser();
    await ada.signIn("ada");
    app.clock.advance("61m");
    // Whoever does no more asks the store no more; what a sealed session needs to know is in memory.
    const nothing = method === "sealed" ? (["nothing"] as const) : [];
    for (const last of ["commit", "update", "reload", ...nothing] as const) {
      const slow = ada.begin();
      const loaded = await slow.session.load();
      loaded.set("a", last);
      expect((await slow.session.commit()).cookies).toHaveLength(1);
      await ada.visit((session) => session.elevate("totp"));
      const good = ada.cookie();
      if (last === "commit") loaded.set("b", 1);
      if (last === "update") {
        await expect(slow.session.update("b", () => 1)).rejects.toThrow(SessionClosedError);
      }
      if (last === "reload") await slow.session.reload();
      expect((await slow.finish()).cookies).toEqual([]);
      expect([ada.cookie(), (await ada.read()).userId]).toEqual([good, "ada"]);
      app.clock.advance("61m");
    }
  });

  it("P16 a slow request across a sign-in neither sets nor clears a cookie", async () => {
    const app = await open();
    const ada = app.browser();
    await ada.set("cart", ["tea"]);
    const writing = ada.begin();
    const reading = ada.begin();
    const opening = ada.begin();
    (await writing.session.load()).set("theme", "dark");
    await reading.session.load();
    await ada.signIn("ada");
    const good = ada.cookie();
    const lateHeads = [await reading.finish(), await writing.finish()];
    const late = await opening.session.load();
    expect(late.userId).toBeUndefined();
    expect(() => late.set("theme", "dark")).toThrow(SessionClosedError);
    await opening.session.signOut();
    lateHeads.push(await opening.finish());
    expect(lateHeads.flatMap(({ cookies }) => cookies)).toEqual([]);
    expect(ada.cookie()).toBe(good);
    expect((await ada.read()).userId).toBe("ada");
  });

  it("P16 a slow request across the session's time neither sets nor clears a later one's cookie", async () => {
    const app = await open({ timeouts: { idle: "1h", visitor: { idle: "1h" } } });
    const ada = app.browser();
    await ada.set("cart", ["tea"]);
    const writing = ada.begin();
    (await writing.session.load()).set("theme", "dark");
    const reading = ada.begin();
    await reading.session.load();
    const leaving = ada.begin();
    await leaving.session.load();
    app.clock.advance("2h");
    await ada.signIn("ada");
    const good = ada.cookie();
    await leaving.session.signOut();
    const late = [await writing.finish(), await reading.finish(), await leaving.finish()];
    expect(late.flatMap(({ cookies }) => cookies)).toEqual([]);
    expect(ada.cookie()).toBe(good);
    expect((await ada.read()).userId).toBe("ada");
  });

  it("P16 only the request that signed out clears the cookie, with the attributes it was set with", async () => {
    const app = await open({ cookie: { sameSite: "strict" } });
    const ada = app.browser();
    const [set] = (await ada.signIn("ada")).cookies;
    const slow = ada.begin();
    await slow.session.load();
    const { head } = await ada.visit((session) => session.signOut());
    const [cleared] = head.cookies;
    expect(head.cookies).toHaveLength(1);
    expect({ ...cleared?.attributes, maxAge: undefined }).toEqual(set?.attributes);
    expect(String(cleared)).toMatch(
      /Max-Age=0.*Expires=Thu, 01 Jan 1970|Expires=Thu, 01 Jan 1970.*Max-Age=0/,
    );
    expect((await slow.finish()).cookies).toEqual([]);
  });

  it("P16 a sign-out that another one was ahead of leaves the cookie of a later sign-in alone", async () => {
    const app = await open();
    const ada = app.browser();
    await ada.signIn("ada");
    const late = ada.begin();
    await late.session.load();
    await ada.visit((session) => session.signOut());
    await ada.signIn("ada");
    await late.session.signOut();
    expect((await late.finish()).cookies).toEqual([]);
    expect((await ada.read()).userId).toBe("ada");
  });

  it("P16 an expired, revoked or forged cookie is not cleared by whoever looks at it", async () => {
    const app = await open();
    const ada = app.browser();
    await ada.signIn("ada");
    await app.sessions.revoke((await ada.read()).id as string);
    expect((await ada.visit((session) => session.load())).head.cookies).toEqual([]);
    app.clock.advance("100d");
    expect((await ada.visit((session) => session.load())).head.cookies).toEqual([]);
    ada.plant("__Host-Http-sid=forged");
    expect((await ada.visit((session) => session.load())).head.cookies).toEqual([]);
  });
});

eachWay((open) => {
  it("P16 20 parallel requests at rotation time: all served, one new ticket secret", async () => {
    const app = await open({ rotateEvery: "1h" });
    const ada = app.browser();
    await ada.signIn("ada");
    const before = ada.cookie();
    app.clock.advance("61m");
    const heads = await Promise.all(
      Array.from({ length: 20 }, (_, at) =>
        ada.copy().visit(async (session) => {
          const loaded = await session.load();
          if (at % 2 === 0) loaded.set(`key${at}`, at);
          return loaded.userId;
        }),
      ),
    );
    expect(heads.map(({ result }) => result)).toEqual(Array(20).fill("ada"));
    const cookies = heads.flatMap(({ head }) => head.cookies);
    expect(cookies).toHaveLength(1);
    expect(app.told("rotated")).toHaveLength(1);
    // The old one is good until the new one is seen, and for a grace after that.
    expect((await ada.read()).keys()).toHaveLength(10);
    ada.plant(`${cookies[0]?.name}=${cookies[0]?.value}`);
    expect((await ada.read()).userId).toBe("ada");
    const late = app.browser();
    late.plant(before);
    expect((await late.read()).userId).toBe("ada");
  });

  it("P16 a rotation of a rotated session keeps id, data and everything else", async () => {
    const app = await open({ rotateEvery: "1h" });
    const ada = app.browser();
    await ada.visit(async (session) => {
      (await session.signIn("ada")).set("theme", "dark");
    });
    const { id } = await ada.read();
    for (let hour = 0; hour < 5; hour += 1) {
      app.clock.advance("61m");
      const cookie = ada.cookie();
      const loaded = await ada.read();
      expect([loaded.id, loaded.get("theme")]).toEqual([id, "dark"]);
      expect(ada.cookie()).not.toBe(cookie);
    }
  });

  it("P16 when the answer that rotated was lost, the old ticket rotates again and nobody is out", async () => {
    const app = await open({ rotateEvery: "1h" });
    const ada = app.browser();
    await ada.signIn("ada");
    app.clock.advance("61m");
    await ada.copy().read();
    app.clock.advance("29s");
    expect((await ada.visit((session) => session.load())).head.cookies).toEqual([]);
    app.clock.advance("2s");
    expect((await ada.visit((session) => session.load())).head.cookies).toHaveLength(1);
    expect((await ada.read()).userId).toBe("ada");
  });

  it.each([
    ["end", undefined],
    ["report", "ada"],
  ] as const)(
    "P16 a replaced ticket that comes back after its grace is reuse (%s)",
    async (onReuse, left) => {
      const app = await open({ rotateEvery: "1h", onReuse });
      const ada = app.browser();
      await ada.signIn("ada");
      const thief = ada.copy();
      app.clock.advance("61m");
      await ada.read();
      await ada.read();
      app.clock.advance("31s");
      const { head, result } = await thief.visit((session) => session.load());
      expect([result.userId, result.refusal, head.cookies]).toEqual([undefined, "reuse", []]);
      expect(app.told("reuse")).toMatchObject([{ userId: "ada", ended: onReuse === "end" }]);
      expect((await ada.read()).userId).toBe(left);
    },
  );

  it("P16 a wrong ticket secret with a right id never revokes", async () => {
    const app = await open({ rotateEvery: "1h" });
    const ada = app.browser();
    await ada.signIn("ada");
    const oldest = ada.copy();
    for (let round = 0; round < 3; round += 1) {
      app.clock.advance("61m");
      await ada.read();
      await ada.read();
    }
    expect((await oldest.read()).refusal).toBe("superseded");
    expect((await ada.read()).userId).toBe("ada");
  });
}, "stored");
