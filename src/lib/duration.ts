/**
 * Durations: a number of seconds, or a string such as `"30m"`.
 *
 * @module
 */

/** Seconds as a number, or a number with a unit: seconds, minutes, hours, days. */
export type Duration = number | `${number}${"s" | "m" | "h" | "d"}`;

/** What a duration has to be, in words. */
export const DURATION =
  'a positive number of seconds or a string such as "30m"; above a day a number has to be whole days';

const DAY = 86_400;
const SECONDS_PER_UNIT: Readonly<Record<string, number>> = { s: 1, m: 60, h: 3600, d: DAY };

/**
 * The milliseconds of a duration; `undefined` for what is none, negative or not finite. A number above a day
 * that is not whole days is most likely milliseconds: `1_800_000` is no half hour, it is 20 days.
 */
export function milliseconds(duration: unknown): number | undefined {
  const isNumber = typeof duration === "number";
  const seconds = isNumber ? duration : secondsOf(duration);
  if (isNumber && seconds > DAY && seconds % DAY !== 0) return undefined;
  return Number.isFinite(seconds) && seconds >= 0 ? Math.round(seconds * 1000) : undefined;
}

function secondsOf(text: unknown): number {
  const match = typeof text === "string" ? /^(\d+(?:\.\d+)?)([smhd])$/.exec(text) : null;
  return match === null ? Number.NaN : Number(match[1]) * (SECONDS_PER_UNIT[match[2] ?? ""] ?? 0);
}
