import { describe, expect, it } from "vitest";
import { ConfigError } from "../../../../src/errors.ts";
import type { Answer, Loaded, NewRecord, SessionStore } from "../../../../src/stores/contract.ts";
import type { Cached, CachedOptions } from "../../../../src/stores/layers/cached.ts";
import { cached } from "../../../../src/stores/layers/cached.ts";
import { memoryStore } from "../../../../src/stores/memory.ts";
import type { TestClock } from "../../../../src/testing/clock.ts";
import { testClock } from "../../../../src/testing/clock.ts";
import type { FaultPlan } from "../../../../src/testing/faults.ts";
import { faulty, gate, nthCall, outage } from "../../../../src/testing/faults.ts";
import type { Recording } from "../../../../src/testing/recording.ts";
import { recording } from "../../../../src/testing/recording.ts";
import { aroundVerbs } from "../../../../src/testing/verbs.ts";
import type { Line } from "../../../support/told.ts";
import { allOf, tellingLine } from "../../../support/told.ts";

type Store = ReturnType<typeof memoryStore>;

interface Scene {
  /** The store behind the cache, as another process has it. */
  readonly elsewhere: Store;
  readonly cache: Cached<Store>;
  /** What the cache asks. */
  readonly asked: Recording<Store>;
  readonly clock: TestClock;
  readonly line: Line;
  add(name: string, overrides?: Partial<NewRecord>): Promise<string>;
}

const HOUR = 3_600_000;

function scene(
  options: CachedOptions & { readonly faults?: FaultPlan; readonly watch?: boolean } = {},
): Scene {
  const { faults = () => undefined, watch = false, ...rest } = options;
  const clock = testClock();
  const line = tellingLine();
  const memory = allOf(memoryStore({ clock: clock.now }));
  const elsewhere = watch ? line.connect(memory) : memory;
  const asked = recording(faulty(elsewhere, faults));
  const cache = cached(asked.store, { clock: clock.now, ...rest });
  return {
    elsewhere,
    cache,
    asked,
    clock,
    line,
    async add(name, overrides = {}) {
      const id = name.padEnd(24, "_");
      const times = { lastSeenAt: clock.now(), expiresAt: clock.now() + HOUR };
      const record = { id, userId: "ada", ...times, closed: false, body: name, ...overrides };
      await elsewhere.create(record, 1000, clock.now());
      return id;
    },
  };
}

const next = (clock: TestClock, body: string, close = false) => ({
  body,
  lastSeenAt: clock.now(),
  expiresAt: clock.now() + HOUR,
  close,
});

const bodyOf = (loaded: Loaded | undefined): string | undefined => loaded?.record.body;

