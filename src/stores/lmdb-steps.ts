/**
 * What the verbs of an LMDB store do to its table. Each function is one step: it runs inside one
 * transaction, reads and decides first, and then writes.
 *
 * @module
 */

import type {
  CutOffOptions,
  ListPage,
  NewRecord,
  RecordUpdate,
  Revocation,
  SessionRecord,
} from "./contract.ts";
import type { LmdbTable } from "./lmdb-file.ts";
import type { LmdbKeys } from "./lmdb-keys.ts";
import { CUT_OFF, idOf, numberOf, SESSION } from "./lmdb-keys.ts";
import type { StoredCutOff, StoredSession } from "./lmdb-values.ts";
import {
  decodeCutOff,
  decodeRecord,
  decodeRevocation,
  decodeSession,
  encodeCutOff,
  encodeRevocation,
  encodeSession,
  isLiveValue,
} from "./lmdb-values.ts";

/** One app's part of a file. */
export interface LmdbSpace {
  readonly table: LmdbTable;
  readonly keys: LmdbKeys;
}

const FORMAT = 1;
const NO_VALUE = Buffer.alloc(0);
const NO_CUT_OFF: StoredCutOff = { at: 0, keepUntil: 0 };
// What one page of a list looks at besides what it returns, and one of the feed: a few milliseconds each.
const LIST_SCAN = 1000;
const FEED_PAGE = 1000;

/** Whether this version of coatcheck can read what is there. */
export function isReadable({ table, keys }: LmdbSpace): boolean {
  const format = table.getBinary(keys.version)?.[0];
  return format === undefined || format === FORMAT;
}

export function readRecord(
  { table }: LmdbSpace,
  id: string,
  key: Buffer,
): SessionRecord | undefined {
  const value = table.getBinaryFast(key);
  return value && decodeRecord(id, value);
}

export function readCutOff({ table, keys }: LmdbSpace, userId: string | undefined): StoredCutOff {
  const value = userId === undefined ? undefined : table.getBinaryFast(keys.cutOff(userId));
  return value === undefined ? NO_CUT_OFF : decodeCutOff(value);
}

export function createSession(
  space: LmdbSpace,
  key: Buffer,
  { id, userId, lastSeenAt, expiresAt, closed, body }: NewRecord,
  startedAt: number,
): "created" | "taken" | "cut-off" {
  const { table, keys } = space;
  if (table.getBinaryFast(key) !== undefined) return "taken";
  const mark = userId === undefined ? 0 : startedAt;
  if (userId !== undefined && mark <= readCutOff(space, userId).at) return "cut-off";
  if (table.getBinaryFast(keys.version) === undefined)
    table.putSync(keys.version, Buffer.of(FORMAT));
  const record = { id, revision: 1, userId, mark, lastSeenAt, expiresAt, closed, body };
  writeSession(space, key, { record, lookAt: expiresAt });
  table.putSync(keys.look(expiresAt, key), NO_VALUE);
  if (userId !== undefined && !closed) table.putSync(keys.userSession(userId, id), NO_VALUE);
  return "created";
}

/** @param requireRoom - throws when the session must not become longer. */
export function updateSession(
  space: LmdbSpace,
  key: Buffer,
  revision: number,
  { body, lastSeenAt, expiresAt, close = false }: RecordUpdate,
  now: number,
  requireRoom: () => void,
): boolean {
  const { table, keys } = space;
  const stored = readSession(space, key);
  if (!isLive(stored, now) || stored.record.revision !== revision) return false;
  const { record } = stored;
  if (!close && body.length > record.body.length) requireRoom();
  const lookAt = Math.min(stored.lookAt, expiresAt);
  if (lookAt < stored.lookAt) {
    table.removeSync(keys.look(stored.lookAt, key));
    table.putSync(keys.look(lookAt, key), NO_VALUE);
  }
  if (close && record.userId !== undefined) {
    table.removeSync(keys.userSession(record.userId, record.id));
  }
  const next: SessionRecord = {
    ...record,
    revision: revision + 1,
    userId: close ? undefined : record.userId,
    lastSeenAt: Math.max(record.lastSeenAt, lastSeenAt),
    expiresAt,
    closed: close,
    body,
  };
  writeSession(space, key, { record: next, lookAt });
  return true;
}

export function touchSession(
  space: LmdbSpace,
  key: Buffer,
  lastSeenAt: number,
  expiresAt: number,
  now: number,
): boolean {
  const stored = readSession(space, key);
  if (!isLive(stored, now)) return false;
  const record: SessionRecord = {
    ...stored.record,
    lastSeenAt: Math.max(stored.record.lastSeenAt, lastSeenAt),
    expiresAt: Math.max(stored.record.expiresAt, expiresAt),
  };
  // The look stays: it will come too early, and move then. So a touch is one write, not three.
  writeSession(space, key, { record, lookAt: stored.lookAt });
  return true;
}

export function cutUserOff(
  space: LmdbSpace,
  userId: string,
  { except, keepUntil }: CutOffOptions,
  now: number,
): number {
  const { table, keys } = space;
  const key = keys.cutOff(userId);
  const before = readCutOff(space, userId);
  const exceptKey = except === undefined ? undefined : keys.session(except);
  const stored = exceptKey && readSession(space, exceptKey);
  const cutOff = {
    at: Math.max(now, before.at + 1),
    keepUntil: Math.max(keepUntil, before.keepUntil),
  };
  table.removeSync(keys.look(before.keepUntil, key));
  table.putSync(keys.look(cutOff.keepUntil, key), NO_VALUE);
  table.putSync(key, encodeCutOff(cutOff));
  if (exceptKey === undefined || !isLive(stored, now)) return cutOff.at;
  const { record } = stored;
  // One that an earlier cut-off has ended must not come back with this one.
  if (record.userId === userId && record.mark > before.at) {
    const mark = Math.max(record.mark, cutOff.at + 1);
    writeSession(space, exceptKey, { ...stored, record: { ...record, mark } });
  }
  return cutOff.at;
}

