import { describe, expect, it } from "vitest";
import type { Timeouts } from "../../../src/core/timeouts.ts";
import {
  deadline,
  duration,
  ended,
  limitsOf,
  resolveTimeouts,
} from "../../../src/core/timeouts.ts";
import { ConfigError } from "../../../src/errors.ts";
import type { TimeoutOptions } from "../../../src/index.ts";

const SECOND = 1000;
const MINUTE = 60 * SECOND;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;

describe("timeouts", () => {
  it.each([
    ["consumer", [7 * DAY, 30 * DAY], [DAY, 30 * DAY], [30 * DAY, 30 * DAY], 5 * MINUTE],
    ["aal2", [HOUR, DAY], [HOUR, DAY], [HOUR, DAY], 3 * MINUTE],
    ["aal3", [15 * MINUTE, 12 * HOUR], [15 * MINUTE, 12 * HOUR], [15 * MINUTE, 12 * HOUR], 45_000],
  ] as const)(
    "of the preset %s are those of its source",
    (preset, user, visitor, remember, touch) => {
      const timeouts = resolveTimeouts(preset);
      const pair = (limits: Timeouts["user"]) => [limits.idle, limits.absolute];
      expect([pair(timeouts.user), pair(timeouts.visitor), pair(timeouts.remembered)]).toEqual([
        user,
        visitor,
        remember,
      ]);
      expect([timeouts.touchInterval, timeouts.longest]).toEqual([touch, user[1]]);
    },
  );

  it("are those of a consumer's app when nothing is said", () => {
    expect(resolveTimeouts(undefined)).toEqual(resolveTimeouts("consumer"));
    expect(resolveTimeouts({})).toEqual(resolveTimeouts("consumer"));
  });

  it("may be given one by one over a preset", () => {
    const timeouts = resolveTimeouts({
      preset: "aal2",
      idle: "10m",
      visitor: { idle: 60, absolute: "1h" },
      remember: { absolute: "100d" },
      touchInterval: "1s",
    });
    expect(timeouts).toEqual({
      user: { idle: 10 * MINUTE, absolute: DAY },
      visitor: { idle: MINUTE, absolute: HOUR },
      remembered: { idle: 10 * MINUTE, absolute: 100 * DAY },
      touchInterval: SECOND,
      longest: 100 * DAY,
    });
  });

  it("of a remembered session of a consumer's app: the idle one is as long as the absolute one", () => {
    expect(resolveTimeouts({ remember: { absolute: "90d" } }).remembered).toEqual({
      idle: 90 * DAY,
      absolute: 90 * DAY,
    });
    expect(resolveTimeouts({ absolute: "90d" }).remembered).toEqual({
      idle: 90 * DAY,
      absolute: 90 * DAY,
    });
  });

  it("of visitors are never longer than the users' by default", () => {
    expect(resolveTimeouts({ idle: "1h", absolute: "5h" }).visitor).toEqual({
      idle: HOUR,
      absolute: 5 * HOUR,
    });
  });

  it("of remembered sessions: idle as long as absolute in a consumer's app, whichever is given", () => {
    const remembered = (remember: NonNullable<TimeoutOptions["remember"]>) =>
      resolveTimeouts({ idle: "1h", remember }).remembered;
    expect(remembered({ absolute: "90d" })).toEqual({ idle: 90 * DAY, absolute: 90 * DAY });
    expect(remembered({ absolute: "10d" })).toEqual({ idle: 10 * DAY, absolute: 10 * DAY });
    expect(remembered({ idle: "5d" })).toEqual({ idle: 5 * DAY, absolute: 30 * DAY });
  });

  it("that are shorter than the preset's idle timeout shorten that too", () => {
    expect(resolveTimeouts({ absolute: "2h" }).user).toEqual({
      idle: 2 * HOUR,
      absolute: 2 * HOUR,
    });
  });

  it.each([
    ["timeouts", "nist"],
    ["timeouts", { preset: "toString" }],
    ["timeouts", { preset: null }],
    ["timeouts.idle", { idle: "soon" }],
    ["timeouts.idle", { idle: 0 }],
    ["timeouts.idle", { idle: "2h", absolute: "1h" }],
    ["timeouts.absolute", { absolute: "401d" }],
    ["timeouts.visitor.idle", { visitor: { idle: "31d" } }],
    ["timeouts.visitor.absolute", { visitor: { absolute: "-1d" } }],
    ["timeouts.remember.absolute", { remember: { absolute: "500d" } }],
    ["timeouts.touchInterval", { touchInterval: "0.0001s" }],
    ["timeouts.touchInterval", { idle: "10m", touchInterval: "10m" }],
    ["timeouts.touchInterval", { visitor: { idle: "4m" }, touchInterval: "5m" }],
  ])("are refused by `%s` for %o", (option, given) => {
    const attempt = () => resolveTimeouts(given as TimeoutOptions);
    expect(attempt).toThrow(ConfigError);
    expect(attempt).toThrow(expect.objectContaining({ option }) as Error);
  });

  it.each([
    { idle: 604_800_000 },
    { absolute: 2_592_000_000 },
    { visitor: { idle: 86_400_000 } },
    { remember: { absolute: 2_592_000_000 } },
  ])("that are surely milliseconds are refused with the unit: %o", (given) => {
    expect(() => resolveTimeouts(given)).toThrow(/a number is seconds/);
  });
});

