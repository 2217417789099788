/**
 * Reads and writes sessions of express-session in a store of coatcheck's contract: a write goes over
 * the revision that was read, and nothing is written that has ended.
 *
 * @module
 */

import type { EventEmitter } from "node:events";
import { createTurns } from "../../core/queues.ts";
import type { StoreCalls } from "../../core/store-calls.ts";
import { SessionConflictError, SessionTooLargeError } from "../../errors.ts";
import { utf8Length } from "../../lib/bytes.ts";
import type { SessionRecord, SessionStore } from "../../stores/contract.ts";
import { isUnchanged, merge, namesOfChanges, withCookieOf } from "./merge.ts";
import type { Origin } from "./origins.ts";
import { hasEnded, markEnded, mustAskStore, originOf, setOrigin } from "./origins.ts";
import type { Ending, Kept } from "./records.ts";
import {
  A_MINUTE,
  ageOf,
  bodyOf,
  endedBody,
  isFollowed,
  readBody,
  recordIdOf,
  sessionOf,
} from "./records.ts";
import type { SessionData } from "./types.ts";

export interface KeeperParts {
  readonly store: SessionStore;
  readonly calls: StoreCalls;
  readonly clock: () => number;
  /** Milliseconds. */
  readonly idle: number;
  /** Milliseconds. */
  readonly touchInterval: number;
  /** The store that the app sees: what is read belongs to it, and it tells what was dropped. */
  readonly owner: EventEmitter;
}

export interface Read {
  readonly session: SessionData | undefined;
  /** The session was replaced by another a moment ago, whose cookie may be on its way. */
  readonly isFollowed: boolean;
}

export interface Listed extends Kept {
  readonly record: SessionRecord;
}

export interface Keeper {
  read(sid: string): Promise<Read>;
  save(sid: string, session: object): Promise<void>;
  /** Moves the end of a session, and leaves its data. */
  prolong(sid: string, session: object): Promise<void>;
  end(sid: string, ending: Ending): Promise<void>;
  everyone(): AsyncGenerator<Listed>;
  /** The session of a record, with the moment of its end as it is by now. */
  opened(listed: Pick<Listed, "text" | "record">): SessionData;
}

type Known = Pick<Origin, "revision" | "current">;

// More than can write between a read of one session and its write.
const MOST_TRIES = 1000;
const PAGE = 1000;

