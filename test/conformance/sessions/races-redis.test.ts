import { Redis } from "ioredis";
import { afterAll, beforeAll, expect, it } from "vitest";
import { redisStore } from "../../../src/stores/redis.ts";
import { testClock } from "../../../src/testing/clock.ts";
import { describeWith } from "../../support/needs.ts";
import type { RedisServer } from "../../support/redis-servers.ts";
import { redisPrograms, startRedis } from "../../support/redis-servers.ts";
import type { SessionRace } from "../../support/session-races/run.ts";
import { raceName, runSessionRace } from "../../support/session-races/run.ts";

// Without those that end in a cut-off: the history reckons marks by the clock of the test, and this store
// sets them by the server's. The store suite has them all.
const RACES: readonly SessionRace[] = [
  { actors: ["update", "update"], start: "a user's" },
  { actors: ["write", "sign-out"], start: "a user's" },
  { actors: ["write", "sign-in"], start: "a visitor's" },
  { actors: ["sign-in", "sign-in"], start: "a visitor's" },
  { actors: ["sign-in as bob", "update"], start: "a user's" },
  { actors: ["update", "revokeEveryone"], start: "a user's" },
  { actors: ["read", "expire", "sweep"], start: "a user's, touch due" },
  { actors: ["read", "sign-out", "sweep"], start: "a user's, touch due" },
  { actors: ["read", "update"], start: "a user's, rotation due" },
];

describeWith(redisPrograms, "sessions over Redis", () => {
  let server: RedisServer;
  let client: Redis;
  beforeAll(async () => {
    server = await startRedis();
    client = new Redis(server.url);
  });
  afterAll(async () => {
    client?.disconnect();
    await server?.stop();
  });

  it.each(RACES.map((race) => [raceName(race), race] as const))(
    "P4 P5 P6 P16 over Redis: %s",
    async (name, race) => {
      await server.admin.flushall();
      const clock = testClock();
      const another = (): ReturnType<typeof redisStore> => redisStore({ client, clock: clock.now });
      const { schedules } = await runSessionRace({ clock, store: another(), another }, race);
      process.stdout.write(`sessions over Redis: ${name}: ${schedules} schedules\n`);
      expect(schedules).toBeGreaterThan(1);
    },
  );
});
