import { rm } from "node:fs/promises";
import { afterEach, expect, it } from "vitest";
import { lmdbStore } from "../../../src/stores/lmdb.ts";
import { testClock } from "../../../src/testing/clock.ts";
import type { SessionRace } from "../../support/session-races/run.ts";
import { raceName, runSessionRace } from "../../support/session-races/run.ts";
import { temporaryFolder } from "../../support/temporary-folder.ts";

const RACES: readonly SessionRace[] = [
  { actors: ["update", "update"], start: "a user's" },
  { actors: ["write", "sign-out"], start: "a user's" },
  { actors: ["write", "sign-in"], start: "a visitor's" },
  { actors: ["sign-in", "sign-in"], start: "a visitor's" },
  { actors: ["sign-in as bob", "update"], start: "a user's" },
  { actors: ["elevate", "revokeUser"], start: "a user's" },
  { actors: ["read", "revokeOthers"], start: "a user's" },
  { actors: ["update", "revokeEveryone"], start: "a user's" },
  { actors: ["read", "expire", "sweep"], start: "a user's, touch due" },
  { actors: ["read", "sign-out", "sweep"], start: "a user's, touch due" },
  { actors: ["read", "update"], start: "a user's, rotation due" },
  { actors: ["read", "late write"], start: "a user's, just rotated" },
];

const ends: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const end of ends.splice(0).reverse()) await end();
});

it.each(RACES.map((race) => [raceName(race), race] as const))(
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
