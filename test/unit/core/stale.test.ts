import { expect, it } from "vitest";
import type { CoatcheckError } from "../../../src/errors.ts";
import { StoreUnavailableError } from "../../../src/errors.ts";
import { cached } from "../../../src/stores/layers/cached.ts";
import { memoryStore } from "../../../src/stores/memory.ts";
import { testClock } from "../../../src/testing/clock.ts";
import { faulty, outage } from "../../../src/testing/faults.ts";
import type { App, MemoryAppOptions } from "../../support/ways.ts";
import { memoryApp } from "../../support/ways.ts";

/** Two processes on one store; the first has a cache before it and can lose it. */
function staleApp(options: MemoryAppOptions = {}) {
  const clock = testClock();
  const memory = memoryStore({ clock: clock.now });
  const down = outage();
  const { watch: _, ...silent } = memory;
  const store = cached(faulty(silent, down.plan), {
    maxAge: "5s",
    staleFor: "60s",
    clock: clock.now,
  });
  const app = memoryApp({ store, clock, outage: "stale", ...options });
  const elsewhere = memoryApp({ store: memory, clock });
  return { app, elsewhere, down, clock };
}

async function signedIn(app: App, theme = "dark") {
  const ada = app.browser();
  await ada.set("theme", theme);
  await ada.signIn("ada");
  await ada.read();
  return ada;
}

const failureOf = (attempt: Promise<unknown>): Promise<CoatcheckError> =>
  attempt.then(
    () => expect.fail("it did not fail"),
    (error) => error,
  );

it("P10 during an outage a request is answered with what the cache knows, and says so", async () => {
  const { app, down, clock } = staleApp();
  const ada = await signedIn(app);
  expect((await ada.read()).isStale).toBe(false);
  down.begin();
  clock.advance("30s");
  const { result, head } = await ada.visit((session) => session.load());
  expect([result.userId, result.get("theme"), result.isStale]).toEqual(["ada", "dark", true]);
  expect([head.cookies, head.cacheControl, head.vary]).toEqual([[], "private", true]);
  expect(app.told("outage").length).toBeGreaterThan(0);
});

it("P10 up to the stated age, and then it is an error", async () => {
  const { app, down, clock } = staleApp();
  const ada = await signedIn(app);
  down.begin();
  clock.advance(59.999);
  expect((await ada.read()).userId).toBe("ada");
  clock.advance(0.001);
  expect(await failureOf(ada.read())).toMatchObject({ status: 503 });
  down.end();
  expect((await ada.read()).userId).toBe("ada");
});

it("P10 of whom the cache knows nothing the answer is an error", async () => {
  const { app, elsewhere, down } = staleApp();
  const bob = elsewhere.browser();
  await bob.signIn("bob");
  down.begin();
  const here = app.browser();
  here.plant(bob.cookie());
  expect(await failureOf(here.read())).toBeInstanceOf(StoreUnavailableError);
});

it("P10 every write is 503, and nothing of it is kept when the store is back", async () => {
  const { app, down, clock } = staleApp();
  const ada = await signedIn(app);
  down.begin();
  clock.advance("10s");
  const visit = ada.begin();
  const loaded = await visit.session.load();
  for (const write of [
    () => loaded.set("theme", "light"),
    () => loaded.delete("theme"),
    () => loaded.clear(),
  ]) {
    expect(write).toThrow(StoreUnavailableError);
  }
  // Even when the store is back: this request has seen what may be out of date.
  down.end();
  for (const write of [
    () => visit.session.update("n", () => 1),
    () => visit.session.signIn("bob"),
    () => visit.session.elevate("totp"),
    () => visit.session.revokeOthers(),
    () => visit.session.requireFresh({ within: "1h" }),
    () => visit.session.watch(),
  ]) {
    expect(await failureOf(write())).toMatchObject({ status: 503 });
  }
  expect((await visit.finish()).cookies).toEqual([]);
  const after = await ada.read();
  expect([after.userId, after.all(), after.isStale]).toEqual(["ada", { theme: "dark" }, false]);
});

it("P10 what was changed in place is 503 at commit, not lost", async () => {
  const { app, down, clock } = staleApp();
  const ada = app.browser();
  await ada.set("cart", ["tea"]);
  await ada.read();
  down.begin();
  clock.advance("10s");
  const visit = ada.begin();
  ((await visit.session.load()).get("cart") as string[]).push("milk");
  expect(await failureOf(visit.finish())).toMatchObject({ status: 503 });
});

it("P10 signing out throws, and clears the cookie all the same", async () => {
  const { app, down, clock } = staleApp();
  const ada = await signedIn(app);
  down.begin();
  clock.advance("10s");
  const visit = ada.begin();
  await visit.session.load();
  expect(await failureOf(visit.session.signOut())).toMatchObject({ status: 503 });
  const { cookies } = await visit.finish({ failed: true });
  expect(cookies.map(({ attributes }) => attributes.maxAge)).toEqual([0]);
});