describe("reading", () => {
  it("a session that was read is told again without asking", async () => {
    const { cache, asked, add } = scene();
    const id = await add("a");
    const first = await cache.load(id);
    expect(await cache.load(id)).toEqual(first);
    expect([asked.count("load"), cache.stats().hits, cache.stats().misses]).toEqual([1, 1, 1]);
  });

  it("what is absent is not remembered", async () => {
    const { cache, asked, add } = scene();
    const id = "a".padEnd(24, "_");
    expect(await cache.load(id)).toBeUndefined();
    await add("a");
    expect(bodyOf(await cache.load(id))).toBe("a");
    expect(asked.count("load")).toBe(2);
  });

  it("loads of one session at the same time are one, and each has an answer of its own", async () => {
    const { cache, asked, add } = scene();
    const id = await add("a");
    const answers = await Promise.all(Array.from({ length: 50 }, () => cache.load(id)));
    expect([asked.count("load"), cache.stats().joined]).toEqual([1, 49]);
    expect(new Set(answers.map((answer) => answer?.record)).size).toBe(50);
    expect(new Set(answers.map(bodyOf))).toEqual(new Set(["a"]));
  });

  it("a load that fails fails for all who wait for it, and the next one asks again", async () => {
    const { cache, asked, add } = scene({ faults: nthCall("load", 1, "before") });
    const id = await add("a");
    const answers = await Promise.allSettled([cache.load(id), cache.load(id)]);
    expect(answers.map(({ status }) => status)).toEqual(["rejected", "rejected"]);
    expect(bodyOf(await cache.load(id))).toBe("a");
    expect(asked.count("load")).toBe(2);
  });

  it("nobody waits for a load that has hung for a second", async () => {
    const held = gate();
    const { cache, clock, add } = scene({ faults: nthCall("load", 1, { heldBy: held }) });
    const id = await add("a");
    const hung = cache.load(id);
    clock.advance("1s");
    expect(bodyOf(await cache.load(id))).toBe("a");
    held.open();
    expect(bodyOf(await hung)).toBe("a");
  });

  it("P5 nobody takes the answer to a question older than `maxAge`", async () => {
    const held = gate();
    const { cache, elsewhere, clock, add } = scene({
      maxAge: 0.1,
      faults: nthCall("load", 1, { answeredAfter: held }),
    });
    const id = await add("a");
    const slow = cache.load(id);
    await elsewhere.update(id, 1, next(clock, "", true), clock.now());
    clock.advance(0.5);
    const later = cache.load(id);
    held.open();
    expect((await slow)?.record.closed).toBe(false);
    expect((await later)?.record.closed).toBe(true);
  });

  it("an entry is told up to `maxAge` from when its reading began, and never after", async () => {
    const held = gate();
    const { cache, clock, add, asked } = scene({
      maxAge: "10s",
      faults: nthCall("load", 1, { answeredAfter: held }),
    });
    const id = await add("a");
    const slow = cache.load(id);
    clock.advance("4s");
    held.open();
    await slow;
    clock.advance(5.999);
    await cache.load(id);
    expect(asked.count("load")).toBe(1);
    clock.advance(0.001);
    await cache.load(id);
    expect(asked.count("load")).toBe(2);
  });

  it("a clock that stands still makes nothing younger: the machine's own counts as well", async () => {
    const { cache, add, asked } = scene({ maxAge: 0.02 });
    const id = await add("a");
    await cache.load(id);
    await new Promise((resolve) => setTimeout(resolve, 25));
    await cache.load(id);
    expect(asked.count("load")).toBe(2);
  });

  it("a clock that went back tells nothing about the age, so the store is asked", async () => {
    const { cache, clock, add, asked } = scene();
    const id = await add("a");
    await cache.load(id);
    clock.set(clock.now() - 1);
    await cache.load(id);
    expect(asked.count("load")).toBe(2);
  });

  it("an entry past its `expiresAt` is a miss: it may have been used elsewhere meanwhile", async () => {
    const { cache, elsewhere, clock, add } = scene();
    const id = await add("a", { expiresAt: clock.now() + 2000 });
    await cache.load(id);
    await elsewhere.touch(id, clock.now() + 1, clock.now() + HOUR, clock.now());
    clock.advance("2s");
    expect((await cache.load(id))?.record.expiresAt).toBe(clock.now() - 2000 + HOUR);
  });

  it("a lower revision never replaces a higher one", async () => {
    const { elsewhere, clock, add } = scene();
    const id = await add("a");
    const old = await elsewhere.load(id);
    let isBehind = false;
    // A replica that lags behind what was written.
    const replica = aroundVerbs(elsewhere, async ({ verb }, invoke) =>
      verb === "load" && isBehind ? old : await invoke(),
    );
    const cache = cached(replica, { maxAge: "1s", staleFor: "1m", clock: clock.now });
    await cache.load(id);
    expect(await cache.update(id, 1, next(clock, "b", true), clock.now())).toBe(true);
    isBehind = true;
    clock.advance("2s");
    const loaded = await cache.load(id);
    expect([loaded?.record.revision, loaded?.record.closed]).toEqual([2, true]);
  });

  it("P5 a replica that is behind with a cut-off brings nothing back", async () => {
    const { elsewhere, clock, add } = scene();
    const id = await add("a");
    const old = await elsewhere.load(id);
    let isBehind = false;
    const replica = aroundVerbs(elsewhere, async ({ verb }, invoke) =>
      verb === "load" && isBehind ? old : await invoke(),
    );
    const cache = cached(replica, { clock: clock.now });
    const at = await elsewhere.cutOff("ada", { keepUntil: clock.now() + HOUR }, clock.now());
    await cache.load(id);
    isBehind = true;
    expect((await cache.refresh?.(id))?.cutOff).toBe(at);
    expect((await cache.load(id))?.cutOff).toBe(at);
  });

  it.each([
    ["told for longer than `maxAge`", 1, (cache: Cached<Store>, id: string) => cache.load(id)],
    ["told past the cache", 0, (cache: Cached<Store>, id: string) => cache.refresh?.(id)],
  ])(
    "P5 what has ended is not %s where revisions went back, as in a failover",
    async (_, seconds, look) => {
      const { elsewhere, clock, add } = scene();
      const id = await add("a");
      const failing = { ...elsewhere };
      const cache = cached(failing, { maxAge: "1s", staleFor: "1m", clock: clock.now });
      await cache.load(id);
      for (const revision of [1, 2])
        await cache.update(id, revision, next(clock, "b"), clock.now());
      const standby = memoryStore({ clock: clock.now });
      const times = { lastSeenAt: clock.now(), expiresAt: clock.now() + HOUR };
      const record = { id, userId: "ada", ...times, closed: false, body: "a" };
      await standby.create(record, 1000, clock.now());
      await standby.update(id, 1, next(clock, "", true), clock.now());
      failing.load = standby.load;
      clock.advance(seconds);
      expect((await look(cache, id))?.record.closed).toBe(true);
      expect((await cache.load(id))?.record.closed).toBe(true);
    },
  );

  it("what is older than `maxAge` is not told instead of a lower revision", async () => {
    const { elsewhere, clock, add } = scene();
    const id = await add("a");
    const old = await elsewhere.load(id);
    const failing = { ...elsewhere };
    const cache = cached(failing, { maxAge: "1s", staleFor: "1m", clock: clock.now });
    await cache.load(id);
    await cache.update(id, 1, next(clock, "b"), clock.now());
    failing.load = () => old;
    expect(bodyOf(await cache.refresh?.(id))).toBe("b");
    clock.advance("1s");
    expect(bodyOf(await cache.load(id))).toBe("a");
  });

  it("another session's record, from a client that lost step, is not kept", async () => {
    const { elsewhere, clock, add } = scene();
    const [a, b] = [await add("a"), await add("b")];
    let wrong = true;
    const cache = cached(
      aroundVerbs(elsewhere, async ({ verb }, invoke) =>
        verb === "load" && wrong ? elsewhere.load(b) : invoke(),
      ),
      { clock: clock.now },
    );
    expect((await cache.load(a))?.record.id).toBe(b);
    wrong = false;
    expect((await cache.load(a))?.record.id).toBe(a);
    expect(cache.stats().hits).toBe(0);
  });

  it("remembers no more than `maxBytes`, what is in use longest", async () => {
    const { cache, add, asked } = scene({ maxBytes: 1024 * 1024 });
    const used = await add("used");
    for (let n = 0; n < 300; n += 1) {
      await cache.load(await add(`${n}`, { body: "x".repeat(5000) }));
      await cache.load(used);
      expect(cache.stats().bytes).toBeLessThanOrEqual(1024 * 1024);
    }
    expect(asked.count("load")).toBe(301);
    expect(cache.stats().sessions).toBeGreaterThan(40);
    expect(cache.stats().sessions).toBeLessThan(110);
  });
});

