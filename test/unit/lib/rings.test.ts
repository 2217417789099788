import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { NONE, rings } from "../../../src/lib/rings.ts";

describe("rings", () => {
  it("keep each list in the order in which its members came, over pages", () => {
    const lists = rings();
    let first = NONE;
    const members = [5, 0, 1023, 1024, 5000, 2047];
    for (const member of members) first = lists.append(first, member);
    expect(membersOf(lists, first)).toEqual(members);
  });

  it("know a list by its first member, also when that one goes", () => {
    const lists = rings();
    let first = NONE;
    for (const member of [1, 2, 3]) first = lists.append(first, member);
    first = lists.remove(first, 1);
    expect(membersOf(lists, first)).toEqual([2, 3]);
    first = lists.remove(first, 3);
    first = lists.remove(first, 2);
    expect(first).toBe(NONE);
  });

  it("are what arrays would be, whatever is done to several lists", () => {
    const step = fc.record({ list: fc.nat(3), member: fc.nat(40) });
    fc.assert(
      fc.property(fc.array(step, { maxLength: 200 }), (steps) => {
        const lists = rings();
        const firsts = [NONE, NONE, NONE, NONE];
        const model: number[][] = [[], [], [], []];
        for (const { list, member } of steps) {
          const home = model.findIndex((members) => members.includes(member));
          if (home >= 0) {
            firsts[home] = lists.remove(firsts[home] as number, member);
            model[home] = (model[home] as number[]).filter((other) => other !== member);
          } else {
            firsts[list] = lists.append(firsts[list] as number, member);
            (model[list] as number[]).push(member);
          }
        }
        expect(firsts.map((first) => membersOf(lists, first))).toEqual(model);
      }),
    );
  });
});

function membersOf(lists: ReturnType<typeof rings>, first: number): number[] {
  const members: number[] = [];
  if (first === NONE) return members;
  let member = first;
  do {
    members.push(member);
    member = lists.next(member);
  } while (member !== first);
  return members;
}
