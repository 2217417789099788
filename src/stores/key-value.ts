/**
 * The eight verbs on a backend that changes one key at a time.
 *
 * One cell holds a session; one holds a user: the cut-off and the marks of the user's sessions, so that
 * a cut-off and the mark that it lifts are one step. Where a verb takes several steps, one of them
 * decides and what comes before it is seen by nobody:
 *
 * - a user's session is there from the moment its mark is in the user's cell, which is written after its own;
 * - a session is closed from the moment its own cell says so, and what is left of it is passed over.
 *
 * A user's cell that the backend has lost ends the user's sessions: they never outlive a cut-off.
 *
 * @module
 */

import type { NewRecord, SessionRecord, SessionStore, StoreTraits } from "./contract.ts";
import type { Cells, Decision, Expectation } from "./key-value-cells.ts";
import { listAll, listUser } from "./key-value-list.ts";
import { sweepSome } from "./key-value-sweep.ts";
import type { Entry, KeyValueSpace, StoredUser } from "./key-value-texts.ts";
import {
  bucketOf,
  decodeRecord,
  decodeUser,
  encodeEntry,
  encodeRecord,
  isLive,
  kept,
  keyValueKeys,
  userName,
  withoutMark,
  writtenUser,
} from "./key-value-texts.ts";

export interface KeyValueOptions {
  readonly name: string;
  readonly traits: StoreTraits;
  readonly cells: Cells;
  /** Put before every key. */
  readonly prefix: string;
  /** Whether several keys are read in one round trip: a session is then read together with its user. */
  readonly readsTogether: boolean;
  /** Over how many keys the directory of everything is spread. */
  readonly buckets: number;
}

// How long the backend keeps a session beyond its time: its clock may be ahead.
const GRACE = 60_000;
// Whose sessions are read together with their user, and so in one round trip.
const OWNERS = 10_000;
const BUCKETS_AT_ONCE = 16;