describe("what this process writes", () => {
  it("an update is told at once, without asking", async () => {
    const { cache, elsewhere, asked, clock, add } = scene();
    const id = await add("a");
    await cache.load(id);
    clock.advance("1s");
    await cache.update(id, 1, next(clock, "b"), clock.now());
    expect(await cache.load(id)).toEqual(await elsewhere.load(id));
    expect(asked.count("load")).toBe(1);
  });

  it("an update over a revision that is not the known one is not told from it", async () => {
    const { cache, elsewhere, clock, add } = scene();
    const id = await add("a");
    await cache.load(id);
    await elsewhere.update(id, 1, next(clock, "b"), clock.now());
    expect(await cache.update(id, 2, next(clock, "c"), clock.now())).toBe(true);
    expect(await cache.load(id)).toEqual(await elsewhere.load(id));
  });

  it("P5 a session that this process has closed is closed for it at once", async () => {
    const { cache, elsewhere, asked, clock, add } = scene();
    const id = await add("a");
    await cache.load(id);
    await cache.update(id, 1, next(clock, "", true), clock.now());
    const loaded = await cache.load(id);
    expect([loaded?.record.closed, loaded?.record.userId]).toEqual([true, undefined]);
    expect(loaded?.record.revision).toBe((await elsewhere.load(id))?.record.revision);
    expect(asked.count("load")).toBe(1);
  });

  it("P5 a session in use is read again after `maxAge` all the same: writing makes it no younger", async () => {
    const { cache, elsewhere, clock, add } = scene({ maxAge: "10s" });
    const id = await add("a");
    await cache.load(id);
    await elsewhere.cutOff("ada", { keepUntil: clock.now() + HOUR }, clock.now());
    for (let revision = 1; revision < 6; revision += 1) {
      clock.advance("2s");
      await cache.update(id, revision, next(clock, `${revision}`), clock.now());
      await cache.touch(id, clock.now(), clock.now() + HOUR, clock.now());
    }
    expect((await cache.load(id))?.cutOff).toBeGreaterThan(0);
  });

  it("P5 a write does not make a session that was cut off forget it", async () => {
    const { cache, elsewhere, clock, add } = scene();
    const id = await add("a");
    const cutOff = await elsewhere.cutOff("ada", { keepUntil: clock.now() + HOUR }, clock.now());
    expect((await cache.load(id))?.cutOff).toBe(cutOff);
    await cache.update(id, 1, next(clock, "b"), clock.now());
    expect((await cache.load(id))?.cutOff).toBe(cutOff);
  });

  it("a touch moves the times that are told, and never back", async () => {
    const { cache, elsewhere, asked, clock, add } = scene();
    const id = await add("a");
    await cache.load(id);
    const now = clock.now();
    await cache.touch(id, now + 5, now + 2 * HOUR, now);
    await cache.touch(id, now + 1, now + HOUR, now);
    expect(await cache.load(id)).toEqual(await elsewhere.load(id));
    expect(asked.count("load")).toBe(1);
  });

  it.each([
    [
      "update",
      (cache: SessionStore, id: string, clock: TestClock) =>
        cache.update(id, 7, next(clock, "b"), clock.now()),
    ],
    [
      "touch",
      (cache: SessionStore, id: string, clock: TestClock) =>
        cache.touch(id, clock.now(), clock.now() + HOUR, clock.now()),
    ],
  ])("a refused %s forgets what was known, so that the next load sees why", async (_, write) => {
    const { cache, elsewhere, clock, add } = scene();
    const id = await add("a");
    await cache.load(id);
    await elsewhere.update(id, 1, next(clock, "", true), clock.now());
    expect(await write(cache, id, clock)).toBe(false);
    expect((await cache.load(id))?.record.closed).toBe(true);
  });

  it("a write whose fate is unknown forgets what was known", async () => {
    const { cache, clock, add } = scene({ faults: nthCall("update", 1, "after") });
    const id = await add("a");
    await cache.load(id);
    await expect(cache.update(id, 1, next(clock, "b"), clock.now())).rejects.toThrow("injected");
    expect(bodyOf(await cache.load(id))).toBe("b");
  });

  it("of writes that overlap none is remembered: nobody knows their order", async () => {
    const held = gate();
    const { cache, clock, add } = scene({ faults: nthCall("touch", 1, { answeredAfter: held }) });
    const id = await add("a");
    await cache.load(id);
    const touching = cache.touch(id, clock.now() + 1, clock.now() + HOUR, clock.now());
    await cache.update(id, 1, next(clock, "b"), clock.now());
    held.open();
    await touching;
    expect((await cache.load(id))?.record.revision).toBe(2);
  });

  it("P5 what was read past the cache while a write was under way is not unseen when it ends", async () => {
    const answer = gate();
    const { cache, elsewhere, clock, add } = scene({
      faults: nthCall("touch", 1, { answeredAfter: answer }),
    });
    const id = await add("a");
    await cache.load(id);
    const touched = cache.touch(id, clock.now() + 1, clock.now() + HOUR, clock.now());
    await elsewhere.update(id, 1, next(clock, "ended elsewhere", true), clock.now());
    expect((await cache.refresh?.(id))?.record.closed).toBe(true);
    answer.open();
    await touched;
    expect((await cache.load(id))?.record.closed).toBe(true);
  });

  it("a load that began before a write ended is not remembered after it", async () => {
    const held = gate();
    const { cache, asked, clock, add } = scene({
      faults: nthCall("load", 1, { answeredAfter: held }),
    });
    const id = await add("a");
    const slow = cache.load(id);
    await cache.update(id, 1, next(clock, "b", true), clock.now());
    held.open();
    expect(bodyOf(await slow)).toBe("a");
    expect((await cache.load(id))?.record.closed).toBe(true);
    expect(asked.count("load")).toBe(2);
  });

  it("P5 a cut-off forgets all sessions of its user, and no others", async () => {
    const { cache, asked, clock, add } = scene();
    const [one, two, bobs] = [await add("1"), await add("2"), await add("3", { userId: "bob" })];
    for (const id of [one, two, bobs]) await cache.load(id);
    const cutOff = await cache.cutOff(
      "ada",
      { keepUntil: clock.now() + HOUR, except: two },
      clock.now(),
    );
    expect((await cache.load(one))?.cutOff).toBe(cutOff);
    expect((await cache.load(two))?.record.mark).toBeGreaterThan(cutOff);
    await cache.load(bobs);
    expect(asked.count("load")).toBe(5);
  });

  it("P5 nobody takes the answer of a load that began before a cut-off, and it is not remembered", async () => {
    const held = gate();
    const { cache, clock, add } = scene({ faults: nthCall("load", 1, { answeredAfter: held }) });
    const id = await add("a");
    const slow = cache.load(id);
    const cutOff = await cache.cutOff("ada", { keepUntil: clock.now() + HOUR }, clock.now());
    expect((await cache.load(id))?.cutOff).toBe(cutOff);
    held.open();
    expect((await slow)?.cutOff).toBe(0);
    expect((await cache.load(id))?.cutOff).toBe(cutOff);
  });

  it("P5 an invalidation of a user holds for what is read later only, however many there were", async () => {
    const { cache, asked, clock, add } = scene({ maxAge: "10s" });
    const id = await add("a");
    await cache.load(id);
    for (let n = 0; n < 100; n += 1) {
      await cache.cutOff(`user ${n}`, { keepUntil: clock.now() + HOUR }, clock.now());
    }
    await cache.load(id);
    expect(asked.count("load")).toBe(1);
    await cache.cutOff("ada", { keepUntil: clock.now() + HOUR }, clock.now());
    await cache.load(id);
    await cache.load(id);
    expect(asked.count("load")).toBe(2);
  });

  it.each(["session", "user", "everyone"] as const)(
    "an entry of the feed about a %s is an invalidation",
    async (kind) => {
      const { cache, asked, clock, add } = scene();
      const id = await add("a");
      await cache.load(id);
      const named = kind === "session" ? { id } : kind === "user" ? { id: "ada" } : {};
      await cache.add({ kind, ...named, at: clock.now(), until: clock.now() + HOUR });
      await cache.load(id);
      expect(asked.count("load")).toBe(2);
      expect((await cache.since(undefined)).revocations).toHaveLength(1);
    },
  );

  it("what a sweep has removed is not told any more", async () => {
    const { cache, clock, add } = scene();
    const id = await add("a", { expiresAt: clock.now() + 1000 });
    await cache.load(id);
    await cache.sweep(100, clock.now() + 1000);
    expect(await cache.load(id)).toBeUndefined();
  });
});

