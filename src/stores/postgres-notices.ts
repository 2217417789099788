/**
 * `watch` over LISTEN and NOTIFY: one connection listens for all who watch, as long as somebody does.
 *
 * Changes that were made while nobody listened are not known, so whenever listening begins everything
 * counts as changed. A pulse goes the whole way round: one that does not come back tells of a connection
 * that is dead without saying so, or of a pooler that gave it to somebody else.
 *
 * @module
 */

import { utf8 } from "../lib/bytes.ts";
import { sha256 } from "../lib/sha256.ts";
import type { StoreChange } from "./contract.ts";
import type { PostgresCalls } from "./postgres-clients.ts";
import { escaped, unescaped } from "./sql-names.ts";

type Listener = (change: StoreChange) => void;

export interface Notices {
  watch(listener: Listener): () => void;
  close(): Promise<void>;
}

const EVERYTHING: StoreChange = { kind: "everything" };
const LOST: StoreChange = { kind: "lost" };
const PULSE = "p";
const PULSE_MS = 10_000;
const SHORTEST_PAUSE_MS = 100;
const LONGEST_PAUSE_MS = 10_000;
const CLOSED_AFTER_MS = 1000;

/** A name without letters that PostgreSQL would fold, for any namespace and schema. */
export function channelOf(schema: string, namespace: string): string {
  const digest = sha256(utf8(`${schema}/${namespace}`));
  return `coatcheck_${Array.from(digest.subarray(0, 12), hex).join("")}`;
}

function hex(byte: number): string {
  return byte.toString(16).padStart(2, "0");
}

/** What is sent for a change: its kind by its first letter, and whom it is about. */
export function noticeOf({ kind, id = "" }: StoreChange): string {
  return `${kind.charAt(0)}${escaped(id)}`;
}

function changeOf(payload: string): StoreChange {
  const id = unescaped(payload.slice(1));
  if (payload.startsWith("s")) return { kind: "session", id };
  return payload.startsWith("u") ? { kind: "user", id } : EVERYTHING;
}

/**
 * @param calls - where the pulse is sent
 * @param listenCalls - where it is listened
 * @param pulseMs - how often a pulse is sent
 */
export function createNotices(
  calls: PostgresCalls,
  listenCalls: PostgresCalls,
  channel: string,
  pulseMs: number = PULSE_MS,
): Notices {
  const listeners = new Set<Listener>();
  let listening: Promise<() => Promise<void>> | undefined;
  let isClosed = false;
  let isHearing = false;
  let hasPulse = false;
  let timer: ReturnType<typeof setTimeout> | undefined;
  let pause = SHORTEST_PAUSE_MS;

  function tell(change: StoreChange, whom: Iterable<Listener> = [...listeners]): void {
    for (const listener of whom) {
      try {
        listener(change);
      } catch {
        // It was a hint, and whoever it was for has failed on its own.
      }
    }
  }

  function later(ms: number, work: () => void): void {
    clearTimeout(timer);
    timer = setTimeout(work, ms);
    (timer as { unref?: () => void }).unref?.();
  }

  function begin(): void {
    // What one that was given up has still to say is nobody's concern any more.
    const own: { started?: typeof listening } = {};
    const ifCurrent = (work: () => void): void => {
      if (own.started === undefined || own.started === listening) work();
    };
    own.started = listenCalls.listen(
      channel,
      (payload) => ifCurrent(() => hear(payload)),
      () => ifCurrent(hearing),
      () => ifCurrent(again),
    );
    listening = own.started;
    // Why it failed is the server's state, of which the store's own calls tell too.
    own.started.catch(() => ifCurrent(again));
  }

  function hearing(): void {
    isHearing = true;
    hasPulse = true;
    pause = SHORTEST_PAUSE_MS;
    tell(EVERYTHING);
    pulse();
  }

  function hear(payload: string): void {
    hasPulse = true;
    if (payload !== PULSE) tell(changeOf(payload));
  }

  function pulse(): void {
    if (!hasPulse) {
      again();
      return;
    }
    hasPulse = false;
    calls.rows(`SELECT pg_notify('${channel}', '${PULSE}')`, []).catch(() => undefined);
    later(pulseMs, pulse);
  }

  /** What was listened on hears nothing any more: the next try comes after a pause. */
  function again(): void {
    const before = listening;
    stop();
    void endOf(before);
    if (listeners.size === 0) return;
    tell(LOST);
    later(pause, begin);
    pause = Math.min(pause * 2, LONGEST_PAUSE_MS);
  }

  function stop(): void {
    clearTimeout(timer);
    timer = undefined;
    listening = undefined;
    isHearing = false;
  }

  async function endOf(before: typeof listening): Promise<void> {
    // One that could not be made, or was lost, has nothing to end.
    const end = await before?.catch(() => undefined);
    await end?.().catch(() => undefined);
  }

  async function end(): Promise<void> {
    const before = listening;
    const hasBegun = isHearing;
    stop();
    const ended = endOf(before);
    // What has not begun may not for as long as the server is away or the pool is empty. It ends when it does.
    if (hasBegun) await ended;
  }

  return {
    watch(listener) {
      // The same function may watch twice.
      const own: Listener = (change) => listener(change);
      listeners.add(own);
      if (!isHearing) tell(LOST, [own]);
      if (listening === undefined && timer === undefined && !isClosed) begin();
      return () => {
        if (listeners.delete(own) && listeners.size === 0) void end();
      };
    },
    async close() {
      isClosed = true;
      listeners.clear();
      // A connection that is dead without saying so would hold up the end of the process.
      await Promise.race([end(), new Promise<void>((resolve) => later(CLOSED_AFTER_MS, resolve))]);
      clearTimeout(timer);
    },
  };
}
