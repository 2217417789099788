/**
 * The text inside a seal. It travels with every request, so it says what a store keeps in few
 * characters: moments by their distance from the first, and nothing that only stored sessions have (the
 * ticket's verifiers, the commits).
 *
 * @module
 */

import type { Json } from "../codec/value.ts";
import type { SessionRecord } from "../stores/contract.ts";
import type { Verifiers } from "./record.ts";
import { Content, isStamped, Kept } from "./record.ts";
import { isPlainObject, textOf, treeOf } from "./tree.ts";

/** The characters of a session id, with which the text begins. */
export const ID_LENGTH = 24;

/** Moments in milliseconds, by the distance from the one that is named. A visitor's ends after `version`. */
type Head = [
  createdAt: number,
  endsAfterCreated: number,
  seenAfterCreated: number,
  expiresAfterSeen: number,
  version: number,
  user?: [
    id: string,
    markAfterCreated: number,
    remembered: 0 | 1,
    ...proofs: [method: string, afterCreated: number][],
  ],
];

/** The id, a line of what is known besides the data, the data. */
export function encodeSealed(record: SessionRecord, content: Content): string {
  const { createdAt, endsAt, version } = content;
  const { lastSeenAt, expiresAt } = record;
  const moments = `${createdAt},${endsAt - createdAt},${lastSeenAt - createdAt},${expiresAt - lastSeenAt}`;
  content.head ??= userOf(record, content);
  return `${record.id}[${moments},${version}${content.head}]\n${textOf(content.data)}`;
}

/** What a change of the data leaves as it is. */
function userOf({ userId, mark }: SessionRecord, content: Content): string {
  if (userId === undefined) return "";
  const { createdAt, remembered, authentications } = content;
  const proofs = authentications.map(({ method, at }) => [method, at - createdAt]);
  return `,${JSON.stringify([userId, mark - createdAt, remembered ? 1 : 0, ...proofs])}`;
}

/** What it says; `undefined` for a text that is none of ours. */
export function decodeSealed(text: string): Kept | undefined {
  const line = text.indexOf("\n");
  const headText = text.slice(ID_LENGTH, line);
  const head = parsed(headText);
  const dataText = text.slice(line + 1);
  const data = parsed(dataText);
  if (!isHead(head) || !isPlainObject(data)) return undefined;
  const [createdAt, endsAfterCreated, seenAfterCreated, expiresAfterSeen, version, user] = head;
  const lastSeenAt = createdAt + seenAfterCreated;
  const [userId, markAfterCreated = -createdAt, remembered, ...proofs] = user ?? [];
  const record = {
    id: text.slice(0, ID_LENGTH),
    // Of two seals of one session the later is told by it.
    revision: lastSeenAt,
    userId,
    mark: createdAt + markAfterCreated,
    lastSeenAt,
    expiresAt: lastSeenAt + expiresAfterSeen,
    closed: false,
    body: "",
  };
  const content = new Content({
    createdAt,
    endsAt: createdAt + endsAfterCreated,
    remembered: remembered === 1,
    authentications: proofs.map(([method, after]) => ({ method, at: createdAt + after })),
    // Nobody lists sealed sessions, so the device would only make every request longer.
    userAgent: undefined,
    address: undefined,
    verifiers: NO_TICKET,
    commits: "",
    version,
    data: treeOf(data as Record<string, Json>, dataText),
    successor: undefined,
    head: user === undefined ? "" : headText.slice(headText.indexOf(",["), -1),
  });
  return new Kept(record, content);
}

const NO_TICKET: Verifiers = { current: "", rotatedAt: 0 };

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

function isHead(head: unknown): head is Head {
  if (!Array.isArray(head) || head.length < 5) return false;
  const [user] = head.slice(5) as unknown[];
  return head.slice(0, 5).every(isNumber) && (user === undefined || isUser(user));
}

function isUser(user: unknown): boolean {
  if (!isStamped(user)) return false;
  const [, , remembered, ...proofs] = user as unknown[];
  return isNumber(remembered) && proofs.every(isStamped);
}

const isNumber = (value: unknown): value is number => typeof value === "number";
