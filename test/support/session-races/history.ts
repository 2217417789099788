/**
 * What happened to the sessions of a race, as far as somebody was told, and what must hold because of
 * that: which are live, and what is in them.
 *
 * An oracle of its own: it knows the promises, and nothing of how the core keeps them.
 *
 * @module
 */

import type { ListPage } from "../../../src/stores/contract.ts";
import { fail } from "../../../src/testing/expect.ts";
import type { Hear } from "./process.ts";

const MINUTE = 60_000;
const DAY: number = 24 * 60 * MINUTE;
const TOUCH_INTERVAL = 5 * MINUTE;
const IDLE = { user: 7 * DAY, visitor: DAY };

/** A session that somebody was given. */
export interface Known {
  readonly id: string;
  readonly userId: string | undefined;
  /** The session that it followed; its data came along unless it was another user's. */
  readonly from: Known | undefined;
  readonly createdAt: number;
  readonly endsAt: number;
  /** The earlier of its creation and of the request that made it: what "everyone out" goes by. */
  readonly beganAt: number;
  /** What a user's cut-off is compared with lies between these two. */
  readonly mark: { low: number; high: number };
  /** Somebody was told that it has ended. */
  ended: boolean;
  /** The keys of acknowledged writes. */
  readonly keys: Set<string>;
  /** Acknowledged updates of the counter. */
  count: number;
}

export interface History {
  /** Begins to know a session. `openedAt`: when the request that signed in arrived. */
  know(
    session: Omit<Known, "beganAt" | "mark" | "ended" | "keys" | "count">,
    openedAt: number,
  ): Known;
  find(id: string): Known;
  readonly known: readonly Known[];
  /** Takes note of what the backend has answered, and passes it on: lists in order of creation. */
  readonly hear: Hear;
  /** Whether a request may still find it: `"either"` where two promises pull apart. */
  fate(known: Known): "live" | "dead" | "either";
  /** Whether the user was cut off at or after this moment. */
  isCutOff(userId: string, openedAt: number): boolean;
}

export function createHistory(now: () => number): History {
  const known = new Map<string, Known>();
  const cutOffs: { readonly userId: string; readonly except: string; readonly at: number }[] = [];
  const lastSeen = new Map<string, number>();
  let everyoneAt = 0;

  function highest(userId: string | undefined): number {
    const own = cutOffs.filter((cutOff) => cutOff.userId === userId);
    return Math.max(0, ...own.map(({ at }) => at));
  }

  // What has ended is not used any more, whatever the backend says. A call that was on its way when the
  // time came counts by when it was made.
  function use(id: string, at: number): void {
    const session = known.get(id);
    if (session !== undefined && (session.ended || at >= timeIsUp(session))) return;
    lastSeen.set(id, at);
  }

  function timeIsUp({ id, userId, createdAt, endsAt }: Known): number {
    const idle = IDLE[userId === undefined ? "visitor" : "user"] + TOUCH_INTERVAL;
    return Math.min((lastSeen.get(id) ?? createdAt) + idle, endsAt);
  }

  function cutOff(userId: string, except: string, at: number): void {
    const excepted = known.get(except);
    if (excepted !== undefined && excepted.mark.low > highest(userId)) {
      excepted.mark.low = at + 1;
      excepted.mark.high = at + 1;
    }
    cutOffs.push({ userId, except, at });
  }

  // Ids are random; in their order the same race would take another course each time.
  function inOrder(page: ListPage): ListPage {
    const order = [...lastSeen.keys()];
    const records = page.records.toSorted((a, b) => order.indexOf(a.id) - order.indexOf(b.id));
    return { ...page, records };
  }

  const history: History = {
    get known() {
      return [...known.values()];
    },

    know(session, openedAt) {
      const { from } = session;
      // A proof of the same user's carries the mark along, if a cut-off has lifted it meanwhile.
      const lifted = from?.userId === session.userId ? (from?.mark.high ?? 0) : 0;
      const mark = { low: openedAt, high: Math.max(openedAt, lifted) };
      const beganAt =
        session.userId === undefined ? session.createdAt : Math.min(openedAt, session.createdAt);
      const made: Known = { ...session, beganAt, mark, ended: false, keys: new Set(), count: 0 };
      known.set(session.id, made);
      return made;
    },

    find: (id) => known.get(id) ?? fail(`nobody was given session ${id}`),

    hear({ verb, args }, reply) {
      if (verb === "create" && reply === "created") {
        const { id, lastSeenAt } = args[0] as { id: string; lastSeenAt: number };
        lastSeen.set(id, lastSeenAt);
      } else if (verb === "update" && reply === true) {
        const [id, , next] = args as [string, number, { lastSeenAt: number; close?: boolean }];
        if (next.close !== true) use(id, next.lastSeenAt);
      } else if (verb === "touch" && reply === true) {
        use(args[0] as string, args[1] as number);
      } else if (verb === "cutOff") {
        const [userId, { except = "" }] = args as [string, { except?: string }];
        cutOff(userId, except, reply as number);
      } else if (verb === "add") {
        const { kind, at } = args[0] as { kind: string; at: number };
        if (kind === "everyone") everyoneAt = Math.max(everyoneAt, at);
      } else if (verb === "list") {
        return inOrder(reply as ListPage);
      }
      return reply;
    },

    fate(session) {
      const { userId, beganAt, mark, ended } = session;
      if (ended || beganAt <= everyoneAt || now() >= timeIsUp(session)) return "dead";
      if (userId === undefined) return "live";
      const cutOff = highest(userId);
      if (mark.high <= cutOff) return "dead";
      return mark.low > cutOff ? "live" : "either";
    },

    isCutOff: (userId, openedAt) => openedAt <= Math.max(everyoneAt, highest(userId)),
  };
  return history;
}

/** What must be in a live session: what it was told to keep, and what came along. */
export function contentOf(known: Known): { readonly keys: Set<string>; readonly count: number } {
  const { from, userId } = known;
  if (from === undefined || (from.userId !== undefined && from.userId !== userId)) {
    return { keys: new Set(known.keys), count: known.count };
  }
  const before = contentOf(from);
  return { keys: new Set([...before.keys, ...known.keys]), count: before.count + known.count };
}
