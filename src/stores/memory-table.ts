/**
 * Sessions in numbered slots: rows of numbers and rows of strings, in pages.
 *
 * So a session costs few objects and less memory than in a `Map` of records, a touch writes two
 * numbers, and what happens to one session never takes longer because there are a million others.
 *
 * @module
 */

import { deadlines } from "../lib/deadlines.ts";
import { NONE, rings } from "../lib/rings.ts";
import { shardedMap } from "../lib/sharded-map.ts";
import type { ListPage, RecordUpdate, SessionRecord } from "./contract.ts";

/** No slot. */
export const ABSENT: number = NONE;

/** The sessions and cut-offs of a memory store. Slots are used again when they are free. */
export interface SessionTable {
  /** What is kept, in bytes as the table reckons them. */
  bytes(): number;
  /** The slot of a session, or {@link ABSENT}. */
  find(id: string): number;
  /** Neither closed nor past its time. */
  isLive(slot: number, now: number): boolean;
  /** A new object that never changes. */
  record(slot: number): SessionRecord;
  revision(slot: number): number;
  insert(record: SessionRecord): number;
  update(slot: number, next: RecordUpdate): void;
  touch(slot: number, lastSeenAt: number, expiresAt: number): void;
  mark(slot: number, mark: number): void;
  /** The cut-off of a user, or 0. */
  cutOff(userId: string | undefined): number;
  /** Sets it, and keeps it until this moment or an earlier call's later one. */
  setCutOff(userId: string, at: number, keepUntil: number): void;
  listUser(userId: string, cursor: string | undefined, limit: number, now: number): ListPage;
  listAll(cursor: string | undefined, limit: number, now: number): ListPage;
  /** Removes one session or cut-off whose time is over. `false` when there is none. */
  removeOver(now: number): boolean;
  /** Removes the session that is missed the least, but never this one. Returns its id. */
  evict(spared: number): string | undefined;
}

/** What lies in a slot. The first three are sessions, in the order in which they are evicted. */
const VISITOR = 0;
const SIGNED_IN = 1;
const CLOSED = 2;
const CUT_OFF = 3;
const FREE = 4;

const PAGE_BITS = 10;
const PAGE_SLOTS = 1 << PAGE_BITS;
const PAGE_MASK = PAGE_SLOTS - 1;
// About what a slot, its strings' heads and its entries in the maps take, as measured.
const ENTRY_BYTES = 200;
// Slots that one page of a list looks at besides the sessions it returns.
const LIST_SCAN = 20_000;

interface Page {
  /** A row for each slot: one line of the processor's cache. */
  readonly numbers: Float64Array;
  readonly texts: (string | undefined)[];
}

// The rows of numbers. MARK is the moment itself in a cut-off. BIRTH is the how-manieth session it
// is: by the time a list goes on, its slot may hold another.
const NUMBERS = 7;
const KIND = 0;
const REVISION = 1;
const MARK = 2;
const SEEN_AT = 3;
const EXPIRES_AT = 4;
const BIRTH = 5;
const BYTES = 6;
// The rows of texts. In a cut-off ID is the user.
const TEXTS = 3;
const ID = 0;
const USER_ID = 1;
const BODY = 2;