it("P10 nothing is touched or rotated by a request that was answered from the cache", async () => {
  const { app, down, clock } = staleApp({ rotateEvery: 1, timeouts: { touchInterval: 1 } });
  const ada = await signedIn(app);
  down.begin();
  clock.advance("20s");
  app.recorded.clear();
  const visit = ada.begin();
  await visit.session.load();
  expect((await visit.finish()).cookies).toEqual([]);
  expect(app.recorded.calls.map(({ verb }) => verb).filter((verb) => verb !== "since")).toEqual([
    "load",
  ]);
});

it("P5 what was revoked as far as this process knows is not told", async () => {
  const { app, down, clock } = staleApp();
  const [ada, bob] = [await signedIn(app), app.browser()];
  await bob.signIn("bob");
  const { id } = await bob.read();
  await app.sessions.revoke(id as string);
  await app.sessions.revokeUser("ada");
  down.begin();
  clock.advance("10s");
  for (const browser of [ada, bob]) {
    expect(await failureOf(browser.read())).toBeInstanceOf(StoreUnavailableError);
  }
});

it("P5 a cut-off that only the feed has told is known as well", async () => {
  const { app, elsewhere, down, clock } = staleApp();
  const ada = await signedIn(app);
  const bob = app.browser();
  await bob.signIn("bob");
  await bob.read();
  await elsewhere.sessions.revokeUser("ada");
  clock.advance("11s");
  // Whoever comes now, the feed is asked.
  const eve = app.browser();
  await eve.signIn("eve");
  await eve.read();
  down.begin();
  clock.advance("10s");
  expect(await failureOf(ada.read())).toBeInstanceOf(StoreUnavailableError);
  expect((await bob.read()).userId).toBe("bob");
});

it("P5 a session that has timed out meanwhile is not told", async () => {
  const { app, down, clock } = staleApp({ timeouts: { idle: 30, touchInterval: 1 } });
  const ada = await signedIn(app);
  down.begin();
  clock.advance("40s");
  expect(await failureOf(ada.read())).toBeInstanceOf(StoreUnavailableError);
});

it("P10 a route can ask for it, and another one for the truth", async () => {
  const { app, down, clock } = staleApp({ outage: "closed" });
  const ada = await signedIn(app);
  down.begin();
  clock.advance("10s");
  expect(await failureOf(ada.read())).toMatchObject({ status: 503 });
  const visit = ada.begin();
  const loaded = await visit.session.load({ outage: "stale" });
  expect([loaded.userId, loaded.isStale]).toEqual(["ada", true]);
  expect(await failureOf(visit.session.load())).toMatchObject({ status: 503 });
  expect(await failureOf(visit.session.requireUser())).toMatchObject({ status: 503 });
});

it("P10 `requireUser` lets in whom the cache knows, where that is the app's policy", async () => {
  const { app, down, clock } = staleApp();
  const ada = await signedIn(app);
  down.begin();
  clock.advance("10s");
  const { result } = await ada.visit((session) => session.requireUser());
  expect(result.userId).toBe("ada");
  expect(await failureOf(app.browser().begin().session.requireUser())).toMatchObject({
    status: 401,
  });
});

it("P10 `reload` looks again, and what it gives can be written", async () => {
  const { app, down, clock } = staleApp();
  const ada = await signedIn(app);
  down.begin();
  clock.advance("10s");
  const visit = ada.begin();
  const loaded = await visit.session.load();
  expect(await failureOf(visit.session.reload())).toMatchObject({ status: 503 });
  down.end();
  await visit.session.reload();
  expect(loaded.isStale).toBe(false);
  loaded.set("theme", "light");
  await visit.finish();
  expect((await ada.read()).get("theme")).toBe("light");
});

it("P10 `reload` looks again also where the route alone had asked for what was last known", async () => {
  const { app, down, clock } = staleApp({ outage: "closed" });
  const ada = await signedIn(app);
  down.begin();
  clock.advance("10s");
  const { session } = ada.begin();
  const loaded = await session.load({ outage: "stale" });
  expect(await failureOf(session.reload())).toMatchObject({ status: 503 });
  expect([loaded.userId, loaded.isStale]).toEqual(["ada", true]);
  down.end();
  await session.reload();
  expect([loaded.userId, loaded.isStale]).toEqual(["ada", false]);
  expect((await session.requireUser()).userId).toBe("ada");
});

it("P5 a copy of a ticket that was replaced is not told, nor one of two cookies", async () => {
  const { app, down, clock } = staleApp({ rotateEvery: "1m", rotationGrace: 1 });
  const ada = await signedIn(app);
  const bob = await signedIn(app, "light");
  const copy = ada.copy();
  for (let n = 0; n < 2; n += 1) {
    clock.advance("61s");
    await ada.read();
    await ada.read();
  }
  await bob.read();
  down.begin();
  clock.advance("10s");
  expect((await ada.read()).userId).toBe("ada");
  expect(await failureOf(copy.read())).toBeInstanceOf(StoreUnavailableError);
  const visit = app.sessions.open({ headers: { cookie: `${ada.cookie()}; ${bob.cookie()}` } });
  expect(await failureOf(visit.load())).toBeInstanceOf(StoreUnavailableError);
});
