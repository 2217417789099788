import { describe, expect, it } from "vitest";
import { commitHead } from "../../../src/core/handle.ts";
import type { LoadedSession } from "../../../src/index.ts";
import { createSessions } from "../../../src/index.ts";
import { memoryStore } from "../../../src/stores/memory.ts";
import { gate, nthCall } from "../../../src/testing/faults.ts";
import type { Data, MemoryAppOptions } from "../../support/ways.ts";
import { memoryApp, SECRET } from "../../support/ways.ts";

const tick = () => new Promise((resolve) => setImmediate(resolve));

describe("a handle whose head is out", () => {
  const refused = { code: "ERR_SESSION_CLOSED", status: 409 };

  it.each(["opened so", "after the last commit"])(
    "refuses what needs a header (%s)",
    async (how) => {
      const app = memoryApp({ rotateEvery: "1h" });
      const ada = app.browser();
      await ada.signIn("ada");
      await ada.set("n", 1);
      app.clock.advance("2h");
      const request = { headers: { cookie: ada.cookie() } };
      const session =
        how === "opened so"
          ? app.sessions.open(request, { head: "sent" })
          : app.sessions.open({ headers: { cookie: ada.cookie() } });
      if (how !== "opened so") await session.commit({ at: "head" });
      const loaded = await session.load();
      expect([loaded.userId, (await session.requireUser()).id]).toEqual(["ada", loaded.id]);
      for (const change of [
        () => loaded.set("n", 2),
        () => loaded.delete("n"),
        () => loaded.clear(),
      ]) {
        expect(change).toThrow(expect.objectContaining(refused) as Error);
      }
      for (const call of [session.signIn("bob"), session.signOut(), session.elevate("totp")]) {
        await expect(call).rejects.toMatchObject(refused);
      }
      expect(await session.update("n", (n) => (n as number) + 1)).toBe(2);
      expect((await session.reload()).get("n")).toBe(2);
      // Nothing rotates: the new ticket could not be sent.
      expect((await session.commit()).cookies).toEqual([]);
      expect(app.told("rotated")).toEqual([]);
      expect((await ada.read()).get("n")).toBe(2);
    },
  );

  it("still ends the user's other sessions, which needs no header", async () => {
    const app = memoryApp();
    const [ada, other] = [app.browser(), app.browser()];
    await ada.signIn("ada");
    await other.signIn("ada");
    const session = app.sessions.open({ headers: { cookie: ada.cookie() } }, { head: "sent" });
    await session.revokeOthers();
    expect([(await ada.read()).userId, (await other.read()).userId]).toEqual(["ada", undefined]);
  });

  it("starts no session for a visitor who has none", async () => {
    const app = memoryApp();
    const session = app.sessions.open({ headers: {} }, { head: "sent" });
    await expect(session.update("n", () => 1)).rejects.toMatchObject(refused);
    await session.update("n", () => undefined);
    expect(app.recorded.count("create")).toBe(0);
  });

  it("is so from the first moment of its last commit", async () => {
    const held = gate();
    const app = memoryApp({ faults: nthCall("update", 1, { heldBy: held }) });
    const ada = app.browser();
    await ada.set("n", 1);
    const { session, finish } = ada.begin();
    const loaded = await session.load();
    loaded.set("n", 2);
    const finished = finish();
    await tick();
    expect(() => loaded.set("n", 3)).toThrow(expect.objectContaining(refused) as Error);
    const late = session.signOut();
    held.open();
    await finished;
    await expect(late).rejects.toMatchObject(refused);
    expect((await ada.read()).get("n")).toBe(2);
  });
});