describe("with `watch`", () => {
  it("P5 what another process closes or cuts off is seen at once", async () => {
    const { cache, elsewhere, asked, clock, add } = scene({ watch: true, maxAge: "1d" });
    const [closed, cutOff, other] = [
      await add("1", { userId: "bob" }),
      await add("2"),
      await add("3", { userId: "eve" }),
    ];
    for (const id of [closed, cutOff, other]) await cache.load(id);
    await elsewhere.update(closed, 1, next(clock, "", true), clock.now());
    const at = await elsewhere.cutOff("ada", { keepUntil: clock.now() + HOUR }, clock.now());
    expect((await cache.load(closed))?.record.closed).toBe(true);
    expect((await cache.load(cutOff))?.cutOff).toBe(at);
    await cache.load(other);
    expect(asked.count("load")).toBe(5);
  });

  it.each([
    [
      "closed",
      (store: Store, id: string, clock: TestClock) =>
        store.update(id, 1, next(clock, "", true), clock.now()),
    ],
    [
      "cut off",
      (store: Store, _id: string, clock: TestClock) =>
        store.cutOff("ada", { keepUntil: clock.now() + HOUR }, clock.now()),
    ],
  ])("P5 a load on its way while the session is %s elsewhere is not remembered", async (_, end) => {
    const held = gate();
    const { cache, elsewhere, asked, clock, add } = scene({
      watch: true,
      faults: nthCall("load", 2, { answeredAfter: held }),
    });
    await cache.load(await add("listens"));
    const id = await add("a");
    const slow = cache.load(id);
    await end(elsewhere, id, clock);
    const later = cache.load(id);
    held.open();
    expect((await slow)?.record.closed).toBe(false);
    expect(await later).toEqual(await elsewhere.load(id));
    expect(await cache.load(id)).toEqual(await elsewhere.load(id));
    expect(asked.count("load")).toBe(3);
  });

  it.each([
    ["remembered", true],
    ["taken by others", false],
  ])("P5 a load on its way while everything changes is not %s", async (_, isOver) => {
    const held = gate();
    const { cache, line, asked, add } = scene({
      watch: true,
      faults: nthCall("load", 2, { answeredAfter: held }),
    });
    await cache.load(await add("listens"));
    const id = await add("a");
    const slow = cache.load(id);
    line.mend();
    if (isOver) {
      held.open();
      await slow;
    }
    await cache.load(id);
    expect(asked.count("load")).toBe(3);
    held.open();
    await slow;
  });

  it("a foreign change while this process writes keeps the write from being remembered", async () => {
    const held = gate();
    const { cache, elsewhere, clock, add } = scene({
      watch: true,
      faults: nthCall("update", 1, { answeredAfter: held }),
    });
    const id = await add("a");
    await cache.load(id);
    const writing = cache.update(id, 1, next(clock, "b"), clock.now());
    await elsewhere.load(id);
    expect(await elsewhere.update(id, 2, next(clock, "", true), clock.now())).toBe(true);
    held.open();
    expect(await writing).toBe(true);
    expect((await cache.load(id))?.record.closed).toBe(true);
  });

  it("a `watch` that is lost empties the cache and sends every load to the store", async () => {
    const { cache, elsewhere, line, asked, clock, add } = scene({ watch: true, maxAge: "1d" });
    const id = await add("a");
    await cache.load(id);
    line.cut(true);
    expect(cache.stats().sessions).toBe(0);
    await cache.load(id);
    await elsewhere.update(id, 1, next(clock, "", true), clock.now());
    expect((await cache.load(id))?.record.closed).toBe(true);
    expect([asked.count("load"), cache.stats().bypassed]).toEqual([3, 2]);
  });

  it("whoever begins to listen while `watch` is lost is told so", async () => {
    const { cache, line, add } = scene({ watch: true });
    await cache.load(await add("a"));
    line.cut(true);
    const heard: string[] = [];
    cache.watch?.(({ kind }) => heard.push(kind));
    line.mend();
    expect(heard).toEqual(["lost", "everything"]);
  });

  it("nobody takes another's answer while `watch` is lost", async () => {
    const { cache, line, asked, add } = scene({ watch: true });
    const id = await add("a");
    await cache.load(id);
    line.cut(true);
    await Promise.all([cache.load(id), cache.load(id)]);
    expect(asked.count("load")).toBe(3);
  });

  it("when `watch` is back the cache begins anew, with nothing from before", async () => {
    const { cache, elsewhere, line, asked, clock, add } = scene({ watch: true, maxAge: "1d" });
    const id = await add("a");
    await cache.load(id);
    line.cut(true);
    await cache.load(id);
    await elsewhere.update(id, 1, next(clock, "b"), clock.now());
    line.mend();
    expect(bodyOf(await cache.load(id))).toBe("b");
    await cache.load(id);
    expect(asked.count("load")).toBe(3);
  });

  it("P5 a `watch` that is cut off unnoticed leaves what was read for `maxAge` and no longer", async () => {
    const { cache, elsewhere, line, clock, add } = scene({ watch: true, maxAge: "10s" });
    const id = await add("a");
    await cache.load(id);
    line.cut(false);
    await elsewhere.update(id, 1, next(clock, "", true), clock.now());
    clock.advance(9.999);
    expect((await cache.load(id))?.record.closed).toBe(false);
    clock.advance(0.001);
    expect((await cache.load(id))?.record.closed).toBe(true);
  });

  it("whoever listens is told after the cache has forgotten, one that throws included", async () => {
    const { cache, elsewhere, clock, add } = scene({ watch: true });
    const id = await add("a");
    await cache.load(id);
    const seen: Answer<Loaded | undefined>[] = [];
    cache.watch?.(() => {
      throw new Error("a listener's own");
    });
    const end = cache.watch?.(() => seen.push(cache.load(id)));
    await elsewhere.update(id, 1, next(clock, "", true), clock.now());
    expect((await seen[0])?.record.closed).toBe(true);
    end?.();
    await elsewhere.cutOff("ada", { keepUntil: clock.now() + HOUR }, clock.now());
    expect(seen).toHaveLength(1);
  });

  it("listens from the first load on, and not after it was closed", async () => {
    const { cache, line, add } = scene({ watch: true });
    const id = await add("a");
    expect(line.listeners()).toBe(0);
    await cache.load(id);
    await cache.load(id);
    expect(line.listeners()).toBe(1);
    await cache.close();
    expect(line.listeners()).toBe(0);
    await expect(cache.load(id)).rejects.toThrow("closed");
    expect(line.listeners()).toBe(0);
  });

  it("does not begin to listen for a request that comes when it is closed already", async () => {
    const { cache, line, add } = scene({ watch: true });
    const id = await add("a");
    await cache.close();
    await expect(cache.load(id)).rejects.toThrow("closed");
    expect(line.listeners()).toBe(0);
  });
});

