import { afterEach, describe, expect, it, vi } from "vitest";
import { createEmitter } from "../../../src/core/events.ts";
import type { Mirror } from "../../../src/core/mirror.ts";
import { createMirror } from "../../../src/core/mirror.ts";
import type { StoreCalls } from "../../../src/core/store-calls.ts";
import { createStoreCalls } from "../../../src/core/store-calls.ts";
import { StoreUnavailableError } from "../../../src/errors.ts";
import type { Revocation } from "../../../src/stores/contract.ts";
import { memoryStore } from "../../../src/stores/memory.ts";
import { testClock } from "../../../src/testing/clock.ts";
import type { FaultPlan } from "../../../src/testing/faults.ts";
import { faulty, gate, nthCall, outage } from "../../../src/testing/faults.ts";
import { recording } from "../../../src/testing/recording.ts";

afterEach(() => {
  vi.useRealTimers();
});

const SECOND = 1000;
const DAY = 86_400 * SECOND;

const tick = () => new Promise((resolve) => setImmediate(resolve));

function openMirror(faults: FaultPlan = () => undefined, feed = memoryStore()) {
  const recorded = recording(faulty(feed, faults));
  const calls = createStoreCalls("feed", 60 * SECOND, createEmitter());
  const told: Revocation[] = [];
  const mirror = createMirror(recorded.store, calls, 10 * SECOND, 60 * SECOND, (each) =>
    told.push(each),
  );
  return { mirror, feed, told, asked: () => recorded.count("since"), recorded };
}

const ofUser = (userId: string, mark: number, id = "s") => ({
  id,
  userId,
  mark,
  createdAt: mark,
});
const ofVisitor = (createdAt: number, id = "v") => ({ id, userId: undefined, mark: 0, createdAt });

/** An entry as the admin would add it. */
const cutOff = (id: string, at: number, except?: string): Revocation => ({
  kind: "user",
  id,
  at,
  until: at + 30 * DAY,
  except,
});

async function ready(mirror: Mirror, now: number): Promise<void> {
  await mirror.ready(now);
}