describe("commit by hand", () => {
  it("may be called again, and gives everything that the head needs so far", async () => {
    const app = memoryApp();
    const { session } = app.browser().begin();
    const loaded = await session.load();
    expect((await session.commit()).cookies).toEqual([]);
    loaded.set("n", 1);
    const first = await session.commit();
    loaded.set("n", 2);
    const second = await session.commit({ at: "head" });
    expect([first.cookies.length, second.cookies]).toEqual([1, first.cookies]);
    expect(await session.commit()).toEqual(second);
    expect(await session.commit({ at: "end" })).toEqual(second);
  });

  it("of a request that failed drops what was buffered, and shows what is kept", async () => {
    const app = memoryApp();
    const ada = app.browser();
    await ada.signIn("ada");
    await ada.set("n", { deep: 1 });
    const { session, finish } = ada.begin();
    const loaded = await session.load();
    loaded.set("m", 1);
    (loaded.get("n") as { deep: number }).deep = 2;
    app.recorded.clear();
    await finish({ failed: true });
    expect([loaded.userId, loaded.all()]).toEqual(["ada", { n: { deep: 1 } }]);
    expect(app.recorded.count("update")).toBe(0);
    expect((await ada.read()).all()).toEqual({ n: { deep: 1 } });
  });

  it("that fails may be tried again, with what was buffered", async () => {
    const app = memoryApp({ faults: ({ verb, count }) => failTwice(verb, count) });
    const ada = app.browser();
    await ada.set("n", 1);
    await ada.visit(async (session) => {
      (await session.load()).set("n", 2);
      await expect(session.commit()).rejects.toMatchObject({ status: 503 });
    });
    expect((await ada.read()).get("n")).toBe(2);
  });
});

describe("a commit that needs no wait", () => {
  async function used(
    change: (loaded: LoadedSession<Data>) => unknown,
    options: MemoryAppOptions = {},
  ) {
    const app = memoryApp(options);
    const ada = app.browser();
    await ada.signIn("ada");
    await ada.set("cart", { n: 1 });
    const { session } = ada.begin();
    change(await session.load());
    app.recorded.clear();
    return { app, session };
  }

  it("is one of a request that has only read, and it is the last", async () => {
    const { app, session } = await used((loaded) => loaded.all());
    const head = commitHead(session, false);
    expect(head).toMatchObject({ cookies: [], vary: true, cacheControl: "private" });
    expect(app.recorded.calls).toEqual([]);
    const loaded = await session.load();
    expect(() => loaded.set("n", 1)).toThrow(/head of the response is out/);
  });

  it.each([
    ["a set", (loaded: LoadedSession<Data>) => loaded.set("a", 1)],
    ["a deletion", (loaded: LoadedSession<Data>) => loaded.delete("cart")],
    ["a change in place", (loaded: LoadedSession<Data>) => grow(loaded.get("cart"), 2)],
    ["what cannot be kept", (loaded: LoadedSession<Data>) => grow(loaded.get("cart"), Number.NaN)],
  ])("is a promise where the store takes a while: %s", async (what, change) => {
    const { session } = await used(change);
    const answer = commitHead(session, false);
    expect(answer).toBeInstanceOf(Promise);
    const outcome = await Promise.resolve(answer).catch((error: unknown) => error);
    expect(outcome).toMatchObject(
      what === "what cannot be kept" ? { path: "cart.n" } : { vary: true },
    );
  });

  it("is one of a change as well where the store answers at once", async () => {
    const sessions = createSessions<Data>({ secrets: [SECRET], store: memoryStore() });
    const first = sessions.open({ headers: {} });
    (await first.load()).set("n", 1);
    const [{ name, value } = { name: "", value: "" }] = (await first.commit()).cookies;
    const request = { headers: { cookie: `${name}=${value}` } };
    const changing = sessions.open(request);
    (await changing.load()).set("n", 2);
    expect(commitHead(changing, false)).toMatchObject({ cookies: [], vary: true });
    const failing = sessions.open(request);
    (await failing.load()).set("n", 3);
    expect(commitHead(failing, true)).toMatchObject({ cookies: [], vary: true });
    expect((await sessions.open(request).load()).get("n")).toBe(2);
  });

  it("waits for what is under way, and is one where nothing was asked for", async () => {
    const { session } = await used(() => undefined);
    const update = session.update("n", () => 1);
    const answer = commitHead(session, false);
    expect(answer).toBeInstanceOf(Promise);
    await answer;
    expect(await Promise.race([update, "not yet"])).toBe(1);
    const head = commitHead(memoryApp().sessions.open({ headers: {} }), false);
    expect(head).toMatchObject({ cookies: [], vary: false });
  });
});

function grow(cart: unknown, n: number): void {
  (cart as { n: number }).n = n;
}

// The writer itself tries once more.
function failTwice(verb: string, count: number): "before" | undefined {
  return verb === "update" && count <= 2 ? "before" : undefined;
}
