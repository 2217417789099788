import { describe, expect, it } from "vitest";
import type { SessionStore } from "../../../src/stores/contract.ts";
import { modelStore } from "../../../src/testing/model.ts";
import { recording } from "../../../src/testing/recording.ts";
import { aroundVerbs } from "../../../src/testing/verbs.ts";

const ID = "aaaaaaaaaaaaaaaaaaaaaaaa";

/** A store as a class with private state: methods that are called on anything else throw. */
class PrivateStore implements SessionStore {
  readonly #inner = modelStore();
  closed = false;
  readonly name = "private";
  get traits(): SessionStore["traits"] {
    return this.#inner.traits;
  }
  load(id: string): ReturnType<SessionStore["load"]> {
    return this.#inner.load(id);
  }
  create(...args: Parameters<SessionStore["create"]>): ReturnType<SessionStore["create"]> {
    return this.#inner.create(...args);
  }
  update(...args: Parameters<SessionStore["update"]>): ReturnType<SessionStore["update"]> {
    return this.#inner.update(...args);
  }
  touch(...args: Parameters<SessionStore["touch"]>): Promise<boolean> {
    return this.#inner.touch(...args);
  }
  cutOff(...args: Parameters<SessionStore["cutOff"]>): Promise<number> {
    return this.#inner.cutOff(...args);
  }
  list(...args: Parameters<SessionStore["list"]>): ReturnType<SessionStore["list"]> {
    return this.#inner.list(...args);
  }
  sweep(limit: number, now: number): Promise<number> {
    return this.#inner.sweep(limit, now);
  }
  async close(): Promise<void> {
    await this.#inner.close();
    this.closed = true;
  }
}

describe("aroundVerbs", () => {
  it("leaves name, traits, close and what a store does not have as they are", async () => {
    const store = new PrivateStore();
    const wrapped = aroundVerbs<SessionStore>(store, (_call, invoke) => invoke());
    expect(wrapped.name).toBe("private");
    expect(wrapped.traits).toEqual(store.traits);
    expect(await wrapped.load(ID)).toBeUndefined();
    expect([wrapped.home, wrapped.watch, "add" in wrapped]).toEqual([undefined, undefined, false]);
    await wrapped.close();
    expect(store.closed).toBe(true);
  });

  it("turns what a verb throws at once into a rejection", async () => {
    const store = {
      ...modelStore(),
      load() {
        throw new Error("at once");
      },
    };
    const wrapped = aroundVerbs(store, (_call, invoke) => invoke());
    await expect((wrapped as SessionStore).load(ID)).rejects.toThrow("at once");
  });
});

describe("recording", () => {
  it("counts calls by verb and in all, with their arguments, until it is cleared", async () => {
    const recorded = recording(modelStore());
    await recorded.store.load(ID);
    await recorded.store.load(ID);
    await recorded.store.sweep(10, 5);
    expect([recorded.count("load"), recorded.count("touch"), recorded.count()]).toEqual([2, 0, 3]);
    expect(recorded.calls.at(-1)).toEqual({ verb: "sweep", args: [10, 5] });
    recorded.clear();
    expect([recorded.count(), recorded.calls.length]).toEqual([0, 0]);
  });

  it("counts calls that fail", async () => {
    const failing = {
      ...modelStore(),
      load: () => Promise.reject(new Error("down")),
    };
    const recorded = recording(failing);
    await expect(recorded.store.load()).rejects.toThrow("down");
    expect(recorded.count("load")).toBe(1);
  });
});
