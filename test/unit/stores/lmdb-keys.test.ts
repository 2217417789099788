import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { KeyRange } from "../../../src/stores/lmdb-keys.ts";
import { idOf, lmdbKeys, numberOf, SESSION } from "../../../src/stores/lmdb-keys.ts";

const LONGEST_KEY = 1978;
const id = fc.base64String({ minLength: 24, maxLength: 24 }).map(base64url);
// User ids of every kind: long ones, half surrogates, beginnings of one another.
const userId = fc.oneof(
  fc.string({ unit: "binary" }),
  fc.string({ minLength: 380, maxLength: 600 }),
  fc.constantFrom("a", "ab", "abc", "\ud800", "\udc00", "\ufffd", "", "\u0000", "\u0000a"),
);

describe("lmdbKeys", () => {
  const keys = lmdbKeys("");

  it("makes no key of what is no id", () => {
    for (const text of ["", "a".repeat(23), "a".repeat(25), `${"a".repeat(23)}=`, "é".repeat(24)]) {
      expect(keys.session(text), text).toBeUndefined();
    }
    expect(keys.session(`${"a".repeat(24)}\n`)).toBeUndefined();
  });

  it("gives an id back from its keys, and never two ids one key", () => {
    fc.assert(
      fc.property(id, id, userId, (one, other, user) => {
        expect(idOf(keys.session(one) as Buffer)).toBe(one);
        expect(idOf(keys.userSession(user, one))).toBe(one);
        const same = (keys.session(one) as Buffer).equals(keys.session(other) as Buffer);
        expect(same).toBe(one === other);
      }),
    );
  });

  it("keeps every user apart, in keys that LMDB takes", () => {
    fc.assert(
      fc.property(userId, userId, id, (one, other, session) => {
        expect(keys.cutOff(one).equals(keys.cutOff(other))).toBe(one === other);
        const range = keys.userSessions(one, undefined);
        expect(isIn(keys.userSession(one, session), range)).toBe(true);
        expect(isIn(keys.userSession(other, session), range)).toBe(one === other);
        const longest = keys.look(0, keys.cutOff(one));
        expect(longest.length).toBeLessThan(LONGEST_KEY);
      }),
      { numRuns: 500 },
    );
  });

  it("goes on behind a session, and from the beginning for a cursor that is no id", () => {
    fc.assert(
      fc.property(id, id, userId, (one, other, user) => {
        const [first, last] = [keys.session(one) as Buffer, keys.session(other) as Buffer];
        const isAfter = Buffer.compare(last, first) > 0;
        expect(isIn(last, keys.sessions(one))).toBe(isAfter);
        expect(isIn(keys.userSession(user, other), keys.userSessions(user, one))).toBe(isAfter);
        expect(isIn(last, keys.sessions("no id"))).toBe(true);
        expect(isIn(keys.userSession(user, other), keys.userSessions(user, "no id"))).toBe(true);
      }),
    );
  });

  it("sorts looks by their moment, and finds those that are due and what they are about", () => {
    const moment = fc.double({ noNaN: true });
    fc.assert(
      fc.property(moment, moment, id, userId, (one, other, session, user) => {
        for (const key of [keys.session(session) as Buffer, keys.cutOff(user), keys.entry(7)]) {
          const look = keys.look(one, key);
          expect(isIn(look, keys.looks(other))).toBe(one <= other);
          expect(keys.lookedAt(look).equals(key)).toBe(true);
          expect(keys.kindOf(keys.lookedAt(look))).toBe(keys.kindOf(key));
        }
        expect(keys.kindOf(keys.session(session) as Buffer)).toBe(SESSION);
      }),
    );
  });

  it("sorts entries by their number", () => {
    const number = fc.nat({ max: Number.MAX_SAFE_INTEGER - 1 });
    fc.assert(
      fc.property(number, number, (one, other) => {
        expect(numberOf(keys.entry(one))).toBe(one);
        expect(isIn(keys.entry(one), keys.entries(other))).toBe(one >= other);
      }),
    );
  });

  it("keeps the kinds and the namespaces apart", () => {
    const spaces = ["", "a", "ab", "b", "\u0001"].map(lmdbKeys);
    const all = spaces.flatMap((space) => [
      space.version,
      space.lastEntry,
      space.session("A".repeat(24)) as Buffer,
      space.userSession("ada", "A".repeat(24)),
      space.cutOff("ada"),
      space.look(0, space.cutOff("ada")),
      space.entry(0),
    ]);
    expect(new Set(all.map((key) => key.toString("hex"))).size).toBe(all.length);
    for (const [index, space] of spaces.entries()) {
      const ranges = [
        space.sessions(undefined),
        space.userSessions("ada", undefined),
        space.looks(Number.POSITIVE_INFINITY),
        space.entries(0),
      ];
      for (const range of ranges) {
        const found = all.flatMap((key, place) => (isIn(key, range) ? [place] : []));
        expect(found).toHaveLength(1);
        expect(Math.floor((found[0] ?? -1) / 7)).toBe(index);
      }
    }
  });
});

function isIn(key: Buffer, { start, end }: KeyRange): boolean {
  return Buffer.compare(key, start) >= 0 && Buffer.compare(key, end) < 0;
}

function base64url(text: string): string {
  return text.replaceAll("+", "-").replaceAll("/", "_").replaceAll("=", "A");
}
