/**
 * What a record's body says: versioned JSON, the data beside what the core has to know.
 *
 * @module
 */

import type { Json } from "../codec/value.ts";
import type { RecordUpdate, SessionRecord } from "../stores/contract.ts";
import type { Authentication } from "./session.ts";
import type { DataTree } from "./tree.ts";
import { EMPTY_TREE, textOf, treeOf } from "./tree.ts";

// Classes, as all that is made for each request: `state.ts` says why.

/** How the ticket secret is recognised. No text for a session that has no ticket. */
export interface Verifiers {
  /** The verifier of the newest ticket secret. */
  readonly current: string;
  /** When the newest ticket secret was made. */
  readonly rotatedAt: number;
  /** The verifier of the one before. */
  readonly previous?: string | undefined;
  /** When the newest ticket secret was seen first. */
  readonly confirmedAt?: number | undefined;
}

/** A decoded body. Never changed in place: every change makes a new one. */
export class Content {
  declare readonly createdAt: number;
  /** The absolute deadline as it was when the session began. */
  declare readonly endsAt: number;
  declare readonly remembered: boolean;
  declare readonly authentications: readonly Authentication[];
  declare readonly userAgent: string | undefined;
  declare readonly address: string | undefined;
  declare readonly verifiers: Verifiers;
  /**
   * The last commit of each of the last eight writers, by which a lost reply is told; spaces between them.
   * The writer sets it.
   */
  declare commits: string;
  /** The version of the data's shape. */
  declare readonly version: number;
  declare readonly data: DataTree;
  /** The session that followed, in a closed record. */
  declare readonly successor: string | undefined;
  /**
   * The text of what a change of the data leaves as it is, where it is known: in a body all that stands
   * before the commits, in a seal whose the session is.
   */
  declare head: string | undefined;

  /** The same, or with other verifiers, data or version. */
  constructor(
    from: Readonly<Content>,
    verifiers: Verifiers = from.verifiers,
    data: DataTree = from.data,
    version: number = from.version,
  ) {
    this.createdAt = from.createdAt;
    this.endsAt = from.endsAt;
    this.remembered = from.remembered;
    this.authentications = from.authentications;
    this.userAgent = from.userAgent;
    this.address = from.address;
    this.verifiers = verifiers;
    this.commits = from.commits;
    this.version = version;
    this.data = data;
    this.successor = from.successor;
    // It says the verifiers and the version too.
    this.head = verifiers === from.verifiers && version === from.version ? from.head : undefined;
  }
}

/** A record as an update has left it. */
export class Updated implements SessionRecord {
  declare readonly id: string;
  declare readonly revision: number;
  declare readonly userId: string | undefined;
  declare readonly mark: number;
  declare readonly lastSeenAt: number;
  declare readonly expiresAt: number;
  declare readonly closed: boolean;
  declare readonly body: string;

  constructor(before: SessionRecord, update: RecordUpdate) {
    this.id = before.id;
    this.revision = before.revision + 1;
    this.userId = before.userId;
    this.mark = before.mark;
    this.lastSeenAt = update.lastSeenAt;
    this.expiresAt = update.expiresAt;
    this.closed = before.closed;
    this.body = update.body;
  }
}

/** A record with its decoded body. */
export class Kept {
  declare readonly record: SessionRecord;
  declare readonly content: Content;

  constructor(record: SessionRecord, content: Content) {
    this.record = record;
    this.content = content;
  }
}

// Names of one or two letters: the body is in every record. The commits and the data, which change, stand
// last, so that the text of the rest can be used again.
interface BodyHead {
  v: 1;
  c: number;
  e: number;
  t: [current: string, rotatedAt: number, previous?: string, confirmedAt?: number];
  r?: 1 | undefined;
  a?: [method: string, at: number][] | undefined;
  u?: string | undefined;
  ip?: string | undefined;
  n?: number | undefined;
  s?: string | undefined;
}

interface Body extends BodyHead {
  w: string;
  d: Record<string, Json>;
}

const COMMITS = ',"w":"';
const DATA = '","d":';
// Nothing that would have to be escaped.
const COMMIT_IDS = /^[\w. -]*$/;

/** The text of a body. */
export function encodeContent(content: Content): string {
  const { data } = content;
  content.head ??= headOf(content);
  const before = content.head + COMMITS + content.commits + DATA;
  const text = `${before}${textOf(data)}}`;
  // A part of the whole, so that its characters are in memory once.
  data.text = text.slice(before.length, -1);
  return text;
}

