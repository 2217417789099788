import fc from "fast-check";
import { expect, it } from "vitest";
import { shardedMap } from "../../../src/lib/sharded-map.ts";

it("a sharded map is what a map would be, for keys of any kind", () => {
  const key = fc.oneof(fc.constantFrom("", "a", "__proto__", "🧥"), fc.string({ maxLength: 4 }));
  const step = fc.record({ key, value: fc.nat(), goes: fc.boolean() });
  fc.assert(
    fc.property(fc.array(step, { maxLength: 200 }), (steps) => {
      const map = shardedMap<number>();
      const model = new Map<string, number>();
      for (const { key, value, goes } of steps) {
        if (goes) {
          expect(map.delete(key)).toBe(model.delete(key));
        } else {
          map.set(key, value);
          model.set(key, value);
        }
        expect(map.get(key)).toBe(model.get(key));
      }
      for (const [key, value] of model) expect(map.get(key)).toBe(value);
    }),
  );
});