describe("the mirror", () => {
  it("knows nothing before it has asked: the first one waits", async () => {
    const now = Date.now();
    const { mirror, feed, asked } = openMirror();
    await feed.add(cutOff("ada", now));
    const waiting = mirror.ready(now);
    expect(waiting).toBeInstanceOf(Promise);
    await waiting;
    expect([mirror.revokedAt(ofUser("ada", now)), asked()]).toEqual([now, 1]);
  });

  it("asks nobody while it is young, in the background from half its age on, and waits at its age", async () => {
    const now = Date.now();
    const { mirror, asked } = openMirror();
    await ready(mirror, now);
    expect(mirror.ready(now + 4999)).toBeUndefined();
    expect(asked()).toBe(1);
    expect(mirror.ready(now + 5000)).toBeUndefined();
    await tick();
    expect(asked()).toBe(2);
    expect(mirror.ready(now + 9999)).toBeUndefined();
    expect(mirror.ready(now + 15_000)).toBeInstanceOf(Promise);
  });

  it("asks once, however many wait", async () => {
    const now = Date.now();
    const { mirror, asked } = openMirror();
    await Promise.all(Array.from({ length: 50 }, () => mirror.ready(now)));
    expect(asked()).toBe(1);
  });

  it("goes on from where it was: nothing is read twice and nothing is missed", async () => {
    const now = Date.now();
    const { mirror, feed, told } = openMirror();
    for (let at = 0; at < 20; at += 1) {
      await feed.add(cutOff(`user${at}`, now));
      await ready(mirror, now + at * 20 * SECOND);
    }
    expect(told.map(({ id }) => id)).toEqual(Array.from({ length: 20 }, (_, at) => `user${at}`));
    for (let at = 0; at < 20; at += 1) {
      expect(mirror.revokedAt(ofUser(`user${at}`, now))).toBe(now);
    }
  });

  it("reads a long feed page by page, a call with a deadline for each, and goes on where it failed", async () => {
    const now = Date.now();
    const all = Array.from({ length: 100 }, (_, at) => cutOff(`user${at}`, now));
    const asked: (string | undefined)[] = [];
    const feed = {
      add: async () => undefined,
      async since(cursor = "0") {
        asked.push(cursor);
        if (asked.length === 4) throw new Error("trouble");
        const end = Number(cursor) + 10;
        return { revocations: all.slice(end - 10, end), cursor: `${end}`, more: end < all.length };
      },
    };
    const calls = createStoreCalls("feed", 60 * SECOND, createEmitter());
    let ran = 0;
    const counted: StoreCalls = {
      run(operation, call) {
        ran += 1;
        return calls.run(operation, call);
      },
    };
    const mirror = createMirror(feed, counted, 10 * SECOND, 60 * SECOND, () => undefined);
    await expect(mirror.ready(now)).rejects.toBeInstanceOf(StoreUnavailableError);
    // It knows some, and nobody may be judged by that.
    expect(mirror.revokedAt(ofUser("user29", now))).toBe(now);
    expect(mirror.ready(now)).toBeInstanceOf(Promise);
    await ready(mirror, now);
    expect(asked).toEqual([0, 10, 20, 30, 30, 40, 50, 60, 70, 80, 90].map(String));
    expect(ran).toBe(asked.length);
    expect(mirror.revokedAt(ofUser("user99", now))).toBe(now);
    expect(mirror.ready(now + 4999)).toBeUndefined();
  });

  it("holds at once what is added here, also when the feed does not take it", async () => {
    const now = Date.now();
    const { mirror } = openMirror(({ verb }) => (verb === "add" ? "before" : undefined));
    await ready(mirror, now);
    const added = mirror.add({ kind: "session", id: "s", at: now, until: now + DAY });
    expect(mirror.revokedAt(ofUser("ada", now))).toBe(now);
    await expect(added).rejects.toBeInstanceOf(StoreUnavailableError);
    expect(mirror.revokedAt(ofUser("ada", now))).toBe(now);
  });

  it("fails for those who wait while the feed does not answer, and for nobody before", async () => {
    const now = Date.now();
    const down = outage();
    const { mirror } = openMirror(down.plan);
    await ready(mirror, now);
    down.begin();
    expect(mirror.ready(now + 9999)).toBeUndefined();
    await tick();
    await expect(mirror.ready(now + 10_000)).rejects.toBeInstanceOf(StoreUnavailableError);
    down.end();
    await expect(mirror.ready(now + 10_000)).resolves.toBeUndefined();
  });

  it("takes no answer to a question that was asked too long ago", async () => {
    const now = Date.now();
    const held = gate();
    const { mirror, feed } = openMirror(nthCall("since", 1, { answeredAfter: held }));
    const first = mirror.ready(now);
    await tick();
    await feed.add(cutOff("ada", now + SECOND));
    const second = mirror.ready(now + 11 * SECOND);
    held.open();
    await Promise.all([first, second]);
    expect(mirror.revokedAt(ofUser("ada", now))).toBe(now + SECOND);
  });

  it("reads anew when a reading never ends: those who wait for it fail at its deadline, and nobody after", async () => {
    vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout", "performance"] });
    const now = Date.now();
    let asked = 0;
    const hanging = new Set([1, 3]);
    const feed = memoryStore();
    const calls = createStoreCalls("feed", 3 * SECOND, createEmitter());
    const revocations = {
      add: feed.add,
      since(cursor?: string) {
        asked += 1;
        return hanging.has(asked) ? new Promise<never>(() => undefined) : feed.since(cursor);
      },
    };
    const mirror = createMirror(revocations, calls, 10 * SECOND, 3 * SECOND, () => undefined);
    const waiting = [mirror.ready(now), mirror.ready(now)];
    const failed = waiting.map((each) => expect(each).rejects.toThrow(StoreUnavailableError));
    await vi.advanceTimersByTimeAsync(3.1 * SECOND);
    await Promise.all(failed);
    expect(asked).toBe(1);
    await ready(mirror, now);
    expect(asked).toBe(2);
    // In the background nobody waits for it, until the mirror is too old.
    expect(mirror.ready(now + 5 * SECOND)).toBeUndefined();
    const late = expect(mirror.ready(now + 10 * SECOND)).rejects.toThrow(StoreUnavailableError);
    await vi.advanceTimersByTimeAsync(3.1 * SECOND);
    await late;
    expect(asked).toBe(3);
    await feed.add(cutOff("ada", now));
    await ready(mirror, now + 10 * SECOND);
    expect([mirror.revokedAt(ofUser("ada", now)), asked]).toEqual([now, 4]);
  });

  it("reads anew after the deadline of a reading that died with its timer, and takes nothing back when it ends", async () => {
    vi.useFakeTimers({ toFake: ["performance"] });
    const now = Date.now();
    const died = gate();
    const feed = recording(faulty(memoryStore(), nthCall("since", 1, { answeredAfter: died })));
    // On Workers both belong to a request that is over. A deadline that never comes is as good.
    const calls = createStoreCalls("feed", 60 * SECOND, createEmitter());
    const mirror = createMirror(feed.store, calls, 10 * SECOND, 3 * SECOND, () => undefined);
    const waiting = mirror.ready(now);
    await tick();
    void mirror.ready(now);
    expect(feed.count("since")).toBe(1);
    vi.advanceTimersByTime(3.1 * SECOND);
    await feed.store.add(cutOff("ada", now));
    await Promise.all([mirror.ready(now + SECOND), mirror.ready(now + SECOND)]);
    expect([mirror.revokedAt(ofUser("ada", now)), feed.count("since")]).toEqual([now, 2]);
    died.open();
    await waiting;
    expect(mirror.revokedAt(ofUser("ada", now))).toBe(now);
    await ready(mirror, now + 12 * SECOND);
    expect(mirror.revokedAt(ofUser("ada", now))).toBe(now);
  });

  it("asks again when the clock was set back: its age says nothing then", async () => {
    const now = Date.now();
    const { mirror, asked } = openMirror();
    await ready(mirror, now);
    await ready(mirror, now - 3600 * SECOND);
    expect(asked()).toBe(2);
    expect(mirror.ready(now - 3599 * SECOND)).toBeUndefined();
    expect(asked()).toBe(2);
  });

  it("P5 asks again when the clock was set back by less than has passed", async () => {
    vi.useFakeTimers({ toFake: ["performance"] });
    const now = Date.now();
    const { mirror, feed, asked } = openMirror();
    await ready(mirror, now);
    await feed.add(cutOff("ada", now + SECOND));
    vi.advanceTimersByTime(300 * SECOND);
    await ready(mirror, now + SECOND);
    expect([mirror.revokedAt(ofUser("ada", now)), asked()]).toEqual([now + SECOND, 2]);
  });

  it("P5 knows again what a clock that was far ahead has made it forget", async () => {
    const now = Date.now();
    const { mirror, feed } = openMirror();
    await feed.add(cutOff("ada", now));
    await ready(mirror, now);
    await ready(mirror, now + 31 * DAY);
    expect(mirror.revokedAt(ofUser("ada", now))).toBeUndefined();
    await ready(mirror, now + SECOND);
    expect(mirror.revokedAt(ofUser("ada", now))).toBe(now);
    await ready(mirror, now + 31 * DAY);
    expect(mirror.revokedAt(ofUser("ada", now))).toBeUndefined();
  });
});

