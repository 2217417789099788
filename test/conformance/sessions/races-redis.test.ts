import { Redis } from "ioredis";
import { afterAll, beforeAll, expect, it, vi } from "vitest";
import { redisStore } from "../../../src/stores/redis.ts";
import { testClock } from "../../../src/testing/clock.ts";
import { clockedRedis } from "../../support/clocked-redis.ts";
import { describeWith } from "../../support/needs.ts";
import type { RedisServer } from "../../support/redis-servers.ts";
import { redisPrograms, startRedis } from "../../support/redis-servers.ts";
import type { ActorName } from "../../support/session-races/actors.ts";
import { CHOICE, PAIRS } from "../../support/session-races/races.ts";
import type { SessionRace } from "../../support/session-races/run.ts";
import { raceName, runSessionRace } from "../../support/session-races/run.ts";

vi.setConfig({ testTimeout: 120_000 });

const CUT_OFFS: readonly ActorName[] = ["revokeUser", "revokeOthers"];
const isCutOff = ({ actors }: SessionRace): boolean =>
  actors.some((actor) => CUT_OFFS.includes(actor));
const RACES = [...CHOICE.filter((race) => !isCutOff(race)), ...PAIRS.filter(isCutOff)];

describeWith(redisPrograms, "sessions over Redis", () => {
  let server: RedisServer;
  let connection: Redis;
  beforeAll(async () => {
    server = await startRedis();
    connection = new Redis(server.url);
  });
  afterAll(async () => {
    connection?.disconnect();
    await server?.stop();
  });

  it.each(RACES.map((race) => [raceName(race), race] as const))(
    "P4 P5 P6 P16 over Redis: %s",
    async (name, race) => {
      await server.admin.flushall();
      const clock = testClock();
      // Marks and cut-offs are what the history reckons with: the server sets them by the test's clock.
      const client = clockedRedis(connection, clock.now);
      const another = (): ReturnType<typeof redisStore> => redisStore({ client, clock: clock.now });
      const { schedules } = await runSessionRace({ clock, store: another(), another }, race);
      process.stdout.write(`sessions over Redis: ${name}: ${schedules} schedules\n`);
      expect(schedules).toBeGreaterThan(1);
    },
  );
});