export function listAll(
  space: LmdbSpace,
  cursor: string | undefined,
  limit: number,
  now: number,
): ListPage {
  const records: SessionRecord[] = [];
  let before = cursor;
  let looked = 0;
  for (const { key, value } of space.table.getRange({ ...space.keys.sessions(cursor) })) {
    const id = idOf(key);
    const record = isLiveValue(value, now) ? decodeRecord(id, value) : undefined;
    const isListed = record !== undefined && isAbove(record, readCutOff(space, record.userId));
    if (looked === limit + LIST_SCAN || (isListed && records.length === limit)) {
      return { records, cursor: before };
    }
    looked += 1;
    before = id;
    if (isListed) records.push(record);
  }
  return { records };
}

export function listUser(
  space: LmdbSpace,
  userId: string,
  cursor: string | undefined,
  limit: number,
  now: number,
): ListPage {
  const most = limit + LIST_SCAN;
  const range = { ...space.keys.userSessions(userId, cursor), limit: most };
  const ids = [...space.table.getKeys(range)].map(idOf);
  const cutOff = readCutOff(space, userId);
  const records: SessionRecord[] = [];
  let before = cursor;
  for (const id of ids) {
    const stored = readSession(space, space.keys.session(id) as Buffer);
    // A long user id is only hashed in the key: the session itself knows it.
    const isUsers = isLive(stored, now) && stored.record.userId === userId;
    const isListed = isUsers && isAbove(stored.record, cutOff);
    if (isListed && records.length === limit) return { records, cursor: before };
    before = id;
    if (isListed) records.push(stored.record);
  }
  return ids.length === most ? { records, cursor: before } : { records };
}

/** Whether there is anything to look at. */
export function isDue(space: LmdbSpace, now: number): boolean {
  return looksDue(space, 1, now).length > 0;
}

/**
 * Looks at some of what is due: removes it, or looks again later.
 *
 * @returns how many sessions and cut-offs were removed.
 */
export function sweepSome(space: LmdbSpace, most: number, now: number): number {
  const { table, keys } = space;
  let removed = 0;
  for (const look of looksDue(space, most, now)) {
    const key = keys.lookedAt(look);
    const kind = keys.kindOf(key);
    table.removeSync(look);
    if (kind === SESSION) {
      const stored = readSession(space, key);
      if (stored === undefined) continue;
      const { record } = stored;
      if (record.expiresAt > now) {
        table.putSync(keys.look(record.expiresAt, key), NO_VALUE);
        writeSession(space, key, { record, lookAt: record.expiresAt });
        continue;
      }
      if (record.userId !== undefined) table.removeSync(keys.userSession(record.userId, record.id));
    }
    table.removeSync(key);
    if (kind === SESSION || kind === CUT_OFF) removed += 1;
  }
  return removed;
}

export function addToFeed(space: LmdbSpace, revocation: Revocation): void {
  const { table, keys } = space;
  // Counted inside the transaction: whoever sees a number sees all the entries up to it.
  const key = keys.entry(lastNumber(space) + 1);
  table.putSync(keys.lastEntry, key);
  table.putSync(key, encodeRevocation(revocation));
  table.putSync(keys.look(revocation.until, key), NO_VALUE);
}

/** A page of the feed after a number; from the beginning for a number that was never given. */
export function readFeed(
  space: LmdbSpace,
  number: number,
): { readonly revocations: Revocation[]; readonly end: number; readonly more: boolean } {
  const last = lastNumber(space);
  const isKnown = Number.isSafeInteger(number) && number >= 0 && number <= last;
  const from = isKnown ? number + 1 : 0;
  const entries = [...space.table.getRange({ ...space.keys.entries(from), limit: FEED_PAGE })];
  const revocations = entries.map(({ value }) => decodeRevocation(value));
  const end = entries.at(-1);
  const more = end !== undefined && entries.length === FEED_PAGE;
  return { revocations, end: more ? numberOf(end.key) : last, more };
}

/** What the pages in use take. LMDB counts them as it goes. */
export function bytesInUse({ table }: LmdbSpace): number {
  const { pageSize, treeBranchPageCount, treeLeafPageCount, overflowPages } =
    table.getStats() as TableStats;
  return pageSize * (treeBranchPageCount + treeLeafPageCount + overflowPages);
}

interface TableStats {
  readonly pageSize: number;
  readonly treeBranchPageCount: number;
  readonly treeLeafPageCount: number;
  readonly overflowPages: number;
}

function readSession({ table }: LmdbSpace, key: Buffer): StoredSession | undefined {
  const value = table.getBinaryFast(key);
  return value && decodeSession(idOf(key), value);
}

function writeSession({ table }: LmdbSpace, key: Buffer, session: StoredSession): void {
  table.putSync(key, encodeSession(session));
}

function isLive(stored: StoredSession | undefined, now: number): stored is StoredSession {
  return stored !== undefined && !stored.record.closed && stored.record.expiresAt > now;
}

/** A cut-off ends what is not above it. */
function isAbove({ userId, mark }: SessionRecord, cutOff: StoredCutOff): boolean {
  return userId === undefined || mark > cutOff.at;
}

/** What was to be looked at by now, the earliest first. */
function looksDue({ table, keys }: LmdbSpace, most: number, now: number): Buffer[] {
  return [...table.getKeys({ ...keys.looks(now), limit: most })];
}

function lastNumber({ table, keys }: LmdbSpace): number {
  const value = table.getBinary(keys.lastEntry);
  return value === undefined ? 0 : numberOf(value);
}
