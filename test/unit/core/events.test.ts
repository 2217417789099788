import { afterEach, describe, expect, it, vi } from "vitest";
import { createEmitter } from "../../../src/core/events.ts";
import { UsageError } from "../../../src/errors.ts";
import { outage } from "../../../src/testing/faults.ts";
import { memoryApp } from "../../support/ways.ts";

afterEach(() => {
  vi.restoreAllMocks();
});

const NAME = "__Host-Http-sid";

describe("events", () => {
  it("of a life: created, signed in, a proof more, signed out, with exactly what is needed", async () => {
    const app = memoryApp();
    const ada = app.browser();
    await ada.set("cart", ["tea"]);
    const visitorId = (await ada.read()).id;
    await ada.visit((session) => session.signIn("ada", { methods: ["passkey"] }));
    const first = (await ada.read()).id;
    await ada.visit((session) => session.elevate("totp"));
    const second = (await ada.read()).id;
    await ada.visit((session) => session.signOut());
    expect(app.told("created")).toEqual([{ sessionId: visitorId, userId: undefined }]);
    expect(app.told("signedIn")).toEqual([
      { sessionId: first, userId: "ada", previousId: visitorId, methods: ["passkey"] },
      { sessionId: second, userId: "ada", previousId: first, methods: ["passkey", "totp"] },
    ]);
    expect(app.told("signedOut")).toEqual([{ sessionId: second, userId: "ada" }]);
    for (const name of ["revoked", "refused", "dropped", "overwritten", "outage"] as const) {
      expect(app.told(name), name).toEqual([]);
    }
  });

  it("of a sign-in from nothing names no session of before", async () => {
    const app = memoryApp();
    const ada = app.browser();
    await ada.signIn("ada");
    const { id } = await ada.read();
    expect(app.told("signedIn")).toEqual([
      { sessionId: id, userId: "ada", previousId: undefined, methods: ["password"] },
    ]);
  });

  it("of a commit that failed name the session and the error", async () => {
    const down = outage();
    const app = memoryApp({ faults: down.plan });
    const ada = app.browser();
    await ada.signIn("ada");
    const { session, finish } = ada.begin();
    const loaded = await session.load();
    loaded.set("a", 1);
    down.begin();
    await expect(finish()).rejects.toMatchObject({ status: 503 });
    expect(app.told("commitFailed")).toMatchObject([
      { sessionId: loaded.id, userId: "ada", error: { status: 503 } },
    ]);
  });

  it("of a revoke say how: one session, a user, everyone", async () => {
    const app = memoryApp();
    const ada = app.browser();
    await ada.signIn("ada");
    const { id } = await ada.read();
    await app.sessions.revoke(id as string);
    await app.sessions.revokeUser("ada");
    await app.sessions.revokeEveryone();
    expect(app.told("revoked")).toEqual([
      { sessionId: id, userId: "ada", by: "session" },
      { sessionId: undefined, userId: "ada", by: "user" },
      { sessionId: undefined, userId: undefined, by: "everyone" },
    ]);
  });

  it("of a rotation and of a reuse name session and user", async () => {
    const app = memoryApp({ rotateEvery: "1h" });
    const ada = app.browser();
    await ada.signIn("ada");
    const { id } = await ada.read();
    const thief = ada.copy();
    app.clock.advance("61m");
    await ada.read();
    await ada.read();
    app.clock.advance("31s");
    await thief.read();
    const named = { sessionId: id, userId: "ada" };
    expect(app.told("rotated")).toEqual([named]);
    expect(app.told("reuse")).toEqual([{ ...named, ended: true }]);
  });

  it("of a reuse that is only reported say so", async () => {
    const app = memoryApp({ rotateEvery: "1h", onReuse: "report" });
    const ada = app.browser();
    await ada.signIn("ada");
    const thief = ada.copy();
    app.clock.advance("61m");
    await ada.read();
    await ada.read();
    app.clock.advance("31s");
    await thief.read();
    expect(app.told("reuse")).toMatchObject([{ userId: "ada", ended: false }]);
    expect((await ada.read()).userId).toBe("ada");
  });

  it("of a refusal say why, and which session only where the ticket was genuine", async () => {
    const app = memoryApp();
    const ada = app.browser();
    await ada.signIn("ada");
    const { id } = await ada.read();
    const good = ada.cookie();
    const read = (cookie: string) => app.sessions.open({ headers: { cookie } }).load();
    const forged = good.slice(0, -2) + (good.endsWith("AA") ? "BA" : "AA");
    await read(`${NAME}=junk`);
    await read(forged);
    await app.sessions.revoke(id as string);
    await read(good);
    app.clock.advance("2m");
    await read(good);
    await app.sessions.sweep();
    await read(good);
    expect(app.told("refused")).toEqual([
      { refusal: "malformed", sessionId: undefined },
      { refusal: "forged", sessionId: undefined },
      { refusal: "closed", sessionId: id },
      { refusal: "absent", sessionId: id },
      { refusal: "absent", sessionId: id },
    ]);
  });

  it("of changes that were dropped name their keys and never their values", async () => {
    const app = memoryApp();
    const ada = app.browser();
    await ada.signIn("ada");
    const { id } = await ada.read();
    const slow = ada.begin();
    const loaded = await slow.session.load();
    loaded.set("a", "secret");
    loaded.set("b", "secret");
    await app.sessions.revokeUser("ada");
    await slow.finish();
    expect(app.told("dropped")).toEqual([{ sessionId: id, userId: "ada", keys: ["a", "b"] }]);
  });

  it("tell what `reload` drops, too", async () => {
    const app = memoryApp();
    const ada = app.browser();
    await ada.signIn("ada");
    const { session, finish } = ada.begin();
    const loaded = await session.load();
    loaded.set("a", 1);
    await app.sessions.revoke(loaded.id as string);
    expect((await session.reload()).refusal).toBe("closed");
    await finish();
    expect(app.told("dropped")).toMatchObject([{ userId: "ada", keys: ["a"] }]);
  });

  it("of an outage carry the verb and a typed error, once per failed call", async () => {
    const down = outage();
    const app = memoryApp({ faults: down.plan });
    const ada = app.browser();
    await ada.signIn("ada");
    down.begin();
    await ada.begin().session.load({ outage: "anonymous" });
    const told = app.told("outage").filter(({ operation }) => operation === "load");
    expect(told).toMatchObject([
      { operation: "load", error: { code: "ERR_STORE_UNAVAILABLE", store: "memory" } },
    ]);
  });
});

