/**
 * What the actors of a race were told, and what must hold because of that.
 *
 * Nothing here goes by the order in which answers came: the commands of two verbs may overlap.
 *
 * @module
 */

import { fail } from "./expect.ts";

/** What actors were told about one session. */
export interface Known {
  readonly id: string;
  readonly userId: string | undefined;
  /** Runs out when a sweep comes, unless it was used. */
  readonly shortLived: boolean;
  /** Created after the others had expired. */
  readonly outlives: boolean;
  /** Acknowledged updates, closing ones too. */
  writes: number;
  /** Acknowledged changes of the body. */
  readonly changes: Set<string>;
  /** The latest use that was acknowledged. */
  lastSeenAt: number;
  closed: boolean;
  /** A write that lengthens its life was acknowledged, so no sweep may have taken it. */
  lengthened: boolean;
  touchRefused: boolean;
  /** The sign-in that made it has given it up. */
  abandoned: boolean;
  /** Somebody saw that it had ended. */
  seenEnded: boolean;
}

/** What happened in one schedule, as far as somebody was told. */
export interface History {
  readonly sessions: Map<string, Known>;
  readonly cutOffs: { readonly at: number; readonly except: string | undefined }[];
  /** Sessions whose sign-in is complete. */
  readonly completed: string[];
  /** A cut-off was asked for, perhaps not answered yet. */
  cutting: boolean;
  rotations: number;
  expired: boolean;
  swept: boolean;
}

export function createHistory(): History {
  return {
    sessions: new Map(),
    cutOffs: [],
    completed: [],
    cutting: false,
    rotations: 0,
    expired: false,
    swept: false,
  };
}

/** Begins to know a session. */
export function know(
  history: History,
  session: Pick<Known, "id" | "userId" | "shortLived" | "lastSeenAt"> & {
    readonly changes: readonly string[];
  },
): Known {
  const known: Known = {
    ...session,
    changes: new Set(session.changes),
    outlives: history.expired,
    writes: 0,
    closed: false,
    lengthened: false,
    touchRefused: false,
    abandoned: false,
    seenEnded: false,
  };
  history.sessions.set(session.id, known);
  return known;
}

export function knownOf(history: History, id: string): Known {
  return history.sessions.get(id) ?? fail(`nobody has created session ${id}`);
}

/** No write of it can be acknowledged any more: it is closed, or its time is over. */
export function isOver({ expired }: History, { closed, outlives }: Known): boolean {
  return closed || (expired && !outlives);
}

/** Somebody was told that it has ended: it must not be live again. */
export function hasEnded(history: History, known: Known): boolean {
  return isOver(history, known) || isCut(history, known) || known.seenEnded;
}

/** In the end it must be live, or must not be. */
export function mustLive(history: History, known: Known): boolean {
  const ended = isOver(history, known) || isCut(history, known) || mayBeGone(history, known);
  return !ended && !known.abandoned;
}

/** In the end it need not lie in the store. */
export function mayBeGone(history: History, known: Known): boolean {
  if (history.expired && !known.outlives) return true;
  return history.swept && known.shortLived && !known.lengthened;
}

/** The highest cut-off that was acknowledged. */
export function highestCutOff({ cutOffs }: History): number {
  return Math.max(0, ...cutOffs.map(({ at }) => at));
}

/** All sessions of the race began before its cut-offs, so each ends all but the excepted one. */
function isCut({ cutOffs }: History, { id, userId }: Known): boolean {
  return userId !== undefined && cutOffs.some(({ except }) => except !== id);
}
