import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { deadlines } from "../../../src/lib/deadlines.ts";

describe("deadlines", () => {
  it("are empty at first", () => {
    expect(deadlines().first()).toBe(-1);
  });

  it("give all of very many, in order of time", () => {
    const heap = deadlines();
    const count = 5000;
    // A full cycle through all numbers, in no order.
    for (let index = 0; index < count; index += 1) heap.set((index * 1237) % count, index % 997);
    const times: number[] = [];
    for (let first = heap.first(); first >= 0; first = heap.first()) {
      times.push(heap.at(first));
      heap.remove(first);
    }
    expect(times).toHaveLength(count);
    expect(times).toEqual([...times].sort((a, b) => a - b));
  });

  it("are what a sorted list would be, whatever is added, moved and removed", () => {
    const step = fc.record({
      member: fc.nat(60),
      at: fc.oneof(fc.integer({ min: -50, max: 50 }), fc.double({ noNaN: true })),
      goes: fc.boolean(),
    });
    fc.assert(
      fc.property(fc.array(step, { maxLength: 300 }), (steps) => {
        const heap = deadlines();
        const model = new Map<number, number>();
        for (const { member, at, goes } of steps) {
          if (goes && model.has(member)) {
            heap.remove(member);
            model.delete(member);
          } else {
            heap.set(member, at);
            model.set(member, at);
          }
          const first = heap.first();
          if (model.size === 0) expect(first).toBe(-1);
          else expect(model.get(first)).toBe(Math.min(...model.values()));
          for (const [known, time] of model) expect(heap.at(known)).toBe(time);
        }
      }),
    );
  });
});