export function createKeeper(parts: KeeperParts): Keeper {
  const { store, calls, clock, idle, touchInterval, owner } = parts;
  const inTurn = createTurns();
  const load = (sid: string) => calls.run("load", () => store.load(recordIdOf(sid)));
  const deadlineOf = (session: unknown): number => ageOf(session, idle).expiresAt ?? clock() + idle;

  /** How much longer a record stays than its session asks, so that uses within it need no write. */
  function slackOf(session: unknown): number {
    const { life = 0 } = ageOf(session, idle);
    return Math.min(touchInterval, Math.floor(life / 10));
  }

  const endOf = (session: unknown): number => deadlineOf(session) + slackOf(session);

  function opened({ text, record }: Pick<Listed, "text" | "record">): SessionData {
    return sessionOf(text, record.expiresAt - slackOf(JSON.parse(text)));
  }

  /** What lies there and is live. */
  async function loadLive(sid: string): Promise<SessionRecord | undefined> {
    const loaded = await load(sid);
    return loaded !== undefined && isLive(loaded.record, clock()) ? loaded.record : undefined;
  }

  function requireRoom(body: string): void {
    const size = utf8Length(body);
    const limit = store.traits.maxBodyBytes;
    if (size > limit) throw new SessionTooLargeError(`the ${store.name} store`, size, limit);
  }

  /** Writes over the revision that was read; reads again and merges when somebody else was first. */
  async function save(sid: string, session: object): Promise<void> {
    const mine = JSON.stringify(session);
    const origin = originOf(session, owner, sid);
    if (deadlineOf(session) <= clock()) return end(sid, "destroyed");
    if (origin === undefined) return add(sid, session, mine);
    if (isUnchanged(origin.text, mine)) return prolong(sid, session);
    const write = async (known: Known): Promise<boolean> => {
      const { text, overwritten } = together(origin.text, mine, known.current);
      const expiresAt = endOf(text === mine ? session : JSON.parse(text));
      if (!(await replace(sid, known.revision, text, expiresAt))) return false;
      const revision = known.revision + 1;
      setOrigin(session, { ...origin, text: mine, revision, current: text, expiresAt });
      if (overwritten.length > 0) owner.emit("overwritten", { keys: overwritten });
      return true;
    };
    if ((await write(origin)) || (await writeAgain(sid, write))) return;
    dropped(sid, session, origin, mine);
  }

  /**
   * Reads and writes until nobody else was first. Those of one process wait for each other: else all but one of them
   * would be refused each time. @returns `false` when it has ended.
   */
  function writeAgain(sid: string, write: (known: Known) => Promise<boolean>): Promise<boolean> {
    return inTurn(sid, async () => {
      for (let tries = 0; tries < MOST_TRIES; tries += 1) {
        const known = await now(sid);
        if (known === undefined) return false;
        if (await write(known)) return true;
      }
      throw new SessionConflictError("other requests write this session all the time");
    });
  }

  /** A session that was not read from here: one that is new, or from a library with its own objects. */
  async function add(sid: string, session: object, mine: string): Promise<void> {
    const body = bodyOf({ sid, text: mine });
    requireRoom(body);
    const expiresAt = endOf(session);
    const record = {
      id: recordIdOf(sid),
      userId: undefined,
      lastSeenAt: clock(),
      expiresAt,
      closed: false,
      body,
    };
    const outcome = await calls.run("create", () => store.create(record, 0, clock()));
    let revision = 1;
    const write = (known: Known): Promise<boolean> => {
      revision = known.revision + 1;
      return replace(sid, known.revision, mine, expiresAt);
    };
    if (outcome !== "created" && !(await writeAgain(sid, write))) {
      return dropped(sid, session, undefined, mine);
    }
    setOrigin(session, { store: owner, sid, text: mine, revision, current: mine, expiresAt });
  }

  async function replace(
    sid: string,
    revision: number,
    text: string,
    expiresAt: number,
  ): Promise<boolean> {
    const body = bodyOf({ sid, text });
    requireRoom(body);
    const next = { body, lastSeenAt: clock(), expiresAt };
    return calls.run("update", () => store.update(recordIdOf(sid), revision, next, clock()));
  }

  async function now(sid: string): Promise<Known | undefined> {
    const record = await loadLive(sid);
    const kept = record && readBody(record.body);
    return record && kept && { revision: record.revision, current: kept.text };
  }

  function dropped(sid: string, session: object, origin: Origin | undefined, mine: string): void {
    markEnded(session, owner, sid);
    const keys = origin === undefined ? [] : namesOfChanges(origin.text, mine);
    if (origin === undefined || keys.length > 0) owner.emit("dropped", { keys });
  }

  /** Moves the end of a session, and leaves its data. */
  async function prolong(sid: string, session: object): Promise<void> {
    const origin = originOf(session, owner, sid);
    if (origin !== undefined) {
      const copy = withCookieOf(origin.text, JSON.stringify(session));
      if (!isUnchanged(origin.text, JSON.stringify(copy))) {
        setOrigin(copy, origin);
        await save(sid, copy);
        if (hasEnded(copy, owner, sid)) markEnded(session, owner, sid);
        return;
      }
    }
    const at = clock();
    const id = recordIdOf(sid);
    const expiresAt = endOf(session);
    const isLongEnough = expiresAt - (origin?.expiresAt ?? 0) <= slackOf(session);
    if (isLongEnough && !mustAskStore(session)) return;
    if (await calls.run("touch", () => store.touch(id, at, expiresAt, at))) return;
    markEnded(session, owner, sid);
  }

  async function end(sid: string, ending: Ending): Promise<void> {
    for (let tries = 0; tries < MOST_TRIES; tries += 1) {
      const record = await loadLive(sid);
      if (record === undefined || (await close(record, ending))) return;
    }
    throw new SessionConflictError("other requests write this session all the time");
  }

  /** A closed record stays for as long as the session would have: so long nothing brings it back. */
  async function close(record: SessionRecord, ending: Ending): Promise<boolean> {
    const at = clock();
    const next = {
      body: endedBody(ending, at),
      lastSeenAt: at,
      expiresAt: Math.max(record.expiresAt, at + A_MINUTE),
      close: true,
    };
    return calls.run("update", () => store.update(record.id, record.revision, next, at));
  }

  async function read(sid: string): Promise<Read> {
    const loaded = await load(sid);
    if (loaded === undefined) return { session: undefined, isFollowed: false };
    const { record } = loaded;
    const kept = isLive(record, clock()) ? readBody(record.body) : undefined;
    if (kept === undefined) return { session: undefined, isFollowed: isFollowed(record, clock()) };
    const { text } = kept;
    const { revision, expiresAt } = record;
    const session = opened({ text, record });
    setOrigin(session, { store: owner, sid, text, revision, current: text, expiresAt });
    return { session, isFollowed: false };
  }

  async function* everyone(): AsyncGenerator<Listed> {
    let cursor: string | undefined;
    do {
      const from = cursor;
      const page = await calls.run("list", () =>
        store.list({ limit: PAGE, cursor: from }, clock()),
      );
      for (const record of page.records) {
        const kept = readBody(record.body);
        if (kept !== undefined) yield { record, ...kept };
      }
      cursor = page.cursor;
    } while (cursor !== undefined);
  }

  return { read, save, prolong, end, everyone, opened };
}

function isLive(record: SessionRecord, now: number): boolean {
  return !record.closed && record.expiresAt > now;
}

function together(base: string, mine: string, current: string) {
  return current === base ? { text: mine, overwritten: [] } : merge(base, mine, current);
}
