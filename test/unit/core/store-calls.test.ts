import { readFile } from "node:fs/promises";
import { setImmediate } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import type { SessionEvents } from "../../../src/core/events.ts";
import { createEmitter } from "../../../src/core/events.ts";
import { createStoreCalls } from "../../../src/core/store-calls.ts";
import { SessionTooLargeError, StoreUnavailableError } from "../../../src/errors.ts";

const DEADLINE = 3000;

function openCalls(deadline = DEADLINE) {
  const events = createEmitter();
  const told: SessionEvents["outage"][] = [];
  events.on("outage", (event) => told.push(event));
  const calls = createStoreCalls("shelf", deadline, events);
  let asked = 0;
  return {
    told,
    asked: () => asked,
    run<Result>(call: () => Promise<Result>, operation = "load"): Promise<Result> {
      return calls.run(operation, () => {
        asked += 1;
        return call();
      });
    },
    /** So many failures in a row. */
    async fail(times: number, operation = "load"): Promise<void> {
      for (let time = 0; time < times; time += 1) {
        const failed = calls.run(operation, () => Promise.reject(new Error("down")));
        await expect(failed).rejects.toBeInstanceOf(StoreUnavailableError);
      }
    },
  };
}

/** As in a long loop, or as a machine does whose lid was shut. */
function standStill(ms: number): void {
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, ms);
}

/** A promise that the test settles. */
function deferred<Value>() {
  let resolve!: (value: Value) => void;
  let reject!: (error: unknown) => void;
  const promise = new Promise<Value>((done, failed) => {
    resolve = done;
    reject = failed;
  });
  return { promise, resolve, reject };
}

beforeEach(() => {
  vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout", "performance"] });
});
afterEach(() => {
  vi.useRealTimers();
});

describe("a store call", () => {
  it("gives what the store gives", async () => {
    const { run, told } = openCalls();
    expect(await run(async () => "a")).toBe("a");
    expect(await run(async () => undefined)).toBeUndefined();
    expect(told).toEqual([]);
  });

  it("that fails is an outage that names store and verb and keeps the cause", async () => {
    const { run, told } = openCalls();
    for (const cause of [new Error("ECONNREFUSED"), "text", undefined, null]) {
      const error = await run(() => Promise.reject(cause), "update").catch((thrown) => thrown);
      expect(error).toBeInstanceOf(StoreUnavailableError);
      expect(error).toMatchObject({ store: "shelf", operation: "update", status: 503, cause });
      expect(told.at(-1)).toEqual({ operation: "update", error });
    }
    expect(told).toHaveLength(4);
  });

  it("that fails with an outage of another copy of the package is one of ours", async () => {
    vi.resetModules();
    const copy = await import("../../../src/errors.ts");
    const { run, told } = openCalls();
    const cause = new copy.StoreUnavailableError("its shelf", "create", new Error("down"));
    const error = await run(() => Promise.reject(cause)).catch((thrown) => thrown);
    expect(error).toBeInstanceOf(StoreUnavailableError);
    expect(error).toMatchObject({ store: "shelf", operation: "load", cause });
    expect(told).toEqual([{ operation: "load", error }]);
  });

  it("that throws at once is the same outage", async () => {
    const { run, told } = openCalls();
    const failed = run(() => {
      throw new TypeError("not connected");
    });
    await expect(failed).rejects.toMatchObject({ code: "ERR_STORE_UNAVAILABLE" });
    expect([told.length, vi.getTimerCount() <= 1]).toEqual([1, true]);
  });

  it("that fails with a typed error of its own gives that, and is no outage", async () => {
    const { run, told, asked } = openCalls();
    for (let time = 0; time < 10; time += 1) {
      const failed = run(() => Promise.reject(new SessionTooLargeError("the shelf", 9, 5)));
      await expect(failed).rejects.toBeInstanceOf(SessionTooLargeError);
    }
    expect([told, asked()]).toEqual([[], 10]);
  });

  it("that a layer below has found unavailable gives that error, not one around it", async () => {
    const { run, told } = openCalls();
    const inner = new StoreUnavailableError("inner", "get");
    await expect(run(() => Promise.reject(inner))).rejects.toBe(inner);
    expect(told).toEqual([{ operation: "load", error: inner }]);
  });

  it("that has not answered by its deadline is an outage", async () => {
    const { run, told } = openCalls();
    const pending = run(() => new Promise<never>(() => undefined));
    const failed = expect(pending).rejects.toMatchObject({
      cause: expect.objectContaining({ message: "no answer within 3000 ms" }) as Error,
    });
    await vi.advanceTimersByTimeAsync(DEADLINE - 1);
    expect(told).toEqual([]);
    await vi.advanceTimersByTimeAsync(3);
    await failed;
    expect(told).toHaveLength(1);
  });

  it("that answers after its deadline changes nothing any more", async () => {
    const { run, told } = openCalls();
    for (const settle of ["resolve", "reject"] as const) {
      const late = deferred<string>();
      const failed = expect(run(() => late.promise)).rejects.toBeInstanceOf(StoreUnavailableError);
      await vi.advanceTimersByTimeAsync(DEADLINE + 2);
      await failed;
      late[settle](settle as never);
      await vi.advanceTimersByTimeAsync(1);
    }
    expect(told).toHaveLength(2);
  });

  it("that was answered while the process stood still is no outage, and one that was not is", async () => {
    vi.useRealTimers();
    const { run, told } = openCalls(500);
    const hung = expect(run(() => new Promise<never>(() => undefined))).rejects.toBeInstanceOf(
      StoreUnavailableError,
    );
    // Each takes the event loop several turns, as what comes through a pool of connections does.
    const file = fileURLToPath(import.meta.url);
    const read = Promise.all(Array.from({ length: 10 }, () => run(() => readFile(file, "utf8"))));
    // What follows here are the timers, and only then what has arrived.
    await setImmediate();
    standStill(1200);
    expect(await read).toHaveLength(10);
    expect(told).toEqual([]);
    await hung;
    expect(told).toHaveLength(1);
  });

  it("has its own deadline, however many are under way and in whatever order they answer", async () => {
    const { run } = openCalls();
    const outcomes: string[] = [];
    const open = new Map<string, ReturnType<typeof deferred<string>>>();
    for (const name of ["a", "b", "c", "d"]) {
      const call = deferred<string>();
      open.set(name, call);
      run(() => call.promise).then(
        (answer) => outcomes.push(answer),
        () => outcomes.push(`${name} late`),
      );
      await vi.advanceTimersByTimeAsync(1000);
    }
    await vi.advanceTimersByTimeAsync(2);
    // Asked 4, 3, 2 and 1 seconds ago.
    expect(outcomes).toEqual(["a late", "b late"]);
    open.get("d")?.resolve("d");
    open.get("b")?.resolve("b");
    await vi.advanceTimersByTimeAsync(0);
    expect(outcomes).toEqual(["a late", "b late", "d"]);
    await vi.advanceTimersByTimeAsync(1000);
    expect(outcomes).toEqual(["a late", "b late", "d", "c late"]);
    expect(vi.getTimerCount()).toBe(0);
  });
});