describe("a revocation in the mirror", () => {
  it("of one session ends that one, of whatever mark", async () => {
    const now = Date.now();
    const { mirror } = openMirror();
    await mirror.add({ kind: "session", id: "s", at: now, until: now + DAY });
    expect(mirror.revokedAt(ofUser("ada", now + DAY, "s"))).toBe(now);
    expect(mirror.revokedAt(ofVisitor(0, "s"))).toBe(now);
    expect(mirror.revokedAt(ofUser("ada", now, "other"))).toBeUndefined();
  });

  it("of a user ends what began at that moment or before, and only the user's", async () => {
    const now = Date.now();
    const { mirror } = openMirror();
    await mirror.add(cutOff("ada", now));
    expect(mirror.revokedAt(ofUser("ada", now))).toBe(now);
    expect(mirror.revokedAt(ofUser("ada", now + 1))).toBeUndefined();
    expect(mirror.revokedAt(ofUser("bob", now))).toBeUndefined();
    expect(mirror.revokedAt(ofVisitor(now))).toBeUndefined();
    expect(mirror.revokedAt(ofUser("__proto__", now))).toBeUndefined();
  });

  it("of everyone ends visitors too", async () => {
    const now = Date.now();
    const { mirror } = openMirror();
    await mirror.add({ kind: "everyone", at: now, until: now + DAY });
    expect(mirror.revokedAt(ofVisitor(now))).toBe(now);
    expect(mirror.everyoneAt(ofUser("ada", now))).toBe(now);
    expect(mirror.everyoneAt(ofUser("ada", now + 1))).toBeUndefined();
    // A cut-off that has excepted a session has lifted its mark, not the moment when it began.
    expect(mirror.everyoneAt({ ...ofUser("ada", now), mark: now + 5 })).toBe(now);
    // An earlier one that comes later changes nothing.
    await mirror.add({ kind: "everyone", at: now - DAY, until: now });
    expect(mirror.revokedAt(ofVisitor(now))).toBe(now);
  });

  it("of everyone spares nobody whose mark a cut-off has lifted, nor a sign-in that began before", async () => {
    const now = Date.now();
    const { mirror } = openMirror();
    await mirror.add({ kind: "everyone", at: now, until: now + DAY });
    const lifted = { ...ofUser("ada", now + 1), createdAt: now - 5 };
    const late = { ...ofUser("ada", now - 5), createdAt: now + 1 };
    const later = { ...ofUser("ada", now + 1), createdAt: now + 1 };
    expect([lifted, late, later].map((each) => mirror.revokedAt(each))).toEqual([
      now,
      now,
      undefined,
    ]);
  });

  it("spares the session it excepts, until another one does not", async () => {
    const now = Date.now();
    const { mirror } = openMirror();
    await mirror.add(cutOff("ada", now, "mine"));
    expect(mirror.revokedAt(ofUser("ada", now - 5, "mine"))).toBeUndefined();
    expect(mirror.revokedAt(ofUser("ada", now - 5, "other"))).toBe(now);
    expect(mirror.markOf(ofUser("ada", now - 5, "mine"))).toBe(now + 1);
    expect(mirror.markOf(ofUser("ada", now - 5, "other"))).toBe(now - 5);
    await mirror.add(cutOff("ada", now + 1, "other"));
    expect(mirror.revokedAt(ofUser("ada", now - 5, "mine"))).toBe(now + 1);
    // What has ended does not come back because a later one excepts it.
    expect(mirror.revokedAt(ofUser("ada", now - 5, "other"))).toBe(now);
  });

  it("judges the same whatever cut-offs came before, and however many", async () => {
    const now = Date.now();
    const { mirror } = openMirror();
    const all: Revocation[] = [];
    const excepts = [undefined, "a", "b", "c"];
    let state = 7;
    for (let step = 0; step < 400; step += 1) {
      state = (state * 1103515245 + 12345) % 2147483648;
      const except = excepts[state % 4];
      const entry = cutOff("ada", now + (state % 50), except);
      all.push(entry);
      await mirror.add(entry);
      for (const id of ["a", "b", "c", "d"]) {
        for (let mark = now - 1; mark < now + 52; mark += 7) {
          const ended = all.some((each) => mark <= each.at && each.except !== id);
          const judged = mirror.revokedAt(ofUser("ada", mark, id)) !== undefined;
          expect(judged, `step ${step}, ${id} of ${mark - now}`).toBe(ended);
        }
      }
    }
  });

  it("is forgotten when its time is over, not before", async () => {
    const clock = testClock();
    const now = clock.now();
    const { mirror } = openMirror(undefined, memoryStore({ clock: clock.now }));
    await ready(mirror, now);
    await mirror.add({ kind: "session", id: "s", at: now, until: now + DAY });
    await mirror.add({ kind: "user", id: "ada", at: now, until: now + 2 * DAY });
    const known = () => [
      mirror.revokedAt(ofVisitor(0, "s")) !== undefined,
      mirror.revokedAt(ofUser("ada", 0)) !== undefined,
    ];
    for (const [ms, expected] of [
      [DAY - 10 * SECOND, [true, true]],
      [DAY, [false, true]],
      [2 * DAY - 10 * SECOND, [false, true]],
      [2 * DAY, [false, false]],
    ] as const) {
      clock.set(now + ms);
      await ready(mirror, clock.now());
      expect(known()).toEqual(expected);
    }
  });
});
