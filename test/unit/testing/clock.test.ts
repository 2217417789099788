import { describe, expect, it } from "vitest";
import { isCoatcheckError } from "../../../src/errors.ts";
import { testClock } from "../../../src/testing/clock.ts";

describe("testClock", () => {
  it("stands still until it is moved", () => {
    const { now, advance, set } = testClock(1000);
    expect(now()).toBe(1000);
    advance("30m");
    advance(1.5);
    // Reckoned, and no whole days: only for an option that would be milliseconds.
    advance(100_000);
    expect(now()).toBe(1000 + 1_800_000 + 1500 + 100_000_000);
    set(5);
    expect(now()).toBe(5);
  });

  it("starts with the time of the call", () => {
    const before = Date.now();
    const at = testClock().now();
    expect(at).toBeGreaterThanOrEqual(before);
    expect(at).toBeLessThanOrEqual(Date.now());
  });

  it("refuses what is no duration", () => {
    const clock = testClock();
    for (const wrong of ["1 hour", -1, Number.NaN]) {
      try {
        clock.advance(wrong as never);
        expect.unreachable();
      } catch (error) {
        expect(isCoatcheckError(error) && error.code).toBe("ERR_USAGE");
      }
    }
  });

  it("refuses what is no moment", () => {
    const wrong = new Date() as unknown as number;
    expect(() => testClock(wrong)).toThrow("`testClock` takes milliseconds since the epoch");
    expect(() => testClock().set(Number.NaN)).toThrow("`set` takes milliseconds since the epoch");
  });
});
