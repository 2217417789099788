import { expect, it } from "vitest";
import { boundedMap } from "../../../src/lib/bounded-map.ts";

it("gives back what was set, until it is deleted or cleared", () => {
  const map = boundedMap<number>(100);
  map.set("a", 1, 10);
  map.set("b", 2, 10);
  expect([map.get("a"), map.get("b"), map.get("c")]).toEqual([1, 2, undefined]);
  map.delete("a");
  expect([map.get("a"), map.weight(), map.size()]).toEqual([undefined, 10, 1]);
  map.clear();
  expect([map.get("b"), map.weight(), map.size()]).toEqual([undefined, 0, 0]);
});

it("counts a value that takes the place of another once, in either generation", () => {
  const map = boundedMap<number>(100);
  map.set("a", 1, 40);
  map.set("a", 2, 30);
  expect([map.get("a"), map.weight(), map.size()]).toEqual([2, 30, 1]);
  map.set("b", 1, 40);
  map.set("a", 3, 10);
  expect([map.get("a"), map.weight(), map.size()]).toEqual([3, 50, 2]);
});

it("never weighs more than its bound, whatever is set", () => {
  const map = boundedMap<number>(1000);
  for (let n = 0; n < 5000; n += 1) {
    map.set(`${n % 700}`, n, (n * 7) % 90);
    if (n % 3 === 0) map.delete(`${(n * 11) % 700}`);
    map.get(`${(n * 13) % 700}`);
    expect(map.weight()).toBeLessThanOrEqual(1000);
  }
  expect(map.size()).toBeGreaterThan(5);
});

it("forgets what was not used for longest, and keeps what was", () => {
  const map = boundedMap<number>(100);
  map.set("used", 1, 10);
  map.set("unused", 1, 10);
  for (let n = 0; n < 30; n += 1) {
    map.set(`${n}`, n, 10);
    expect(map.get("used")).toBe(1);
  }
  expect([map.get("unused"), map.get("29")]).toEqual([undefined, 29]);
});

it("does not keep what alone is too heavy, nor what was there before it", () => {
  const map = boundedMap<number>(100);
  map.set("other", 1, 40);
  map.set("a", 1, 10);
  map.set("a", 2, 51);
  expect([map.get("a"), map.get("other"), map.weight()]).toEqual([undefined, 1, 40]);
});
