import { describe, expect, it } from "vitest";
import { ScheduleError } from "../../../src/testing/explorer.ts";
import { storeSuite } from "../../../src/testing/store-suite.ts";
import { upsertStore, WRONG_STORES } from "../../support/wrong-stores.ts";

describe("the store suite", () => {
  it.concurrent.each(WRONG_STORES)("turns red on a store where $mistake", async ({ red, open }) => {
    const tests = await storeSuite({ open });
    const chosen = tests.filter(({ name, skip }) => red.test(name) && skip === undefined);
    expect(chosen, `tests named ${red}`).not.toEqual([]);
    const answers = await Promise.allSettled(chosen.map(({ run }) => run()));
    expect(answers.map(({ status }) => status)).toContain("rejected");
  });

  it("prints the schedule in which an upsert loses a write", async () => {
    const tests = await storeSuite(upsertStore);
    const race = tests.find(({ name }) => name.includes("race: update × close,"));
    const error = await race?.run().then(
      () => undefined,
      (reason: unknown) => reason,
    );
    expect(error).toBeInstanceOf(ScheduleError);
    const { schedule, message } = error as ScheduleError;
    // Both have read before one of them writes.
    const lastGet = Math.max(schedule.indexOf("update: get"), schedule.indexOf("close: get"));
    const firstSet = Math.min(schedule.indexOf("update: set"), schedule.indexOf("close: set"));
    expect(lastGet).toBeLessThan(firstSet);
    for (const step of schedule) expect(message).toContain(step);
  });
});
