import { afterEach, describe, expect, it, vi } from "vitest";
import { modelState, modelStore } from "../../../src/testing/model.ts";
import type {
  StoreFixture,
  StoreSuiteOptions,
  StoreTest,
} from "../../../src/testing/store-fixture.ts";
import { storeSuite } from "../../../src/testing/store-suite.ts";
import { aroundVerbs } from "../../../src/testing/verbs.ts";

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

  it("passes a store that can't tell whether a sign-in began before a cut-off", async () => {
    const open = (): StoreFixture => {
      const state = modelState();
      const store = modelStore({ state });
      const create: typeof store.create = async (record, startedAgo, now) => {
        if (state.records.has(record.id)) return "taken";
        const mark = record.userId === undefined ? 0 : now - startedAgo;
        state.records.set(record.id, { ...record, revision: 1, mark });
        return "created";
      };
      return { store: { ...store, create } };
    };
    const tests = await storeSuite({ open, sequences: 40 });
    const told = tests.filter(({ name }) => /^(model|(P5 )?(create|cutOff)): /.test(name));
    for (const { run, skip } of told) if (skip === undefined) await run();
  });

  it("passes a store that answers late", async () => {
    const open = (): StoreFixture => {
      const around = aroundVerbs(modelStore(), async (_call, invoke) => {
        await new Promise((resolve) => setTimeout(resolve, 120));
        return await invoke();
      });
      return { store: around };
    };
    const tests = await storeSuite({ open });
    await tests.find(({ name }) => name.startsWith("P5 expiry: "))?.run();
  }, 20_000);

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

  it("says that `open` gives no fresh store", async () => {
    const store = modelStore();
    const tests = await storeSuite({ open: () => ({ store }) });
    expect(await failureOf(tests, "list: gives each record")).toBe("none");
    expect(await failureOf(tests, "list: gives each record")).toContain(
      'create in the fresh store that `open` gives: expected "created", got "taken"',
    );
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

  it.each([null, "", 7])(
    "says what is wrong with a list whose last cursor is %j",
    async (cursor) => {
      const right = modelStore();
      const list: typeof right.list = async (query, now) => {
        const page = await right.list(query, now);
        return { records: page.records, cursor: page.cursor ?? (cursor as string) };
      };
      const tests = await storeSuite({ open: () => ({ store: { ...modelStore(), list } }) });
      for (const start of [
        "list: goes on where",
        "list: pages of every",
        "P4 P5 race: load × list,",
      ]) {
        const told = await failureOf(tests, start);
        expect(told).toMatch(
          cursor === "" ? /pages/ : /the cursor of a page is text or `undefined`/,
        );
      }
    },
  );

  it("says what is wrong with a sweep that never comes to an end", async () => {
    for (const [answer, told] of [
      [undefined, "`sweep` tells how many it has removed, not undefined"],
      [1, "`sweep` still removed something after 1000 rounds"],
    ] as const) {
      const sweep = async (): Promise<number> => answer as number;
      const tests = await storeSuite({ open: () => ({ store: { ...modelStore(), sweep } }) });
      for (const start of ["sweep: removes nothing", "P5 storm: a sweep", "P5 trouble: sweep"]) {
        expect(await failureOf(tests, start), start).toContain(told);
      }
    }
  });

  it("says what is wrong with an update that is refused without a reason", async () => {
    const update = async (): Promise<boolean> => false;
    const tests = await storeSuite({ open: () => ({ store: { ...modelStore(), update } }) });
    for (const start of ["P4 storm: many", "P5 storm: of many that close"]) {
      expect(await failureOf(tests, start)).toContain("a write is refused only with a reason");
    }
  });

  describe("with a store that hangs", () => {
    afterEach(() => {
      vi.useRealTimers();
    });

    const never = (): Promise<never> => new Promise(() => undefined);

    it.each(["load", "close"] as const)("names %s, and tidies up all the same", async (verb) => {
      vi.useFakeTimers();
      let disposed = 0;
      const closed: string[] = [];
      let hangs = false;
      const open = (): StoreFixture => {
        const store = modelStore();
        return {
          store: {
            ...store,
            [verb]: (...args: [never]) => (hangs ? never() : store[verb](...args)),
          },
          another: async () => ({
            ...store,
            close: async () => {
              closed.push("another");
            },
          }),
          dispose() {
            disposed += 1;
          },
        };
      };
      const tests = await storeSuite({ open });
      [hangs, disposed, closed.length] = [true, 0, 0];
      const told = failureOf(tests, "load: gives a record as");
      await vi.advanceTimersByTimeAsync(60_000);
      expect(await told).toBe(`\`${verb}\` has given no answer for 60 s`);
      expect([disposed, closed]).toEqual([1, ["another"]]);
      expect(vi.getTimerCount()).toBe(0);
    });

    it("names what the fixture does not open", async () => {
      vi.useFakeTimers();
      const told = storeSuite({ open: never }).catch(({ message }: Error) => message);
      await vi.advanceTimersByTimeAsync(60_000);
      expect(await told).toBe("`open` has given no answer for 60 s");
    });
  });

  it("closes every handle of a test that fails", async () => {
    let opened = 0;
    let closed = 0;
    const open = (): StoreFixture => {
      const state = modelState();
      const handle = (): ReturnType<typeof modelStore> => {
        opened += 1;
        return {
          ...modelStore({ state }),
          load: () => Promise.reject(new Error("load is broken")),
          close: async () => {
            closed += 1;
          },
        };
      };
      return {
        store: handle(),
        another: async () => handle(),
        elsewhere: async () => handle(),
        wired: async () => handle(),
      };
    };
    for (const { run, skip } of await storeSuite({ open, sequences: 1 })) {
      if (skip === undefined) await run().catch(() => undefined);
    }
    expect(closed).toBe(opened);
  });

  it("tells what is wrong, and not that tidying up failed too", async () => {
    const log: string[] = [];
    let broken = false;
    const breaks = async (): Promise<void> => {
      log.push("close");
      if (broken) throw new Error("close is broken");
    };
    const open = (): StoreFixture => ({
      store: { ...modelStore(), load: async () => undefined, close: breaks },
      another: async () => ({ ...modelStore(), close: breaks }),
      dispose: () => void log.push("dispose"),
    });
    const tests = await storeSuite({ open });
    [broken, log.length] = [true, 0];
    expect(await failureOf(tests, "load: gives a record as")).toContain("is there");
    expect(log).toEqual(["close", "close", "dispose"]);
    expect(await failureOf(tests, "load: answers undefined")).toBe("close is broken");
  });

  it("tidies up when the second handle can't be opened", async () => {
    const log: string[] = [];
    const open = (): StoreFixture => ({
      store: { ...modelStore(), close: async () => void log.push("close") },
      another: () => Promise.reject(new Error("too many connections")),
      dispose: () => void log.push("dispose"),
    });
    await expect(storeSuite({ open })).rejects.toThrow("too many connections");
    expect(log).toEqual(["close", "dispose"]);
  });

  it("refuses by name what can't be graded", async () => {
    const { touch: _, sweep: __, ...partial } = modelStore();
    const open = (): StoreFixture => ({ store: modelStore() });
    for (const [options, told] of [
      [{}, "`storeSuite` takes `open`"],
      [
        { open: () => modelStore() },
        "`open` gives a fixture, `{ store }`, and not the store itself",
      ],
      [{ open: () => undefined }, "`open` gives a fixture"],
      [{ open: () => ({ store: partial }) }, "the store has no `touch`, no `sweep`"],
      [{ open, sequences: Number.NaN }, "`sequences` of `storeSuite` is a whole number from 0"],
      [{ open, budget: "9" }, "`budget` of `storeSuite` is a whole number from 0"],
    ] as const) {
      await expect(storeSuite(options as unknown as StoreSuiteOptions)).rejects.toThrow(told);
    }
  });
});

async function failureOf(tests: readonly StoreTest[], start: string): Promise<string> {
  const test = tests.find(({ name }) => name.startsWith(start));
  if (test === undefined) throw new Error(`no test begins with ${start}`);
  return await test.run().then(
    () => "none",
    ({ message }: Error) => message,
  );
}
