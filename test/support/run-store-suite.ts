/**
 * Runs the published store suite under Vitest, and prints how many schedules its races had.
 *
 * @module
 */

import { afterAll, describe, it } from "vitest";
import type { RaceReport, StoreSuiteOptions } from "../../src/testing/store-fixture.ts";
import { storeSuite } from "../../src/testing/store-suite.ts";

interface RunOptions extends Omit<StoreSuiteOptions, "open" | "onRace"> {
  /** Which of the tests, by their names: a suite may be spread over files. @default all of them */
  readonly only?: (test: string) => boolean;
  /** Milliseconds for one test. @default the runner's */
  readonly timeout?: number;
}

export async function runStoreSuite(
  name: string,
  open: StoreSuiteOptions["open"],
  { only = () => true, timeout, ...options }: RunOptions = {},
): Promise<void> {
  const races: RaceReport[] = [];
  const all = await storeSuite({ ...options, open, onRace: (race) => races.push(race) });
  const tests = all.filter((test) => only(test.name));
  describe(`${name} store`, () => {
    for (const { name: test, skip, run } of tests) {
      it.skipIf(skip !== undefined)(skip === undefined ? test : `${test} [${skip}]`, run, timeout);
    }
    afterAll(() => {
      if (races.length === 0) return;
      const total = races.reduce((sum, { schedules }) => sum + schedules, 0);
      const largest = races.toSorted((a, b) => b.schedules - a.schedules).slice(0, 3);
      const named = largest.map(({ race, schedules }) => `${race}: ${schedules}`).join("; ");
      process.stdout.write(
        `${name} store: ${total} schedules of ${races.length} races, every one tried (${named})\n`,
      );
    });
  });
}
