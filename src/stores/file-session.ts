/**
 * The log of one session: what a line may say, and what it does.
 *
 * @module
 */

import type { RecordUpdate, SessionRecord } from "./contract.ts";
import type { Applied, LogKind } from "./file-log.ts";

/** A line. Moments are those of whoever wrote it. */
export type SessionEntry =
  | { readonly is: SessionRecord }
  | { readonly update: RecordUpdate; readonly revision: number; readonly now: number }
  | { readonly seen: number; readonly expires: number; readonly now: number }
  | { readonly mark: number }
  | { readonly removed: number };

/** The record, or what is left of it when it was removed. */
export interface SessionState {
  readonly record: SessionRecord | undefined;
  readonly isRemoved: boolean;
  /** When its file began it was to end then: most have their mark there, also those that have ended before. */
  readonly firstEnd: number;
}

/** Neither closed nor past its time. */
export function isLive(record: SessionRecord | undefined, now: number): record is SessionRecord {
  return record !== undefined && !record.closed && record.expiresAt > now;
}

/** A line's writer is told when the session would have ended before. */
export const sessionLog: LogKind<SessionState, SessionEntry, number> = {
  begin: () => ({ record: undefined, isRemoved: false, firstEnd: 0 }),
  apply(state, entry) {
    const { record, isRemoved } = state;
    if ("is" in entry) return become(state, { ...entry.is, userId: entry.is.userId });
    if (record === undefined || isRemoved) return "refused";
    if ("removed" in entry) {
      if (record.expiresAt > entry.removed) return "refused";
      return { state: { ...state, isRemoved: true }, result: record.expiresAt };
    }
    if (record.closed) return "refused";
    if ("mark" in entry)
      return become(state, { ...record, mark: Math.max(record.mark, entry.mark) });
    if (!isLive(record, entry.now)) return "refused";
    if ("update" in entry) {
      if (entry.revision !== record.revision) return "refused";
      return become(state, updated(record, entry.update));
    }
    return become(state, {
      ...record,
      lastSeenAt: Math.max(record.lastSeenAt, entry.seen),
      expiresAt: Math.max(record.expiresAt, entry.expires),
    });
  },
  snapshot: ({ record }) => (record === undefined ? [] : [{ is: record }]),
};

function become(
  { record: before, isRemoved, firstEnd }: SessionState,
  record: SessionRecord,
): Applied<SessionState, number> {
  const { expiresAt } = before ?? record;
  const state = { record, isRemoved, firstEnd: before === undefined ? expiresAt : firstEnd };
  return { state, result: expiresAt };
}

function updated(record: SessionRecord, next: RecordUpdate): SessionRecord {
  const { body, lastSeenAt, expiresAt, close = false } = next;
  return {
    ...record,
    revision: record.revision + 1,
    userId: close ? undefined : record.userId,
    lastSeenAt: Math.max(record.lastSeenAt, lastSeenAt),
    expiresAt,
    closed: close,
    body,
  };
}