/** An empty table. */
export function sessionTable(): SessionTable {
  const pages: Page[] = [];
  const free: number[] = [];
  let slots = 0;
  let births = 0;
  let bytes = 0;

  const slotOfId = shardedMap<number>();
  const slotOfCutOff = shardedMap<number>();
  // A session stands in the ring of its kind, the least recently seen first, and one of a user in
  // that user's ring, in order of birth.
  const bySeen = rings();
  const firstSeen = [NONE, NONE, NONE];
  const byUser = rings();
  const firstOfUser = shardedMap<number>();
  // When to look at a slot: never later than its time is over. It may be earlier, for a touch does
  // not move it: it moves when it is looked at.
  const looks = deadlines();

  const pageOf = (slot: number): Page => pages[slot >> PAGE_BITS] as Page;
  const number = (slot: number, column: number): number =>
    pageOf(slot).numbers[(slot & PAGE_MASK) * NUMBERS + column] as number;
  const text = (slot: number, column: number): string | undefined =>
    pageOf(slot).texts[(slot & PAGE_MASK) * TEXTS + column];

  function setNumber(slot: number, column: number, value: number): void {
    pageOf(slot).numbers[(slot & PAGE_MASK) * NUMBERS + column] = value;
  }

  function setText(slot: number, column: number, value: string | undefined): void {
    pageOf(slot).texts[(slot & PAGE_MASK) * TEXTS + column] = value;
  }

  /** To be called when the texts of a slot have changed. */
  function weigh(slot: number): void {
    bytes -= number(slot, BYTES);
    setNumber(
      slot,
      BYTES,
      ENTRY_BYTES + textBytes(text(slot, USER_ID)) + textBytes(text(slot, BODY)),
    );
    bytes += number(slot, BYTES);
  }

  function fill(kind: number, id: string, expiresAt: number): number {
    const slot = free.pop() ?? slots++;
    if (slot >> PAGE_BITS === pages.length) pages.push(emptyPage());
    setNumber(slot, KIND, kind);
    setNumber(slot, EXPIRES_AT, expiresAt);
    setText(slot, ID, id);
    looks.set(slot, expiresAt);
    return slot;
  }

  function enterSeen(slot: number, kind: number): void {
    firstSeen[kind] = bySeen.append(firstSeen[kind] as number, slot);
  }

  function leaveSeen(slot: number, kind: number): void {
    firstSeen[kind] = bySeen.remove(firstSeen[kind] as number, slot);
  }

  function enterUser(slot: number, userId: string): void {
    const first = firstOfUser.get(userId) ?? NONE;
    if (first === NONE) firstOfUser.set(userId, slot);
    byUser.append(first, slot);
  }

  function leaveUser(slot: number, userId: string): void {
    const first = byUser.remove(firstOfUser.get(userId) as number, slot);
    if (first === NONE) firstOfUser.delete(userId);
    else firstOfUser.set(userId, first);
  }

  function remove(slot: number): void {
    const kind = number(slot, KIND);
    const id = text(slot, ID) as string;
    bytes -= number(slot, BYTES);
    setNumber(slot, BYTES, 0);
    if (kind === CUT_OFF) {
      slotOfCutOff.delete(id);
    } else {
      leaveSeen(slot, kind);
      if (kind === SIGNED_IN) leaveUser(slot, text(slot, USER_ID) as string);
      slotOfId.delete(id);
    }
    setNumber(slot, KIND, FREE);
    for (const column of [ID, USER_ID, BODY]) setText(slot, column, undefined);
    looks.remove(slot);
    free.push(slot);
  }

  const isLive = (slot: number, now: number): boolean =>
    number(slot, KIND) <= SIGNED_IN && number(slot, EXPIRES_AT) > now;

  const record = (slot: number): SessionRecord => {
    const { numbers, texts } = pageOf(slot);
    return new Row(numbers, (slot & PAGE_MASK) * NUMBERS, texts, (slot & PAGE_MASK) * TEXTS);
  };

  /** A cut-off ends what is not above it. */
  const isListed = (slot: number, now: number): boolean =>
    isLive(slot, now) &&
    (number(slot, KIND) === VISITOR || number(slot, MARK) > cutOff(text(slot, USER_ID)));

  function cutOff(userId: string | undefined): number {
    const slot = userId === undefined ? undefined : slotOfCutOff.get(userId);
    return slot === undefined ? 0 : number(slot, MARK);
  }

  /** Where the list of a user goes on: after the cursor's session, or after what was born by then. */
  function resume(userId: string, from: Place): number {
    const first = firstOfUser.get(userId) ?? NONE;
    if (first === NONE) return NONE;
    const isThere =
      from.slot < slots &&
      number(from.slot, BIRTH) === from.birth &&
      text(from.slot, USER_ID) === userId;
    if (isThere) return after(from.slot, first);
    let slot = first;
    while (slot !== NONE && number(slot, BIRTH) <= from.birth) slot = after(slot, first);
    return slot;
  }

  function after(slot: number, first: number): number {
    const next = byUser.next(slot);
    return next === first ? NONE : next;
  }

  return {
    bytes: () => bytes,
    find: (id) => slotOfId.get(id) ?? ABSENT,
    isLive,
    record,
    revision: (slot) => number(slot, REVISION),

    insert({ id, revision, userId, mark, lastSeenAt, expiresAt, closed, body }) {
      const kind = closed ? CLOSED : userId === undefined ? VISITOR : SIGNED_IN;
      const slot = fill(kind, id, expiresAt);
      slotOfId.set(id, slot);
      setNumber(slot, REVISION, revision);
      setNumber(slot, MARK, mark);
      setNumber(slot, SEEN_AT, lastSeenAt);
      setNumber(slot, BIRTH, births++);
      setText(slot, USER_ID, userId);
      setText(slot, BODY, body);
      if (kind === SIGNED_IN) enterUser(slot, userId as string);
      enterSeen(slot, kind);
      weigh(slot);
      return slot;
    },

    update(slot, { body, lastSeenAt, expiresAt, close = false }) {
      const kind = number(slot, KIND);
      leaveSeen(slot, kind);
      if (close) {
        if (kind === SIGNED_IN) leaveUser(slot, text(slot, USER_ID) as string);
        setText(slot, USER_ID, undefined);
        setNumber(slot, KIND, CLOSED);
      }
      enterSeen(slot, close ? CLOSED : kind);
      setNumber(slot, REVISION, number(slot, REVISION) + 1);
      setNumber(slot, SEEN_AT, Math.max(number(slot, SEEN_AT), lastSeenAt));
      setNumber(slot, EXPIRES_AT, expiresAt);
      setText(slot, BODY, body);
      if (expiresAt < looks.at(slot)) looks.set(slot, expiresAt);
      weigh(slot);
    },

    touch(slot, lastSeenAt, expiresAt) {
      const kind = number(slot, KIND);
      setNumber(slot, SEEN_AT, Math.max(number(slot, SEEN_AT), lastSeenAt));
      setNumber(slot, EXPIRES_AT, Math.max(number(slot, EXPIRES_AT), expiresAt));
      leaveSeen(slot, kind);
      enterSeen(slot, kind);
    },

    mark(slot, mark) {
      setNumber(slot, MARK, mark);
    },

    cutOff,

    setCutOff(userId, at, keepUntil) {
      let slot = slotOfCutOff.get(userId);
      if (slot === undefined) {
        slot = fill(CUT_OFF, userId, keepUntil);
        slotOfCutOff.set(userId, slot);
        weigh(slot);
      }
      setNumber(slot, MARK, at);
      setNumber(slot, EXPIRES_AT, Math.max(number(slot, EXPIRES_AT), keepUntil));
    },

    listUser(userId, cursor, limit, now) {
      const records: SessionRecord[] = [];
      const first = firstOfUser.get(userId) ?? NONE;
      const from = placeOf(cursor);
      let slot = from === undefined ? first : resume(userId, from);
      let before = cursor;
      for (let looked = 0; slot !== NONE; looked += 1) {
        const isOne = isListed(slot, now);
        if (looked === limit + LIST_SCAN || (isOne && records.length === limit)) {
          return { records, cursor: before };
        }
        if (isOne) records.push(record(slot));
        before = `${slot}.${number(slot, BIRTH)}`;
        slot = after(slot, first);
      }
      return { records };
    },

    listAll(cursor, limit, now) {
      const records: SessionRecord[] = [];
      const from = placeOf(cursor)?.slot ?? 0;
      for (let slot = from; slot < slots; slot += 1) {
        const isOne = isListed(slot, now);
        if (slot - from === limit + LIST_SCAN || (isOne && records.length === limit)) {
          return { records, cursor: `${slot}` };
        }
        if (isOne) records.push(record(slot));
      }
      return { records };
    },

    removeOver(now) {
      for (;;) {
        const slot = looks.first();
        if (slot === NONE || looks.at(slot) > now) return false;
        const expiresAt = number(slot, EXPIRES_AT);
        if (expiresAt <= now) {
          remove(slot);
          return true;
        }
        looks.set(slot, expiresAt);
      }
    },

    evict(spared) {
      const victim = firstSeen.find((first) => first !== NONE && first !== spared);
      if (victim === undefined) return undefined;
      const id = text(victim, ID);
      remove(victim);
      return id;
    },
  };
}

