import { describe, expect, it } from "vitest";
import { modelState, modelStore } from "../../../src/testing/model.ts";
import type { StoreFixture, StoreTest } from "../../../src/testing/store-fixture.ts";
import { storeSuite } from "../../../src/testing/store-suite.ts";

const skipped = (tests: readonly StoreTest[], start: string): string | undefined =>
  tests.find(({ name }) => name.startsWith(start))?.skip;

describe("storeSuite", () => {
  it("names every test once", async () => {
    const names = (await storeSuite({ open: () => ({ store: modelStore() }) })).map(
      ({ name }) => name,
    );
    expect(new Set(names).size).toBe(names.length);
  });

  it("skips by the name of a trait, or of what the fixture or the store lacks", async () => {
    const { home: _, watch: __, add: ___, since: ____, ...bare } = modelStore();
    const traits = { ...bare.traits, conditionalWrites: false };
    const tests = await storeSuite({ open: () => ({ store: { ...bare, traits } }) });
    expect(skipped(tests, "P4 update: refuses every other")).toBe(
      "trait conditionalWrites is false",
    );
    expect(skipped(tests, "P4 P5 race: ")).toBe("trait conditionalWrites is false");
    expect(skipped(tests, "model: ")).toBe("trait conditionalWrites is false");
    expect(skipped(tests, "create: the mark is the store's own")).toBe("trait ownClock is false");
    expect(skipped(tests, "P5 close: what was acknowledged")).toBe(
      'the fixture has no `another`, trait forgets has "restart"',
    );
    expect(skipped(tests, "namespaces: ")).toBe("the fixture has no `elsewhere`");
    expect(skipped(tests, "home: ")).toBe("the store has no `home`");
    expect(skipped(tests, "watch: ")).toBe("the store has no `watch`");
    expect(skipped(tests, "revocations: ")).toBe("the store has no `add`");
    expect(skipped(tests, "P5 touch: ")).toBeUndefined();
  });

  it("skips nothing of a store that has everything, but for the other kind of clock", async () => {
    const open = (): StoreFixture => {
      const right = modelStore();
      const store = {
        ...right,
        traits: { ...right.traits, forgets: [] },
        home: async () => "homehome",
      };
      return {
        store,
        another: async () => store,
        elsewhere: async () => store,
        wired: async () => store,
      };
    };
    const skips = (await storeSuite({ open })).flatMap(({ skip }) => skip ?? []);
    expect(new Set(skips)).toEqual(new Set(["trait ownClock is false"]));
  });

  it("passes a store whose sweeps take the latest record first", async () => {
    const open = (): StoreFixture => {
      const state = modelState();
      const store = modelStore({ state });
      const sweep: typeof store.sweep = async (limit, now) => {
        const entries = [...state.records].reverse();
        state.records.clear();
        for (const [id, record] of entries) state.records.set(id, record);
        return await store.sweep(limit, now);
      };
      return { store: { ...store, sweep } };
    };
    const tests = await storeSuite({ open, sequences: 40 });
    const sequences = tests.filter(({ name }) => name.startsWith("model: "));
    expect(sequences.length).toBe(40);
    for (const { run } of sequences) await run();
  });

  it("passes a store with homes of its own in each namespace", async () => {
    const withHome = (home: string): StoreFixture["store"] => {
      const model = modelStore();
      const create: typeof model.create = async (record, startedAgo, now) => {
        if (record.userId === undefined || record.id.startsWith(home)) {
          return await model.create(record, startedAgo, now);
        }
        throw new TypeError("not the user's home");
      };
      return { ...model, create, home: async () => home };
    };
    const open = (): StoreFixture => ({
      store: withHome("homehome"),
      elsewhere: async () => withHome("otherone"),
    });
    const tests = await storeSuite({ open });
    await tests.find(({ name }) => name.startsWith("namespaces: "))?.run();
  });

  it("opens a fresh fixture for each test, closes each handle once, and then disposes", async () => {
    const log: string[] = [];
    const handle = (name: string): ReturnType<typeof modelStore> => ({
      ...modelStore(),
      close: async () => {
        log.push(`close ${name}`);
      },
    });
    const open = (): StoreFixture => {
      log.push("open");
      return {
        store: handle("store"),
        another: async () => handle("another"),
        dispose() {
          log.push("dispose");
        },
      };
    };
    const tests = await storeSuite({ open });
    const once = ["open", "close another", "close store", "dispose"];
    expect(log).toEqual(once);
    await tests.find(({ name }) => name.startsWith("touch: "))?.run();
    expect(log).toEqual([...once, ...once]);
  });

  it("closes and disposes after a failure too", async () => {
    let open = 0;
    const tests = await storeSuite({
      open: () => {
        open += 1;
        const dispose = (): void => {
          open -= 1;
        };
        return { store: { ...modelStore(), load: async () => undefined }, dispose };
      },
    });
    const test = tests.find(({ name }) => name.startsWith("load: gives a record"));
    await expect(test?.run()).rejects.toThrow("is there");
    expect(open).toBe(0);
  });

  it("tells how many schedules a race had", async () => {
    const told: unknown[] = [];
    const tests = await storeSuite({
      open: () => ({ store: modelStore() }),
      onRace: (race) => told.push(race),
    });
    for (const race of ["load × load", "update × update", "touch × close × sweep"]) {
      await tests.find(({ name }) => name.includes(`race: ${race},`))?.run();
    }
    expect(told).toEqual([
      { race: "load × load", schedules: 6 },
      { race: "update × update", schedules: 6 },
      { race: "touch × close × sweep", schedules: 12 },
    ]);
  });

  it("holds a race to its budget", async () => {
    const tests = await storeSuite({ open: () => ({ store: modelStore() }), budget: 5 });
    const test = tests.find(({ name }) => name.includes("race: load × load,"));
    await expect(test?.run()).rejects.toThrow("more than 5 schedules");
  });

  it("names the seed, and makes a sequence shorter that the model answers otherwise", async () => {
    const open = (): StoreFixture => {
      const state = modelState();
      const right = modelStore({ state });
      return {
        store: {
          ...right,
          // Forgets the user of whoever is touched.
          async touch(id, ...times) {
            const done = await right.touch(id, ...times);
            const record = state.records.get(id);
            if (done && record) state.records.set(id, { ...record, userId: undefined });
            return done;
          },
        },
      };
    };
    const [first, second] = (await storeSuite({ open, seed: 41, sequences: 2 })).filter(
      ({ name }) => name.startsWith("model: "),
    );
    expect(first?.name).toContain("(seed 41)");
    expect(second?.name).toContain("(seed 42)");
    const error = await first?.run().then(
      () => undefined,
      (reason: Error) => reason,
    );
    expect(error?.message).toContain("the store and the model differ (seed 41)");
    const steps = error?.message.split("\n").filter((line) => /^ {2}\d+\. /.test(line)) ?? [];
    // A session has to be created and touched; what shows the difference may be a third step.
    expect(steps.length).toBeGreaterThanOrEqual(2);
    expect(steps.length).toBeLessThanOrEqual(3);
    expect(steps.join()).toContain('"verb":"touch"');
  });
});
