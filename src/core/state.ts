/**
 * What one request holds, behind the faces that the app sees.
 *
 * @module
 */

import type { SessionCookie } from "../cookie/write.ts";
import type { Handed } from "./changes.ts";
import { Draft } from "./changes.ts";
import type { Core } from "./core.ts";
import type { Found, Method, Visit } from "./method.ts";
import type { Kept } from "./record.ts";
import type { RequestLike } from "./request.ts";
import type { LoadedSession, OutagePolicy, SessionInfo } from "./session.ts";
import type { Timeouts } from "./timeouts.ts";
import { deadline } from "./timeouts.ts";
import { EMPTY_TREE } from "./tree.ts";
import type { Look } from "./watch.ts";

/**
 * What a handle holds once it was asked for anything.
 *
 * A class, like all that is made for each request and refers to it. V8 puts what a literal makes among
 * the old objects once it has seen many of them survive, and a dead one there keeps the whole request
 * until the next full collection: reads took three times as long.
 */
export class State implements Visit {
  declare readonly request: RequestLike;
  declare readonly openedAt: number;
  declare headSent: boolean;
  declare readonly outage: OutagePolicy;
  declare by: Method;
  /** The loaded session: one object per request. */
  declare readonly view: LoadedSession;
  declare draft: Draft;
  cookies: Map<string, SessionCookie> | undefined = undefined;
  verifier = "";
  /** The cookies were asked for: the answer depends on them. */
  isLooked = false;
  /** What the cookies have opened, once that was asked for. */
  found: Found | undefined = undefined;
  /** The draft holds the data of what was found. */
  isRead = false;
  /** The head's commit has begun: a buffered change could no longer be kept. */
  closing = false;
  /** How many calls are under way: calls on one handle run in call order. */
  calls = 0;
  /** The last of them. */
  last: Promise<unknown> = NOTHING_BEFORE;
  /** A sign-out has happened. */
  signedOut = false;
  /** In development: values that were handed out and have lost their place to newer ones. */
  readonly stale: [key: string, handed: Handed][] = [];

  constructor(opening: Opening, by: Method, view: LoadedSession) {
    this.request = opening.request;
    this.openedAt = opening.openedAt;
    this.headSent = opening.headSent;
    this.outage = opening.outage;
    this.by = by;
    this.view = view;
    this.draft = new Draft(EMPTY_TREE);
  }
}

/** What a handle knows from the start. */
export interface Opening {
  readonly request: RequestLike;
  /** When the request arrived. */
  readonly openedAt: number;
  readonly headSent: boolean;
  readonly outage: OutagePolicy;
}

const NOTHING_BEFORE: Promise<void> = Promise.resolve();

/** What the parts of a handle need of the app besides its core. */
export interface Parts {
  readonly core: Core;
  readonly method: Method;
  /** Ends the user's other sessions. */
  readonly revokeOthers: (userId: string, except: string) => Promise<void>;
  /** Keeps a user's sessions under the cap; the newest stays. */
  readonly keepCap: (userId: string, newest: string) => Promise<void>;
  readonly watch: (
    id: string,
    userId: string | undefined,
    expiresAt: number,
    look: Look,
    stop: AbortSignal | undefined,
  ) => AbortSignal;
}

/** What is known about a kept session besides its data. */
export function describe({ record, content }: Kept, timeouts: Timeouts): SessionInfo {
  const { authentications } = content;
  const until = deadline(timeouts, record.userId, content, record.lastSeenAt);
  return {
    createdAt: content.createdAt,
    lastSeenAt: record.lastSeenAt,
    expiresAt: Math.min(record.expiresAt, until),
    endsAt: content.endsAt,
    authenticatedAt:
      authentications.length === 0 ? undefined : Math.max(...authentications.map(({ at }) => at)),
    // Copies: the content is shared by all requests that read this session.
    authentications: authentications.map((each) => ({ ...each })),
    remembered: content.remembered,
    userAgent: content.userAgent,
    address: content.address,
  };
}

/** The same for a visitor of whom nothing is kept. */
export function describeNew(openedAt: number, { visitor }: Timeouts): SessionInfo {
  return {
    createdAt: openedAt,
    lastSeenAt: openedAt,
    expiresAt: openedAt + visitor.idle,
    endsAt: openedAt + visitor.absolute,
    authenticatedAt: undefined,
    authentications: [],
    remembered: false,
    userAgent: undefined,
    address: undefined,
  };
}
