/**
 * The eight verbs on a backend that changes one key at a time.
 *
 * One cell holds a session; one holds a user: the cut-off and the marks of the user's sessions, so that
 * a cut-off and the mark that it lifts are one step. Where a verb changes several cells, what is half done
 * is seen by nobody:
 *
 * - a user's session is there from the moment both are: its own cell, and its mark in the user's. They are
 *   written at once, and either may come first. A mark names its session by a token that no other has,
 *   not even one of the same id; and it is judged by the cut-off that lies in the same cell, so it does
 *   not matter which of the two came first;
 * - a session is closed from the moment its own cell says so, and what is left of it is passed over.
 *
 * A user's cell that the backend has lost ends the user's sessions: they never outlive a cut-off. What is
 * left over (a mark or an entry of the directory without a session) is swept when it is so old that
 * nothing can be on its way to it.
 *
 * @module
 */

import { SignInRefusedError } from "../errors.ts";
import { boundedMap } from "../lib/bounded-map.ts";
import type { NewRecord, SessionRecord, SessionStore, StoreTraits } from "./contract.ts";
import type { Cells } from "./key-value-cells.ts";
import { NoRoomError, settled } from "./key-value-cells.ts";
import { listAll, listUser } from "./key-value-list.ts";
import { sweepPiece, sweepSome, sweepUser } from "./key-value-sweep.ts";
import type { Entry, KeyValueSpace, Mark, StoredUser } from "./key-value-texts.ts";
import {
  bucketOf,
  decodeRecord,
  decodeUser,
  encodeEntry,
  encodeMark,
  encodeRecord,
  encodeUser,
  isLive,
  kept,
  keyValueKeys,
  markName,
  newToken,
  userName,
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
// Of how many sessions and users this process knows where they are.
const KNOWN = 10_000;
const BUCKETS_AT_ONCE = 16;
// A user with so many marks, or twice as many, and so on, is looked through for those that are over.
const MANY_MARKS = 16;
// A user's text that takes no more is so long at least, in characters.
const FULL = 500_000;
// How soon a full piece of the directory is looked through once more.
const EMPTIED_AGAIN = 60_000;
// A cut-off of a user with more takes those away that it ends: there must be room for it, whatever happens.
const MOST_ENDED = 10_000;

/** Makes a store of cells. */
export function storeOfCells(options: KeyValueOptions): SessionStore {
  const { name, traits, cells, prefix, readsTogether, buckets } = options;
  const keys = keyValueKeys(prefix);
  const bucketsAtOnce = readsTogether ? BUCKETS_AT_ONCE : 1;
  const space: KeyValueSpace = { cells, keys, buckets, bucketsAtOnce };
  // The users of sessions, by id: such a session is read together with its user, and so in one round trip.
  const owners = boundedMap<string>(KNOWN);
  // Users who are there, and entered into the directory.
  const users = boundedMap<true>(KNOWN);
  const tidying = new Set<Promise<unknown>>();
  const emptiedAt = new Map<number, number>();
  let isOpen = true;

  function requireOpen(): void {
    if (!isOpen) throw new Error(`the ${name} store is closed`);
  }

  function know(id: string, userKey: string): void {
    if (readsTogether && owners.get(id) !== userKey) owners.set(id, userKey, 1);
    if (users.get(userKey) === undefined) users.set(userKey, true, 1);
  }

  async function enter(kind: Entry["kind"], name: string, since: number): Promise<void> {
    const entry = { kind, name, since };
    const bucket = bucketOf(entry, buckets);
    try {
      await cells.append(keys.directory(bucket), encodeEntry(entry));
    } catch (error) {
      // Where nobody sweeps it is full of what is over. Those who come later find room.
      const before = emptiedAt.get(bucket) ?? Number.NEGATIVE_INFINITY;
      if (error instanceof NoRoomError && Math.abs(since - before) > EMPTIED_AGAIN) {
        emptiedAt.set(bucket, since);
        aside(sweepPiece(space, bucket, since));
      }
      throw error;
    }
  }

  /** That one user has no room left is no outage: else that user could keep everyone from signing in. */
  async function refusedWhereFull(userKey: string, error: unknown): Promise<never> {
    if (error instanceof NoRoomError) {
      const [text = ""] = await cells.read([userKey]);
      if (text.length > FULL) {
        throw new SignInRefusedError("the user has as many sessions as can be kept; end some");
      }
    }
    throw error;
  }

  /** Looks through a user's marks now and then. */
  function tidy(user: StoredUser, now: number): void {
    const times = Math.log2(user.marks.size / MANY_MARKS);
    if (times < 0 || !Number.isInteger(times)) return;
    const entry = { kind: "user", name: userName(user.userId) } as const;
    aside(sweepUser(space, entry, user, now));
  }

  /** Nobody waits for it, and nothing depends on it. */
  function aside(work: Promise<unknown>): void {
    const done = work.catch(() => undefined).finally(() => tidying.delete(done));
    tidying.add(done);
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
        if (text === undefined) return kept(undefined);
        const { record: before, token } = decodeRecord(id, text);
        if (!isLive(before, now)) return kept(undefined);
        const after = decide(before);
        if (after === undefined) return kept(undefined);
        if (after === before) return kept(before);
        return {
          does: "write",
          text: encodeRecord(after, token),
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
      const { record, token } = decodeRecord(id, text);
      const { userId, closed } = record;
      if (userId === undefined) return { record, cutOff: 0 };
      const userKey = keys.user(userId);
      const [userText] = owner === userKey ? [early] : await cells.read([userKey]);
      const user = userText === undefined ? undefined : decodeUser(userId, userText);
      if (closed) return { record, cutOff: user?.at ?? 0 };
      const mark = user?.marks.get(markName(id, token))?.mark;
      if (user === undefined || mark === undefined) return undefined;
      know(id, userKey);
      return { record: { ...record, mark }, cutOff: user.at };
    },

    async create(given: NewRecord, startedAgo, now) {
      requireOpen();
      const { id, userId, lastSeenAt, expiresAt, closed, body } = given;
      const key = keys.session(id);
      if (key === undefined) throw new TypeError("a session id is 24 base64url characters");
      const mark = userId === undefined ? 0 : now - startedAgo;
      const record = { id, revision: 1, userId, mark, lastSeenAt, expiresAt, closed, body };
      const token = userId === undefined ? "" : newToken();
      const text = encodeRecord(record, token);
      const add = cells.change<boolean>(
        key,
        (before) => {
          if (before !== undefined) return kept(false);
          return { does: "write", text, lifetime: lifetimeOf(record, now), result: true };
        },
        "absent",
      );
      if (userId === undefined || closed) {
        const [isAdded] = await settled([add, enter("session", id, now)]);
        return isAdded ? "created" : "taken";
      }
      const userKey = keys.user(userId);
      const isKnown = users.get(userKey) !== undefined;
      const name = markName(id, token);
      const marks = new Map([[name, { mark, since: now }]]);
      const [isAdded, { text: userText, isNew }] = await settled([
        add,
        cells
          .extend(userKey, {
            added: encodeMark(name, { mark, since: now }),
            begun: encodeUser({ userId, at: 0, keepUntil: 0, marks }),
            isThere: isKnown,
          })
          .catch((error) => refusedWhereFull(userKey, error)),
        enter("session", id, now),
        !isKnown && enter("user", userName(userId), now),
      ]);
      // It was known, and has been swept or dropped since.
      if (isNew && isKnown) await enter("user", userName(userId), now);
      // The mark is of no session that there is.
      if (!isAdded) return "taken";
      const user = userText === undefined ? undefined : decodeUser(userId, userText);
      if (user !== undefined && mark <= user.at) {
        // It has ended already, whether it can be removed or not.
        await cells
          .change(key, () => ({ does: "remove", result: undefined }))
          .catch(() => undefined);
        return "cut-off";
      }
      know(id, userKey);
      if (user !== undefined) tidy(user, now);
      return "created";
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
      return before !== undefined;
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
      const userKey = keys.user(userId);
      // With the user, whose change then needs no look.
      const [text] = exceptKey === undefined ? [] : await cells.read([exceptKey, userKey]);
      const stays = text === undefined ? undefined : decodeRecord(except as string, text);
      const isUsers =
        stays !== undefined && isLive(stays.record, now) && stays.record.userId === userId;
      let isNew = false;
      const cutOff = await cells.change(
        userKey,
        (before) => {
          isNew = before === undefined;
          const user =
            before === undefined
              ? { at: 0, keepUntil: 0, marks: new Map<string, Mark>() }
              : decodeUser(userId, before);
          const at = Math.max(now, user.at + 1);
          const marks = new Map(user.marks);
          const name = isUsers ? markName(stays.record.id, stays.token) : "";
          const own = marks.get(name);
          // One that an earlier cut-off has ended must not come back with this one.
          if (own !== undefined && own.mark > user.at) {
            marks.set(name, { ...own, mark: Math.max(own.mark, at + 1) });
          }
          if (marks.size > MOST_ENDED) {
            for (const [other, { mark }] of marks) if (mark <= at) marks.delete(other);
          }
          return writtenUser(
            { userId, at, keepUntil: Math.max(keepUntil, user.keepUntil), marks },
            at,
          );
        },
        "as read",
      );
      if (isNew) await enter("user", userName(userId), now);
      return cutOff;
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
      await Promise.all(tidying);
    },
  };
}

function lifetimeOf({ expiresAt }: SessionRecord, now: number): number {
  return Math.max(0, expiresAt - now) + GRACE;
}
