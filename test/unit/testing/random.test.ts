import { describe, expect, it } from "vitest";
import { seededRandom } from "../../../src/testing/random.ts";

const take = (seed: number): number[] => {
  const random = seededRandom(seed);
  return Array.from({ length: 20 }, () => random.below(1000));
};

describe("seededRandom", () => {
  it("gives the same choices for the same seed, on every machine", () => {
    expect(take(1)).toEqual(take(1));
    expect(take(1).slice(0, 5)).toEqual([627, 2, 527, 981, 968]);
    expect(take(2)).not.toEqual(take(1));
  });

  it("keeps within its limits and reaches all of them", () => {
    const random = seededRandom(7);
    const counts = new Map<number, number>();
    for (let index = 0; index < 6000; index += 1) {
      const value = random.below(6);
      counts.set(value, (counts.get(value) ?? 0) + 1);
    }
    expect([...counts.keys()].sort()).toEqual([0, 1, 2, 3, 4, 5]);
    for (const count of counts.values()) expect(count).toBeGreaterThan(800);
  });

  it("takes its chances as often as it should", () => {
    const random = seededRandom(3);
    const hits = Array.from({ length: 1000 }, () => random.chance(25)).filter(Boolean).length;
    expect(hits).toBeGreaterThan(200);
    expect(hits).toBeLessThan(300);
    expect(random.chance(0)).toBe(false);
    expect(random.chance(100)).toBe(true);
    expect(["a", "b"]).toContain(random.pick(["a", "b"]));
  });
});
