/**
 * What the scripts of a Redis store answer, as records.
 *
 * @module
 */

import type { Loaded, SessionRecord } from "./contract.ts";

// A client may have been told to give bytes.
const decoder = new TextDecoder("utf-8", { ignoreBOM: true });

/** A reply as text. */
export function text(reply: unknown): string {
  return reply instanceof Uint8Array ? decoder.decode(reply) : String(reply);
}

/** The reply of `LOAD`. */
export function toLoaded(id: string, reply: unknown): Loaded | undefined {
  if (reply === null) return undefined;
  const [head, user, body] = reply as readonly unknown[];
  return toRecord(id, text(head), text(user), text(body));
}

/** One home's part of a reply of `LIST`. */
export interface HomePage {
  readonly records: readonly SessionRecord[];
  readonly hasMore: boolean;
}

/** The reply of `LIST` for one home. */
export function toPage(home: string, reply: unknown): HomePage {
  const [more, ...values] = reply as readonly unknown[];
  const records: SessionRecord[] = [];
  for (let at = 0; at < values.length; at += 4) {
    const [rest, head, user, body] = values.slice(at, at + 4).map(text) as Four;
    records.push(toRecord(home + rest, head, user, body).record);
  }
  return { records, hasMore: Number(more) === 1 };
}

type Four = [string, string, string, string];

function toRecord(id: string, head: string, user: string, body: string): Loaded {
  const numbers = head.split(" ").map(Number);
  const [revision, mark, lastSeenAt, expiresAt, closed, cutOff] = numbers as Six;
  const userId = user === "" ? undefined : user;
  return {
    record: { id, revision, userId, mark, lastSeenAt, expiresAt, closed: closed === 1, body },
    cutOff,
  };
}

type Six = [number, number, number, number, number, number];
