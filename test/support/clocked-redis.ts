/**
 * A Redis whose scripts go by the clock of a test. The scripts are the store's own but for the one question
 * what time it is.
 *
 * @module
 */

import type { IoredisClient } from "../../src/stores/redis.ts";
import { VERB_SCRIPTS } from "../../src/stores/redis-scripts.ts";

const ASKS = "redis.call('TIME')";
// Added to the arguments of each call: seconds and microseconds, as the server tells them.
const TOLD = "{ ARGV[#ARGV - 1], ARGV[#ARGV] }";

const scripts = new Map(
  VERB_SCRIPTS.filter(({ text }) => text.includes(ASKS)).map(({ sha, text }) => [
    sha,
    text.replaceAll(ASKS, TOLD),
  ]),
);

export function clockedRedis(client: IoredisClient, now: () => number): IoredisClient {
  return {
    call(command, ...args) {
      const [sha = "", ...rest] = args;
      const text = command === "EVALSHA" ? scripts.get(sha) : undefined;
      if (text === undefined) return client.call(command, ...args);
      const seconds = Math.floor(now() / 1000);
      const microseconds = (now() - seconds * 1000) * 1000;
      return client.call("EVAL", text, ...rest, `${seconds}`, `${microseconds}`);
    },
  };
}
