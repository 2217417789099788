import { describe, expect, it } from "vitest";
import { UsageError } from "../../../src/errors.ts";
import type { ListedSession } from "../../../src/index.ts";
import type { App } from "../../support/ways.ts";
import { memoryApp } from "../../support/ways.ts";

async function listed(app: App, userId?: string): Promise<ListedSession[]> {
  const all: ListedSession[] = [];
  const sessions = userId === undefined ? app.sessions.list() : app.sessions.list(userId);
  for await (const each of sessions) all.push(each);
  return all;
}

async function signedIn(app: App, userId: string) {
  const browser = app.browser();
  await browser.signIn(userId);
  return { browser, id: (await browser.read()).id as string };
}

describe("list", () => {
  it("gives every live session of a user once, over many pages", async () => {
    const app = memoryApp();
    const ids = new Set<string>();
    for (let at = 0; at < 600; at += 1) ids.add((await signedIn(app, "ada")).id);
    await signedIn(app, "bob");
    app.recorded.clear();
    const found = (await listed(app, "ada")).map(({ id }) => id);
    expect(new Set(found)).toEqual(ids);
    expect([found.length, app.recorded.count("list")]).toEqual([600, 3]);
  });

  it("says what a device page needs, and nothing that opens a session", async () => {
    const app = memoryApp({ address: () => "192.0.2.7" });
    const ada = app.browser();
    await ada.visit(async (session) => {
      const loaded = await session.signIn("ada", { remember: true, methods: ["passkey"] });
      loaded.set("card", "4242-4242");
    });
    const { id, info } = await ada.read();
    const [device] = await listed(app, "ada");
    expect(device).toEqual({ id, userId: "ada", ...info });
    expect(Object.keys(device as object).sort()).toEqual([
      "address",
      "authenticatedAt",
      "authentications",
      "createdAt",
      "endsAt",
      "expiresAt",
      "id",
      "lastSeenAt",
      "remembered",
      "userAgent",
      "userId",
    ]);
    expect(JSON.stringify(device)).not.toContain("4242-4242");
  });

  it("leaves out what has ended in any way, and everyone else's", async () => {
    const app = memoryApp({ timeouts: { idle: "1h", touchInterval: "1m" } });
    await signedIn(app, "ada");
    app.clock.advance("2h");
    const out = await signedIn(app, "ada");
    const revoked = await signedIn(app, "ada");
    const replaced = await signedIn(app, "ada");
    await signedIn(app, "bob");
    await out.browser.visit((session) => session.signOut());
    await app.sessions.revoke(revoked.id);
    await replaced.browser.visit((session) => session.elevate("totp"));
    const { id } = await replaced.browser.read();
    expect((await listed(app, "ada")).map((each) => each.id)).toEqual([id]);
    expect(await listed(app, "nobody")).toEqual([]);
    // Not everyone, and nobody either: it is no user id.
    await expect(async () => await listed(app, "")).rejects.toMatchObject({ code: "ERR_USAGE" });
  });

  it("of everyone has visitors in it, without a user", async () => {
    const app = memoryApp();
    await app.browser().set("cart", ["tea"]);
    await signedIn(app, "ada");
    expect((await listed(app)).map(({ userId }) => userId).sort()).toEqual(["ada", undefined]);
  });

  it("goes by today's timeouts", async () => {
    const app = memoryApp();
    await signedIn(app, "ada");
    app.clock.advance("2h");
    const strict = app.another({ timeouts: "aal2" });
    expect([(await listed(app, "ada")).length, await listed(strict, "ada")]).toEqual([1, []]);
  });

  it("asks whether everyone is out, also where nothing could be closed", async () => {
    const app = memoryApp({ faults: ({ verb }) => (verb === "update" ? "before" : undefined) });
    await signedIn(app, "ada");
    await app.sessions.revokeEveryone();
    expect(await listed(app.another(), "ada")).toEqual([]);
  });

  it("may be stopped early, and asks for no page that nobody wants", async () => {
    const app = memoryApp();
    for (let at = 0; at < 300; at += 1) await signedIn(app, "ada");
    app.recorded.clear();
    for await (const _ of app.sessions.list("ada")) break;
    expect(app.recorded.count("list")).toBe(1);
  });

  it("is an error while the store does not answer", async () => {
    const app = memoryApp({ faults: ({ verb }) => (verb === "list" ? "before" : undefined) });
    await expect(listed(app, "ada")).rejects.toMatchObject({ status: 503, operation: "list" });
  });

  it.each([undefined, null, "", 5, {}, "ada\ud83d"])(
    "refuses %j as a user: a forgotten one must not mean everyone, nor nobody",
    async (userId) => {
      const app = memoryApp();
      await signedIn(app, "ada");
      const list = app.sessions.list as (userId: unknown) => AsyncIterable<ListedSession>;
      await expect(async () => {
        for await (const each of list(userId)) expect(each).toBeUndefined();
      }).rejects.toBeInstanceOf(UsageError);
      expect(app.recorded.count("list")).toBe(0);
    },
  );

  it("is refused where sessions are in cookies, rather than empty", async () => {
    const app = memoryApp({ method: "sealed" });
    await app.browser().signIn("ada");
    await expect(listed(app, "ada")).rejects.toBeInstanceOf(UsageError);
  });
});
