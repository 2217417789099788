import { AsyncLocalStorage } from "node:async_hooks";
import { describe, expect, it } from "vitest";
import { SessionConflictError, StoreUnavailableError } from "../../../src/errors.ts";
import type { SessionStore } from "../../../src/stores/contract.ts";
import { memoryStore } from "../../../src/stores/memory.ts";
import { gate, nthCall } from "../../../src/testing/faults.ts";
import { aroundVerbs } from "../../../src/testing/verbs.ts";
import type { App } from "../../support/ways.ts";
import { memoryApp } from "../../support/ways.ts";

const times = (count: number): number[] => Array.from({ length: count }, (_, at) => at);
const tick = () => new Promise((resolve) => setImmediate(resolve));

/** A session, and so many requests over it that have read it at the same time. */
async function requests(app: App, count: number) {
  const ada = app.browser();
  await ada.set("n", 0);
  const visits = times(count).map(() => ada.begin());
  const loaded = await Promise.all(visits.map(({ session }) => session.load()));
  app.recorded.clear();
  return { ada, visits, loaded };
}

/** Another writer gets in before each of our writes to one session. */
function contested<Store extends SessionStore>(store: Store, contestedId: string): Store {
  return aroundVerbs(store, async ({ verb, args }, invoke) => {
    const [id, , , now] = args as [string, number, unknown, number];
    if (verb !== "update" || id !== contestedId) return invoke();
    const record = (await store.load(id))?.record;
    if (record !== undefined) {
      const { body, lastSeenAt, expiresAt } = record;
      await store.update(id, record.revision, { body, lastSeenAt, expiresAt }, now);
    }
    return invoke();
  });
}

describe("commits of one session in one process", () => {
  it("fold: a hundred at once are two writes and no further read", async () => {
    const app = memoryApp();
    const { ada, visits, loaded } = await requests(app, 100);
    for (const [at, each] of loaded.entries()) each.set(`key${at}`, at);
    await Promise.all(visits.map(({ finish }) => finish()));
    expect(app.recorded.calls.map(({ verb }) => verb)).toEqual(["update", "update"]);
    expect((await ada.read()).keys()).toHaveLength(101);
  });

  it("run their functions each in the async context of its own request, at every try", async () => {
    const [first, second] = [gate(), gate()];
    const store = memoryStore();
    const app = memoryApp({
      store,
      faults: ({ verb, count }) =>
        verb === "update" && count < 3 ? { heldBy: count === 1 ? first : second } : undefined,
    });
    const { ada, visits } = await requests(app, 3);
    const elsewhere = memoryApp({ store, clock: app.clock }).browser();
    elsewhere.plant(ada.cookie());
    const context = new AsyncLocalStorage<number>();
    const ran: unknown[] = [];
    const written = visits.map(({ session }, at) =>
      context.run(at, () => session.update(`key${at}`, () => ran.push([at, context.getStore()]))),
    );
    first.open();
    while (app.recorded.count("update") < 2) await tick();
    await elsewhere.set("n", 1);
    second.open();
    await Promise.all(written);
    const folded = [
      [1, 1],
      [2, 2],
    ];
    expect(ran).toEqual([[0, 0], ...folded, ...folded]);
  });

  it("that change nothing are no write, in a queue as well", async () => {
    const held = gate();
    const app = memoryApp({ faults: nthCall("update", 1, { heldBy: held }) });
    const { ada, visits } = await requests(app, 3);
    const [first, second, third] = visits.map(({ session }) => session);
    const written = first?.update("n", () => 1);
    const idle = [second?.update("n", (n) => n), third?.update("absent", () => undefined)];
    await tick();
    held.open();
    await Promise.all([written, ...idle]);
    expect(app.recorded.count("update")).toBe(1);
    expect((await ada.read()).get("n")).toBe(1);
  });

  it("are told of what they overwrite in the very write they are folded into", async () => {
    const held = gate();
    const app = memoryApp({ faults: nthCall("update", 1, { answeredAfter: held }) });
    const ada = app.browser();
    await ada.set("n", 0);
    const first = ada.set("n", 1);
    await tick();
    const visits = [ada.begin(), ada.begin()];
    for (const [at, { session }] of visits.entries()) (await session.load()).set("theme", at);
    const finished = visits.map(({ finish }) => finish());
    await tick();
    held.open();
    await Promise.all([first, ...finished]);
    expect(app.recorded.count("update")).toBe(2);
    expect((await ada.read()).get("theme")).toBe(1);
    expect(app.told("overwritten")).toMatchObject([{ keys: ["theme"] }]);
  });

  it("throw for what they would overwrite, each for itself, where the app says so", async () => {
    const app = memoryApp({ onOverwrite: "throw" });
    const { ada, visits, loaded } = await requests(app, 10);
    for (const [at, each] of loaded.entries()) {
      each.set("theme", at);
      each.set(`key${at}`, at);
    }
    const outcomes = await Promise.allSettled(visits.map(({ finish }) => finish()));
    const reasons = outcomes.flatMap((each) => (each.status === "rejected" ? [each.reason] : []));
    expect(reasons).toHaveLength(9);
    for (const reason of reasons) {
      expect(reason).toBeInstanceOf(SessionConflictError);
      expect(reason.keys).toEqual(["theme"]);
    }
    expect((await ada.read()).all()).toEqual({ n: 0, theme: 0, key0: 0 });
  });

  it("are all refused when the store does not answer, and nothing of them is half there", async () => {
    const app = memoryApp({ faults: ({ verb }) => (verb === "update" ? "before" : undefined) });
    const { ada, visits, loaded } = await requests(app, 5);
    for (const [at, each] of loaded.entries()) each.set(`key${at}`, at);
    const outcomes = await Promise.allSettled(visits.map(({ finish }) => finish()));
    for (const outcome of outcomes) {
      expect(outcome).toMatchObject({ reason: expect.any(StoreUnavailableError) as unknown });
    }
    expect((await ada.read()).all()).toEqual({ n: 0 });
  });

  it("go on after a write that was held up, and after one that failed", async () => {
    const app = memoryApp({ faults: nthCall("update", 3, "before") });
    const { ada } = await requests(app, 0);
    for (const n of times(10)) await ada.set(`key${n}`, n);
    expect((await ada.read()).keys()).toHaveLength(11);
  });

  it("of different sessions do not wait for each other", async () => {
    const held = gate();
    const app = memoryApp({ faults: nthCall("update", 1, { heldBy: held }) });
    const [ada, bob] = [app.browser(), app.browser()];
    await ada.set("n", 0);
    await bob.set("n", 0);
    const slow = ada.set("n", 1);
    await tick();
    await bob.set("n", 1);
    expect((await bob.read()).get("n")).toBe(1);
    held.open();
    await slow;
    expect((await ada.read()).get("n")).toBe(1);
  });
});

