/**
 * A clock that stands still until a test moves it.
 *
 * @module
 */

import { UsageError } from "../errors.ts";
import type { Duration } from "../lib/duration.ts";
import { milliseconds } from "../lib/duration.ts";

/** Give `clock.now` to `createSessions({ clock })`. */
export interface TestClock {
  /** Milliseconds since the epoch. */
  readonly now: () => number;
  /** Moves the clock forward. @throws {UsageError} for what is no duration. */
  advance(duration: Duration): void;
  /** Sets the clock to a moment, earlier ones too. @throws {UsageError} for what is no moment. */
  set(at: number): void;
}

/**
 * Creates a clock for tests of timeouts.
 *
 * @param start - milliseconds since the epoch
 * @default start: the time of the call, so that it agrees with backends that have clocks of their own
 * @example
 * ```ts
 * const clock = testClock();
 * const sessions = createSessions({ secrets, store, clock: clock.now });
 * clock.advance("31m");
 * ```
 */
export function testClock(start: number = Date.now()): TestClock {
  let at = momentOf("testClock", start);
  return {
    now: () => at,
    advance(duration) {
      // Any number of seconds: a test reckons them, and nothing is set up by them for long.
      const ms = milliseconds(typeof duration === "number" ? `${duration}s` : duration);
      if (ms === undefined) {
        throw new UsageError('`advance` takes seconds or a string such as "30m"');
      }
      at += ms;
    },
    set(moment) {
      at = momentOf("set", moment);
    },
  };
}

function momentOf(call: string, moment: unknown): number {
  if (typeof moment === "number" && Number.isFinite(moment)) return moment;
  throw new UsageError(`\`${call}\` takes milliseconds since the epoch`);
}