function headOf(content: Content): string {
  const { verifiers, authentications } = content;
  const t: BodyHead["t"] = [verifiers.current, verifiers.rotatedAt];
  if (verifiers.previous !== undefined) {
    t.push(verifiers.previous);
    if (verifiers.confirmedAt !== undefined) t.push(verifiers.confirmedAt);
  }
  const head: BodyHead = {
    v: 1,
    c: content.createdAt,
    e: content.endsAt,
    t,
    r: content.remembered ? 1 : undefined,
    a:
      authentications.length > 0
        ? authentications.map(({ method, at }) => [method, at])
        : undefined,
    u: content.userAgent,
    ip: content.address,
    n: content.version === 0 ? undefined : content.version,
    s: content.successor,
  };
  return JSON.stringify(head).slice(0, -1);
}

/**
 * The content of a body, or `undefined` for text that is no body of ours (half written, of a later
 * version, or put there by somebody else).
 */
export function decodeContent(text: string): Content | undefined {
  let body: Body;
  try {
    body = JSON.parse(text) as Body;
  } catch {
    return undefined;
  }
  if (!isBody(body)) return undefined;
  const { a, t } = body;
  // No text before it can hold this: a quote within a string is escaped.
  const commitsAt = text.indexOf(COMMITS);
  const dataAt = commitsAt + COMMITS.length + body.w.length + DATA.length;
  // Somebody else may have written it anew, with spaces, or after it: what has moved from another store has some.
  const isOurs = commitsAt > 0 && text.endsWith(DATA, dataAt) && text.endsWith("}}");
  return new Content({
    createdAt: body.c,
    endsAt: body.e,
    remembered: body.r === 1,
    authentications: a === undefined ? NONE : a.map(([method, at]) => ({ method, at })),
    userAgent: body.u,
    address: body.ip,
    verifiers: { current: t[0], rotatedAt: t[1], previous: t[2], confirmedAt: t[3] },
    commits: body.w,
    version: body.n ?? 0,
    data: treeOf(body.d, isOurs ? text.slice(dataAt, -1) : undefined),
    successor: body.s,
    head: isOurs ? text.slice(0, commitsAt) : undefined,
  });
}

const NONE: readonly never[] = [];

function isBody(body: unknown): body is Body {
  const { v, c, e, a, u, ip, n, s, t, w, d } = (body ?? {}) as Partial<Body>;
  return (
    v === 1 &&
    typeof c === "number" &&
    typeof e === "number" &&
    (a === undefined || (Array.isArray(a) && a.every(isStamped))) &&
    [u, ip, s].every((text) => text === undefined || isText(text)) &&
    (n === undefined || typeof n === "number") &&
    Array.isArray(t) &&
    isStamped(t.slice(0, 2)) &&
    (t[2] === undefined || typeof t[2] === "string") &&
    (t[3] === undefined || typeof t[3] === "number") &&
    isText(w) &&
    COMMIT_IDS.test(w) &&
    typeof d === "object" &&
    d !== null &&
    !Array.isArray(d)
  );
}

/** A word and when it was said: a proof, or a verifier. */
export function isStamped(pair: unknown): pair is [word: string, at: number] {
  return Array.isArray(pair) && typeof pair[0] === "string" && typeof pair[1] === "number";
}

const isText = (value: unknown): value is string => typeof value === "string";

// Eight are enough: a writer has one commit of a session under way at a time.
const WRITERS_REMEMBERED = 8;

/** The writer is the part of a commit id before the dot. */
export function withCommit(commits: string, commitId: string): string {
  const writer = commitId.slice(0, commitId.indexOf(".") + 1);
  if (commits === "" || (commits.startsWith(writer) && !commits.includes(" "))) return commitId;
  const others = commits.split(" ").filter((id) => !id.startsWith(writer));
  return [...others.slice(-(WRITERS_REMEMBERED - 1)), commitId].join(" ");
}

/** Whether a commit is in the record, or may have been and is forgotten. */
export function fateOf(
  commitId: string,
  kept: Kept,
  baseRevision: number,
): "kept" | "not-kept" | "unknown" {
  const commits = kept.content.commits.split(" ");
  if (commits.includes(commitId)) return "kept";
  const forgotten =
    kept.record.revision - baseRevision > WRITERS_REMEMBERED &&
    commits.length >= WRITERS_REMEMBERED;
  return forgotten ? "unknown" : "not-kept";
}

/** The body of a record that has ended: no data, and perhaps a successor. */
export function closedContent(
  content: Content,
  closingId: string,
  successor: string | undefined,
): Content {
  return new Content({
    ...content,
    commits: closingId,
    authentications: NONE,
    userAgent: undefined,
    address: undefined,
    data: EMPTY_TREE,
    successor,
    head: undefined,
  });
}