describe("a store that keeps failing", () => {
  it("is left alone after five failures in a row, and asked again after a second", async () => {
    const { run, fail, asked } = openCalls();
    await fail(5);
    for (let time = 0; time < 10; time += 1) {
      await expect(run(async () => "a")).rejects.toMatchObject({
        cause: expect.objectContaining({ message: expect.stringMatching(/left alone/) as string }),
      });
    }
    expect(asked()).toBe(0);
    await vi.advanceTimersByTimeAsync(1000);
    expect(await run(async () => "a")).toBe("a");
    expect(await run(async () => "b")).toBe("b");
    expect(asked()).toBe(2);
  });

  it("is not left alone when the failures are not in a row", async () => {
    const { run, fail } = openCalls();
    for (let time = 0; time < 5; time += 1) {
      await fail(4);
      expect(await run(async () => "a")).toBe("a");
    }
  });

  it("is not left alone when a part of it hangs and the rest has answered meanwhile", async () => {
    const { run, told } = openCalls();
    const hung = Array.from({ length: 50 }, () => run(() => new Promise<never>(() => undefined)));
    const failures = Promise.allSettled(hung);
    await vi.advanceTimersByTimeAsync(DEADLINE / 2);
    expect(await run(async () => "a")).toBe("a");
    await vi.advanceTimersByTimeAsync(DEADLINE);
    await failures;
    expect(told).toHaveLength(50);
    expect(await run(async () => "a")).toBe("a");
  });

  it("is asked by one call at a time when the second is over: the others wait for its answer", async () => {
    const { run, fail, asked } = openCalls();
    await fail(5);
    await vi.advanceTimersByTimeAsync(1000);
    const probe = deferred<string>();
    const first = run(() => probe.promise);
    for (let time = 0; time < 5; time += 1) {
      await expect(run(async () => "x")).rejects.toBeInstanceOf(StoreUnavailableError);
    }
    expect(asked()).toBe(1);
    probe.resolve("back");
    expect(await first).toBe("back");
    expect(await run(async () => "x")).toBe("x");
  });

  it("is left alone for another second when that one call fails too", async () => {
    const { run, fail, asked } = openCalls();
    await fail(5);
    await vi.advanceTimersByTimeAsync(1000);
    await fail(1);
    await vi.advanceTimersByTimeAsync(999);
    await expect(run(async () => "x")).rejects.toBeInstanceOf(StoreUnavailableError);
    expect(asked()).toBe(0);
    await vi.advanceTimersByTimeAsync(1);
    expect(await run(async () => "x")).toBe("x");
  });

  it("is judged for each verb alone: who cannot write can still read", async () => {
    const { run, fail } = openCalls();
    await fail(10, "update").catch(() => undefined);
    await expect(run(async () => "x", "update")).rejects.toBeInstanceOf(StoreUnavailableError);
    expect(await run(async () => "x", "load")).toBe("x");
  });

  it("tells an event for each call that was made, none for those it was spared", async () => {
    const { run, fail, told } = openCalls();
    await fail(5);
    await run(async () => "x").catch(() => undefined);
    expect(told).toHaveLength(5);
  });

  it("keeps no process alive, whether it answers or not", () => {
    vi.useRealTimers();
    const before = process.getActiveResourcesInfo().filter((name) => name === "Timeout").length;
    const { run } = openCalls();
    void run(() => new Promise<never>(() => undefined)).catch(() => undefined);
    const after = process.getActiveResourcesInfo().filter((name) => name === "Timeout").length;
    expect(after).toBe(before);
  });
});
