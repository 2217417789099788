import { describe, expect, it } from "vitest";
import { addFlash, takeFlash } from "../../src/flash.ts";
import { nthCall } from "../../src/testing/faults.ts";
import { memoryApp } from "../support/ways.ts";

const texts = (messages: readonly { text: string }[]) => messages.map(({ text }) => text);

describe("flash messages", () => {
  it("are taken once, in the order in which they were added, with their kinds", async () => {
    const ada = memoryApp().browser();
    await ada.visit(async (session) => {
      await addFlash(session, "notice", "saved");
      await addFlash(session, "error", "but not sent");
    });
    await ada.visit((session) => addFlash(session, "notice", "saved"));
    expect((await ada.visit(takeFlash)).result).toEqual([
      { kind: "notice", text: "saved" },
      { kind: "error", text: "but not sent" },
      { kind: "notice", text: "saved" },
    ]);
    expect((await ada.visit(takeFlash)).result).toEqual([]);
    expect((await ada.read()).keys()).toEqual([]);
  });

  it("take the place of what another library has kept under their key, and hide nothing of it", async () => {
    // As @fastify/flash leaves it behind for good, and connect-flash too; such a session may be adopted.
    const theirs = { flash: { error: ["theirs"] } };
    const ada = memoryApp().browser();
    await ada.visit(async (session) => (await session.load()).set("flash", theirs.flash));
    expect((await ada.visit(takeFlash)).result).toEqual([]);
    expect((await ada.read()).all()).toEqual(theirs);
    await ada.visit((session) => addFlash(session, "notice", "saved"));
    expect(texts((await ada.visit(takeFlash)).result)).toEqual(["saved"]);
  });

  it("are at most twenty: the oldest go", async () => {
    const ada = memoryApp().browser();
    for (let at = 0; at < 25; at += 1) {
      await ada.visit((session) => addFlash(session, "notice", `${at}`));
    }
    const { result } = await ada.visit(takeFlash);
    expect(texts(result)).toEqual(Array.from({ length: 20 }, (_, at) => `${at + 5}`));
  });

  it("that are added and taken in one request are shown in it", async () => {
    const ada = memoryApp().browser();
    const { result } = await ada.visit(async (session) => {
      await addFlash(session, "notice", "at once");
      return takeFlash(session);
    });
    expect(texts(result)).toEqual(["at once"]);
    expect((await ada.visit(takeFlash)).result).toEqual([]);
  });

  it("cost nothing when there are none", async () => {
    const app = memoryApp();
    const ada = app.browser();
    await ada.signIn("ada");
    app.recorded.clear();
    const { head } = await ada.visit(takeFlash);
    expect([head.cookies, app.recorded.count("update")]).toEqual([[], 0]);
  });

  it("survive signing in, and are gone after signing out", async () => {
    const ada = memoryApp().browser();
    await ada.visit((session) => addFlash(session, "notice", "welcome"));
    await ada.signIn("ada");
    expect(texts((await ada.visit(takeFlash)).result)).toEqual(["welcome"]);
    await ada.visit((session) => addFlash(session, "notice", "secret"));
    await ada.visit((session) => session.signOut());
    expect((await ada.visit(takeFlash)).result).toEqual([]);
  });

  it("of requests at one time are all kept, and none is shown twice", async () => {
    const app = memoryApp();
    const ada = app.browser();
    await ada.signIn("ada");
    const there = app.another().browser();
    there.plant(ada.cookie());
    const added = Array.from({ length: 10 }, (_, at) => `${at}`);
    await Promise.all(
      added.map((text, at) =>
        (at % 2 === 0 ? ada : there).visit((session) => addFlash(session, "notice", text)),
      ),
    );
    const shown = await Promise.all(
      Array.from({ length: 10 }, (_, at) => (at % 2 === 0 ? ada : there).visit(takeFlash)),
    );
    expect(shown.flatMap(({ result }) => texts(result)).sort()).toEqual(added);
  });

  it.each(["after", "resent", "before"] as const)(
    "are shown exactly once when the reply to taking them is lost (%s)",
    async (fault) => {
      const app = memoryApp({ faults: nthCall("update", 1, fault) });
      const ada = app.browser();
      await ada.visit((session) => addFlash(session, "notice", "once"));
      const first = (await ada.visit(takeFlash)).result;
      const second = (await ada.visit(takeFlash)).result;
      expect([texts(first), texts(second)]).toEqual([["once"], []]);
    },
  );

  it("are kept when taking them fails", async () => {
    const app = memoryApp({
      faults: ({ verb, count }) => (verb === "update" && count <= 2 ? "before" : undefined),
    });
    const ada = app.browser();
    await ada.visit((session) => addFlash(session, "notice", "kept"));
    await expect(
      ada
        .begin()
        .session.load()
        .then(() => ada.visit(takeFlash)),
    ).rejects.toMatchObject({ status: 503 });
    expect(texts((await ada.visit(takeFlash)).result)).toEqual(["kept"]);
  });

  it("need an app that accepts lost updates, in a sealed session", async () => {
    const app = memoryApp({ method: "sealed", sealed: { update: "refuse" } });
    const ada = app.browser();
    const attempt = ada.visit((session) => addFlash(session, "notice", "x"));
    await expect(attempt).rejects.toThrow(/accept-lost-updates/);
    expect((await ada.visit(takeFlash)).result).toEqual([]);
    const accepting = memoryApp({ method: "sealed" }).browser();
    await accepting.visit((session) => addFlash(session, "notice", "x"));
    expect(texts((await accepting.visit(takeFlash)).result)).toEqual(["x"]);
    expect((await accepting.visit(takeFlash)).result).toEqual([]);
  });

  it("can be taken where the head is out, once", async () => {
    const app = memoryApp();
    const ada = app.browser();
    await ada.visit((session) => addFlash(session, "notice", "streamed"));
    const request = { headers: { cookie: ada.cookie() } };
    const open = () => app.sessions.open(request, { head: "sent" });
    expect(texts(await takeFlash(open()))).toEqual(["streamed"]);
    expect(await takeFlash(open())).toEqual([]);
  });
});
