import { afterEach, describe, expect, it, vi } from "vitest";
import { sqlGate } from "../../../src/stores/sql-gate.ts";

/** A gate whose questions for the tables are answered by hand, and a clock that can be put forward. */
function gated() {
  const asked: ((problem?: string) => void)[] = [];
  const gate = sqlGate({
    name: "SQL",
    whyNotReady: () => new Promise<string | undefined>((resolve) => asked.push(resolve)),
    isRolledBack: () => false,
  });
  let ahead = 0;
  const real = performance.now.bind(performance);
  vi.spyOn(performance, "now").mockImplementation(() => real() + ahead);
  const later = (ms: number): void => {
    ahead += ms;
  };
  return { asked, later, call: () => gate.run(async () => "done") };
}

afterEach(() => {
  vi.restoreAllMocks();
});

describe("the look for the tables, before the first statement", () => {
  it("is one for all who come at once, and none afterwards", async () => {
    const { asked, later, call } = gated();
    const calls = [call(), call()];
    expect(asked).toHaveLength(1);
    asked[0]?.();
    expect(await Promise.all(calls)).toEqual(["done", "done"]);
    later(60_000);
    expect(await call()).toBe("done");
    expect(asked).toHaveLength(1);
  });

  it("P10 is made again where it hangs: a dead connection keeps nobody from the others", async () => {
    const { asked, later, call } = gated();
    const hangs = call();
    later(1001);
    const next = call();
    expect(asked).toHaveLength(2);
    asked[1]?.();
    expect(await next).toBe("done");
    // What it says in the end is of no use any more.
    asked[0]?.("no tables");
    await expect(hangs).rejects.toThrow("no tables");
    expect(await call()).toBe("done");
    expect(asked).toHaveLength(2);
  });

  it("is made again after an error", async () => {
    const { asked, call } = gated();
    const first = call();
    asked[0]?.("no tables");
    await expect(first).rejects.toThrow("no tables");
    const second = call();
    asked[1]?.();
    expect(await second).toBe("done");
  });
});
