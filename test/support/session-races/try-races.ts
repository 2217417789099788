/**
 * Runs races of sessions under Vitest over a memory store, and prints how many schedules they had.
 *
 * @module
 */

import { afterAll, describe, expect, it } from "vitest";
import { memoryStore } from "../../../src/stores/memory.ts";
import { testClock } from "../../../src/testing/clock.ts";
import type { SessionRace } from "./run.ts";
import { raceName, runSessionRace } from "./run.ts";

const BUDGET = 5000;
const LONGEST = 120_000;

export function tryRaces(what: string, races: readonly SessionRace[]): void {
  describe(`${what} of requests that race for one session, each in its own process`, () => {
    const tried: { readonly race: string; readonly schedules: number }[] = [];

    it.each(races.map((race) => [raceName(race), race] as const))(
      "P4 P5 P6 P16 %s",
      async (name, race) => {
        const clock = testClock();
        const store = memoryStore({ clock: clock.now });
        const track = { clock, store, another: () => store };
        const { schedules } = await runSessionRace(track, race, { budget: BUDGET });
        tried.push({ race: name, schedules });
        expect(schedules).toBeGreaterThan(1);
      },
      LONGEST,
    );

    afterAll(() => {
      const total = tried.reduce((sum, { schedules }) => sum + schedules, 0);
      const lines = tried.map(({ race, schedules }) => `  ${race}: ${schedules}\n`);
      process.stdout.write(
        `sessions: ${total} schedules of ${tried.length} ${what}, every one tried\n${lines.join("")}`,
      );
    });
  });
}
