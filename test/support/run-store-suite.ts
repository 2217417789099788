/**
 * Runs the published store suite under Vitest, prints how many schedules its races had, and notes what has
 * passed.
 *
 * @module
 */

import { dirname } from "node:path";
import type { TestContext } from "vitest";
import { afterAll, describe, it } from "vitest";
import type { StoreTraits } from "../../src/stores/contract.ts";
import type { RaceReport, StoreSuiteOptions } from "../../src/testing/store-fixture.ts";
import { storeSuite } from "../../src/testing/store-suite.ts";
import { note } from "./store-records.ts";

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
  let opened: { readonly name: string; readonly traits: StoreTraits } | undefined;
  const all = await storeSuite({
    ...options,
    async open() {
      const fixture = await open();
      opened = fixture.store;
      return fixture;
    },
    onRace: (race) => races.push(race),
  });
  const tests = all.filter((test) => only(test.name));
  let passed = 0;
  let file = "";
  describe(`${name} store`, () => {
    for (const { name: test, skip, run } of tests) {
      const title = skip === undefined ? test : `${test} [${skip}]`;
      async function runAndCount({ task }: TestContext): Promise<void> {
        file = task.file.filepath;
        await run();
        passed += 1;
      }
      it.skipIf(skip !== undefined)(title, runAndCount, timeout);
    }
    afterAll(() => {
      const schedules = races.reduce((sum, { schedules }) => sum + schedules, 0);
      const skipped = tests.flatMap(({ name, skip }) => (skip ? [`${name} [${skip}]`] : []));
      // What a layer shows is not the store's below it.
      if (opened !== undefined && dirname(file).endsWith("/stores")) {
        const { name: store, traits } = opened;
        note({ kind: "suite", store, on: name, traits, passed, skipped, schedules });
      }
      if (races.length === 0) return;
      const largest = races.toSorted((a, b) => b.schedules - a.schedules).slice(0, 3);
      const named = largest.map(({ race, schedules }) => `${race}: ${schedules}`).join("; ");
      process.stdout.write(
        `${name} store: ${schedules} schedules of ${races.length} races, every one tried (${named})\n`,
      );
    });
  });
}
