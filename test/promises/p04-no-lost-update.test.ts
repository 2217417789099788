import { expect, it } from "vitest";
import { SessionConflictError, UsageError } from "../../src/errors.ts";
import { nthCall } from "../../src/testing/faults.ts";
import { eachWay } from "../support/ways.ts";

const times = (count: number): number[] => Array.from({ length: count }, (_, at) => at);

eachWay((open) => {
  it("P4 500 requests at once that each change their own key all merge", async () => {
    const { browser } = await open();
    const ada = browser();
    await ada.signIn("ada");
    await Promise.all(times(500).map((n) => ada.set(`key${n}`, n)));
    const loaded = await ada.read();
    expect(loaded.keys()).toHaveLength(500);
    expect(times(500).map((n) => loaded.get(`key${n}`))).toEqual(times(500));
  });

  it("P4 500 updates of one counter compose", async () => {
    const { browser } = await open();
    const ada = browser();
    await ada.signIn("ada");
    await Promise.all(
      times(500).map(() =>
        ada.visit((session) => session.update("n", (n) => ((n as number) ?? 0) + 1)),
      ),
    );
    expect((await ada.read()).get("n")).toBe(500);
  });

  it("P4 changes of two processes merge", async () => {
    const app = await open();
    const here = app.browser();
    await here.signIn("ada");
    const there = app.another().browser();
    there.plant(here.cookie());
    await Promise.all(times(40).map((n) => (n % 2 === 0 ? here : there).set(`key${n}`, n)));
    expect((await here.read()).keys()).toHaveLength(40);
  });

  it("P4 a nested value that was changed in place merges with other keys", async () => {
    const { browser } = await open();
    const ada = browser();
    await ada.set("cart", ["tea"]);
    const slow = ada.begin();
    ((await slow.session.load()).get("cart") as string[]).push("milk");
    await ada.set("theme", "dark");
    await slow.finish();
    expect((await ada.read()).all()).toEqual({ cart: ["tea", "milk"], theme: "dark" });
  });

  it("P4 of two plain sets of one key the later wins, and an event names the key", async () => {
    const { browser, told } = await open();
    const ada = browser();
    await ada.set("theme", "light");
    const slow = ada.begin();
    (await slow.session.load()).set("theme", "dark");
    await ada.set("theme", "blue");
    await slow.finish();
    expect((await ada.read()).get("theme")).toBe("dark");
    expect(told("overwritten")).toMatchObject([{ keys: ["theme"] }]);
  });

  it("P4 where the app says so, the later set throws instead", async () => {
    const { browser } = await open({ onOverwrite: "throw" });
    const ada = browser();
    await ada.set("theme", "light");
    const slow = ada.begin();
    (await slow.session.load()).set("theme", "dark");
    await ada.set("theme", "blue");
    const failure = await slow.finish().catch((error: unknown) => error);
    expect(failure).toBeInstanceOf(SessionConflictError);
    expect(failure).toMatchObject({ status: 409, keys: ["theme"] });
    expect((await ada.read()).get("theme")).toBe("blue");
  });

  it("P4 what is deleted by one and set by another is told apart by key", async () => {
    const { browser } = await open();
    const ada = browser();
    await ada.visit(async (session) => {
      const loaded = await session.load();
      loaded.set("a", 1);
      loaded.set("b", 1);
    });
    const slow = ada.begin();
    (await slow.session.load()).clear();
    await ada.set("c", 1);
    await slow.finish();
    expect((await ada.read()).all()).toEqual({ c: 1 });
  });

  it.each(["after", "resent"] as const)(
    "P4 an update whose reply was lost (%s) takes effect once",
    async (fault) => {
      const { browser, recorded } = await open({ faults: nthCall("update", 2, fault) });
      const ada = browser();
      await ada.set("n", 0);
      for (const _ of times(3)) {
        await ada.visit((session) => session.update("n", (n) => (n as number) + 1));
      }
      expect((await ada.read()).get("n")).toBe(3);
      expect(recorded.count("update")).toBe(3);
    },
  );

  it("P4 an update that failed before its effect is tried again", async () => {
    const { browser } = await open({ faults: nthCall("update", 1, "before") });
    const ada = browser();
    await ada.set("n", 0);
    await ada.visit((session) => session.update("n", (n) => (n as number) + 1));
    expect((await ada.read()).get("n")).toBe(1);
  });

  it.each(["after", "resent"] as const)(
    "P4 a first write whose reply was lost (%s) starts one session",
    async (fault) => {
      const { browser, sessions } = await open({ faults: nthCall("create", 1, fault) });
      const ada = browser();
      await ada.set("n", 1);
      expect((await ada.read()).get("n")).toBe(1);
      const listed = [];
      for await (const each of sessions.list()) listed.push(each);
      expect(listed).toHaveLength(1);
    },
  );

  it("P4 one request that cannot be kept does not take the others with it", async () => {
    const { browser } = await open();
    const ada = browser();
    await ada.set("n", 0);
    const visits = times(20).map(() => ada.begin());
    const outcomes = await Promise.allSettled(
      visits.map(async ({ session, finish }, at) => {
        const loaded = await session.load();
        loaded.set(`key${at}`, at === 7 ? "x".repeat(2_000_000) : at);
        await finish();
      }),
    );
    expect(outcomes.flatMap(({ status }, at) => (status === "rejected" ? [at] : []))).toEqual([7]);
    expect((await ada.read()).keys()).toHaveLength(20);
  });

  it("P4 a function that throws has no effect, and its neighbours have theirs", async () => {
    const { browser } = await open();
    const ada = browser();
    await ada.set("n", 0);
    const outcomes = await Promise.allSettled(
      times(10).map((at) =>
        ada.visit((session) =>
          session.update("n", (n) => {
            if (at === 3) throw new RangeError("no");
            return (n as number) + 1;
          }),
        ),
      ),
    );
    expect(outcomes.filter(({ status }) => status === "rejected")).toHaveLength(1);
    expect((await ada.read()).get("n")).toBe(9);
  });
}, "stored");

eachWay((open) => {
  it("P4 update in a sealed session is refused unless lost updates are accepted", async () => {
    const { browser } = await open({ sealed: { update: "refuse" } });
    const ada = browser();
    await ada.set("n", 1);
    const attempt = ada.visit((session) => session.update("n", (n) => (n as number) + 1));
    await expect(attempt).rejects.toBeInstanceOf(UsageError);
    expect((await ada.read()).get("n")).toBe(1);
  });

  it("P4 of two parallel responses of a sealed session the later one wins whole", async () => {
    const { browser } = await open();
    const ada = browser();
    await ada.set("a", 0);
    const slow = ada.begin();
    (await slow.session.load()).set("a", 1);
    await ada.set("b", 2);
    await slow.finish();
    expect((await ada.read()).all()).toEqual({ a: 1 });
  });

  it("P4 a read never sends data back over a parallel write", async () => {
    const { browser, clock } = await open({ timeouts: { touchInterval: "5m" } });
    const ada = browser();
    await ada.set("a", 0);
    clock.advance("6m");
    const slow = ada.begin();
    await slow.session.load();
    await ada.set("a", 1);
    // It touches, in a cookie of its own.
    expect((await slow.finish()).cookies.map(({ name }) => name)).toEqual(["__Host-Http-sid-seen"]);
    expect((await ada.read()).get("a")).toBe(1);
  });
}, "sealed");
