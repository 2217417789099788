/**
 * The verbs of a file store, over the few things that it does to its folder.
 *
 * @module
 */

import type { NewRecord, RecordUpdate, Revocations, SessionStore } from "./contract.ts";
import { cutOffsOn, markOf } from "./file-cut-offs.ts";
import type { Disk } from "./file-disk.ts";
import { feedOn } from "./file-feed.ts";
import { listerOn } from "./file-list.ts";
import { newLog } from "./file-log.ts";
import { dueBucket, duePath, nameOf, sessionPath, userPath } from "./file-paths.ts";
import { isLive } from "./file-session.ts";
import { sessionsOn } from "./file-sessions.ts";
import { sweeperOn } from "./file-sweep.ts";

const MAX_BODY_BYTES = 1024 * 1024;
// So that a burst of requests does not run out of file descriptors.
const VERBS_AT_ONCE = 64;

/** @param durable - whether changes wait for the disk: only told on, as a trait */
export function storeOn(
  disk: Disk,
  clock: () => number,
  durable: boolean,
): SessionStore & Revocations {
  const sessions = sessionsOn(disk);
  const cutOffs = cutOffsOn(disk);
  const feed = feedOn(disk, clock);
  let isOpen = true;
  let underWay = 0;
  let settled: (() => void) | undefined;
  // Apart: a disk that is slow keeps what is written waiting, and must not keep anyone from reading.
  const reading = lane();
  const writing = lane();

  /** Lets so many verbs run at once, and `close` wait for all of them. */
  function lane() {
    const waiting: (() => void)[] = [];
    let running = 0;
    return <Args extends unknown[], Answer>(
      verb: (...args: Args) => Promise<Answer>,
    ): ((...args: Args) => Promise<Answer>) =>
      async (...args) => {
        if (!isOpen) throw new Error("the file store is closed");
        underWay += 1;
        if (running === VERBS_AT_ONCE) await new Promise<void>((go) => waiting.push(go));
        else running += 1;
        try {
          return await verb(...args);
        } finally {
          // Whoever waits takes over the place.
          const next = waiting.shift();
          if (next !== undefined) next();
          else running -= 1;
          underWay -= 1;
          if (underWay === 0) settled?.();
        }
      };
  }

  async function create(
    given: NewRecord,
    startedAgo: number,
    now: number,
  ): Promise<"created" | "taken" | "cut-off"> {
    const name = nameOf(given.id);
    if (name === undefined) throw new TypeError("a session id is 24 base64url characters");
    const { id, userId, lastSeenAt, expiresAt, closed, body } = given;
    const mark = userId === undefined ? 0 : now - startedAgo;
    if (await disk.exists(sessionPath(name))) return "taken";
    if (userId !== undefined && mark <= (await cutOffs.of(userId)).at) return "cut-off";
    const record = { id, revision: 1, userId, mark, lastSeenAt, expiresAt, closed, body };
    // Before the session: without one these mean nothing, and it must never be without them.
    const marks = [duePath(dueBucket(expiresAt), name)];
    if (userId !== undefined && !closed) marks.push(`${userPath(userId)}/${name}`);
    await Promise.all(marks.map((path) => disk.mark(path)));
    if (!(await disk.create(sessionPath(name), newLog([{ is: record }])))) return "taken";
    for (const path of marks) await sessions.keepMarked(path);
    return "created";
  }

  async function update(
    id: string,
    revision: number,
    next: RecordUpdate,
    now: number,
  ): Promise<boolean> {
    const name = nameOf(id);
    if (name === undefined) return false;
    const bucket = dueBucket(next.expiresAt);
    const due = duePath(bucket, name);
    let owner: string | undefined;
    const done = await sessions.change(
      name,
      (record) =>
        isLive(record, now) && record.revision === revision
          ? { update: next, revision, now }
          : undefined,
      async ({ userId, expiresAt }) => {
        owner = userId;
        if (bucket < dueBucket(expiresAt)) await disk.mark(due);
      },
    );
    if (done === undefined) return false;
    // Once more: a touch, and a sweep that went by it, may have come between.
    if (bucket < dueBucket(done.result)) await sessions.keepMarked(due);
    if (next.close === true && owner !== undefined) {
      await sessions.leaveUser(owner, name);
    }
    return true;
  }

  async function cutOff(
    userId: string,
    except: string | undefined,
    keepUntil: number,
    now: number,
  ): Promise<number> {
    const name = except === undefined ? undefined : nameOf(except);
    const record = name === undefined ? undefined : await sessions.read(name);
    const stays = isLive(record, now) && record.userId === userId;
    const after = await cutOffs.add({
      user: userId,
      now,
      keepUntil,
      ...(stays && { except: { id: record.id, mark: record.mark } }),
    });
    // It has happened. That the session's own log says it too is for when the cut-off is forgotten.
    if (name !== undefined && after.except === except) {
      await sessions.change(name, () => ({ mark: after.at + 1 })).catch(() => undefined);
    }
    return after.at;
  }

  return {
    name: "file",
    traits: {
      maxBodyBytes: MAX_BODY_BYTES,
      ownClock: false,
      conditionalWrites: true,
      forgets: durable ? [] : ["restart"],
      shared: true,
    },

    load: reading(async (id) => {
      const name = nameOf(id);
      const record = name === undefined ? undefined : await sessions.read(name);
      if (record === undefined) return undefined;
      const cut = await cutOffs.of(record.userId);
      return { record: { ...record, mark: markOf(record, cut) }, cutOff: cut.at };
    }),

    // A copy: the caller's object may change before it is written.
    create: writing((record, startedAgo, now) => create({ ...record }, startedAgo, now)),

    update: writing((id, revision, next, now) => update(id, revision, { ...next }, now)),

    touch: writing(async (id, lastSeenAt, expiresAt, now) => {
      const name = nameOf(id);
      if (name === undefined) return false;
      const entry = { seen: lastSeenAt, expires: expiresAt, now };
      const done = await sessions.change(name, (record) =>
        isLive(record, now) ? entry : undefined,
      );
      return done !== undefined;
    }),

    cutOff: writing((userId, { except, keepUntil }, now) => cutOff(userId, except, keepUntil, now)),

    list: reading(listerOn(disk, sessions, cutOffs)),

    sweep: writing(sweeperOn(disk, sessions, cutOffs, feed)),

    async close() {
      if (!isOpen) return;
      isOpen = false;
      if (underWay > 0) {
        await new Promise<void>((resolve) => {
          settled = resolve;
        });
      }
      feed.close();
      cutOffs.close();
    },

    add: writing(feed.add),

    since: reading(feed.since),
  };
}
