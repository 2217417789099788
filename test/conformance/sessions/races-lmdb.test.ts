import { rm } from "node:fs/promises";
import { afterEach, expect, it } from "vitest";
import { lmdbStore } from "../../../src/stores/lmdb.ts";
import { testClock } from "../../../src/testing/clock.ts";
import { CHOICE } from "../../support/session-races/races.ts";
import { raceName, runSessionRace } from "../../support/session-races/run.ts";
import { temporaryFolder } from "../../support/temporary-folder.ts";

const ends: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const end of ends.splice(0).reverse()) await end();
});

it.each(CHOICE.map((race) => [raceName(race), race] as const))(
  "P4 P5 P6 P16 over LMDB: %s",
  async (name, race) => {
    const path = await temporaryFolder("session-races");
    ends.push(() => rm(path, { recursive: true }));
    const clock = testClock();
    const another = (): ReturnType<typeof lmdbStore> => {
      const store = lmdbStore({ path, clock: clock.now });
      ends.push(() => store.close());
      return store;
    };
    const { schedules } = await runSessionRace({ clock, store: another(), another }, race);
    process.stdout.write(`sessions over LMDB: ${name}: ${schedules} schedules\n`);
    expect(schedules).toBeGreaterThan(1);
  },
);