describe("`recall`, for the outage policy", () => {
  it("is there only with `staleFor`", () => {
    expect(scene().cache.recall).toBeUndefined();
    expect(scene({ staleFor: "1m" }).cache.recall).toBeDefined();
  });

  it("gives what was read, up to its age, without asking", async () => {
    const down = outage();
    const { cache, clock, asked, add } = scene({ staleFor: "60s", faults: down.plan });
    const id = await add("a");
    expect(await cache.recall?.(id)).toBeUndefined();
    await cache.load(id);
    down.begin();
    clock.advance(59.999);
    await expect(cache.load(id)).rejects.toThrow("injected");
    expect(bodyOf(await cache.recall?.(id))).toBe("a");
    clock.advance(0.001);
    expect(await cache.recall?.(id)).toBeUndefined();
    expect([asked.count("load"), cache.stats().recalled]).toEqual([2, 1]);
  });

  it("gives nothing that has expired", async () => {
    const { cache, clock, add } = scene({ staleFor: "60s" });
    const id = await add("a", { expiresAt: clock.now() + 5000 });
    await cache.load(id);
    clock.advance("5s");
    expect(await cache.recall?.(id)).toBeUndefined();
  });

  it("P5 gives nothing that was ended as far as this process knows", async () => {
    const { cache, elsewhere, clock, line, add } = scene({ watch: true, staleFor: "60s" });
    const [closed, cutOff, kept] = [
      await add("1", { userId: "bob" }),
      await add("2"),
      await add("3", { userId: "eve" }),
    ];
    for (const id of [closed, cutOff, kept]) await cache.load(id);
    await elsewhere.update(closed, 1, next(clock, "", true), clock.now());
    await elsewhere.cutOff("ada", { keepUntil: clock.now() + HOUR }, clock.now());
    line.cut(true);
    expect(await cache.recall?.(closed)).toBeUndefined();
    expect(await cache.recall?.(cutOff)).toBeUndefined();
    expect(bodyOf(await cache.recall?.(kept))).toBe("3");
  });

  it("gives what was read while `watch` was lost, which nothing else is answered with", async () => {
    const { cache, line, asked, add } = scene({ watch: true, staleFor: "60s" });
    const [before, later] = [await add("1"), await add("2")];
    await cache.load(before);
    line.cut(true);
    await cache.load(later);
    expect(bodyOf(await cache.recall?.(before))).toBe("1");
    expect(bodyOf(await cache.recall?.(later))).toBe("2");
    await cache.load(later);
    expect(asked.count("load")).toBe(3);
  });
});

