import { describe, expect, it } from "vitest";
import { SignInRefusedError, StoreUnavailableError, UsageError } from "../../../src/errors.ts";
import { memoryApp } from "../../support/ways.ts";

describe("signIn", () => {
  it.each([
    ["nothing", undefined],
    ["null", null],
    ["a number", 5],
    ["an object", { id: "ada" }],
    ["the empty text", ""],
    ["1025 characters", "x".repeat(1025)],
    ["10 kB", "x".repeat(10_000)],
    ["the first half of a surrogate pair", "ada\ud83d"],
    ["the second half", "\udc75ada"],
  ])("refuses %s as user id, and nothing happens", async (_, userId) => {
    const app = memoryApp();
    const ada = app.browser();
    await ada.set("cart", ["tea"]);
    app.recorded.clear();
    const { head } = await ada.visit(async (session) => {
      const attempt = session.signIn(userId as never);
      await expect(attempt).rejects.toBeInstanceOf(UsageError);
      await expect(attempt).rejects.toThrow(/1 to 1024 characters/);
    });
    expect([head.cookies, app.recorded.calls]).toEqual([[], []]);
    expect((await ada.read()).get("cart")).toEqual(["tea"]);
  });

  it.each([
    "x".repeat(1024),
    "\ud83d\udc75",
    "__proto__",
    "ada@example.com",
    "a\u0000b",
    "ADA",
    " ada ",
    "Ada\u030a",
  ])("takes %j as it is", async (userId) => {
    const app = memoryApp();
    const ada = app.browser();
    await ada.signIn(userId);
    expect((await ada.read()).userId).toBe(userId);
    const listed = [];
    for await (const each of app.sessions.list(userId)) listed.push(each.userId);
    expect(listed).toEqual([userId]);
    await app.sessions.revokeUser(userId);
    expect((await ada.read()).userId).toBeUndefined();
  });

  it("keeps how the user proved who they are: by password, unless the app says otherwise", async () => {
    const { browser, clock } = memoryApp();
    const ada = browser();
    await ada.signIn("ada");
    const at = clock.now();
    expect((await ada.read()).info.authentications).toEqual([{ method: "password", at }]);
    await ada.visit((session) => session.signIn("ada", { methods: ["passkey"] }));
    expect((await ada.read()).info.authentications).toEqual([{ method: "passkey", at }]);
  });

  it("as the same user again keeps the data and that the browser remembers, and proves anew", async () => {
    const { browser, clock } = memoryApp();
    const ada = browser();
    await ada.visit(async (session) => {
      (await session.signIn("ada", { remember: true })).set("theme", "dark");
    });
    clock.advance("1d");
    await ada.signIn("ada");
    const loaded = await ada.read();
    expect(loaded.info).toMatchObject({ remembered: true, authenticatedAt: clock.now() });
    expect(loaded.get("theme")).toBe("dark");
    await ada.visit((session) => session.signIn("ada", { remember: false }));
    expect((await ada.read()).info.remembered).toBe(false);
  });

  it("as another user is not remembered because the one before was", async () => {
    const { browser } = memoryApp();
    const ada = browser();
    await ada.visit((session) => session.signIn("ada", { remember: true }));
    const head = await ada.signIn("bob");
    expect((await ada.read()).info.remembered).toBe(false);
    expect(head.cookies[0]?.attributes.maxAge).toBeUndefined();
  });

  it("takes buffered changes of another user's session along only where keep names them", async () => {
    const { browser } = memoryApp();
    const ada = browser();
    await ada.signIn("ada");
    await ada.set("theme", "light");
    await ada.visit(async (session) => {
      const loaded = await session.load();
      loaded.set("theme", "dark");
      loaded.set("notes", ["of ada"]);
      await session.signIn("bob", { keep: ["theme", "absent"] });
      expect(loaded.all()).toEqual({ theme: "dark" });
    });
    expect((await ada.read()).all()).toEqual({ theme: "dark" });
  });

  it("works from nothing where the cookie opened nothing, and takes nothing along", async () => {
    const app = memoryApp();
    const ada = app.browser();
    await ada.signIn("ada");
    await ada.set("secret", "of ada");
    const old = ada.copy();
    await ada.visit((session) => session.signOut());
    await old.visit(async (session) => {
      expect((await session.load()).refusal).toBe("closed");
      await session.signIn("bob");
    });
    const loaded = await old.read();
    expect([loaded.userId, loaded.all()]).toEqual(["bob", {}]);
  });

  it("begins with the user agent, cut to 256 characters, and the address that the app tells", async () => {
    const app = memoryApp({
      address: (request) =>
        (request.headers as Record<string, string>)["x-client"]?.split(",").at(-1),
    });
    const headers = { "user-agent": "Mozilla/5.0 ".repeat(1000), "x-client": "10.0.0.1,192.0.2.7" };
    const session = app.sessions.open({ headers });
    const { info } = await session.signIn("ada");
    expect([info.userAgent, info.address]).toEqual([
      headers["user-agent"].slice(0, 256),
      "192.0.2.7",
    ]);
    const bare = await app.sessions.open({ headers: {} }).signIn("ada");
    expect([bare.info.userAgent, bare.info.address]).toEqual([undefined, undefined]);
  });

  it.each([
    ["cuts a long one", "1".repeat(10_000), "1".repeat(256)],
    ["takes null for none", null, undefined],
    ["takes a list for none", ["192.0.2.7"], undefined],
  ])("does not believe the app's address: %s", async (_, given, kept) => {
    const app = memoryApp({ address: () => given as never });
    const { info } = await app.sessions.open({ headers: {} }).signIn("ada");
    expect(info.address).toBe(kept);
  });

  it("keeps the device that the session began with, whatever comes later", async () => {
    const app = memoryApp();
    const first = app.sessions.open({ headers: { "user-agent": "Firefox" } });
    await first.signIn("ada");
    const [cookie] = (await first.commit({ at: "head" })).cookies;
    const headers = { "user-agent": "curl", cookie: `${cookie?.name}=${cookie?.value}` };
    const later = app.sessions.open({ headers });
    (await later.load()).set("a", 1);
    await later.commit({ at: "head" });
    expect((await app.sessions.open({ headers }).load()).info.userAgent).toBe("Firefox");
  });

  it("leaves nobody signed in when the session of before cannot be closed", async () => {
    const app = memoryApp({
      faults: ({ verb, count }) => (verb === "update" && count <= 2 ? "before" : undefined),
    });
    const ada = app.browser();
    await ada.set("cart", ["tea"]);
    const { session, finish } = ada.begin();
    await expect(session.signIn("ada")).rejects.toBeInstanceOf(StoreUnavailableError);
    expect((await finish({ failed: true })).cookies).toEqual([]);
    const listed = [];
    for await (const each of app.sessions.list("ada")) listed.push(each);
    expect(listed).toEqual([]);
    expect((await ada.read()).get("cart")).toEqual(["tea"]);
  });

  it("that is refused may be tried again in the same browser", async () => {
    const app = memoryApp();
    const ada = app.browser();
    const slow = ada.begin();
    await app.sessions.revokeUser("ada");
    await expect(slow.session.signIn("ada")).rejects.toBeInstanceOf(SignInRefusedError);
    app.clock.advance("1s");
    await ada.signIn("ada");
    expect((await ada.read()).userId).toBe("ada");
  });

  it.each([
    ["methods that are one word", { methods: "totp" }],
    ["a method that is no word", { methods: ["password", 5] }],
    ["an empty method", { methods: [""] }],
    ["keep that is one key", { keep: "theme" }],
    ["remember in words", { remember: "false" }],
    ["revokeOthers in words", { revokeOthers: "on" }],
  ])("refuses %s, and nobody is signed in", async (_, options) => {
    const app = memoryApp();
    const ada = app.browser();
    const attempt = ada.visit((session) => session.signIn("ada", options as never));
    await expect(attempt).rejects.toBeInstanceOf(UsageError);
    expect(app.recorded.count("create")).toBe(0);
  });
});