describe("listeners", () => {
  const event = { sessionId: "x", userId: undefined };

  it("are called in order, as often as something happens, until they are taken off", () => {
    const { on, emit } = createEmitter();
    const heard: string[] = [];
    const off = on("created", () => heard.push("a"));
    on("created", () => heard.push("b"));
    on("signedOut", () => heard.push("other"));
    emit("created", event);
    off();
    off();
    emit("created", event);
    expect(heard).toEqual(["a", "b", "b"]);
  });

  it("may take themselves off while they are called", () => {
    const { on, emit } = createEmitter();
    const heard: string[] = [];
    const off = on("created", () => {
      off();
      heard.push("once");
    });
    on("created", () => heard.push("always"));
    emit("created", event);
    emit("created", event);
    expect(heard).toEqual(["once", "always", "always"]);
  });

  it("for a name that there is not are refused, with those there are", () => {
    const { sessions } = memoryApp();
    for (const name of ["logout", "Created", "__proto__", "toString", undefined]) {
      expect(() => sessions.on(name as never, () => undefined)).toThrow(/created, signedIn/);
    }
    expect(() => sessions.on("created", undefined as never)).toThrow(UsageError);
  });

  it("that throw disturb neither the request nor other listeners, and are not silent", async () => {
    const thrown: unknown[] = [];
    vi.spyOn(globalThis, "queueMicrotask").mockImplementation((task) => {
      try {
        task();
      } catch (error) {
        thrown.push(error);
      }
    });
    const app = memoryApp();
    const failure = new Error("the listener's own");
    app.sessions.on("created", () => {
      throw failure;
    });
    const heard: unknown[] = [];
    app.sessions.on("created", (told) => heard.push(told));
    const ada = app.browser();
    const head = await ada.set("cart", ["tea"]);
    expect([head.cookies.length, heard.length, thrown]).toEqual([1, 1, [failure]]);
    expect((await ada.read()).get("cart")).toEqual(["tea"]);
  });
});