/** Makes a store of cells. */
export function storeOfCells(options: KeyValueOptions): SessionStore {
  const { name, traits, cells, prefix, readsTogether, buckets } = options;
  const keys = keyValueKeys(prefix);
  const bucketsAtOnce = readsTogether ? BUCKETS_AT_ONCE : 1;
  const space: KeyValueSpace = { cells, keys, buckets, bucketsAtOnce };
  const owners = new Map<string, string>();
  let isOpen = true;

  function requireOpen(): void {
    if (!isOpen) throw new Error(`the ${name} store is closed`);
  }

  function remember(id: string, userKey: string): void {
    if (!readsTogether || owners.get(id) === userKey) return;
    const oldest = owners.size >= OWNERS ? owners.keys().next().value : undefined;
    if (oldest !== undefined) owners.delete(oldest);
    owners.set(id, userKey);
  }

  function enter(entry: Entry): Promise<void> {
    return cells.append(keys.directory(bucketOf(entry, buckets)), encodeEntry(entry));
  }

  /** Changes a user's cell, and enters a new one into the directory. */
  async function changeUser<Result>(
    userId: string,
    decide: (user: StoredUser) => Decision<Result>,
    expect: Expectation = "as read",
  ): Promise<Result> {
    let isNew = false;
    const result = await cells.change(
      keys.user(userId),
      (text) => {
        isNew = text === undefined;
        return decide(text === undefined ? emptyUser(userId) : decodeUser(userId, text));
      },
      expect,
    );
    if (isNew) await enter({ kind: "user", name: userName(userId) });
    return result;
  }

  function forgetMark(userId: string, id: string): Promise<void> {
    return cells.change(
      keys.user(userId),
      (text) => withoutMark(text === undefined ? undefined : decodeUser(userId, text), id),
      "as read",
    );
  }

  /** Changes a live session. `false` when it is absent or not live. */
  function changeLive(
    id: string,
    now: number,
    decide: (record: SessionRecord) => SessionRecord | undefined,
  ): Promise<SessionRecord | undefined> {
    const key = keys.session(id);
    if (key === undefined) return Promise.resolve(undefined);
    return cells.change(
      key,
      (text) => {
        const before = text === undefined ? undefined : decodeRecord(id, text);
        if (before === undefined || !isLive(before, now)) return kept(undefined);
        const after = decide(before);
        if (after === undefined) return kept(undefined);
        if (after === before) return kept(before);
        return {
          does: "write",
          text: encodeRecord(after),
          lifetime: lifetimeOf(after, now),
          result: before,
        };
      },
      "as read",
    );
  }

  return {
    name,
    traits,

    async load(id) {
      requireOpen();
      const key = keys.session(id);
      if (key === undefined) return undefined;
      const owner = owners.get(id);
      const [text, early] = await cells.read(owner === undefined ? [key] : [key, owner]);
      if (text === undefined) return undefined;
      const record = decodeRecord(id, text);
      if (record.userId === undefined) return { record, cutOff: 0 };
      const userKey = keys.user(record.userId);
      const [userText] = owner === userKey ? [early] : await cells.read([userKey]);
      const user = userText === undefined ? undefined : decodeUser(record.userId, userText);
      if (record.closed) return { record, cutOff: user?.at ?? 0 };
      const mark = user?.marks.get(id);
      if (user === undefined || mark === undefined) return undefined;
      remember(id, userKey);
      return { record: { ...record, mark }, cutOff: user.at };
    },

    async create(given: NewRecord, startedAgo, now) {
      requireOpen();
      const { id, userId, lastSeenAt, expiresAt, closed, body } = given;
      const key = keys.session(id);
      if (key === undefined) throw new TypeError("a session id is 24 base64url characters");
      const mark = userId === undefined ? 0 : now - startedAgo;
      const record = { id, revision: 1, userId, mark, lastSeenAt, expiresAt, closed, body };
      const text = encodeRecord(record);
      const userKey = userId === undefined || closed ? undefined : keys.user(userId);
      // Both at once: what is read here spares the change of the user's cell its own look.
      const [isAdded, [userText]] = await Promise.all([
        cells.change<boolean>(
          key,
          (before) => {
            if (before !== undefined) return kept(false);
            return { does: "write", text, lifetime: lifetimeOf(record, now), result: true };
          },
          "absent",
        ),
        userKey !== undefined && readsTogether ? cells.read([userKey]) : [],
      ]);
      if (!isAdded) return "taken";
      const entered = enter({ kind: "session", name: id });
      if (userId === undefined || userKey === undefined) {
        await entered;
        return "created";
      }
      const [isAbove] = await Promise.all([
        changeUser(
          userId,
          (user) => {
            if (mark <= user.at) return kept(false);
            return writtenUser({ ...user, marks: new Map(user.marks).set(id, mark) }, true);
          },
          userText === undefined ? "absent" : "as read",
        ),
        entered,
      ]);
      if (isAbove) {
        remember(id, userKey);
        return "created";
      }
      // Nobody has seen it. If it can't be removed, nobody ever will.
      await cells.change(key, () => ({ does: "remove", result: undefined })).catch(() => undefined);
      return "cut-off";
    },

    async update(id, revision, { body, lastSeenAt, expiresAt, close = false }, now) {
      requireOpen();
      const before = await changeLive(id, now, (record) => {
        if (record.revision !== revision) return undefined;
        return {
          ...record,
          revision: revision + 1,
          userId: close ? undefined : record.userId,
          lastSeenAt: Math.max(record.lastSeenAt, lastSeenAt),
          expiresAt,
          closed: close,
          body,
        };
      });
      if (before === undefined) return false;
      if (close && before.userId !== undefined) {
        // It has ended: a mark that stays behind is passed over, and swept.
        await forgetMark(before.userId, id).catch(() => undefined);
      }
      return true;
    },

    async touch(id, lastSeenAt, expiresAt, now) {
      requireOpen();
      const before = await changeLive(id, now, (record) => {
        if (lastSeenAt <= record.lastSeenAt && expiresAt <= record.expiresAt) return record;
        return {
          ...record,
          lastSeenAt: Math.max(record.lastSeenAt, lastSeenAt),
          expiresAt: Math.max(record.expiresAt, expiresAt),
        };
      });
      return before !== undefined;
    },

    async cutOff(userId, { except, keepUntil }, now) {
      requireOpen();
      const exceptKey = except === undefined ? undefined : keys.session(except);
      const [text] = exceptKey === undefined ? [] : await cells.read([exceptKey]);
      const record = text === undefined ? undefined : decodeRecord(except as string, text);
      const isUsers = record !== undefined && isLive(record, now) && record.userId === userId;
      return changeUser(userId, (user) => {
        const at = Math.max(now, user.at + 1);
        const mark = isUsers ? (user.marks.get(record.id) ?? 0) : 0;
        const marks = new Map(user.marks);
        // One that an earlier cut-off has ended must not come back with this one.
        if (isUsers && mark > user.at) marks.set(record.id, Math.max(mark, at + 1));
        return writtenUser(
          { userId, at, keepUntil: Math.max(keepUntil, user.keepUntil), marks },
          at,
        );
      });
    },

    async list({ userId, cursor, limit }, now) {
      requireOpen();
      if (userId === undefined) return listAll(space, cursor, limit, now);
      return listUser(space, userId, cursor, limit, now);
    },

    async sweep(limit, now) {
      requireOpen();
      return sweepSome(space, limit, now);
    },

    async close() {
      isOpen = false;
    },
  };
}

function lifetimeOf({ expiresAt }: SessionRecord, now: number): number {
  return Math.max(0, expiresAt - now) + GRACE;
}

function emptyUser(userId: string): StoredUser {
  return { userId, at: 0, keepUntil: 0, marks: new Map() };
}