describe("a commit that meets other writers", () => {
  it("gives up at its deadline with a conflict, and nothing is written", async () => {
    const store = memoryStore();
    const app = memoryApp({ store });
    const ada = app.browser();
    await ada.set("n", 0);
    const { id } = await ada.read();
    const late = memoryApp({
      store: contested(store, id as string),
      clock: app.clock,
      commitDeadline: 0.05,
    }).browser();
    late.plant(ada.cookie());
    const attempts = [
      late.set("n", 1),
      late.visit((session) => session.update("m", () => 1)),
      late.signIn("ada"),
    ];
    for (const attempt of await Promise.allSettled(attempts)) {
      expect(attempt).toMatchObject({
        reason: { code: "ERR_SESSION_CONFLICT", status: 409, keys: [] },
      });
    }
    expect((await ada.read()).all()).toEqual({ n: 0 });
    const listed = [];
    for await (const each of app.sessions.list()) listed.push(each.userId);
    expect(listed).toEqual([undefined]);
  });

  it("merges as long as it can tell its own write, and is a conflict from then on", async () => {
    for (const [others, outcome] of [
      [8, "merged"],
      [9, "conflict"],
    ] as const) {
      const app = memoryApp();
      const ada = app.browser();
      await ada.set("n", 0);
      const slow = ada.begin();
      (await slow.session.load()).set("slow", 1);
      // Each in a process of its own: the record remembers the last commit of eight writers.
      for (const at of times(others)) {
        const there = app.another().browser();
        there.plant(ada.cookie());
        await there.set(`key${at}`, at);
      }
      const result = await slow.finish().then(
        () => "merged",
        (error: unknown) => (error instanceof SessionConflictError ? "conflict" : error),
      );
      expect(result, `${others} writers`).toBe(outcome);
      expect((await ada.read()).has("slow")).toBe(outcome === "merged");
    }
  });

  it("merges over any number of writes of few writers", async () => {
    const app = memoryApp();
    const ada = app.browser();
    await ada.set("n", 0);
    const slow = ada.begin();
    (await slow.session.load()).set("slow", 1);
    const there = app.another().browser();
    there.plant(ada.cookie());
    for (const n of times(40)) await there.set("n", n);
    await slow.finish();
    expect((await ada.read()).all()).toEqual({ n: 39, slow: 1 });
  });

  it("has one effect when its write lands only after the store was given up", async () => {
    const held = gate();
    const app = memoryApp({
      faults: nthCall("update", 1, { heldBy: held }),
      storeDeadline: 0.05,
    });
    const ada = app.browser();
    await ada.set("n", 0);
    await ada.visit((session) => session.update("n", (n) => (n as number) + 1));
    held.open();
    await tick();
    expect((await ada.read()).get("n")).toBe(1);
    await ada.visit((session) => session.update("n", (n) => (n as number) + 1));
    expect((await ada.read()).get("n")).toBe(2);
  });
});

describe("a session near what the store takes", () => {
  it("is kept up to the last byte, and refused above it with the bytes by key", async () => {
    const { traits } = memoryStore();
    const app = memoryApp();
    const ada = app.browser();
    await ada.set("text", "é".repeat(10));
    const text = (bytes: number) => "é".repeat(bytes / 2);
    let low = 0;
    let high = traits.maxBodyBytes;
    // The largest that is taken, by halves: what stands beside the data varies a little.
    while (high - low > 2) {
      const middle = 2 * Math.floor((low + high) / 4);
      const failure = await ada.set("text", text(middle)).catch((error: unknown) => error);
      if (failure instanceof Error) {
        expect(failure).toMatchObject({
          code: "ERR_SESSION_TOO_LARGE",
          limit: traits.maxBodyBytes,
          bytesByKey: { text: middle + '"text":""'.length },
        });
        high = middle;
      } else {
        low = middle;
      }
    }
    expect(low).toBeGreaterThan(traits.maxBodyBytes - 1000);
    expect((await ada.read()).get("text")).toBe(text(low));
    const bodies = app.recorded.calls
      .filter(({ verb }) => verb === "update")
      .map(({ args }) => new TextEncoder().encode((args[2] as { body: string }).body).length);
    expect(Math.max(...bodies)).toBeLessThanOrEqual(traits.maxBodyBytes);
  });
});