describe("the layer", () => {
  it("publishes its worst staleness, on top of what is below it", () => {
    expect(scene().cache.traits.maxStaleness).toBe(10_000);
    const twice = cached(cached(memoryStore(), { maxAge: "3s" }), { maxAge: "2s" });
    expect(twice.traits.maxStaleness).toBe(5000);
  });

  it("has what its store has, and nothing else", () => {
    const { watch, add, since, ...plain } = memoryStore();
    expect([watch, add, since].every((verb) => typeof verb === "function")).toBe(true);
    const layer: SessionStore & { add?: unknown; since?: unknown } = cached(plain);
    expect([layer.watch, layer.home, layer.add, layer.since]).toEqual(Array(4).fill(undefined));
    const full = cached({ ...memoryStore(), home: async () => "homeHome" });
    expect([full.watch, full.home, full.add, full.since].map((verb) => typeof verb)).toEqual(
      Array(4).fill("function"),
    );
  });

  it.each([
    ["store", undefined, {}],
    ["store", {}, {}],
    ["maxAge", memoryStore(), { maxAge: 0 }],
    ["maxAge", memoryStore(), { maxAge: "soon" }],
    ["staleFor", memoryStore(), { staleFor: -1 }],
    ["staleFor", memoryStore(), { maxAge: "2m", staleFor: "1m" }],
    ["maxBytes", memoryStore(), { maxBytes: 1000 }],
    ["clock", memoryStore(), { clock: 5 }],
  ])("refuses %s that cannot work, by name", (option, store, options) => {
    const make = () => cached(store as SessionStore, options as CachedOptions);
    expect(make).toThrow(ConfigError);
    expect(make).toThrow(`\`${option}\``);
  });
});
