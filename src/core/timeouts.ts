/**
 * When a session ends: pure functions of what the server wrote and of now.
 *
 * Judged by today's timeouts as well as by the written deadlines, so that shorter timeouts hold at
 * once and longer ones revive nothing.
 *
 * @module
 */

import { ConfigError, section } from "../errors.ts";
import { DURATION, milliseconds } from "../lib/duration.ts";
import type { TimeoutOptions, TimeoutPreset } from "./options.ts";

const SECOND = 1000;
const MINUTE = 60 * SECOND;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;

/** Idle and absolute timeout in milliseconds. */
export interface Limits {
  readonly idle: number;
  readonly absolute: number;
}

/** Every timeout of an app, in milliseconds. */
export interface Timeouts {
  readonly user: Limits;
  readonly visitor: Limits;
  readonly remembered: Limits;
  readonly touchInterval: number;
  /** The longest absolute timeout: how long a revocation has to be remembered. */
  readonly longest: number;
}

/** What was decided when the session began. */
export interface Lifetime {
  readonly remembered: boolean;
  readonly createdAt: number;
  readonly endsAt: number;
}

/** What was written when the session was used last. */
export interface Use {
  readonly userId: string | undefined;
  readonly lastSeenAt: number;
  readonly expiresAt: number;
}

// NIST SP 800-63B-4 §2.1.3 (30 days overall), §2.2.3 (24 hours, 1 hour), §2.3.3 (12 hours, 15 minutes).
const PRESETS: Readonly<Record<TimeoutPreset, Limits>> = {
  consumer: { idle: 7 * DAY, absolute: 30 * DAY },
  aal2: { idle: HOUR, absolute: 24 * HOUR },
  aal3: { idle: 15 * MINUTE, absolute: 12 * HOUR },
};

/** Browsers keep a cookie for 400 days at most (RFC 6265bis §5.5); longer sessions would promise too much. */
export const LONGEST: number = 400 * DAY;

/** Fills in presets and defaults. @throws {ConfigError} naming the timeout that cannot work. */
export function resolveTimeouts(options: TimeoutPreset | TimeoutOptions | undefined): Timeouts {
  const given: TimeoutOptions =
    typeof options === "string" ? { preset: options } : section("timeouts", options, KNOWN);
  const { preset: name = "consumer" } = given;
  const preset = Object.hasOwn(PRESETS, name) ? PRESETS[name] : undefined;
  if (preset === undefined) {
    throw new ConfigError("timeouts", 'must be "consumer", "aal2", "aal3" or an object');
  }
  const user = limits("timeouts", given, preset);
  const visitor = limits("timeouts.visitor", section("timeouts.visitor", given.visitor, PAIR), {
    idle: Math.min(DAY, user.idle),
    absolute: Math.min(30 * DAY, user.absolute),
  });
  const remember = section("timeouts.remember", given.remember, PAIR);
  const remembered = limits("timeouts.remember", remember, {
    idle: name === "consumer" ? LONGEST : user.idle,
    absolute: user.absolute,
  });
  const shortest = Math.min(user.idle, visitor.idle, remembered.idle);
  const touchInterval = duration(
    "timeouts.touchInterval",
    given.touchInterval,
    Math.min(5 * MINUTE, Math.ceil(shortest / 20)),
  );
  if (touchInterval >= shortest) {
    throw new ConfigError(
      "timeouts.touchInterval",
      "must be shorter than every idle timeout: a session's use would be written too late",
    );
  }
  return {
    user,
    visitor,
    remembered,
    touchInterval,
    longest: Math.max(user.absolute, visitor.absolute, remembered.absolute),
  };
}

/** The limits of one kind of session. */
export function limitsOf(
  timeouts: Timeouts,
  userId: string | undefined,
  remembered: boolean,
): Limits {
  if (userId === undefined) return timeouts.visitor;
  return remembered ? timeouts.remembered : timeouts.user;
}

/**
 * The deadline to write. One touch interval later than the idle timeout asks, so that a use that was
 * not written (touches are coalesced) ends nobody early.
 */
export function deadline(
  timeouts: Timeouts,
  userId: string | undefined,
  { remembered, createdAt, endsAt }: Lifetime,
  lastSeenAt: number,
): number {
  const { idle, absolute } = limitsOf(timeouts, userId, remembered);
  return Math.min(lastSeenAt + idle + timeouts.touchInterval, createdAt + absolute, endsAt);
}

/** Which timeout has ended the session, if any. */
export function ended(
  timeouts: Timeouts,
  { userId, lastSeenAt, expiresAt }: Use,
  lifetime: Lifetime,
  now: number,
): "idle-timeout" | "absolute-timeout" | undefined {
  const { absolute } = limitsOf(timeouts, userId, lifetime.remembered);
  if (now >= Math.min(lifetime.endsAt, lifetime.createdAt + absolute)) return "absolute-timeout";
  const until = Math.min(expiresAt, deadline(timeouts, userId, lifetime, lastSeenAt));
  return now >= until ? "idle-timeout" : undefined;
}

const PAIR = ["idle", "absolute"] as const;
const KNOWN = ["preset", ...PAIR, "visitor", "remember", "touchInterval"] as const;

function limits(
  option: string,
  given: Pick<TimeoutOptions, "idle" | "absolute">,
  preset: Limits,
): Limits {
  const absolute = duration(`${option}.absolute`, given.absolute, preset.absolute);
  const idle = duration(`${option}.idle`, given.idle, Math.min(preset.idle, absolute));
  if (idle > absolute) {
    throw new ConfigError(
      `${option}.idle`,
      `must not be longer than \`${option}.absolute\`; a number is seconds`,
    );
  }
  if (absolute > LONGEST) {
    throw new ConfigError(
      `${option}.absolute`,
      "must not be longer than 400 days; a number is seconds",
    );
  }
  return { idle, absolute };
}

/** A positive duration option in milliseconds. @throws {ConfigError} */
export function duration(option: string, given: unknown, preset: number): number {
  if (given === undefined) return preset;
  const ms = milliseconds(given);
  if (ms === undefined || ms === 0) {
    throw new ConfigError(option, `must be ${DURATION}`);
  }
  return ms;
}
