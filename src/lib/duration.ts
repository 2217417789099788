/**
 * Durations: a number of seconds, or a string such as `"30m"`.
 *
 * @module
 */

/** Seconds as a number, or a number with a unit: seconds, minutes, hours, days. */
export type Duration = number | `${number}${"s" | "m" | "h" | "d"}`;

const SECONDS_PER_UNIT: Readonly<Record<string, number>> = { s: 1, m: 60, h: 3600, d: 86_400 };

/** The milliseconds of a duration; `undefined` for what is none, negative or not finite. */
export function milliseconds(duration: unknown): number | undefined {
  const seconds = typeof duration === "number" ? duration : secondsOf(duration);
  return Number.isFinite(seconds) && seconds >= 0 ? Math.round(seconds * 1000) : undefined;
}

function secondsOf(text: unknown): number {
  const match = typeof text === "string" ? /^(\d+(?:\.\d+)?)([smhd])$/.exec(text) : null;
  return match === null ? Number.NaN : Number(match[1]) * (SECONDS_PER_UNIT[match[2] ?? ""] ?? 0);
}