describe("a duration", () => {
  it.each([
    [90, 90 * SECOND],
    [0.25, 250],
    ["90s", 90 * SECOND],
    ["1.5m", 90 * SECOND],
    ["2h", 2 * HOUR],
    ["7d", 7 * DAY],
  ])("of %o is %i ms", (given, ms) => {
    expect(duration("idle", given, 1)).toBe(ms);
  });

  it("is the default when nothing is given", () => {
    expect(duration("idle", undefined, 42)).toBe(42);
  });

  it.each([
    0,
    -5,
    Number.NaN,
    Number.POSITIVE_INFINITY,
    "",
    "0s",
    "5",
    "-5m",
    "+5m",
    "5 m",
    " 5m",
    "5m ",
    "5ms",
    "5M",
    "1e3s",
    ".5h",
    "5.h",
    "1h30m",
    "٥m",
    "0x10s",
    null,
    true,
    [5],
    {},
  ])("is not %o", (given) => {
    expect(() => duration("idle", given, 1)).toThrow(
      /`idle` must be a positive number of seconds or a string such as "30m"/,
    );
  });
});

describe("the end of a session", () => {
  const timeouts = resolveTimeouts({
    idle: "1h",
    absolute: "10h",
    visitor: { idle: "10m" },
    remember: { idle: "5h" },
    touchInterval: "1m",
  });
  const lifetime = { createdAt: 0, endsAt: 10 * HOUR, remembered: false };
  const use = (lastSeenAt: number, userId: string | undefined = "ada") => ({
    userId,
    lastSeenAt,
    expiresAt: deadline(timeouts, userId, lifetime, lastSeenAt),
  });

  it("is written one touch interval later than the idle timeout asks", () => {
    expect(deadline(timeouts, "ada", lifetime, 0)).toBe(HOUR + MINUTE);
    expect(deadline(timeouts, undefined, lifetime, 0)).toBe(10 * MINUTE + MINUTE);
    expect(deadline(timeouts, "ada", { ...lifetime, remembered: true }, 0)).toBe(5 * HOUR + MINUTE);
  });

  it("is never written later than the absolute timeout", () => {
    expect(deadline(timeouts, "ada", lifetime, 9.9 * HOUR)).toBe(10 * HOUR);
  });

  it("has come at its very millisecond", () => {
    expect(ended(timeouts, use(0), lifetime, HOUR + MINUTE - 1)).toBeUndefined();
    expect(ended(timeouts, use(0), lifetime, HOUR + MINUTE)).toBe("idle-timeout");
    expect(ended(timeouts, use(9.9 * HOUR), lifetime, 10 * HOUR - 1)).toBeUndefined();
    expect(ended(timeouts, use(9.9 * HOUR), lifetime, 10 * HOUR)).toBe("absolute-timeout");
  });

  it("comes by today's shorter timeouts at once, and by today's longer ones no later", () => {
    const strict = resolveTimeouts({ idle: "5m", absolute: "1h", touchInterval: "1m" });
    expect(ended(strict, use(0), lifetime, 6 * MINUTE)).toBe("idle-timeout");
    expect(ended(strict, use(HOUR), lifetime, HOUR)).toBe("absolute-timeout");
    const lenient = resolveTimeouts("consumer");
    expect(ended(lenient, use(0), lifetime, HOUR + MINUTE)).toBe("idle-timeout");
    expect(ended(lenient, use(9.9 * HOUR), lifetime, 10 * HOUR)).toBe("absolute-timeout");
  });

  it("is a visitor's for a visitor, remembered or not", () => {
    expect(limitsOf(timeouts, undefined, true)).toBe(timeouts.visitor);
    expect(limitsOf(timeouts, "ada", true)).toBe(timeouts.remembered);
    expect(limitsOf(timeouts, "", false)).toBe(timeouts.user);
  });
});