/** What a slot holds, copied. A class: V8 may put what a literal makes among the objects that last. */
class Row implements SessionRecord {
  declare readonly id: string;
  declare readonly revision: number;
  declare readonly userId: string | undefined;
  declare readonly mark: number;
  declare readonly lastSeenAt: number;
  declare readonly expiresAt: number;
  declare readonly closed: boolean;
  declare readonly body: string;

  constructor(numbers: Page["numbers"], row: number, texts: Page["texts"], textRow: number) {
    this.id = texts[textRow + ID] as string;
    this.revision = numbers[row + REVISION] as number;
    this.userId = texts[textRow + USER_ID];
    this.mark = numbers[row + MARK] as number;
    this.lastSeenAt = numbers[row + SEEN_AT] as number;
    this.expiresAt = numbers[row + EXPIRES_AT] as number;
    this.closed = numbers[row + KIND] === CLOSED;
    this.body = texts[textRow + BODY] as string;
  }
}

function emptyPage(): Page {
  return {
    numbers: new Float64Array(PAGE_SLOTS * NUMBERS),
    texts: new Array<string | undefined>(PAGE_SLOTS * TEXTS).fill(undefined),
  };
}

/** As engines keep it: one byte for a character, or two when one of them is beyond Latin-1. */
function textBytes(text = ""): number {
  return /[\u0100-\uffff]/.test(text) ? text.length * 2 : text.length;
}

interface Place {
  readonly slot: number;
  readonly birth: number;
}

function placeOf(cursor: string | undefined): Place | undefined {
  const match = /^(\d+)(?:\.(\d+))?$/.exec(cursor ?? "");
  return match === null ? undefined : { slot: Number(match[1]), birth: Number(match[2] ?? 0) };
}
