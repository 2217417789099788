/**
 * The store contract as tests for any runner: what is kept, who wins races, what trouble does.
 *
 * @module
 */

import { UsageError } from "../errors.ts";
import { createTests } from "./contract-create.ts";
import { cutOffTests } from "./contract-cut-off.ts";
import { handleTests } from "./contract-handles.ts";
import { listTests } from "./contract-list.ts";
import { loadTests } from "./contract-load.ts";
import { nameTests } from "./contract-names.ts";
import { revocationTests } from "./contract-revocations.ts";
import { stormTests } from "./contract-storms.ts";
import { sweepTests } from "./contract-sweep.ts";
import { touchTests } from "./contract-touch.ts";
import { updateTests } from "./contract-update.ts";
import { compareWithModel } from "./differential.ts";
import { ended } from "./handles.ts";
import { faultTests } from "./store-faults.ts";
import type { StoreFixture, StoreSuiteOptions, StoreTest } from "./store-fixture.ts";
import type { ContractTest, Need } from "./store-needs.ts";
import { skipReason } from "./store-needs.ts";
import { RACES, raceName, runRace } from "./store-races.ts";
import type { Scene } from "./store-scene.ts";
import { openScene } from "./store-scene.ts";
import { VERBS_OF_ALL } from "./verbs.ts";

const CONTRACT: readonly ContractTest[] = [
  ...handleTests,
  ...loadTests,
  ...createTests,
  ...updateTests,
  ...touchTests,
  ...cutOffTests,
  ...listTests,
  ...sweepTests,
  ...nameTests,
  ...revocationTests,
  ...stormTests,
  ...faultTests,
];

/**
 * Makes the tests for a store. Opens it once, to see what it can do.
 *
 * @example
 * ```ts
 * import { test } from "node:test";
 * for (const { name, skip, run } of await storeSuite({ open: () => ({ store: myStore() }) })) {
 *   test(name, { skip }, run);
 * }
 * ```
 */
export async function storeSuite(options: StoreSuiteOptions): Promise<readonly StoreTest[]> {
  checkOptions(options);
  const probe = await openScene(await openFixture(options));
  const { fixture } = probe;
  await probe.dispose();
  return [
    ...CONTRACT.map((test) => toStoreTest(test, fixture, options)),
    ...differentialTests(options).map((test) => toStoreTest(test, fixture, options)),
    ...raceTests(options).map((test) => toStoreTest(test, fixture, options)),
  ];
}

/** Nothing would be said of a number that is none: there would be no sequences, and no limit. */
function checkOptions({ open, seed, sequences, budget, patience }: StoreSuiteOptions): void {
  if (typeof open !== "function") throw new UsageError("`storeSuite` takes `open`, a function");
  for (const [name, value] of Object.entries({ seed, sequences, budget, patience })) {
    if (value === undefined || (Number.isInteger(value) && value >= 0)) continue;
    throw new UsageError(`\`${name}\` of \`storeSuite\` is a whole number from 0`);
  }
}

/** Opens a fixture that has what every store has. */
async function openFixture({ open }: StoreSuiteOptions): Promise<StoreFixture> {
  const fixture = await ended(Promise.resolve(open()), "`open`");
  const store: unknown = fixture?.store;
  if (typeof store !== "object" || store === null) {
    throw new UsageError("`open` gives a fixture, `{ store }`, and not the store itself");
  }
  const missing = [...VERBS_OF_ALL, "close" as const].filter(
    (verb) => typeof fixture.store[verb] !== "function",
  );
  if (missing.length === 0) return fixture;
  throw new UsageError(`the store has no \`${missing.join("`, no `")}\``);
}

function toStoreTest(
  { name, needs = [], run }: ContractTest,
  fixture: StoreFixture,
  options: StoreSuiteOptions,
): StoreTest {
  const reasons = needs.flatMap((need) => skipReason(need, fixture) ?? []);
  return {
    name,
    skip: reasons.length > 0 ? reasons.join(", ") : undefined,
    async run() {
      const scene = await openScene(await openFixture(options));
      try {
        await run(scene);
      } catch (error) {
        // What is wrong is told, not what went wrong with tidying up after it.
        await scene.dispose().catch(() => undefined);
        throw error;
      }
      await scene.dispose();
    },
  };
}

function differentialTests(options: StoreSuiteOptions): ContractTest[] {
  const { seed: first = 1, sequences = 20 } = options;
  return Array.from({ length: sequences }, (_, index) => {
    const seed = first + index;
    return {
      name: `model: a random sequence is answered as the model answers it (seed ${seed})`,
      needs: RACING,
      run: (scene: Scene) => compareWithModel(scene, seed, () => openFixture(options)),
    };
  });
}

function raceTests({ budget, patience, onRace }: StoreSuiteOptions): ContractTest[] {
  return RACES.map((race) => ({
    name: `P4 P5 race: ${raceName(race)}, in every order`,
    needs: RACING,
    async run(scene: Scene) {
      const { schedules } = await runRace(scene, race, {
        ...(budget !== undefined && { budget }),
        ...(patience !== undefined && { patience }),
      });
      onRace?.({ race: raceName(race), schedules });
    },
  }));
}

const RACING: readonly Need[] = ["conditional writes"];
