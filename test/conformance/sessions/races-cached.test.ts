import { expect, it } from "vitest";
import type { Revocations, SessionStore } from "../../../src/stores/contract.ts";
import { cached } from "../../../src/stores/layers/cached.ts";
import { memoryStore } from "../../../src/stores/memory.ts";
import { testClock } from "../../../src/testing/clock.ts";
import { PAIRS } from "../../support/session-races/races.ts";
import { raceName, runSessionRace } from "../../support/session-races/run.ts";

// The races in which requests write besides what they were asked to: each process has a cache that is
// told of every change, and remembers what it has written itself.
const RACES = PAIRS.filter(({ start }) => /rotat|touch/.test(start));

it.each(RACES.map((race) => [raceName(race), race] as const))(
  "P4 P5 P6 P16 with a cache in each process: %s",
  async (_name, race) => {
    const clock = testClock();
    const store = memoryStore({ clock: clock.now });
    const layer = (handle: SessionStore & Partial<Revocations>) =>
      cached(handle, { clock: clock.now });
    const track = { clock, store, another: () => store, layer };
    const { schedules } = await runSessionRace(track, race);
    expect(schedules).toBeGreaterThan(0);
  },
);
