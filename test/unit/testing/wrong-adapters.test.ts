import { describe, expect, it } from "vitest";
import { adapterSuite } from "../../../src/testing/adapter-suite.ts";
import { adapterWith, WRONG_ADAPTERS } from "../../support/wrong-adapters.ts";

function testsNamed(red: RegExp, options: ReturnType<typeof adapterWith>) {
  const tests = adapterSuite(options);
  const chosen = tests.filter(({ name, skip }) => red.test(name) && skip === undefined);
  expect(chosen, `tests named ${red}`).not.toEqual([]);
  return chosen;
}

describe("the adapter suite", () => {
  it.concurrent.each(WRONG_ADAPTERS)("turns red where $mistake", async ({ red, options }) => {
    const answers = await Promise.allSettled(testsNamed(red, options).map(({ run }) => run()));
    expect(answers.map(({ status }) => status)).toContain("rejected");
  });

  it.concurrent("turns red on the mistake, and not on what is around it", async () => {
    for (const { red } of WRONG_ADAPTERS) {
      for (const { run } of testsNamed(red, adapterWith({}))) await run();
    }
  });
});
