/**
 * Many lists over small whole numbers, each number in at most one of them.
 *
 * A list is a ring and is known by its first member, so that it costs no object, and both ends are at
 * hand. It takes 8 bytes for each number, in pages, so that growing never copies anything.
 *
 * @module
 */

/** The first member of a ring that has none. */
export const NONE = -1;

/** Rings share what they lie in. Every number stands in one of them at most. */
export interface Rings {
  /** Puts a number that is in no ring at the end of one. Returns the ring's first member. */
  append(first: number, member: number): number;
  /** Takes a member out. Returns the ring's first member, or {@link NONE}. */
  remove(first: number, member: number): number;
  /** The member after this one; after the last comes the first. */
  next(member: number): number;
}

const PAGE_BITS = 10;
const PAGE_MASK = (1 << PAGE_BITS) - 1;

/** Rings over the numbers from 0 on. */
export function rings(): Rings {
  // Two entries for each number: the next one and the one before.
  const pages: Int32Array[] = [];

  function pageOf(member: number): Int32Array {
    const at = member >> PAGE_BITS;
    pages[at] ??= new Int32Array(2 << PAGE_BITS);
    return pages[at];
  }
  const next = (member: number): number => pageOf(member)[(member & PAGE_MASK) * 2] as number;
  const before = (member: number): number => pageOf(member)[(member & PAGE_MASK) * 2 + 1] as number;

  function join(left: number, right: number): void {
    pageOf(left)[(left & PAGE_MASK) * 2] = right;
    pageOf(right)[(right & PAGE_MASK) * 2 + 1] = left;
  }

  return {
    append(first, member) {
      if (first === NONE) {
        join(member, member);
        return member;
      }
      join(before(first), member);
      join(member, first);
      return first;
    },
    remove(first, member) {
      const after = next(member);
      if (after === member) return NONE;
      join(before(member), after);
      return first === member ? after : first;
    },
    next,
  };
}
